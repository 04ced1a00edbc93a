"""What the rest of the house knows of the outside world. Adapters and the tests' fakes are held to the same contract tests."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Literal, Protocol

from xcatflow.model.question import (
    CertificateFacts,
    ContainerFacts,
    DaemonFacts,
    DockerNetworkFacts,
    ImageFacts,
    Reply,
    VolumeFacts,
)


@dataclass(slots=True)
class Traffic:
    """How often a run went outside, counted by the adapters. Many adapters write the same counters: they go through `count`."""

    _lock: ClassVar[Lock] = Lock()
    ssh_connections: int = 0
    ssh_round_trips: int = 0
    docker_connections: int = 0
    docker_requests: int = 0
    docker_container_lists: int = 0
    per_target: dict[str, dict[str, int]] = field(default_factory=dict)

    def count(self, target: str, **counters: int) -> None:
        """Add to the counters of these names, overall and for `target`."""
        with self._lock:
            own = self.per_target.setdefault(target, {})
            for name, number in counters.items():
                setattr(self, name, getattr(self, name) + number)
                own[name] = own.get(name, 0) + number


class ShellSession(Protocol):
    """One POSIX shell kept open on one machine. One owner at a time."""

    name: str

    def ask(self, scripts: Sequence[str], *, timeout_s: float) -> tuple[Reply, ...]:
        """Run looks in one round trip, each script in a subshell of its own; one reply each, in order.

        Raises Unreachable when the machine cannot be reached, DeadlineExceeded when `timeout_s` passes (what ran is ended there too).
        A lost connection is opened again once: looks are safe to repeat.
        """
        ...

    def act(self, script: str, *, stdin: bytes = b"", timeout_s: float) -> Reply:
        """Run one act, fenced in a process group of its own with its deadline on the machine. Never repeated.

        Raises Unreachable (before it began), ActFailed with "lost" in the message when the connection broke while it ran,
        DeadlineExceeded.
        """
        ...

    def cancel(self) -> None:
        """End what runs there now, from another thread."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Created:
    """A container that was made: its id, and what the daemon found odd about the request."""

    id: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    """Who we are to a registry (`host[:port]`; empty: Docker Hub). The password is kept out of `repr`."""

    registry: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ImageWanted:
    """An image that a daemon shall get. `digest` is what its registry has for it, empty where that is not known; `fresh` says that what
    daemons had before this run may be old; without `pull` no registry is asked."""

    reference: str
    digest: str = ""
    fresh: bool = False
    pull: bool = True
    auth: RegistryAuth | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some bytes of a container's log: `stream` is 1 for standard output (or a terminal), 2 for standard error. Pieces end anywhere."""

    stream: Literal[1, 2]
    data: bytes


