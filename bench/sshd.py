"""An sshd of our own on a free port, answering on the whole loopback range: hundreds of "hosts" on one machine."""

import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

_CONFIG = """\
Port {port}
ListenAddress 0.0.0.0
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/user_key.pub
PidFile {directory}/pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
MaxStartups 1000:30:2000
MaxSessions 100
SetEnv HOME={directory}
"""


class Sshd:
    """Runs while its context is open. `directory` gets keys and configuration, and is the home of who logs in: what that user's shell
    does at start would be measured otherwise."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = directory / "user_key"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Sshd":
        program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None:
            raise SystemExit("no sshd on this machine: install openssh-server")
        Path("/run/sshd").mkdir(exist_ok=True)
        for name in ("host_key", "user_key"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.directory / name)], check=True
            )
        config = self.directory / "sshd_config"
        config.write_text(_CONFIG.format(port=self.port, directory=self.directory))
        self._process = subprocess.Popen([program, "-D", "-f", str(config)], stderr=subprocess.DEVNULL)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise SystemExit("sshd does not answer")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)

    @property
    def host_key(self) -> str:
        """Algorithm and key, as a known_hosts line has them."""
        return " ".join((self.directory / "host_key.pub").read_text().split()[:2])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
