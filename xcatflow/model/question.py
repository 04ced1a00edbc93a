"""What can be looked at, as values: the engine asks many questions in one round trip.

A question names its answer's type. `None` as an answer means "looked, and it is not there"; when there is no telling, asking raises
instead. Questions about a machine travel over SSH (those of one class are answered by one command), questions about a daemon are
answered from one listing, `Port` is answered by a connection from where xcatflow runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

A = TypeVar("A")
Face = Literal["shell", "docker", "controller"]


class Question(Generic[A]):
    """Base of all questions; `face` says which side of a machine answers."""

    __slots__ = ()
    face: ClassVar[Face] = "shell"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a script on a machine gave: exit status, standard output and standard error, undecoded."""

    code: int
    out: bytes = b""
    err: bytes = b""

    @property
    def text(self) -> str:
        """Standard output as text without the line break at its end."""
        return self.out.decode(errors="replace").rstrip("\n")

    @property
    def complaint(self) -> str:
        """Standard error as text without blanks around it."""
        return self.err.decode(errors="replace").strip()


@dataclass(frozen=True, slots=True)
class Shell(Question[Reply]):
    """A POSIX script that looks and changes nothing. It runs in a subshell of its own, as root, standard input empty, locale C. `slow`
    ones wait for something: they run at the same time, and only the lines of their standard output come back."""

    script: str
    slow: bool = False


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file as it stands. `mode` is the permission bits; `sha256` is None for what is no regular file, or was not asked for; `content`
    is given only where the question asked for it and it is at most 256 KiB; `link` is where a symbolic link points to. `owner` and
    `group` are names, or the numbers as text where the machine has no name for them."""

    sort: Literal["file", "directory", "link", "other"]
    mode: int
    owner: str
    group: str
    size_bytes: int
    sha256: str | None = None
    content: bytes | None = None
    link: str | None = None
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class File(Question[FileFacts | None]):
    """The path's own state (links are not followed). The content comes back only when its digest differs from `unless_sha256`
    (hexadecimal; empty: always; None: never). Without `digest` a regular file is not read at all: for who asks whether it is there."""

    path: str
    unless_sha256: str | None = None
    digest: bool = True


@dataclass(frozen=True, slots=True)
class UnitFacts:
    """A systemd unit: LoadState, ActiveState, UnitFileState as `systemctl show` prints them."""

    load: str
    active: str
    enabled: str


@dataclass(frozen=True, slots=True)
class Unit(Question[UnitFacts | None]):
    """A systemd unit with its suffix (`docker.service`); None where systemd knows no such unit."""

    name: str


@dataclass(frozen=True, slots=True)
class Package(Question[str | None]):
    """A distribution package: its installed version, None where it is not installed."""

    name: str


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What matters of an X.509 certificate. Names are sorted; `authority` is the SHA-256 of the issuing CA's public key (its authority
    key identifier, hexadecimal)."""

    common_name: str
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    authority: str
    serial: int


@dataclass(frozen=True, slots=True)
class Certificate(Question[CertificateFacts | None]):
    """The PEM certificate at `path` on the machine; None where there is none. What does not parse counts as none."""

    path: str


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """A container as its daemon lists it. `state` is `created running paused restarting removing exited dead`; `addresses` maps the
    name of a Docker network to the container's IPv4 address in it, `networks` are all it is connected to; `created_s` is seconds since
    the epoch; `volumes` are those mounted in it by name, None where the listing does not tell; `fixed` maps networks to the IPv4 address
    that was asked for there, also while it does not run."""

    id: str
    name: str
    image: str
    image_id: str
    state: str
    status: str
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[str, ...] = ()
    command: str = ""
    created_s: int = 0
    volumes: tuple[str, ...] | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, self.state))

    @property
    def health(self) -> Literal["", "starting", "healthy", "unhealthy"]:
        """What its health check says, as the daemon tells it in `Up 5 minutes (healthy)`; empty without one."""
        for word, said in (("starting", "(health: starting)"), ("healthy", "(healthy)"), ("unhealthy", "(unhealthy)")):
            if self.status.endswith(said):
                return word  # type: ignore[return-value]
        return ""


@dataclass(frozen=True, slots=True)
class Container(Question[ContainerFacts | None]):
    """A container by its name."""

    name: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class Containers(Question[tuple[ContainerFacts, ...]]):
    """All containers of a daemon, running or not; answered from the same listing as each of them."""

    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image: its id (`sha256:…`), its tags (`repository:tag`) and digests (`repository@sha256:…`); `created_s`, when it was built, is
    seconds since the epoch."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...] = ()
    size_bytes: int = 0
    created_s: float = 0
    labels: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, self.tags, self.digests))


@dataclass(frozen=True, slots=True)
class Image(Question[ImageFacts | None]):
    """An image by reference: `repository[:tag]` (no tag: `latest`), `repository@digest`, or `sha256:…`."""

    reference: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class DockerNetworkFacts:
    """A network of a daemon; `pools` are its (subnet, gateway) pairs, gateway empty where the daemon names none; `ranges` maps subnets to
    the part that addresses are taken from; `reserved` maps names to addresses that it gives to nobody."""

    id: str
    name: str
    driver: str
    pools: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    ranges: Mapping[str, str] = field(default_factory=dict)
    reserved: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class DockerNetwork(Question[DockerNetworkFacts | None]):
    """A network of a daemon by its name."""

    name: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """A volume of a daemon."""

    name: str
    driver: str
    labels: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Volume(Question[VolumeFacts | None]):
    """A volume of a daemon by its name."""

    name: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class ContainerDetails(Question[Mapping[str, Any] | None]):
    """Everything a daemon tells about a container (its answer to inspect): a request of its own each, so asked only where a listing does
    not do."""

    name: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class Execute(Question[Reply]):
    """A command that looks and changes nothing, run by the daemon in a running container, without input: requests of its own each.
    `environment` may hold secrets and is kept out of `repr`."""

    container: str
    command: tuple[str, ...]
    user: str = ""
    directory: str = ""
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout_s: float = 60.0
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class Daemon(Question["DaemonFacts"]):
    """The daemon itself: answers tell that it lets us in."""

    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class DaemonFacts:
    """Versions of a daemon: the engine's, the newest and the oldest API it speaks, and the one we use with it. `by_former` says that it let
    us in by our former client certificate: it was not told of the present authorities of clients, or has not read them yet."""

    engine: str
    api: str
    min_api: str
    used_api: str
    by_former: bool = False


@dataclass(frozen=True, slots=True)
class Port(Question[bool]):
    """Does a TCP connection from here to `host:port` open within two seconds?"""

    host: str
    port: int
    face: ClassVar[Face] = "controller"


class Answers:
    """Answers by question. Looking one up raises what asking it raised, so that one dead daemon spoils only what depends on it."""

    def __init__(self, given: Mapping[Question[Any], object]) -> None:
        self._given = given

    def __getitem__(self, question: Question[A]) -> A:
        answer: Any = self._given[question]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    def __contains__(self, question: Question[Any]) -> bool:
        return question in self._given
