"""Where a Docker daemon listens, as people write it: `host`, `host:port`, `[v6]:port`, `tcp://…`, `unix:///path` and so on.

Port 2375, plain by convention elsewhere, is spoken to with TLS here, since historic Docker hosts serve TLS on it; only
`tcp+plain://` gives TLS up.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from xcatflow.errors import InvalidInput, did_you_mean

Scheme = Literal["tcp", "tcp+plain", "unix"]

TLS_PORT = 2376
PLAIN_PORT = 2375

_SCHEMES = ("tcp", "https", "tcp+plain", "unix")
_FORMS = "host, host:port, [v6]:port, tcp://host:port, tcp+plain://host:port or unix:///path"
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*\.?")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A daemon's place. `host` is a name or an address without brackets, empty for `unix`; `path` is the socket's, empty otherwise.
    As text it is what `parse_endpoint` reads back as the same value."""

    scheme: Scheme
    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = True

    @property
    def machine(self) -> str | None:
        """The machine's name or address; None for a socket of this machine."""
        return self.host or None

    @property
    def place(self) -> str:
        """`host:port` with brackets where they are needed, or the socket's path."""
        if self.scheme == "unix":
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return self.place if self.scheme == "tcp" else f"{self.scheme}://{self.place}"


def parse_endpoint(text: str, *, default_port: int = TLS_PORT) -> Endpoint:
    """The endpoint that `text` names; `default_port` is the TCP port where a TLS endpoint writes none.

    Raises InvalidInput telling what was expected.
    """
    written = text.strip()
    scheme, found, rest = written.partition("://")
    if not found:
        scheme, rest = "tcp", written
    match scheme.lower():
        case "unix":
            if not rest.startswith("/") or rest.endswith("/"):
                raise _bad(text, "expected the absolute path of a socket, as in unix:///var/run/docker.sock")
            return Endpoint("unix", path=rest, tls=False)
        case "tcp" | "https":
            host, port = _place(text, rest)
            return Endpoint("tcp", host, default_port if port is None else port)
        case "tcp+plain":
            host, port = _place(text, rest)
            return Endpoint("tcp+plain", host, PLAIN_PORT if port is None else port, tls=False)
        case "ssh":
            raise _bad(text, "daemons are not reached through ssh; open a TLS port and write host:port")
        case "http":
            raise _bad(
                text, f"without TLS everybody may command the daemon; if that is wanted write tcp+plain://{rest}"
            )
        case _:
            raise _bad(text, f'unknown scheme "{scheme}"{did_you_mean(scheme, _SCHEMES)}; expected {_FORMS}')


def machine_of(text: str) -> str:
    """The machine that an endpoint names; empty for a socket of this machine, and for what is no endpoint."""
    try:
        return parse_endpoint(text).machine or ""
    except InvalidInput:
        return ""


def _place(text: str, rest: str) -> tuple[str, int | None]:
    rest = rest.removesuffix("/")
    if "@" in rest:
        raise _bad(text, "a user name has no use here; access is by certificate")
    if any(mark in rest for mark in "/?#"):
        raise _bad(text, "expected nothing behind the port")
    if rest.startswith("["):
        host, closed, tail = rest[1:].partition("]")
        if not closed or not _is_address(host, IPv6Address) or (tail and not tail.startswith(":")):
            raise _bad(text, "expected an IPv6 address in brackets, as in [fd00::1]:2376")
        return host, _port(text, tail[1:]) if tail else None
    if rest.count(":") > 1:
        raise _bad(
            text, f"an IPv6 address stands in brackets, as in [{rest if _is_address(rest, IPv6Address) else 'fd00::1'}]"
        )
    host, colon, port = rest.partition(":")
    digits_only = not host.strip("0123456789.")
    if not _HOST.fullmatch(host) or (digits_only and not _is_address(host, IPv4Address)):
        raise _bad(text, f'"{host}" is no host name or address' if host else f"expected {_FORMS}")
    return host, _port(text, port) if colon else None


def _port(text: str, digits: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", digits) or not 1 <= int(digits) <= 65535:
        raise _bad(text, f'expected a port from 1 to 65535, found "{digits}"')
    return int(digits)


def _is_address(text: str, sort: type[IPv4Address] | type[IPv6Address]) -> bool:
    try:
        return isinstance(ip_address(text), sort)
    except ValueError:
        return False


def _bad(text: str, message: str) -> InvalidInput:
    return InvalidInput(f'docker host "{text}": {message}')
