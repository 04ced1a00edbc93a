"""A machine's SSH session: one connection and one shell on it, opened on first use and kept for the run."""

import threading
from collections.abc import Sequence
from contextlib import suppress

from xcatflow.errors import ActFailed, DeadlineExceeded, Unreachable
from xcatflow.model.question import Reply
from xcatflow.transport.protocols import Traffic
from xcatflow.transport.ssh_connect import Connection, Connector
from xcatflow.transport.ssh_errors import SSH_ERRORS, explain_ssh
from xcatflow.transport.ssh_shell import PASSED_BYTES, RemoteShell, ShellLost

_WINDOW_BYTES = 2**24
_SHELL = "exec /bin/sh -s"
_AS_ROOT = """exec /bin/sh -c 'if [ "`id -u`" = 0 ]; then exec /bin/sh -s; else exec sudo -n -- /bin/sh -s; fi'"""
"""Read by whatever login shell the user has: quoted so that all of them agree."""


class SshSession:
    """Implements protocols.ShellSession with scripts that run as root: through sudo where the user is another. One owner at a time, but
    `cancel` may come from any thread."""

    def __init__(self, name: str, connector: Connector, traffic: Traffic, *, port: int | None = None) -> None:
        self.name = name
        self._connector, self._traffic, self._port = connector, traffic, port
        self._connection: Connection | None = None
        self._shell: RemoteShell | None = None
        self._cancelled = threading.Event()

    def ask(self, scripts: Sequence[str], *, timeout_s: float) -> tuple[Reply, ...]:
        """Run looks in one round trip. Raises Unreachable, DeadlineExceeded, and ActFailed when the machine says too much."""
        for last in (False, True):
            shell = self._ready()
            self._traffic.count(self.name, ssh_round_trips=1)
            try:
                return shell.look(scripts, timeout_s)
            except ShellLost as lost:
                self._drop()
                if last or lost.said or self._cancelled.is_set():
                    raise Unreachable(self._why(lost)) from None
            except ActFailed as error:
                self._drop()
                raise type(error)(f"looking at {self.name}: {error}", error.detail) from None
        raise AssertionError("the second try returns or raises")

    def act(self, script: str, *, stdin: bytes = b"", timeout_s: float) -> Reply:
        """Run one act, fenced and never repeated. Raises Unreachable (before it began), ActFailed with "lost" in the message when the
        connection broke while it ran, DeadlineExceeded."""
        shell = self._ready()
        self._traffic.count(self.name, ssh_round_trips=2 if len(stdin) > PASSED_BYTES else 1)
        try:
            return shell.act(script, stdin, timeout_s)
        except ShellLost as lost:
            self._drop()
            if self._cancelled.is_set():
                raise ActFailed(f"{self.name}: interrupted while it ran, and ended there") from None
            said = f": {lost.said}" if lost.said else ""
            raise ActFailed(
                f"the connection to {self.name} was lost while an act ran; whether it was done is unknown{said}"
            ) from None
        except DeadlineExceeded as error:
            if not shell.alive:
                self._drop()
            raise DeadlineExceeded(f"{self.name}: {error}", error.detail) from None
        except ActFailed as error:
            self._drop()
            raise ActFailed(f"{self.name}: {error}", error.detail) from None

    def cancel(self) -> None:
        """End what runs there now; looks and acts after that fail."""
        self._cancelled.set()
        if shell := self._shell:
            shell.close()

    def close(self) -> None:
        """Close the connection and its shell with it; the shell ends what it may still be running."""
        connection, self._connection, self._shell = self._connection, None, None
        if connection is not None:
            with suppress(*SSH_ERRORS):
                connection.close()

    def _ready(self) -> RemoteShell:
        """The shell, started anew when it is gone. Raises Unreachable."""
        if self._cancelled.is_set():
            raise Unreachable(f"{self.name}: the run was interrupted")
        if self._shell is not None and self._shell.alive:
            return self._shell
        self._drop()
        if self._connection is not None:
            # A connection may be about to be found dead: then, and only then, a shell that does not start gets another one.
            with suppress(Unreachable):
                self._shell = self._start(self._connection)
                return self._shell
            self.close()
        self._connection = self._connector.connect(self.name, self._port)
        self._traffic.count(self.name, ssh_connections=1)
        self._shell = self._start(self._connection)
        return self._shell

    def _start(self, connection: Connection) -> RemoteShell:
        try:
            channel = connection.transport.open_session(window_size=_WINDOW_BYTES)
            channel.exec_command(_SHELL if connection.user == "root" else _AS_ROOT)
            return RemoteShell(channel)
        except ShellLost as lost:
            raise Unreachable(self._why(lost)) from None
        except SSH_ERRORS as error:
            raise Unreachable(
                f'cannot start a shell on "{self.name}": {explain_ssh(error, connection.user)}'
            ) from error

    def _drop(self) -> None:
        shell, self._shell = self._shell, None
        if shell is not None:
            shell.close()

    def _why(self, lost: ShellLost) -> str:
        user = self._connection.user if self._connection else ""
        if lost.said.startswith("sudo:"):
            return f'"{self.name}" does not let "{user}" become root: {lost.said}: allow sudo without a password for this user'
        if lost.said:
            return f'cannot keep a shell open on "{self.name}": {lost.said}'
        return f'the connection to "{self.name}" was lost'
