"""The SDK's clients for one daemon: made when needed, kept with their connection, one owner at a time.

Source: docker SDK 7.1 (`APIClient` reads the environment's CA and proxies unless told not to, keeps one pool per URL on Unix sockets).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import docker
from docker import constants
from docker.errors import DockerException
from docker.tls import TLSConfig
from docker.transport import UnixHTTPAdapter

from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker_http import DockerTimeouts, PatientAdapter, tcp_adapter
from xcatflow.transport.docker_tls import peer_context
from xcatflow.transport.tls import TlsFiles

Client = docker.APIClient
SdkError = DockerException

OLDEST_API = constants.MINIMUM_DOCKER_API_VERSION
NEWEST_API = constants.DEFAULT_DOCKER_API_VERSION
MOST_AT_ONCE = 8
"""A daemon is saturated by eight requests at once; more only queue inside it."""


class _UnixAdapter(UnixHTTPAdapter):
    """The SDK's adapter makes a pool per URL, so that no connection would ever serve a second sort of request."""

    def get_connection(self, url: bytes | str, proxies: Any = None) -> Any:  # noqa: ARG002
        return super().get_connection("http+docker://localhost", proxies)


class ClientPool:
    """Lends clients last in, first out, so that few connections do the work; at most `MOST_AT_ONCE` are out, others wait."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        address: str | None,
        tls: TlsFiles | None,
        timeouts: DockerTimeouts,
        check_names: bool,
        sent: Callable[[str, int], None],
    ) -> None:
        self._endpoint, self._address, self._tls = endpoint, address, tls
        self._timeouts, self._check_names, self._sent = timeouts, check_names, sent
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._lock = threading.Lock()
        self._idle: list[Client] = []
        self._closed = False

    @contextmanager
    def lend(self, api: str) -> Iterator[Client]:
        """A client that speaks version `api`. Raises Unreachable when a TLS file cannot be used."""
        with self._slots:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            if kept is None:
                client = self._make(api, self._adapter())
            elif kept.api_version == api:
                client = kept
            else:
                client = self._make(api, kept.get_adapter(kept.base_url))
            try:
                yield client
            finally:
                with self._lock:
                    keep = not self._closed
                    if keep:
                        self._idle.append(client)
                if not keep:
                    client.close()

    def close(self) -> None:
        """Close all connections; those in use when they come back."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for client in idle:
            client.close()

    def _make(self, api: str, adapter: Any) -> Client:
        tls = self._tls and TLSConfig(
            client_cert=(str(self._tls.certificate), str(self._tls.key)), ca_cert=str(self._tls.ca), verify=True
        )
        client = Client(self._url(), version=api, timeout=self._timeouts.request_s, tls=tls or False)  # type: ignore[arg-type]
        client.trust_env = False
        client.mount(client.base_url.partition("://")[0] + "://", adapter)
        return client

    def _url(self) -> str:
        if self._endpoint.scheme == "unix":
            return f"unix://{self._endpoint.path}"
        host = self._address or self._endpoint.host
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self._endpoint.port}"

    def _adapter(self) -> PatientAdapter:
        if self._endpoint.scheme == "unix":
            return PatientAdapter(_UnixAdapter(f"http+unix://{self._endpoint.path}"), self._timeouts, self._sent)
        context = None
        if self._tls is not None:
            names = dict.fromkeys(name for name in (self._endpoint.host, self._address) if name)
            context = peer_context(self._tls, names if self._check_names else None)
        return PatientAdapter(tcp_adapter(context, self._server_name()), self._timeouts, self._sent)

    def _server_name(self) -> str | None:
        """What to tell the daemon in the handshake; addresses have no place there."""
        try:
            ip_address(self._endpoint.host)
        except ValueError:
            return self._endpoint.host
        return None
