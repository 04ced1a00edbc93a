"""Opening SSH connections: Fabric's `Connection` with host keys checked, every wait bounded, and packets sent at once.

Fabric and Paramiko by themselves accept any host key, wait an hour for a reply, and let small packets wait for the last one's
acknowledgement. Jump hosts get the same care, and are shared by all hosts behind them.

Source: ssh_config(5); tcp(7) (TCP_NODELAY, TCP_QUICKACK, TCP_USER_TIMEOUT); Fabric 3.2, Paramiko 3.4 to 5.1.
"""

import getpass
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko
from fabric import Config, Connection

from xcatflow.errors import InvalidInput, Unreachable, XcatflowError
from xcatflow.transport.host_key_gate import Gate, Place
from xcatflow.transport.known_hosts import KnownHosts, written
from xcatflow.transport.ssh_config import config_text
from xcatflow.transport.ssh_errors import SSH_ERRORS, explain_ssh

__all__ = ["Connection", "Connector", "SshSettings", "SshTimeouts"]

_MOST_JUMPS = 8


@dataclass(frozen=True, slots=True)
class SshTimeouts:
    """Seconds: for a TCP connection, for the server's greeting, for its answer to our keys, for a new channel; and after how long
    without an acknowledgement a connection counts as dead."""

    connect_s: float = 10
    greeting_s: float = 15
    login_s: float = 30
    channel_s: float = 15
    dead_s: float = 30


@dataclass(frozen=True, slots=True)
class SshSettings:
    """Configuration files and known_hosts files, those that count most first. With `accept_new` keys of unknown hosts are added to the
    first known_hosts file. `user` logs in to hosts (not to jump hosts) where the configuration is not to say who does."""

    config_files: tuple[Path, ...] = ()
    known_hosts: tuple[Path, ...] = ()
    accept_new: bool = False
    timeouts: SshTimeouts = field(default_factory=SshTimeouts)
    user: str = ""


