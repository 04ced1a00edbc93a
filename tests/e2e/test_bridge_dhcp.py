"""A NIC that has its address by DHCP: its bridge asks for it from then on, with the same MAC, and gets the same one."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e import stacks
from tests.e2e.conftest import directory, ssh
from xcatflow import lab
from xcatflow.lab.state import Lab, load

pytestmark = pytest.mark.lab

SERVER = "host01"
CLIENTS = {"networkd": "host02", "networkmanager": "host03", "ifupdown": "host04"}
_SERVES = """\
[Match]
Name=eth0
[Network]
Address=ADDRESS/24
Gateway=GATEWAY
DHCPServer=yes
[DHCPServer]
PoolOffset=200
PoolSize=20
EmitRouter=yes
Router=GATEWAY
"""
# Servers know clients by what they call themselves: here that is the MAC, so that each can be given the address that it has in the lab.
_ASKS = {
    "networkd": "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n[DHCPv4]\nClientIdentifier=mac\n",
    "networkmanager": "[connection]\nid=eth0\nuuid=a2b6f3b0-2f0e-4f0c-9d53-3a4f2c7f0001\ntype=ethernet\ninterface-name=eth0\n\n"
    "[ipv4]\nmethod=auto\ndhcp-client-id=mac\n\n[ipv6]\nmethod=disabled\n",
    "ifupdown": "auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n",
}


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    with directory() as made:
        lab.up(made, hosts=4, containers=0, say=print)
        state = load(made)
        assert state
        ssh(
            made,
            CLIENTS["ifupdown"],
            "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends isc-dhcp-client >/dev/null && "
            "echo 'send dhcp-client-identifier = hardware;' >>/etc/dhcp/dhclient.conf",
        )
        stacks.become(made, SERVER, "networkd", _SERVES + leases(made, state))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda it: stacks.become(made, it[1], it[0], _ASKS[it[0]]), CLIENTS.items()))
        yield made


def leases(site: Path, state: Lab) -> str:
    text = ""
    for host in state.hosts:
        if host.name != SERVER:
            mac = ssh(site, host.name, "cat /sys/class/net/eth0/address").strip()
            text += f"[DHCPServerStaticLease]\nMACAddress={mac}\nAddress={host.address}\n"
    return text


@pytest.fixture(scope="module")
def bridged(site: Path) -> Iterator[Mapping[str, "Future[None]"]]:
    """All hosts get a bridge at the same time; what became of each."""
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        yield {stack: pool.submit(take_over, site, host) for stack, host in CLIENTS.items()}


def take_over(site: Path, host: str) -> None:
    """The bridge asks for the address that the NIC had, and does so after a reboot."""
    stacks.write_workflow(site, window="30 s", name=host)
    before = stacks.network(site, host)
    there = tuple([line.replace("eth0", "mydocker0") for line in part] for part in before)
    done = stacks.run(site, "apply", host, "-n", host)
    assert done.returncode == 0, done.stdout
    assert stacks.network(site, host) == there
    stacks.reboot(site, host)
    assert stacks.network(site, host) == there
    assert "dynamic" in ssh(site, host, "ip -4 addr show dev mydocker0"), "it is leased, and renewed"
    again = stacks.run(site, "plan", host, "-n", host, "--check")
    assert again.returncode == 0, again.stdout


@pytest.mark.parametrize("stack", CLIENTS)
def test_the_bridge_asks_for_the_address(bridged: Mapping[str, "Future[None]"], stack: str) -> None:
    bridged[stack].result()
