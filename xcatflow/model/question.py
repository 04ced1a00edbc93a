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
class LinkEndFacts:
    """A network interface inside a container. `addresses` are its fixed global IPv4 addresses with their prefix; `host_end` is the name
    of its other end on the machine, empty where that is not to be found there; `bridge` is what the other end is a port of, empty for
    nothing."""

    addresses: tuple[str, ...]
    mac: str
    mtu: int
    up: bool
    host_end: str = ""
    bridge: str = ""


@dataclass(frozen=True, slots=True)
class ContainerLinkFacts:
    """A container's network as the machine sees it. `pid` is that of its main process, 0 where it does not run; `link` is the interface
    asked about, None where it is not there; `gateway` and `gateway_link` are those of its IPv4 default route, empty where it has none;
    `host_network` says that it has no network of its own; `bridges` are the machine's."""

    pid: int
    link: LinkEndFacts | None = None
    gateway: str = ""
    gateway_link: str = ""
    host_network: bool = False
    bridges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerLink(Question[ContainerLinkFacts | None]):
    """The interface `interface` inside the container `container`, looked at from its machine; None where there is no such container."""

    container: str
    interface: str


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """A container as its daemon lists it. `state` is `created running paused restarting removing exited dead`; `addresses` maps the
    name of a Docker network to the container's address in it."""

    id: str
    name: str
    image: str
    image_id: str
    state: str
    status: str
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, self.state))


@dataclass(frozen=True, slots=True)
class Container(Question[ContainerFacts | None]):
    """A container by its name."""

    name: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image: its id (`sha256:…`), its tags (`repository:tag`) and digests (`repository@sha256:…`)."""

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image(Question[ImageFacts | None]):
    """An image by reference: `repository[:tag]` (no tag: `latest`), `repository@digest`, or `sha256:…`."""

    reference: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class DockerNetworkFacts:
    """A network of a daemon; `pools` are its (subnet, gateway) pairs, gateway empty where the daemon names none."""

    id: str
    name: str
    driver: str
    pools: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False

    def __hash__(self) -> int:
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class DockerNetwork(Question[DockerNetworkFacts | None]):
    """A network of a daemon by its name."""

    name: str
    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class Daemon(Question["DaemonFacts"]):
    """The daemon itself: answers tell that it lets us in."""

    face: ClassVar[Face] = "docker"


@dataclass(frozen=True, slots=True)
class DaemonFacts:
    """Versions of a daemon: the engine's, the newest and the oldest API it speaks, and the one we use with it."""

    engine: str
    api: str
    min_api: str
    used_api: str


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
