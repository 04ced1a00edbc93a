"""A real Docker engine of the tests' own: private directories, a Unix socket and mutual TLS on a free port of the loopback."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import XcatflowError
from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.protocols import Traffic
from xcatflow.transport.tls import TlsFiles

_START_S = 60.0
_STOP_S = 30.0


class NoEngine(Exception):
    """An engine cannot be run here; the message says why."""


@dataclass(frozen=True)
class Engine:
    """`tls` answers for the names localhost and engine.test, and for 127.0.0.1."""

    socket: Endpoint
    tls: Endpoint
    files: TlsFiles


@contextmanager
def engine(directory: Path) -> Iterator[Engine]:
    """Run dockerd under `directory` (a short path: sockets have 108 bytes). Raises NoEngine where that is impossible."""
    program = shutil.which("dockerd")
    if program is None or os.geteuid() != 0:
        raise NoEngine("dockerd and root are needed")
    site = SiteAuthority(directory / "pki")
    issued = site.issue_server("engine.test", ["engine.test", "localhost"], ["127.0.0.1"], 2)
    (directory / "cert.pem").write_text(issued.certificate)
    (directory / "key.pem").touch(mode=0o600)
    (directory / "key.pem").write_text(issued.key)
    (directory / "clients.pem").write_text(site.clients(["admin"]))
    port = _free_port()
    command = [
        program, "--data-root", f"{directory}/data", "--exec-root", f"{directory}/exec", "--pidfile", f"{directory}/pid",
        "--iptables=false", "--ip6tables=false", "--bridge=none", "-H", f"unix://{directory}/docker.sock",
        "-H", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", f"{directory}/clients.pem",
        "--tlscert", f"{directory}/cert.pem", "--tlskey", f"{directory}/key.pem",
    ]  # fmt: skip
    running = Engine(
        Endpoint("unix", path=f"{directory}/docker.sock", tls=False),
        Endpoint("tcp", "localhost", port),
        site.client_files(),
    )
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(running, process, directory / "log")
            yield running
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(running: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    daemon = DockerDaemon(running.socket, traffic=Traffic())
    while time.monotonic() < deadline and process.poll() is None:
        try:
            daemon.daemon()
        except XcatflowError:
            time.sleep(0.1)
        else:
            daemon.close()
            return
    raise NoEngine(f"dockerd does not run here: {log.read_text(errors='replace')[-300:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
