"""A real sshd for tests, on a free port of the whole loopback range, with a configuration and known hosts for it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.sshd import Sshd
from xcatflow.transport.protocols import Traffic
from xcatflow.transport.ssh import SshSession
from xcatflow.transport.ssh_connect import Connector, SshSettings, SshTimeouts

HOSTS = {"host01": "127.0.1.1", "host02": "127.0.1.2", "host03": "127.0.1.3", "jump": "127.0.1.9"}


def no_sshd() -> str:
    """Why a real sshd cannot be run here; empty when it can."""
    if shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin") is None:
        return "sshd is not installed (openssh-server)"
    return "" if os.geteuid() == 0 else "root is needed"


@dataclass
class Hosts:
    """The hosts behind one sshd; `config` and `known` may be written to before a connector is made."""

    sshd: Sshd
    directory: Path

    @property
    def config(self) -> Path:
        return self.directory / "config"

    @property
    def known(self) -> Path:
        return self.directory / "known_hosts"

    def write(self, *, config: str = "", known: str | None = None) -> None:
        """`config` comes before the lines that all hosts share; without `known` every host's key is known."""
        shared = f"Host *\n  Port {self.sshd.port}\n  User root\n  IdentityFile {self.sshd.key}\n  IdentitiesOnly yes\n"
        self.config.write_text(config + shared)
        lines = "".join(f"[{ip}]:{self.sshd.port} {self.sshd.host_key}\n" for ip in HOSTS.values())
        self.known.write_text(lines if known is None else known)

    def connector(self, *, accept_new: bool = False, timeouts: SshTimeouts | None = None) -> Connector:
        settings = SshSettings((self.config,), (self.known,), accept_new, timeouts or SshTimeouts())
        return Connector(settings, HOSTS.get)

    def session(self, name: str = "host01", connector: Connector | None = None) -> SshSession:
        return SshSession(name, connector or self.connector(), Traffic())


@contextmanager
def hosts(directory: Path) -> Iterator[Hosts]:
    """Runs while its context is open."""
    (directory / "sshd").mkdir()
    with Sshd(directory / "sshd") as sshd:
        found = Hosts(sshd, directory)
        found.write()
        yield found
