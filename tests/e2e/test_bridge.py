"""`network.bridge` over the NIC of real hosts, through the connection that it moves, with each network manager that it knows."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import stacks
from tests.e2e.conftest import directory, ssh
from xcatflow import lab
from xcatflow.lab.state import load
from xcatflow.steps.network_bridge import NetworkBridge
from xcatflow.steps.network_want import BridgeParams

pytestmark = pytest.mark.lab

MANAGERS = ("nothing", *stacks.STACKS)
FILES = {
    "nothing": "/etc/systemd/system/xcatflow-bridge-mydocker0.service",
    "ifupdown": "/etc/network/interfaces.d/xcatflow-mydocker0",
    "networkd": "/etc/systemd/network/05-xcatflow-mydocker0.network",
    "netplan": "/etc/netplan/90-xcatflow-mydocker0.yaml",
    "networkmanager": "/etc/NetworkManager/system-connections/xcatflow-mydocker0.nmconnection",
}


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    """A lab with a host for each network manager, and one where the engine did its work."""
    with directory() as made:
        lab.up(made, hosts=len(MANAGERS), containers=0, say=print)
        stacks.write_workflow(made, window="30 s")
        yield made


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_bridge_takes_over_and_is_there_after_a_reboot(site: Path, manager: str) -> None:
    host = f"host{list(MANAGERS).index(manager) + 1:02}"
    state = load(site)
    assert state
    address = next(it.address for it in state.hosts if it.name == host)
    if manager != "nothing":
        stacks.become(site, host, manager)

    with subprocess.Popen(
        ["ssh", "-n", "-F", str(site / "ssh" / "config"), host, "for n in $(seq 80); do echo $n; sleep 0.1; done"],
        stdout=subprocess.PIPE,
        text=True,
    ) as connection:
        done = stacks.run(site, "apply", "bridge", "-n", host)
        assert done.returncode == 0, done.stdout
        assert len(connection.communicate(timeout=60)[0].split()) == 80, "an open connection survives"
    assert f"create file {FILES[manager]} at boot" in done.stdout
    there = [f"mydocker0 {address}/24"], [f"default via {state.gateway} dev mydocker0"]
    assert stacks.network(site, host) == there
    stacks.reboot(site, host)
    assert stacks.network(site, host) == there
    assert ssh(site, host, "systemctl --failed --no-legend") == ""
    again = stacks.run(site, "plan", "bridge", "-n", host, "--check")
    assert again.returncode == 0, again.stdout


def test_frames_of_containers_pass_between_hosts(site: Path) -> None:
    """Docker is installed for its packet filter, which is closed; network namespaces stand for containers."""
    state = load(site)
    assert state
    subnet = state.hosts[0].address.rpartition(".")[0]
    for number, host in enumerate(("host01", "host03")):
        ssh(
            site,
            host,
            "apt-get install -qy --no-install-recommends docker.io >/dev/null; iptables -S FORWARD | grep -qx -- '-P FORWARD DROP'",
        )
        stacks.Host(site, host).converge(NetworkBridge(), BridgeParams(port="eth0"))
        ssh(
            site,
            host,
            "ip netns add c && ip link add port type veth peer name eth0 netns c && ip link set port master mydocker0 up && "
            f"ip -n c addr add {subnet}.{150 + number}/24 dev eth0 && ip -n c link set eth0 up",
        )
    for far in (f"{subnet}.151", state.hosts[0].address, state.hosts[2].address):
        assert "2 received" in ssh(site, "host01", f"ip netns exec c ping -c 2 -W 2 {far}")