class Connector:
    """Makes connections for all hosts of a run; for many threads at once. `address` gives the address of a host by its name, used where
    the SSH configuration names no HostName."""

    def __init__(self, settings: SshSettings, address: Callable[[str], str | None] = lambda _name: None) -> None:
        self._settings, self._address = settings, address
        self._known = KnownHosts(settings.known_hosts)
        self._files: dict[tuple[Path, ...], KnownHosts] = {}
        self._config: paramiko.SSHConfig | None = None
        self._jumps: dict[tuple[str, ...], Connection] = {}
        self._shut: dict[tuple[str, ...], tuple[float, Unreachable]] = {}
        self._guard, self._jumping = threading.Lock(), threading.RLock()
        # Without a handler Python prints a library's complaints to standard error; ours are in the exceptions.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())

    def connect(self, name: str, port: int | None = None) -> Connection:
        """An open connection. Raises Unreachable, InvalidInput for unusable files."""
        return self._open(name, port=port, via=None, depth=0)

    def close(self) -> None:
        """Close the connections to jump hosts."""
        with self._jumping:
            for connection in self._jumps.values():
                with suppress(*SSH_ERRORS):
                    connection.close()
            self._jumps.clear()

    # --- one connection ---

    def _open(self, spec: str, *, port: int | None, via: Connection | None, depth: int) -> Connection:
        user, _, host = spec.removeprefix("ssh://").rstrip("/").rpartition("@")
        host, port = _split_port(host, port)
        connection = self._made(host, port, user or (None if depth else self._settings.user or None))
        place = self._place(connection, host)
        gate = Gate(self._keys_of(connection), place, accept_new=self._settings.accept_new)
        connection.client.set_missing_host_key_policy(gate)
        times = self._settings.timeouts
        try:
            connection.connect_kwargs.update(
                _logins(connection),
                sock=self._socket(connection, place, via, depth),
                banner_timeout=times.greeting_s,
                auth_timeout=times.login_s,
                channel_timeout=times.channel_s,
                transport_factory=gate.transport,
            )
            connection.host = place.host
            connection.open()
        except (*SSH_ERRORS, XcatflowError) as error:
            with suppress(*SSH_ERRORS):
                connection.client.close()  # Fabric closes only what came to be open, not what was refused half-way
            if isinstance(error, XcatflowError):
                raise
            raise Unreachable(f"cannot connect to {place} over SSH: {explain_ssh(error, connection.user)}") from error
        connection.transport.set_keepalive(int(times.dead_s / 2))
        return connection

    def _made(self, host: str, port: int | None, user: str | None) -> Connection:
        """Fabric's connection, not open yet, configured by the SSH configuration."""
        options: dict[str, Any] = {
            "user": user,
            "port": port,
            "gateway": False,
            "forward_agent": False,
            # Never empty: Fabric then takes, and fills, the dictionary of the configuration that all connections share.
            "connect_kwargs": {"compress": False},
        }
        connection = Connection(host, config=self._configuration(), **options)
        address = self._address(host)
        if address and connection.ssh_config.get("hostname", host) == host and "proxycommand" in connection.ssh_config:
            # Here the address has to be known to the configuration itself: the command names it as %h.
            connection = Connection(host, config=self._configuration(f"Host {host}\n  HostName {address}\n"), **options)
        if not user and "user" not in connection.ssh_config:
            connection.user = getpass.getuser()
        return connection

    def _configuration(self, more: str = "") -> Config:
        """Fabric's configuration for one connection: each sets values in its own, and the files behind it are read once."""
        with self._guard:
            if self._config is None:
                self._config = self._parsed("")
        return Config(ssh_config=self._parsed(more) if more else self._config, lazy=True)

    def _parsed(self, more: str) -> paramiko.SSHConfig:
        try:
            return paramiko.SSHConfig.from_text(config_text(self._settings.config_files) + more)
        except paramiko.ConfigParseError as error:
            files = ", ".join(str(path) for path in self._settings.config_files if path.is_file())
            raise InvalidInput(f"the SSH configuration cannot be used: {error} (in one of {files})") from None

    def _place(self, connection: Connection, name: str) -> Place:
        configured = connection.ssh_config.get("hostname", name)
        host = (self._address(name) or name) if configured == name else configured
        if alias := connection.ssh_config.get("hostkeyalias"):
            names: tuple[str, ...] = (alias.lower(),)
        else:
            names = tuple(dict.fromkeys(written(each, connection.port) for each in (host, name)))
        return Place(name, host, int(connection.port), names)

    def _keys_of(self, connection: Connection) -> KnownHosts:
        """The site's known hosts and the user's, and those files that the SSH configuration names for this host."""
        configured = (connection.ssh_config.get(key, "") for key in ("userknownhostsfile", "globalknownhostsfile"))
        named = tuple(Path(word.strip('"')).expanduser() for text in configured for word in text.split())
        more = tuple(path for path in named if path.is_file() and path not in self._known.files)
        if not more:
            return self._known
        with self._guard:
            return self._files.setdefault(more, KnownHosts((*self._known.files, *more)))

    # --- the way there ---

    def _socket(self, connection: Connection, place: Place, via: Connection | None, depth: int) -> Any:
        """What the connection goes over: a socket, a channel through jump hosts, or a command's pipes."""
        config = connection.ssh_config
        jump = config.get("proxyjump", "none")
        if via is None and jump.lower() != "none":
            via = self._jump(tuple(hop.strip() for hop in jump.split(",")), depth)
        elif via is None and config.get("proxycommand", "none").lower() != "none":
            return paramiko.ProxyCommand(config["proxycommand"])
        times = self._settings.timeouts
        if via is not None:
            return via.transport.open_channel(
                "direct-tcpip", (place.host, place.port), ("127.0.0.1", 0), timeout=times.connect_s
            )
        limit = float(config.get("connecttimeout", times.connect_s))
        return quick(socket.create_connection((place.host, place.port), timeout=limit), times.dead_s)

    def _jump(self, hops: tuple[str, ...], depth: int) -> Connection:
        """The connection to the last of these jump hosts, each reached through the one before; opened once. One that lets nobody in is
        not tried again at once: a thousand hosts behind it would each wait for that, one after the other."""
        if depth >= _MOST_JUMPS:
            raise InvalidInput(
                f'the SSH configuration leads through more than {_MOST_JUMPS} jump hosts: "{",".join(hops)}" leads to itself'
            )
        with self._jumping:
            known = self._jumps.get(hops)
            if known is not None and known.transport is not None and known.transport.is_active():
                return known
            since, why = self._shut.get(hops, (0.0, None))
            if why and time.monotonic() - since < self._settings.timeouts.dead_s:
                raise why
            before = self._jump(hops[:-1], depth + 1) if len(hops) > 1 else None
            try:
                self._jumps[hops] = self._open(hops[-1], port=None, via=before, depth=depth + 1)
            except Unreachable as error:
                self._shut[hops] = (time.monotonic(), error)
                raise
            return self._jumps[hops]


def _logins(connection: Connection) -> dict[str, Any]:
    """Which keys to offer: the configured ones that exist; the agent's and the user's own unless `IdentitiesOnly` is set."""
    files = [path for path in connection.connect_kwargs.pop("key_filename", ()) if Path(path).is_file()]
    only = connection.ssh_config.get("identitiesonly", "no").lower() == "yes"
    return {
        **({"key_filename": files} if files else {}),
        "allow_agent": not only,
        "look_for_keys": not only and not files,
    }


def quick(sock: socket.socket, dead_s: float) -> socket.socket:
    """A TCP socket that sends at once, acknowledges at once, and breaks when the peer acknowledges nothing for `dead_s` seconds."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in (("TCP_QUICKACK", 1), ("TCP_USER_TIMEOUT", int(dead_s * 1000))):
        if option := getattr(socket, name, None):  # of Linux
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
    return sock


def _split_port(host: str, port: int | None) -> tuple[str, int | None]:
    """`host:port` of a jump host; an IPv6 address with a port stands in brackets."""
    if host.startswith("["):
        inner, _, tail = host[1:].partition("]")
        return inner, int(tail[1:]) if tail.startswith(":") else port
    name, colon, number = host.rpartition(":")
    if colon and ":" not in name and number.isdigit():
        return name, int(number)
    return host, port
