"""Kept connections to one daemon: by Unix socket, by TCP with mutual TLS, or by plain TCP, shared by all threads.

Source: urllib3 2 (`HTTPConnectionPool` hands out the connection that was used last; `block` makes others wait). The SDK's client is not
used for requests: it refuses versions before 1.24, hides the status 304 and the warnings of answers, reads the user's Docker
configuration whenever it is made, and takes the time limit off everything that streams.
"""

import socket
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, Literal

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker_tls import peer_context
from xcatflow.transport.tls import TlsFiles

MOST_AT_ONCE = 8
"""A daemon is saturated by eight requests at once; more only queue inside it."""
MOST_WAITING = 64
"""Requests in which a daemon mostly waits for a container to end. They cost it next to nothing, so that all nodes that a command works on
at once may be in one; the number bounds the connections that a daemon has to hold for us."""

_MOST_KEPT = 256
"""Connections for streams that are kept when they are over; urllib3 complains of each that is not."""

Opened = Callable[[], None]
Pool = HTTPConnectionPool
Sort = Literal["short", "waiting", "long"]
_SIZES: Mapping[Sort, int] = {"short": MOST_AT_ONCE, "waiting": MOST_WAITING, "long": _MOST_KEPT}

_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A log that is followed may be silent for days: that its daemon is gone is found out by the kernel, within a minute."""


class _Counted(HTTPConnection):
    """Tells when it connects, and keeps at hand what HTTP libraries do not: its socket, once an answer goes on until the end, and when the
    last request had the connection for itself (monotonic seconds), which may be long after it was made."""

    def __init__(self, *args: Any, opened: Opened, send_s: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._opened, self._send_s = opened, send_s
        self.line: socket.socket | None = None
        self.begun_s = 0.0

    def request(self, *args: Any, **options: Any) -> None:
        self.begun_s = time.monotonic()
        super().request(*args, **options)

    def connect(self) -> None:
        self._opened()
        super().connect()
        self.line = self.sock
        if (
            self.line is not None
        ):  # else a daemon that unpacks what we send would have to be as quick as one that accepts us
            self.line.settimeout(self._send_s)


class _TlsConnection(_Counted, HTTPSConnection):
    """The same with TLS."""


class _UnixConnection(_Counted):
    """The same by a socket of this machine, whose path stands for the host."""

    def __init__(self, *args: Any, path: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._path = path

    def _new_conn(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(self.timeout)
            line.connect(self._path)
        except OSError:
            line.close()
            raise
        return line


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Counted


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _UnixPool(HTTPConnectionPool):
    ConnectionCls = _UnixConnection


class Pools:
    """The pools of one daemon, made at first use: `short` lends `MOST_AT_ONCE` connections at most, others wait; `waiting` is for requests
    that wait for a container to end, `MOST_WAITING` at most; `long` is for what streams and may take its time. None of them keeps those of
    another waiting. `send_s` is how long a daemon may not take what is sent to it."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        address: str | None,
        tls: TlsFiles | None,
        check_names: bool,
        send_s: float,
        opened: Opened,
    ) -> None:
        self._endpoint, self._address, self._tls = endpoint, address, tls
        self._check_names, self._send_s, self._opened = check_names, send_s, opened
        self._made: dict[Sort, Pool] = {}
        self.shows_former = False

    def get(self, sort: Sort) -> Pool:
        """Raises Unreachable when a TLS file cannot be used."""
        if (pool := self._made.get(sort)) is None:
            pool = self._made.setdefault(sort, self._make(sort))
        return pool

    def other_certificate(self) -> bool:
        """Show our other client certificate from now on, where we have two: while clients' authorities change some daemons know only the
        new one, some only the former. False where there is no other."""
        if self._tls is None or self._tls.former is None:
            return False
        former, both = self._tls.former, self._tls.certificate
        self._tls = TlsFiles(self._tls.ca, former, former, both)
        self.shows_former = not self.shows_former
        self.close()
        return True

    def close(self) -> None:
        """Close all connections; those in use when they come back."""
        made, self._made = self._made, {}
        for pool in made.values():
            pool.close()

    def _make(self, sort: Sort) -> Pool:
        common: dict[str, Any] = {"maxsize": _SIZES[sort], "block": sort != "long", "retries": False}
        common |= {"opened": self._opened, "send_s": self._send_s}
        if self._endpoint.scheme == "unix":
            return _UnixPool("localhost", path=self._endpoint.path, **common)
        host, port = self._address or self._endpoint.host, self._endpoint.port
        common["socket_options"] = [*HTTPConnection.default_socket_options, *_ALIVE]
        if self._tls is None:
            return _PlainPool(host, port, **common)
        names = dict.fromkeys(name for name in (self._endpoint.host, self._address) if name)
        context = peer_context(self._tls, names if self._check_names else None)
        return _TlsPool(
            host, port, ssl_context=context, assert_hostname=False, server_hostname=self._server_name(), **common
        )

    def _server_name(self) -> str | None:
        """What to tell the daemon in the handshake; addresses have no place there."""
        try:
            ip_address(self._endpoint.host)
        except ValueError:
            return self._endpoint.host
        return None
