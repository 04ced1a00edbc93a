"""What keeps a bridge over reboots, on a machine made of namespaces whose network managers are the test's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.netns import lacks
from tests.fakes.nic import Machine, machine
from tests.fakes.target import tools
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change
from xcatflow.steps.network_bridge import NetworkBridge
from xcatflow.steps.networks.want import BridgeParams

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
    for change in reversed(changes):
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
    assert "own_addresses=10.9.0.77/24" in host.read(PROGRAM)
    take_back(host, wanted, seen, changes)
    assert "own_addresses=''" in host.read(PROGRAM), "what was there before the last change, not before the first"
    assert host.addresses("mydocker0") == {"10.9.0.5/24"}


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
    assert networkd.read(f"{NETWORKD}-eth0.network").splitlines()[1:] == [
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
        networkd.at.converge(STEP, want(address=address, gateway="10.9.0.9", check=["10.9.0.1"]))
    network = networkd.read(f"{NETWORKD}.network").splitlines()
    assert [line for line in network if line.startswith(("Address", "Gateway"))] == [
        "Address=10.9.0.5/24", "Address=10.9.0.78/24", "Gateway=10.9.0.9",
    ]  # fmt: skip


def test_a_bridge_that_was_taken_away_by_hand_is_made_of_what_the_nic_is_told_now(networkd: Machine) -> None:
    networkd.at.converge(STEP, want())
    networkd.run("sh", "-c", "rm /etc/systemd/network/05-*; ip link del mydocker0; ip link set eth0 up")
    text = networkd.read("/etc/systemd/network/10-eth0.network")
    networkd.write("/etc/systemd/network/10-eth0.network", text.replace("10.9.0.5", "10.9.0.6"))
    networkd.ip("addr", "add", "10.9.0.6/24", "dev", "eth0")
    networkd.at.converge(STEP, want())
    assert "Address=10.9.0.6/24" in networkd.read(f"{NETWORKD}.network").splitlines()
    assert "Address=10.9.0.5/24" not in networkd.read(f"{NETWORKD}.network").splitlines()


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
    before = ifupdown.run("ls", "-l", "--full-time", "/etc/network/interfaces")
    wanted = want(address="10.9.0.77/24")
    seen = ifupdown.at.look(STEP, wanted)
    changes = ifupdown.at.converge(STEP, want(address="10.9.0.77/24"))
    assert [str(change) for change in at_boot(changes)] == [
        "create file /etc/network/interfaces.d/xcatflow-mydocker0 at boot: by ifupdown"
    ]
    text = ifupdown.read("/etc/network/interfaces")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[1] == "auto lo"
    assert "allow-hotplug eth1" in lines
    for family in ("inet", "inet6"):
        stanza = lines[lines.index(f"iface mydocker0 {family} static") :]
        assert stanza[1] == f"pre-up {PROGRAM}"
        assert stanza[2].startswith("address ")
    assert "iface eth01 inet manual" in lines
    assert not [line for line in lines if line.startswith("iface eth0 ")]
    extra = ifupdown.read("/etc/network/interfaces.d/xcatflow-mydocker0")
    assert "auto mydocker0\niface mydocker0 inet manual" in extra, (
        "whatever the NIC waited for: nobody plugs in a bridge"
    )
    assert f"up {PROGRAM} filter" in extra
    assert "up ip addr replace 10.9.0.77/24 dev mydocker0" in extra
    assert lines[-1] == "source /etc/network/interfaces.d/xcatflow-mydocker0"
    assert ifupdown.read("/run/network/ifstate") == "lo=lo\nmydocker0=mydocker0\n"
    assert ifupdown.at.converge(STEP, want(address="10.9.0.77/24")) == ()
    take_back(ifupdown, wanted, seen, changes)
    assert ifupdown.read("/etc/network/interfaces") == INTERFACES
    assert ifupdown.run("ls", "-l", "--full-time", "/etc/network/interfaces") == before
    assert ifupdown.read("/run/network/ifstate") == "lo=lo\neth0=eth0\n"
    assert not ifupdown.exists(PROGRAM)


def test_ifupdown_with_a_directory_of_files(ifupdown: Machine) -> None:
    ifupdown.write("/etc/network/interfaces", "source /etc/network/interfaces.d/*\n")
    ifupdown.write("/etc/network/interfaces.d/eth0", "auto eth0\niface eth0 inet dhcp\n")
    ifupdown.at.converge(STEP, want())
    assert ifupdown.read("/etc/network/interfaces") == "source /etc/network/interfaces.d/*\n"
    assert ifupdown.read("/etc/network/interfaces.d/eth0").splitlines() == [
        "iface mydocker0 inet dhcp",
        f"    pre-up {PROGRAM}",
    ]


def test_ifupdown_twice_does_not_pile_up(ifupdown: Machine) -> None:
    ifupdown.at.converge(STEP, want())
    first = ifupdown.read("/etc/network/interfaces")
    ifupdown.at.converge(STEP, want(address="10.9.0.77/24"))
    assert ifupdown.read("/etc/network/interfaces") == first


def test_a_file_that_was_changed_since_is_not_put_back(ifupdown: Machine) -> None:
    """Another bridge's stanzas may be in the same file."""
    seen = ifupdown.at.look(STEP, want())
    changes = ifupdown.at.converge(STEP, want())
    text = ifupdown.read("/etc/network/interfaces") + "iface eth7 inet manual\n"
    ifupdown.write("/etc/network/interfaces", text)
    before = ifupdown.state()
    with pytest.raises(ActFailed, match=r'cannot undo the bridge .*: "/etc/network/interfaces" was changed since'):
        take_back(ifupdown, want(), seen, changes)
    assert ifupdown.read("/etc/network/interfaces") == text
    assert ifupdown.state() == before