class Docker(Protocol):
    """One daemon. Requests may be made from several threads at once. Every method raises Unreachable when the daemon lets nobody
    in, ActFailed with the daemon's own message when it refuses, DeadlineExceeded when it does not answer."""

    endpoint: str

    def daemon(self) -> DaemonFacts: ...
    def containers(self) -> tuple[ContainerFacts, ...]:
        """All containers, running or not, in one request."""
        ...

    def images(self) -> tuple[ImageFacts, ...]: ...
    def networks(self) -> tuple[DockerNetworkFacts, ...]: ...
    def inspect_container(self, name: str) -> Mapping[str, Any] | None: ...
    def inspect_image(self, reference: str) -> ImageFacts | None: ...
    def image_details(self, reference: str) -> Mapping[str, Any] | None:
        """The daemon's whole answer about one image."""
        ...

    def info(self) -> Mapping[str, Any]:
        """What the daemon tells of its machine and settings."""
        ...

    def create_container(self, name: str, body: Mapping[str, Any]) -> Created:
        """Create from a request body of the Engine API in its newest form: what stands elsewhere in the daemon's version is moved there.
        Raises ActFailed, before anything is sent, naming a field that the daemon's version does not know and the version it needs."""
        ...

    def start_container(self, name: str) -> bool:
        """False where it ran already."""
        ...

    def stop_container(self, name: str, *, grace_s: int | None) -> bool:
        """Killed after `grace_s` seconds (None: the container's own limit, else the daemon's 10). False where it did not run."""
        ...

    def restart_container(self, name: str, *, grace_s: int | None) -> None: ...
    def pause_container(self, name: str) -> None: ...
    def unpause_container(self, name: str) -> None: ...
    def remove_container(self, name: str, *, force: bool, volumes: bool = False) -> None:
        """With `force` a running one too; with `volumes` its volumes without a name as well, where no other container has them."""
        ...

    def update_container(self, name: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        """Change limits and restart policy in place; what the daemon found odd about it."""
        ...

    def rename_container(self, name: str, new: str) -> None: ...
    def logs(
        self, name: str, *, follow: bool = False, since_s: float | None = None, tail: int | None = None
    ) -> AbstractContextManager[Iterator[LogPiece]]:
        """The log, unframed; with `follow` it goes on until the container ends or the context is left. `since_s` is seconds since the
        epoch, `tail` the number of last lines."""
        ...

    def stats(self, name: str) -> Mapping[str, Any]:
        """One sample of what a container uses, as the Engine API gives it; without waiting for a second one where the API can."""
        ...

    def execute(
        self,
        name: str,
        command: Sequence[str],
        *,
        timeout_s: float,
        user: str = "",
        directory: str = "",
        environment: Mapping[str, str] = ...,
    ) -> Reply:
        """Run a command in a running container, without input. Raises DeadlineExceeded after `timeout_s`: it may run on then."""
        ...

    def create_network(self, body: Mapping[str, Any]) -> str: ...
    def remove_network(self, name: str) -> None: ...
    def connect_network(
        self, network: str, container: str, *, address: str | None, address6: str | None = None, mac: str | None = None
    ) -> None:
        """Connect a container, with these addresses where they are given. Raises ActFailed where the API cannot, naming the version
        that could."""
        ...

    def disconnect_network(self, network: str, container: str) -> None: ...
    def volumes(self) -> tuple[VolumeFacts, ...]: ...
    def create_volume(self, body: Mapping[str, Any]) -> str:
        """Create from a request body of the Engine API; returns the name."""
        ...

    def remove_volume(self, name: str) -> None: ...
    def pull_image(
        self,
        reference: str,
        *,
        auth: RegistryAuth | None = None,
        progress: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Pull one tag or digest, never all tags; errors inside the stream raise ActFailed. Without `auth` the user's Docker
        configuration says who we are. `progress` hears how far it is, at most once a second."""
        ...

    def registry_digest(self, reference: str, *, auth: RegistryAuth | None = None) -> str | None:
        """The digest (`sha256:…`) that the registry has for a reference now, nothing pulled; None where the daemon's API cannot ask
        (below 1.30). Raises ActFailed with the registry's words."""
        ...

    def load_image(self, archive: Path | Iterable[bytes]) -> tuple[str, ...]:
        """Load an archive made by `docker save`; returns the references it held."""
        ...

    def save_image(self, reference: str) -> AbstractContextManager[Iterator[bytes]]:
        """The image as an archive that `load_image` takes."""
        ...

    def tag_image(self, reference: str, new: str) -> None:
        """Give an image another name `repository[:tag]`."""
        ...

    def remove_image(self, reference: str) -> None: ...
    def login(self, auth: RegistryAuth) -> None:
        """Does the registry take these credentials, asked by the daemon? Raises ActFailed with its words."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate, with those of the authorities between it and a root behind it, and its key, empty where that was made elsewhere; both
    PEM. The key is kept out of `repr`."""

    certificate: str
    key: str = field(repr=False)


class Authority(Protocol):
    """The site's certificate authority."""

    @property
    def certificate(self) -> str:
        """The CA's own certificate, PEM."""
        ...

    @property
    def identity(self) -> str:
        """The CA's key identifier as certificates it issued name it (CertificateFacts.authority)."""
        ...

    @property
    def former(self) -> tuple[str, ...]:
        """The key identifiers of CAs that the site had before, whose certificates are still accepted."""
        ...

    def issue_server(
        self, common_name: str, names: Sequence[str], addresses: Sequence[str], days: int
    ) -> IssuedCertificate: ...
    def sign_server(
        self, request: str, common_name: str, names: Sequence[str], addresses: Sequence[str], days: int
    ) -> str:
        """A certificate for a key that is elsewhere: only that, and the proof of having it, is taken from `request` (PKCS #10, PEM). Raises
        InvalidInput for a request that proves nothing."""
        ...

    def clients(self, roles: Sequence[str]) -> str:
        """The certificates, PEM, of the authorities that clients of these roles are known by."""
        ...

    def read(self, pem: str) -> CertificateFacts | None:
        """Facts of a PEM certificate; None when it does not parse."""
        ...
