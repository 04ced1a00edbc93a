"""A machine with a NIC and somebody at the other end of its cable, in namespaces: network and files, so that scripts may write to /etc.

Needs root. What is written goes to memory and is gone with the processes that hold the namespaces. `systemctl` and its like are what
the test puts in their place; `ip` and the packet filter are real.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools

OWN = ("/etc", "/usr/local", "/var/lib")
_FILES = """
set -e
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs ROOT/over
for path in OWN; do
  mkdir -p ROOT/over$path/upper ROOT/over$path/work
  mount -t overlay overlay -o lowerdir=$path,upperdir=ROOT/over$path/upper,workdir=ROOT/over$path/work $path
done
rm -rf /etc/network /etc/systemd/network
mkdir -p /etc/systemd/system
: >ROOT/ready
exec sleep 600
"""
_SYSTEMCTL = """
[ "$1" != -q ] || shift
verb=$1; shift
for name do :; done
case $verb in
  is-active) [ -e "ROOT/active-$name" ];;
  is-enabled) if [ -e "ROOT/enabled-$name" ]; then echo enabled; else echo disabled; exit 1; fi;;
  enable) [ -e "/etc/systemd/system/$name" ] && : >"ROOT/enabled-$name";;
  disable) rm -f "ROOT/enabled-$name";;
  daemon-reload) ;;
  *) exit 64;;
esac
"""


@dataclass
class Machine:
    """`at` runs scripts on it; `root` is a directory that the machine and the test share; `far` is the process at the other end."""

    at: LocalTarget
    root: Path
    pid: int
    far: int

    def run(self, *words: str) -> str:
        """A program on the machine, with the machine's files."""
        return _run(*_inside(self.pid), *words)

    def ip(self, *words: str) -> str:
        return self.run("ip", *words)

    def outside(self, *words: str) -> str:
        """A program at the other end of the cable."""
        return _run("nsenter", "-t", str(self.far), "-n", *words)

    def read(self, path: str) -> str:
        return self.run("cat", path)

    def write(self, path: str, text: str) -> None:
        """A file on the machine, and its directory."""
        self.run("mkdir", "-p", str(Path(path).parent))
        subprocess.run([*_inside(self.pid), "tee", path], input=text, text=True, stdout=subprocess.DEVNULL, check=True)

    def exists(self, path: str) -> bool:
        return subprocess.run([*_inside(self.pid), "test", "-e", path], check=False).returncode == 0

    def addresses(self, link: str) -> set[str]:
        """Global addresses."""
        found = json.loads(self.ip("-j", "addr", "show", "dev", link))
        return {f"{it['local']}/{it['prefixlen']}" for it in found[0]["addr_info"] if it["scope"] == "global"}

    def routes(self, link: str) -> set[str]:
        """Routes over a link in all tables, without those that the kernel makes."""
        found: set[str] = set()
        for family in ("-4", "-6"):
            for line in self.ip(family, "route", "show", "table", "all", "dev", link).splitlines():
                if not {"kernel", "local", "multicast", "anycast"} & set(line.split()):
                    found.add(" ".join(line.replace("linkdown", "").split()))
        return found

    def state(self) -> Any:
        """All of the network that a change could leave different."""
        names = [it["ifname"] for it in json.loads(self.ip("-j", "link")) if it["ifname"] != "lo"]
        links = json.loads(self.ip("-j", "link"))
        masters = {it["ifname"]: (it.get("master"), it["address"]) for it in links}
        return masters, {name: (self.addresses(name), self.routes(name)) for name in names}


@contextmanager
def machine(root: Path) -> Iterator[Machine]:
    """A machine with `eth0`, connected, without addresses; `far` at the other end has 10.9.0.1/24 and fd09::1/64."""
    (root / "over").mkdir(parents=True)
    script = _FILES.replace("ROOT", str(root)).replace("OWN", " ".join(OWN))
    path = tools(root / "bin", systemctl=_SYSTEMCTL.replace("ROOT", str(root)))
    with ExitStack() as stack:
        near, far = (
            stack.enter_context(subprocess.Popen(words))
            for words in (["unshare", "-n", "-m", "sh", "-c", script], ["unshare", "-n", "sleep", "600"])
        )
        for process in (near, far):
            stack.callback(process.kill)
        deadline = time.monotonic() + 10
        while not (root / "ready").exists() or _space(far.pid) == _space("self"):
            assert near.poll() is None, "the machine ended"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        shell = (*_inside(near.pid), "sh")
        made = Machine(LocalTarget(shell=shell, path=f"{path}:{SYSTEM_PATH}"), root, near.pid, far.pid)
        made.ip("link", "set", "lo", "up")
        made.ip("link", "add", "eth0", "type", "veth", "peer", "name", "cable", "netns", str(far.pid))
        made.ip("link", "set", "eth0", "up")
        for address in ("10.9.0.1/24", "fd09::1/64"):
            made.outside("ip", "addr", "add", address, "dev", "cable", *(["nodad"] if ":" in address else []))
        made.outside("ip", "link", "set", "cable", "up")
        yield made


def _inside(pid: int) -> tuple[str, ...]:
    return ("nsenter", "-t", str(pid), "-n", "-m")


def _space(pid: int | str) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
