"""What the rest of the house knows of the outside world. Adapters and the tests' fakes are held to the same contract tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Protocol

from xcatflow.model.question import (
    CertificateFacts,
    ContainerFacts,
    DaemonFacts,
    DockerNetworkFacts,
    ImageFacts,
    Reply,
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

    def create_container(self, name: str, body: Mapping[str, Any]) -> str:
        """Create from a request body of the Engine API; returns the id."""
        ...

    def start_container(self, name: str) -> None: ...
    def stop_container(self, name: str, *, grace_s: int) -> None: ...
    def pause_container(self, name: str) -> None: ...
    def unpause_container(self, name: str) -> None: ...
    def remove_container(self, name: str, *, force: bool) -> None: ...
    def update_container(self, name: str, body: Mapping[str, Any]) -> None: ...
    def rename_container(self, name: str, new: str) -> None: ...
    def create_network(self, body: Mapping[str, Any]) -> str: ...
    def remove_network(self, name: str) -> None: ...
    def connect_network(self, network: str, container: str, *, address: str | None) -> None:
        """Connect a container, with this IPv4 address where one is given."""
        ...

    def disconnect_network(self, network: str, container: str) -> None: ...
    def pull_image(self, reference: str) -> None:
        """Pull one tag or digest, never all tags; errors inside the stream raise ActFailed."""
        ...

    def load_image(self, archive: Path) -> tuple[str, ...]:
        """Load an archive made by `docker save`; returns the references it held."""
        ...

    def remove_image(self, reference: str) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A fresh key pair; both PEM. The key is kept out of `repr`."""

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

    def issue_server(
        self, common_name: str, names: Sequence[str], addresses: Sequence[str], days: int
    ) -> IssuedCertificate: ...
    def read(self, pem: str) -> CertificateFacts | None:
        """Facts of a PEM certificate; None when it does not parse."""
        ...
