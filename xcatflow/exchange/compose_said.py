"""What there is to say about a compose file."""

from dataclasses import dataclass, field

from xcatflow.errors import Problem, Source
from xcatflow.exchange.brought import Remark


@dataclass(slots=True)
class Said:
    """What there is to say: `problems` stand in the way, `left` was not taken over, `notes` are worth knowing."""

    problems: list[Problem] = field(default_factory=list)
    left: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)

    def leave(self, service: str, what: str, why: str, source: Source) -> None:
        """A part of a service that is not taken over."""
        self.left.append(Remark(f"{what} of service {{who}}: {why}", source, service))

    def note(self, service: str, text: str, source: Source) -> None:
        """Something about a service."""
        self.notes.append(Remark(f"service {{who}}: {text}", source, service))
