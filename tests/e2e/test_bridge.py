"""`network.bridge` over the NIC of real hosts, through the connection that it moves, with each network manager that it knows."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from tests.e2e.conftest import directory, ssh
from tests.fakes.target import LocalTarget
from xcatflow import lab
from xcatflow.errors import ActFailed
from xcatflow.lab.state import load
from xcatflow.model.question import Reply
from xcatflow.steps.network_bridge import BridgeParams, NetworkBridge

pytestmark = pytest.mark.lab

STEP, WANT = NetworkBridge(), BridgeParams(port="eth0")
NETPLAN = """\
network:
  version: 2
  renderer: networkd
  ethernets:
    eth0: {addresses: [ADDRESS/24], routes: [{to: default, via: GATEWAY}]}
"""
NETWORKD = "[Match]\nName=eth0\n[Network]\nAddress=ADDRESS/24\nGateway=GATEWAY\n"
IFUPDOWN = "auto lo eth0\niface lo inet loopback\niface eth0 inet static\n    address ADDRESS/24\n    gateway GATEWAY\n"
# What the engine gave the NIC goes before its manager starts: on a real machine nobody else sets it up.
BEFORE = (
    "mkdir -p /etc/systemd/system/UNIT.service.d && "
    "printf '[Service]\\nExecStartPre=+-/sbin/ip addr flush dev eth0\\n' >/etc/systemd/system/UNIT.service.d/lab.conf && "
    "systemctl daemon-reload && systemctl enable -q UNIT && systemctl restart UNIT"
)
NETWORKD_STARTS, IFUPDOWN_STARTS = (BEFORE.replace("UNIT", unit) for unit in ("systemd-networkd", "networking"))
INSTALL = "apt-get install -qy --no-install-recommends"
MANAGERS = {
    "nothing": ":",
    "systemd-networkd": f"cat >/etc/systemd/network/10-eth0.network && {NETWORKD_STARTS}",
    "netplan": f"{INSTALL} netplan.io >/dev/null && cat >/etc/netplan/10.yaml && chmod 600 /etc/netplan/10.yaml && "
    f"netplan generate && {NETWORKD_STARTS}",
    "ifupdown": f"{INSTALL} ifupdown >/dev/null && cat >/etc/network/interfaces && {IFUPDOWN_STARTS}",
}
CONFIGURATION = {"nothing": "", "systemd-networkd": NETWORKD, "netplan": NETPLAN, "ifupdown": IFUPDOWN}


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

    def reboot(self) -> None:
        """Reboot it, and wait until it has booted again."""
        boot = self.look_at("systemctl show -P UserspaceTimestampMonotonic")
        self.reply("systemctl reboot")
        deadline = time.monotonic() + 60
        while True:
            reply = self.reply("systemctl show -P UserspaceTimestampMonotonic; systemctl is-system-running --wait")
            if reply.text.endswith("\nrunning") and not reply.text.startswith(boot.strip()):
                return
            assert time.monotonic() < deadline, reply
            time.sleep(0.2)

    def network(self) -> tuple[list[str], list[str]]:
        """Global addresses with their links, and default routes."""
        addresses = self.look_at("ip -o -4 addr show scope global | awk '{print $2, $4}'").splitlines()
        return addresses, sorted(
            {" ".join(line.split()[:5]) for line in self.look_at("ip route show default").splitlines()}
        )


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    """A lab with a host for each network manager, and one more."""
    with directory() as made:
        lab.up(made, hosts=len(MANAGERS) + 1, containers=0, say=print)
        yield made


def addresses(site: Path) -> dict[str, str]:
    state = load(site)
    assert state
    return {host.name: host.address for host in state.hosts}


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_bridge_takes_over_and_is_there_after_a_reboot(site: Path, manager: str) -> None:
    at = Host(site, f"host{list(MANAGERS).index(manager) + 1:02}")
    state = load(site)
    assert state
    address = addresses(site)[at.name]
    text = CONFIGURATION[manager].replace("ADDRESS", address).replace("GATEWAY", state.gateway)
    ssh(site, at.name, MANAGERS[manager], text.encode())
    at.reboot()
    assert at.network() == ([f"eth0 {address}/24"], [f"default via {state.gateway} dev eth0"])

    with subprocess.Popen(
        ["ssh", "-n", "-F", str(site / "ssh" / "config"), at.name, "for n in $(seq 100); do echo $n; sleep 0.1; done"],
        stdout=subprocess.PIPE,
        text=True,
    ) as connection:
        changes = at.converge(STEP, WANT)
        assert len(connection.communicate(timeout=60)[0].split()) == 100, "an open connection survives"
    assert [change.field for change in changes][:2] == ["", "port"]
    there = [f"mydocker0 {address}/24"], [f"default via {state.gateway} dev mydocker0"]
    assert at.network() == there
    assert at.converge(STEP, WANT) == ()
    at.reboot()
    assert at.network() == there
    assert at.look_at("systemctl --failed --no-legend") == ""
    assert at.converge(STEP, WANT) == ()


def test_networkmanager_is_left_alone(site: Path) -> None:
    at = Host(site, f"host{len(MANAGERS) + 1:02}")
    at.look_at(
        f"{INSTALL} network-manager >/dev/null && rm -f /usr/lib/NetworkManager/conf.d/*unmanaged* && "
        "printf '[keyfile]\\nunmanaged-devices=none\\n' >/etc/NetworkManager/conf.d/all.conf && systemctl restart NetworkManager && "
        "nmcli device set eth0 managed yes && for n in $(seq 50); do nmcli -g GENERAL.STATE device show eth0 | grep -q ^100 && break; "
        "sleep 0.2; done; nmcli device"
    )
    before = at.network()
    with pytest.raises(ActFailed, match='NetworkManager manages "eth0"'):
        at.converge(STEP, WANT)
    assert at.network() == before


def test_frames_of_containers_pass_between_hosts(site: Path) -> None:
    """Docker is installed for its packet filter, which is closed; network namespaces stand for containers."""
    first, second = Host(site, "host01"), Host(site, "host02")
    for number, at in enumerate((first, second)):
        at.look_at(
            "apt-get install -qy --no-install-recommends docker.io >/dev/null; iptables -S FORWARD | grep -qx -- '-P FORWARD DROP'"
        )
        at.converge(STEP, WANT)
        own = addresses(site)[at.name].rpartition(".")[0] + f".{150 + number}"
        at.look_at(
            "ip netns add c && ip link add port type veth peer name eth0 netns c && ip link set port master mydocker0 up && "
            f"ip -n c addr add {own}/24 dev eth0 && ip -n c link set eth0 up"
        )
    far = addresses(site)["host02"].rpartition(".")[0] + ".151"
    for address in (far, addresses(site)["host02"], addresses(site)["host01"]):
        assert "2 received" in first.look_at(f"ip netns exec c ping -c 2 -W 2 {address}")


def test_a_change_that_cuts_the_host_off_is_put_back(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at: Any = Host(site, "host01")
    before = at.network()
    monkeypatch.setattr("xcatflow.steps.bridge_guard.CONFIRM_S", 2)
    wanted = BridgeParams(name="mydocker0", port="eth0", gateway="10.77.255.254", persist="none")
    with pytest.raises(ActFailed, match="everything is put back"):
        at.converge(STEP, wanted)
    assert at.network() == before
