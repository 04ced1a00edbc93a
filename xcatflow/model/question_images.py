"""Questions about images and what nothing uses, as `model/question.py` has the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from xcatflow.model.question import Face, Question


@dataclass(frozen=True, slots=True)
class RegistryFacts:
    """What a registry has for a reference: the digest of its manifest (`sha256:…`). `pulled` says that the daemon cannot ask without
    pulling, and has pulled it in this run."""

    digest: str = ""
    pulled: bool = False


@dataclass(frozen=True, slots=True)
class RegistryImage(Question[RegistryFacts | None]):
    """What the registry has for `repository:tag` now, asked by the daemon, nothing pulled; None where the daemon's API cannot ask.
    `auth` is (registry, user, password); without, the user's Docker configuration says who we are."""

    reference: str
    auth: tuple[str, str, str] | None = field(default=None, repr=False)
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class UnusedFacts:
    """Something on a daemon that nothing uses. `names` are its references or its name, empty where it has none; `size_bytes` and `age_s`
    (seconds since it was made, at the time of the look) are None where listings do not tell; `state` is a container's."""

    id: str
    names: tuple[str, ...] = ()
    size_bytes: int | None = None
    age_s: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    state: str = ""

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class Unused(Question[tuple[UnusedFacts, ...]]):
    """What nothing uses: containers that do not run, images and volumes that no container has, running or not, and networks that no
    container is in."""

    what: Literal["containers", "images", "networks", "volumes"]
    face: ClassVar[Face] = "docker"