NMCLI = """
echo "$*" >>ROOT/nmcli
case $* in
  "-g GENERAL.STATE "*) echo "NOW";;
  "-g GENERAL.CON-UUID "*) echo 11-22;;
  "-e no -t -f UUID,FILENAME "*) printf '%s\\n' '33-44:/x' '11-22:/etc/NetworkManager/system-connections/office: 2.nmconnection';;
  "connection reload") ;;
  *"connection up uuid 11-22") ;;
  *"connection up uuid "*)
    ip link add mydocker0 type bridge; ip link set eth0 master mydocker0; ip link set mydocker0 up
    ip addr flush dev eth0 scope global; ip addr add 10.9.0.5/24 dev mydocker0; ip route add default via 10.9.0.1 dev mydocker0;;
  *) exit 64;;
esac
"""
PROFILE = """\
[connection]
id=office: 2
uuid=11-22
type=ethernet

[ethernet]
mtu=1400

[ipv4]
address1=10.9.0.5/24,10.9.0.1
method=manual
"""
PROFILES = "/etc/NetworkManager/system-connections"


def networkmanager(host: Machine, state: str) -> None:
    tools(host.root / "bin", nmcli=NMCLI.replace("ROOT", str(host.root)).replace("NOW", state))
    (host.root / "active-NetworkManager").touch()
    host.write(f"{PROFILES}/office: 2.nmconnection", PROFILE)


def test_networkmanager(host: Machine) -> None:
    networkmanager(host, "100 (connected)")
    before = host.state()
    seen = host.at.look(STEP, want())
    changes = host.at.converge(STEP, want())
    own = f"{PROFILES}/xcatflow-mydocker0.nmconnection"
    assert [str(change) for change in at_boot(changes)] == [f"create file {own} at boot: by NetworkManager"]
    assert host.run("stat", "-c", "%a %U", own) == "600 root\n"
    text = host.read(own)
    assert text.partition("[ipv4]\n")[2].split() == [
        "address1=10.9.0.5/24,10.9.0.1", "method=manual", "route-metric=100", "[ipv6]", "method=auto", "route-metric=100",
    ]  # fmt: skip
    assert "mtu" not in text
    assert "\nmaster=mydocker0\nslave-type=bridge\n" in host.read(f"{PROFILES}/xcatflow-mydocker0-eth0.nmconnection")
    assert host.read(f"{PROFILES}/office: 2.nmconnection") == PROFILE
    assert host.run("ls", "/run/NetworkManager/system-connections") == "", "only while it waits to be confirmed"
    assert host.at.converge(STEP, want()) == ()
    take_back(host, want(), seen, changes)
    assert "up uuid 11-22" in (host.root / "nmcli").read_text().splitlines()[-1]
    assert host.run("ls", PROFILES) == "office: 2.nmconnection\n"
    assert host.state() == before


def test_a_profile_that_is_no_keyfile(host: Machine) -> None:
    networkmanager(host, "100 (connected)")
    host.write(f"{PROFILES}/office: 2.nmconnection", "DEVICE=eth0\n")
    before = host.state()
    with pytest.raises(ActFailed, match='is no keyfile: "nmcli connection migrate 11-22" makes it one'):
        host.at.converge(STEP, want())
    assert host.state() == before


@pytest.mark.parametrize("state", ["10 (unmanaged)", "100 (connected (externally))"])
def test_a_nic_that_networkmanager_leaves_to_others(host: Machine, state: str) -> None:
    networkmanager(host, state)
    assert [str(change) for change in at_boot(host.at.converge(STEP, want()))] == [
        f"create file {UNIT} at boot: by a systemd unit"
    ]


@pytest.mark.parametrize("stack", ["networkd", "ifupdown", "host"])
def test_two_bridges_know_nothing_of_each_other(stack: str, request: pytest.FixtureRequest) -> None:
    there: Machine = request.getfixturevalue(stack)
    first, second = want(), BridgeParams(name="br1", address="10.1.0.1/24")
    there.at.converge(STEP, first)
    seen = there.at.look(STEP, second)
    changes = there.at.converge(STEP, second)
    assert there.at.converge(STEP, first) == there.at.converge(STEP, second) == ()
    assert there.addresses("mydocker0") == {"10.9.0.5/24"}
    take_back(there, second, seen, changes)
    assert there.at.converge(STEP, first) == ()
    assert "br1" not in there.ip("-br", "link")
    assert "br1" not in there.run("ls", "-R", "/etc/systemd", "/usr/local/sbin", "/var/lib/xcatflow")
