"""What a step acts on, as a value."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetRef:
    """A machine by its node name (or address), and its daemon by its endpoint's text."""

    name: str
    endpoint: str

    def face(self, face: str) -> tuple[str, str]:
        """What looks of that face are gathered under."""
        match face:
            case "shell":
                return (face, self.name)
            case "docker":
                return (face, self.endpoint)
        return (face, "")
