"""One Docker daemon over its Engine API: Unix socket, TCP with mutual TLS, or plain TCP if asked for.

Source: Engine API reference, versions 1.21 to 1.55. Acts are never repeated blindly; looks are, once, when a kept connection broke.
"""

from collections.abc import Mapping
from typing import Any

from xcatflow.errors import InvalidInput
from xcatflow.model.docker_api import NEWEST_API, OLDEST_API, version_key
from xcatflow.model.endpoint import Endpoint
from xcatflow.model.question import DaemonFacts
from xcatflow.transport.docker_containers import ContainerCalls
from xcatflow.transport.docker_http import DockerTimeouts
from xcatflow.transport.docker_images import ImageCalls
from xcatflow.transport.docker_networks import NetworkCalls, VolumeCalls
from xcatflow.transport.docker_pools import Pools
from xcatflow.transport.docker_request import Request
from xcatflow.transport.docker_wire import Wire
from xcatflow.transport.protocols import Traffic
from xcatflow.transport.tls import TlsFiles


class DockerDaemon(ContainerCalls, NetworkCalls, VolumeCalls, ImageCalls):
    """A daemon, for many threads at once. Nothing is opened before the first request.

    `address` is where to connect when the endpoint's host name is not to be resolved; the daemon's certificate must be for either.
    `check_names` is off only for historic hosts whose common certificate names none of them. `pin` is the version of the API to use
    (None: the newest that both sides speak). Raises InvalidInput when the endpoint wants TLS and `tls` is missing, or `pin` is no version.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        traffic: Traffic,
        address: str | None = None,
        tls: TlsFiles | None = None,
        timeouts: DockerTimeouts | None = None,
        check_names: bool = True,
        pin: str | None = None,
    ) -> None:
        if endpoint.tls and tls is None:
            raise InvalidInput(f'docker host "{endpoint}" needs TLS files: expected a CA, our certificate and its key')
        self.endpoint = str(endpoint)
        self._traffic = traffic
        timeouts = timeouts or DockerTimeouts()
        tls = tls if endpoint.tls else None
        pools = Pools(
            endpoint, address=address, tls=tls, check_names=check_names, send_s=timeouts.stall_s, opened=self._opened
        )
        super().__init__(
            Wire(
                pools,
                host=endpoint.machine or endpoint.path,
                place=endpoint.place + (f" ({address})" if address and address != endpoint.host else ""),
                timeouts=timeouts,
                ca=tls.ca if tls else None,
                pin=_pinned(pin),
                sent=self._sent,
            )
        )

    def daemon(self) -> DaemonFacts:
        """Versions, asked anew each time: the answer tells that the daemon lets us in now."""
        return self._wire.facts(fresh=True)

    def info(self) -> Mapping[str, Any]:
        """What the daemon tells of its machine and settings."""
        answer: Mapping[str, Any] = self._wire.look(Request("GET", "/info"))
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._wire.close()

    def _sent(self, path: str) -> None:
        self._traffic.count(self.endpoint, docker_requests=1, docker_container_lists=int(path == "/containers/json"))

    def _opened(self) -> None:
        self._traffic.count(self.endpoint, docker_connections=1)


def _pinned(text: str | None) -> str | None:
    if not text:
        return None
    pin = text.removeprefix("v")
    try:
        version_key(pin)
    except ValueError:
        raise InvalidInput(
            f'DOCKER_API_VERSION="{text}" is no version: expected {OLDEST_API} to {NEWEST_API}, such as 1.41'
        ) from None
    return pin
