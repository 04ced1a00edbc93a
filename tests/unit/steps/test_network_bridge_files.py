"""What keeps a bridge over reboots, on a machine made of namespaces whose network managers are the test's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.netns import lacks
from tests.fakes.nic import Machine, machine
from tests.fakes.target import tools
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change
from xcatflow.steps.network_bridge import BridgeParams, NetworkBridge

OBSTACLE = lacks()
pytestmark = pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)

STEP = NetworkBridge()
UNIT = "/etc/systemd/system/xcatflow-bridge-mydocker0.service"
PROGRAM = "/usr/local/sbin/xcatflow-bridge-mydocker0"
NETWORKD = "/etc/systemd/network/05-xcatflow-mydocker0"
INTERFACES = """\
# the machine's own
auto lo eth0
iface lo inet loopback

allow-hotplug eth0 eth1
iface eth0 inet static
    address 10.9.0.5/24
    gateway 10.9.0.1
iface eth0 inet6 static
    address fd09::5/64
iface eth01 inet manual
"""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "machine") as made:
        equip(made)
        yield made


def equip(made: Machine) -> None:
    made.ip("addr", "add", "10.9.0.5/24", "dev", "eth0")
    made.ip("route", "add", "default", "via", "10.9.0.1", "dev", "eth0")


def want(**params: Any) -> BridgeParams:
    return BridgeParams.model_validate({"port": "eth0", **params})


def at_boot(changes: tuple[Change, ...]) -> list[Change]:
    return [change for change in changes if change.field == "at boot"]


def reboot(made: Machine) -> None:
    """The network as a machine finds it: no bridge, and the NIC as something sets it up that knows of no bridge."""
    made.ip("link", "del", "mydocker0")
    made.ip("link", "set", "eth0", "up")
    equip(made)


def take_back(made: Machine, wanted: BridgeParams, seen: Any, changes: tuple[Change, ...]) -> None:
    for change in at_boot(changes):
        STEP.undo(made.at, wanted, seen, change)


def test_a_unit_where_nothing_manages_the_nic(host: Machine) -> None:
    seen = host.at.look(STEP, want())
    changes = host.at.converge(STEP, want())
    assert [str(change) for change in at_boot(changes)] == [f"create file {UNIT} at boot: by a systemd unit"]
    assert (host.root / "enabled-xcatflow-bridge-mydocker0.service").exists()
    assert f"ExecStart={PROGRAM}" in host.read(UNIT).splitlines()
    assert host.at.converge(STEP, want()) == ()
    reboot(host)
    host.run(PROGRAM)
    assert host.addresses("mydocker0") == {"10.9.0.5/24"}
    assert host.routes("mydocker0") == {"default via 10.9.0.1"}
    host.run(PROGRAM)
    assert host.at.converge(STEP, want()) == ()
    take_back(host, want(), seen, changes)
    assert not host.exists(UNIT)
    assert not host.exists(PROGRAM)
    assert not (host.root / "enabled-xcatflow-bridge-mydocker0.service").exists()


@pytest.mark.skipif(not shutil.which("iptables"), reason="iptables is missing")
def test_the_packet_filter_is_opened_at_boot_even_before_there_is_a_bridge(host: Machine) -> None:
    host.at.converge(STEP, want())
    reboot(host)
    host.run("iptables", "-F", "FORWARD")
    host.run("iptables", "-P", "FORWARD", "DROP")
    host.run(PROGRAM)
    assert "-A FORWARD -i mydocker0 -o mydocker0 -j ACCEPT" in host.run("iptables", "-S", "FORWARD")


def test_the_unit_waits_for_a_nic_that_comes_late(host: Machine) -> None:
    host.at.converge(STEP, want())
    reboot(host)
    host.ip("link", "set", "eth0", "down")
    host.ip("link", "set", "eth0", "name", "late")
    host.run("sh", "-c", f"{PROGRAM} & sleep 0.5; ip link set late name eth0; ip link set eth0 up; wait $!")
    assert host.addresses("mydocker0") == {"10.9.0.5/24"}


def test_other_params_are_kept_too(host: Machine) -> None:
    host.at.converge(STEP, want())
    wanted = want(address="10.9.0.77/24")
    seen = host.at.look(STEP, wanted)
    changes = host.at.converge(STEP, wanted)
    assert [str(change) for change in at_boot(changes)] == [f"update file {UNIT} at boot: other -> by a systemd unit"]
    assert "address=10.9.0.77/24" in host.read(PROGRAM)
    with pytest.raises(CannotUndo, match="former files"):
        take_back(host, wanted, seen, changes)


def test_it_is_left_to_somebody_else(host: Machine) -> None:
    host.at.converge(STEP, want(persist="none"))
    assert not host.exists(UNIT)


@pytest.fixture
def networkd(host: Machine) -> Machine:
    """The machine's NIC is set up by systemd-networkd, from a file and a drop-in."""
    networkctl = """
case $* in
  *" list "*) echo "  2 eth0 ether routable configured";;
  *" status "*) printf '%s\\n' '* 2: eth0' '    Link File: n/a' ' Network File: /etc/systemd/network/10-eth0.network';;
  reload) echo reload >>ROOT/networkctl;;
  *) exit 64;;
esac""".replace("ROOT", str(host.root))
    tools(host.root / "bin", networkctl=networkctl)
    (host.root / "active-systemd-networkd").touch()
    host.write(
        "/etc/systemd/network/10-eth0.network",
        "[Match]\nName=eth0\n\n[Network]\nAddress=10.9.0.5/24\nGateway=10.9.0.1\n",
    )
    host.write("/etc/systemd/network/10-eth0.network.d/dns.conf", "[Match]\nType=ether\n[Network]\nDNS=10.9.0.3\n")
    return host


