"""Hosts of a lab whose NIC is set up by a network manager, as that of a real machine is: across reboots, with nobody else doing it.

The engine gives a host's NIC its address before the host boots. What it gave goes before the manager starts, so that an address that is
there was set by the manager.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from shlex import quote

import docker

from tests.e2e.conftest import ssh
from tests.fakes.target import LocalTarget
from xcatflow.lab.state import load
from xcatflow.model.question import Reply

STACKS = ("ifupdown", "networkd", "netplan", "networkmanager")

_INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends"
_ALONE = (
    "mkdir -p /etc/systemd/system/UNIT.service.d && "
    "printf '[Service]\\nExecStartPre=+-/sbin/ip addr flush dev eth0\\nExecStartPre=+-/sbin/ip link set eth0 down\\n' "
    ">/etc/systemd/system/UNIT.service.d/lab.conf && systemctl daemon-reload && systemctl enable -q UNIT"
)
_NETPLAN = """\
# the host's own; an image made it
network:
  version: 2
  renderer: networkd
  ethernets:
    eth0:
      addresses: [ADDRESS/24]
      routes: [{to: default, via: GATEWAY}]
      nameservers: {addresses: [GATEWAY]}
"""
_NETWORKD = "[Match]\nName=eth0\n\n[Network]\nAddress=ADDRESS/24\nGateway=GATEWAY\n"
_IFUPDOWN = """\
# the host's own
auto lo
iface lo inet loopback

allow-hotplug eth0
iface eth0 inet static
    address ADDRESS/24
    gateway GATEWAY
