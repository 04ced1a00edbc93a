"""A machine with containers made of network namespaces: its `docker` is a script that knows their processes, all else is real.

Needs root. Nothing outside the namespaces is touched, and they go with the processes that hold them.
"""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools

_DOCKER = """
[ "$1 $2 $3 $4 $6" = "inspect --type container -f --" ] || { echo "docker: cannot do $*" >&2; exit 64; }
echo docker >>ROOT/log
form=$5 code=0; shift 6
for name do
  if [ -f "ROOT/$name" ]; then
    pid=$(cat "ROOT/$name")
    case $form in
      *json*) echo "$pid /$name $(cat "ROOT/$name.told" 2>/dev/null || echo "none {\\"xcatflow.node\\":\\"$name\\"} none=")";;
      *Name*) echo "$pid /$name";;
      *) echo "$pid";;
    esac
  else echo "Error: No such container: $name" >&2; code=1; fi
done
exit $code
"""
_LOGGED = ("ip", "nsenter")


def lacks() -> str:
    """Why there can be no such machine here; empty when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if missing := [name for name in ("ip", "nsenter", "unshare") if not shutil.which(name, path=SYSTEM_PATH)]:
        return f"{missing[0]} is missing"
    probe = subprocess.run(
        ["unshare", "-n", "ip", "link", "add", "x", "type", "bridge"], capture_output=True, check=False
    )
    return "" if probe.returncode == 0 else f"no bridges in namespaces here: {probe.stderr.decode().strip()}"


@dataclass
class Machine:
    """`at` runs scripts on it. `root` holds a file with a process id for each container, and a log of the programs that were called."""

    at: LocalTarget
    root: Path
    space: str

    def ip(self, *words: str) -> str:
        """`ip` on the machine."""
        return _run("ip", "-n", self.space, *words)

    def inside(self, container: str, *words: str) -> str:
        """`ip` inside a container."""
        return _run("nsenter", "-t", self.pid(container), "-n", "ip", *words)

    def pid(self, container: str) -> str:
        return (self.root / container).read_text().strip()

    def called(self) -> list[str]:
        """The programs that were called since the last time."""
        log = self.root / "log"
        words = log.read_text().split() if log.exists() else []
        log.write_text("")
        return words


def real_arping(there: Machine) -> None:
    """Give the machine an `arping` that works: the system's, or busybox's; what it is asked for goes to the file `asked`. Skips the test
    where there is neither."""
    if (own := shutil.which("arping", path=SYSTEM_PATH)) is None and not shutil.which("busybox", path=SYSTEM_PATH):
        pytest.skip("arping is missing")
    tools(there.root / "bin", arping=f'echo "$*" >>{there.root}/asked; exec {own or "busybox arping"} "$@"')


@contextmanager
def machine(
    root: Path, *, running: tuple[str, ...] = (), stopped: tuple[str, ...] = (), sharing: tuple[str, ...] = ()
) -> Iterator[Machine]:
    """A machine with a bridge `br0` and these containers; those `sharing` use the machine's own network."""
    root.mkdir(parents=True, exist_ok=True)
    space = f"xcatflow-{secrets.token_hex(4)}"
    logged = {name: f'echo {name} >>{root}/log; exec {shutil.which(name)} "$@"' for name in _LOGGED}
    path = f"{tools(root / 'bin', docker=_DOCKER.replace('ROOT', str(root)), arping='echo Sent 2 probes', **logged)}:{SYSTEM_PATH}"
    with ExitStack() as stack:
        _run("ip", "netns", "add", space)
        stack.callback(_run, "ip", "netns", "del", space)
        made = Machine(LocalTarget(shell=("ip", "netns", "exec", space, "sh"), path=path), root, space)
        made.ip("link", "add", "br0", "mtu", "1400", "type", "bridge")
        made.ip("link", "set", "br0", "up")
        for name in (*running, *sharing):
            way = ["ip", "netns", "exec", space] if name in sharing else ["unshare", "-n"]
            process = stack.enter_context(subprocess.Popen([*way, "sleep", "600"]))
            stack.callback(process.kill)
            _await_namespace(process)
            (root / name).write_text(f"{process.pid}\n")
        for name in stopped:
            (root / name).write_text("0\n")
        yield made


def _await_namespace(process: subprocess.Popen[bytes]) -> None:
    space, own = Path(f"/proc/{process.pid}/ns/net"), Path("/proc/self/ns/net")
    while space.readlink() == own.readlink():
        assert process.poll() is None, "the container ended"
        time.sleep(0.002)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