def test_systemd_networkd(networkd: Machine) -> None:
    mac = networkd.read("/sys/class/net/eth0/address").strip()
    seen = networkd.at.look(STEP, want())
    changes = networkd.at.converge(STEP, want())
    assert [str(change) for change in at_boot(changes)] == [
        f"create file {NETWORKD}.network at boot: by systemd-networkd"
    ]
    network = networkd.read(f"{NETWORKD}.network").splitlines()
    assert [line for line in network if line and line[0] != "#"] == [
        "[Match]", "Name=mydocker0", "[Network]", "Address=10.9.0.5/24", "Gateway=10.9.0.1", "[Network]", "DNS=10.9.0.3",
    ]  # fmt: skip
    assert f"MACAddress={mac}" in networkd.read(f"{NETWORKD}.netdev").splitlines()
    assert networkd.read(f"{NETWORKD}-port.network").splitlines()[1:] == [
        "[Match]",
        "Name=eth0",
        "[Network]",
        "Bridge=mydocker0",
    ]
    assert (networkd.root / "networkctl").read_text() == "reload\n"
    assert "ip link" not in networkd.read(PROGRAM), "networkd makes the bridge; the program is for the packet filter"
    assert networkd.at.converge(STEP, want()) == ()
    take_back(networkd, want(), seen, changes)
    assert networkd.run("ls", "/etc/systemd/network").split() == ["10-eth0.network", "10-eth0.network.d"]
    assert not networkd.exists(PROGRAM)


def test_systemd_networkd_and_other_params_later(networkd: Machine) -> None:
    networkd.at.converge(STEP, want())
    for address in ("10.9.0.77/24", "10.9.0.78/24"):
        networkd.at.converge(STEP, want(address=address, gateway="10.9.0.9"))
    network = networkd.read(f"{NETWORKD}.network").splitlines()
    assert [line for line in network if line.startswith(("Address", "Gateway"))] == [
        "Address=10.9.0.5/24", "Gateway=10.9.0.1", "Address=10.9.0.78/24", "Gateway=10.9.0.9",
    ]  # fmt: skip


def test_a_nic_that_systemd_networkd_has_no_file_for(networkd: Machine) -> None:
    networkd.run("rm", "/etc/systemd/network/10-eth0.network")
    with pytest.raises(
        ActFailed, match=r"cannot keep the bridge .* over reboots on host01: networkd has no file for eth0"
    ):
        networkd.at.converge(STEP, want())