source /etc/network/interfaces.d/*
"""
_NETWORKMANAGER = """\
[connection]
id=eth0
uuid=a2b6f3b0-2f0e-4f0c-9d53-3a4f2c7f0001
type=ethernet
interface-name=eth0

[ipv4]
address1=ADDRESS/24,GATEWAY
dns=GATEWAY;
method=manual

[ipv6]
method=disabled
"""
_SETUPS = {
    "ifupdown": (
        # A container has no udev that would call ifup for what is hot plugged.
        f"{_INSTALL} ifupdown >/dev/null && cat >/etc/network/interfaces && mkdir -p /etc/systemd/system/networking.service.d && "
        "printf '[Service]\\nExecStart=/sbin/ifup -a --allow=hotplug --read-environment\\n' "
        ">/etc/systemd/system/networking.service.d/hotplug.conf && " + _ALONE.replace("UNIT", "networking"),
        _IFUPDOWN,
    ),
    "networkd": (
        "cat >/etc/systemd/network/10-eth0.network && " + _ALONE.replace("UNIT", "systemd-networkd"),
        _NETWORKD,
    ),
    "netplan": (
        f"{_INSTALL} netplan.io >/dev/null && cat >/etc/netplan/10.yaml && chmod 600 /etc/netplan/10.yaml && netplan generate && "
        + _ALONE.replace("UNIT", "systemd-networkd"),
        _NETPLAN,
    ),
    "networkmanager": (
        f"{_INSTALL} network-manager >/dev/null && rm -f /usr/lib/NetworkManager/conf.d/*unmanaged* && umask 077 && "
        "printf '[keyfile]\\nunmanaged-devices=none\\n' >/etc/NetworkManager/conf.d/all.conf && "
        "cat >/etc/NetworkManager/system-connections/eth0.nmconnection && " + _ALONE.replace("UNIT", "NetworkManager"),
        _NETWORKMANAGER,
    ),
}
PLACES = "/etc/network /etc/netplan /etc/systemd/network /etc/NetworkManager /etc/systemd/system /usr/local/sbin"
BRIDGE = """\
schema: 1
name: bridge
summary: The NIC's addresses move to a bridge
nodes: host01
steps:
  - {id: bridge, use: network.bridge, with: {name: mydocker0, port: eth0, confirm_within: WINDOW}}
"""


def become(site: Path, host: str, stack: str, other: str = "") -> None:
    """Have a network manager set up the host's NIC, from now on and at each boot; `other` replaces the usual configuration: in it, ADDRESS
    and GATEWAY stand for the host's."""
    script, usual = _SETUPS[stack]
    text = other or usual
    state = load(site)
    assert state
    address = next(it.address for it in state.hosts if it.name == host)
    ssh(site, host, script, text.replace("ADDRESS", address).replace("GATEWAY", state.gateway).encode())
    reboot(site, host)
    assert network(site, host) == ([f"eth0 {address}/24"], [f"default via {state.gateway} dev eth0"])


def reboot(site: Path, host: str) -> None:
    """Reboot it, and wait until it has booted again."""
    before = ssh(site, host, "cat /proc/sys/kernel/random/boot_id; systemctl show -P UserspaceTimestampMonotonic")
    with suppress(AssertionError):  # it may be faster than the reply
        ssh(site, host, "nohup systemctl reboot >/dev/null 2>&1 &")
    deadline = time.monotonic() + 120
    while True:
        time.sleep(0.3)
        try:
            now = ssh(site, host, "cat /proc/sys/kernel/random/boot_id; systemctl show -P UserspaceTimestampMonotonic")
            if now != before:
                now = ssh(site, host, "systemctl is-system-running --wait || systemctl --failed --no-legend")
                if now.strip() == "running":
                    return
        except AssertionError:
            now = "no answer"
        assert time.monotonic() < deadline, (host, now)


def network(site: Path, host: str) -> tuple[list[str], list[str]]:
    """Global IPv4 addresses with their links, and default routes."""
    addresses = ssh(site, host, "ip -o -4 addr show scope global | awk '{print $2, $4}'").splitlines()
    routes = ssh(site, host, "ip route show default").splitlines()
    return addresses, sorted({" ".join(line.split()[:5]) for line in routes})


def files(site: Path, host: str) -> str:
    """Everything that says how its network is set up, byte for byte, with owners, modes and, of files, the time of their last change."""
    there = f"$(for p in {PLACES}; do [ ! -e $p ] || echo $p; done)"
    facts = r"\( -type f -printf '%p %M %u:%g %s %T@\n' -o -printf '%p %M %u:%g %l\n' \)"
    return ssh(site, host, f"find {there} {facts} | sort; find {there} -type f -exec sha256sum {{}} + | sort -k 2")


def before_and_after(site: Path, host: str) -> tuple[object, str]:
    """What has to be the same before a change and after it was undone."""
    return network(site, host), files(site, host)


def at_once(hosts: Iterable[str], do: Callable[[str], object]) -> None:
    """Do it on all hosts at the same time; the first that fails ends the test, when all are through."""
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(do, hosts))


def answers(site: Path, host: str, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(AssertionError):
            return bool(ssh(site, host, "echo yes"))
        time.sleep(0.2)
    return False


def has_bridge(site: Path, host: str) -> bool:
    return ssh(site, host, "[ ! -e /sys/class/net/mydocker0 ] || echo yes").strip() == "yes"


def write_workflow(site: Path, *, window: str, more: str = "", name: str = "bridge") -> None:
    """A workflow that puts `mydocker0` over `eth0`; `more` are lines for further steps. Of one workflow there is one run at a time."""
    (site / "workflows").mkdir(exist_ok=True)
    text = BRIDGE.replace("WINDOW", window).replace("name: bridge", f"name: {name}", 1)
    (site / "workflows" / f"{name}.yaml").write_text(text + more)


def command(site: Path, *words: str) -> list[str]:
    """`xcatflow` on this site."""
    return [sys.executable, "-m", "xcatflow", "--site", str(site), *words]


def run(site: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(site, *words), capture_output=True, text=True, timeout=200, check=False)


def pid_of(site: Path, host: str) -> int:
    """The host's first process, as this machine numbers it."""
    state = load(site)
    assert state
    client = docker.APIClient(base_url=f"unix://{state.socket}", timeout=10)
    try:
        return int(client.inspect_container(state.container(host))["State"]["Pid"])
    finally:
        client.close()


class Cable:
    """What connects a host's NIC with its lab; to be cut when the host has a bridge, which is in the middle of the change. Needs root."""

    def __init__(self, site: Path, host: str) -> None:
        self.inside = ["nsenter", "-t", str(pid_of(site, host)), "-n"]
        index = ssh(site, host, "cat /sys/class/net/eth0/iflink").strip()
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
        self.name = next(line.split()[1].partition("@")[0] for line in links if line.startswith(f"{index}:"))
        self.was_cut = threading.Event()

    def set(self, state: str) -> None:
        subprocess.run(["ip", "link", "set", self.name, state], check=True)

    def cut_in_the_middle(self) -> threading.Thread:
        def watch() -> None:
            deadline = time.monotonic() + 60
            look = [*self.inside, "ip", "-o", "link", "show", "mydocker0"]
            while subprocess.run(look, capture_output=True, check=False).returncode:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.01)
            self.set("down")
            self.was_cut.set()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        return thread


class Host(LocalTarget):
    """A host of a lab as a step's target, through OpenSSH's own client; each script over a connection of its own."""

    def __init__(self, site: Path, name: str) -> None:
        super().__init__(name=name)
        self.site = site

    def reply(self, script: str, stdin: bytes = b"") -> Reply:
        line = [
            "ssh",
            "-F",
            str(self.site / "ssh" / "config"),
            "-o",
            "ConnectTimeout=5",
            self.name,
            f"sh -c {quote(script)}",
        ]
        done = subprocess.run(line, input=stdin, capture_output=True, check=False, timeout=120)
        return Reply(done.returncode, done.stdout, done.stderr)

    def look_at(self, script: str) -> str:
        return ssh(self.site, self.name, script)
