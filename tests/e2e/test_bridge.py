"""`network.bridge` over the NIC of real hosts, through the connection that it moves, with each network manager that it knows."""

import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from tests.e2e import stacks
from tests.e2e.conftest import directory, ssh
from xcatflow import lab
from xcatflow.lab.state import load
from xcatflow.steps.network_bridge import NetworkBridge
from xcatflow.steps.networks.want import BridgeParams

pytestmark = pytest.mark.lab

MANAGERS = ("nothing", *stacks.STACKS)
FILES = {
    "nothing": "/etc/systemd/system/xcatflow-bridge-mydocker0.service",
    "ifupdown": "/etc/network/interfaces.d/xcatflow-mydocker0",
    "networkd": "/etc/systemd/network/05-xcatflow-mydocker0.network",
    "netplan": "/etc/netplan/90-xcatflow-mydocker0.yaml",
    "networkmanager": "/etc/NetworkManager/system-connections/xcatflow-mydocker0.nmconnection",
}


HOSTS = {manager: f"host{number:02}" for number, manager in enumerate(MANAGERS, start=1)}


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    """A lab with a host for each network manager, and one where the engine did its work."""
    with directory() as made:
        lab.up(made, hosts=len(MANAGERS), containers=0, say=print)
        yield made


@pytest.fixture(scope="module")
def bridged(site: Path) -> Iterator[Mapping[str, "Future[None]"]]:
    """All hosts get a bridge at the same time; what became of each."""
    with ThreadPoolExecutor(len(MANAGERS)) as pool:
        yield {manager: pool.submit(take_over, site, manager) for manager in MANAGERS}


def take_over(site: Path, manager: str) -> None:
    """The bridge takes over, without breaking a connection, and is there after a reboot."""
    host, state = HOSTS[manager], load(site)
    assert state
    address = next(it.address for it in state.hosts if it.name == host)
    if manager != "nothing":
        stacks.become(site, host, manager)
    stacks.write_workflow(site, window="30 s", name=host)

    with subprocess.Popen(
        ["ssh", "-n", "-F", str(site / "ssh" / "config"), host, "for n in $(seq 80); do echo $n; sleep 0.1; done"],
        stdout=subprocess.PIPE,
        text=True,
    ) as connection:
        done = stacks.run(site, "apply", host, "-n", host)
        assert done.returncode == 0, done.stdout
        assert len(connection.communicate(timeout=60)[0].split()) == 80, "an open connection survives"
    assert f"create file {FILES[manager]} at boot" in done.stdout
    there = [f"mydocker0 {address}/24"], [f"default via {state.gateway} dev mydocker0"]
    assert stacks.network(site, host) == there
    stacks.reboot(site, host)
    assert stacks.network(site, host) == there
    assert ssh(site, host, "systemctl --failed --no-legend") == ""
    again = stacks.run(site, "plan", host, "-n", host, "--check")
    assert again.returncode == 0, again.stdout


@pytest.mark.parametrize("manager", MANAGERS)
def test_the_bridge_takes_over_and_is_there_after_a_reboot(bridged: Mapping[str, "Future[None]"], manager: str) -> None:
    bridged[manager].result()


def test_frames_of_containers_pass_between_hosts(site: Path, bridged: Mapping[str, "Future[None]"]) -> None:
    """Docker is installed for its packet filter, which is closed; network namespaces stand for containers."""
    state = load(site)
    assert state
    wait(bridged.values())
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


ACCEPT = {
    "netplan": "netplan generate --root-dir /tmp/golden",
    # The links have other names than the host's, so that nothing comes of it; networkd says in its journal what it does not understand.
    "networkd": "mkdir -p /run/systemd/network && cp -r /tmp/golden/etc/systemd/network/* /run/systemd/network/ && networkctl reload && "
    "sleep 1; journalctl -u systemd-networkd -o cat --since -20s | grep -iE 'unknown|parse|invalid|ignoring|assignment'; "
    "rm -r /run/systemd/network; networkctl reload",
    "networkmanager": "cd /run/NetworkManager/system-connections && for f in /tmp/golden/etc/NetworkManager/system-connections/*; do "
    'sed "s/^\\[connection\\]$/&\\nautoconnect=false/" "$f" >"${f##*/}" && nmcli connection load "$PWD/${f##*/}" && '
    'nmcli connection delete uuid "$(sed -n s/^uuid=//p "$f")" >/dev/null || exit; done',
}


@pytest.mark.parametrize("manager", ACCEPT)
def test_files_of_bonds_and_vlans_are_understood(
    site: Path, bridged: Mapping[str, "Future[None]"], manager: str
) -> None:
    """The lab has no such links: the managers themselves say what they think of the files that are held by their text."""
    wait(bridged.values())
    cases = sorted((Path(__file__).parent.parent / "unit/steps/data/network.files").glob(f"{manager}-*.case"))
    cases = [case for case in cases if "bond" in case.stem or "vlan" in case.stem]
    assert len(cases) >= 5
    for case in cases:
        text = case.read_text().partition("======== files\n")[2]
        for name in ("mydocker0", "eth0", "eth1"):
            text = text.replace(name, f"no{name[-5:]}")
        script = "rm -rf /tmp/golden; umask 077\n"
        for part in f"\n{text}".split("\n---- ")[1:]:
            head, _, body = part.partition("\n")
            path = f"/tmp/golden{head.split()[0]}"
            script += f"mkdir -p '{path.rpartition('/')[0]}'; cat >'{path}' <<'XX'\n{body}\nXX\n"
        said = ssh(site, HOSTS[manager], f"{script}{ACCEPT[manager]}")
        assert said == "", case.stem