@pytest.fixture
def ifupdown(host: Machine) -> Machine:
    tools(host.root / "bin", ifup="exit 0")
    host.write("/etc/network/interfaces", INTERFACES)
    host.write("/run/network/ifstate", "lo=lo\neth0=eth0\n")
    return host


def test_ifupdown(ifupdown: Machine) -> None:
    mac = ifupdown.read("/sys/class/net/eth0/address").strip()
    seen = ifupdown.at.look(STEP, want())
    changes = ifupdown.at.converge(STEP, want(address="10.9.0.77/24"))
    assert [str(change) for change in at_boot(changes)] == [
        "create file /etc/network/interfaces.d/xcatflow-mydocker0 at boot: by ifupdown"
    ]
    text = ifupdown.read("/etc/network/interfaces")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[1] == "auto lo mydocker0"
    assert "allow-hotplug mydocker0 eth1" in lines
    for family in ("inet", "inet6"):
        stanza = lines[lines.index(f"iface mydocker0 {family} static") :]
        assert stanza[1].startswith("pre-up ip link show dev mydocker0")
        assert stanza[2] == f"pre-up ip link set dev mydocker0 address {mac}"
        assert stanza[3] == "pre-up ip link set dev eth0 master mydocker0 up"
        assert stanza[4].startswith("address ")
    assert "iface eth01 inet manual" in lines
    assert not [line for line in lines if line.startswith("iface eth0 ")]
    extra = ifupdown.read("/etc/network/interfaces.d/xcatflow-mydocker0")
    assert "iface mydocker0 inet manual" in extra
    assert f"up {PROGRAM}" in extra
    assert "up ip addr replace 10.9.0.77/24 dev mydocker0" in extra
    assert lines[-1] == "source /etc/network/interfaces.d/xcatflow-mydocker0"
    assert ifupdown.read("/run/network/ifstate") == "lo=lo\nmydocker0=mydocker0\n"
    assert ifupdown.at.converge(STEP, want(address="10.9.0.77/24")) == ()
    take_back(ifupdown, want(), seen, changes)
    assert ifupdown.read("/etc/network/interfaces") == INTERFACES
    assert not ifupdown.exists(PROGRAM)


def test_ifupdown_with_a_directory_of_files(ifupdown: Machine) -> None:
    ifupdown.write("/etc/network/interfaces", "source /etc/network/interfaces.d/*\n")
    ifupdown.write("/etc/network/interfaces.d/eth0", "auto eth0\niface eth0 inet dhcp\n")
    ifupdown.at.converge(STEP, want())
    assert ifupdown.read("/etc/network/interfaces") == "source /etc/network/interfaces.d/*\n"
    assert ifupdown.read("/etc/network/interfaces.d/eth0").splitlines()[:2] == [
        "auto mydocker0",
        "iface mydocker0 inet dhcp",
    ]


def test_ifupdown_twice_does_not_pile_up(ifupdown: Machine) -> None:
    ifupdown.at.converge(STEP, want())
    first = ifupdown.read("/etc/network/interfaces")
    ifupdown.at.converge(STEP, want(address="10.9.0.77/24"))
    assert ifupdown.read("/etc/network/interfaces") == first


@pytest.mark.parametrize(
    ("state", "refused"), [("100 (connected)", True), ("30 (disconnected)", True), ("10 (unmanaged)", False)]
)
def test_networkmanager(host: Machine, state: str, refused: bool) -> None:
    tools(host.root / "bin", nmcli=f"echo '{state}'")
    (host.root / "active-NetworkManager").touch()
    if not refused:
        host.at.converge(STEP, want())
        return
    before = host.state()
    with pytest.raises(ActFailed, match='NetworkManager manages "eth0": make the bridge with nmcli'):
        host.at.converge(STEP, want())
    assert host.state() == before
    host.at.converge(STEP, want(persist="none"))
