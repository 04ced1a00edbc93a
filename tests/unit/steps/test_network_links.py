"""Bonds and VLANs as commands: each line that makes them is run by the real `ip`, moves addresses, and is taken back.

A kernel need not have bonds or VLANs. Where it says "Unknown device type", `ip` has understood every word of the line: then another link
takes the place of the one that cannot be, so that the rest of the script goes on. What `ip` does not understand fails.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.netns import lacks
from tests.fakes.nic import Machine, machine
from tests.fakes.target import SYSTEM_PATH, tools
from xcatflow.model.question import Reply
from xcatflow.steps.networks.chain import Chain
from xcatflow.steps.networks.live import make_script
from xcatflow.steps.networks.made import Made
from xcatflow.steps.networks.transaction import change_script, undo_script
from xcatflow.steps.networks.want import BridgeParams, InterfaceParams

OBSTACLE = lacks()
pytestmark = pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)

NIC, OTHER, OWN = "10.9.0.5/24", "10.4.0.5/24", "10.5.0.1/24"
_IP = """
echo "$*" >>ROOT/ip.log
case $* in
  "link add "*" type bond "*|"link add "*" type vlan "*)
    said=$(REAL "$@" 2>&1) && exit
    case $said in *"Unknown device type"*) ;; *) echo "$said" >&2; exit 1;; esac
    for word do [ "${before-}" != name ] || name=$word; before=$word; done
    echo "$name" >>ROOT/stands-in
    exec REAL link add name "$name" type veth peer name "far-$(wc -l <ROOT/stands-in)";;
  "link set dev "*" master "*)
    for word do :; done
    ! grep -qx -e "$word" ROOT/stands-in 2>/dev/null || exit 0;;
esac
exec REAL "$@"
"""
CHAINS: dict[str, Chain] = {
    "bond": InterfaceParams.model_validate({"bond": {"members": ["eth0", "eth1"]}, "address": OWN}).chain,
    "bond-bridge": BridgeParams.model_validate(
        {"bond": {"members": ["eth0", "eth1"], "mode": "active-backup", "miimon": 50}, "address": OWN, "mtu": 1400}
    ).chain,
    "vlan": InterfaceParams.model_validate({"port": "eth0", "vlan": 7, "address": OWN, "mtu": 1400}).chain,
    "vlan-bridge": BridgeParams.model_validate({"name": "br7", "port": "eth0", "vlan": 7, "address": OWN}).chain,
    "vlan-bond-bridge": BridgeParams.model_validate(
        {"name": "br7", "bond": {"members": ["eth0", "eth1"]}, "vlan": 7, "address": OWN}
    ).chain,
}
MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    """A machine with two NICs, both with addresses, the first with a route outside over a gateway that does not answer ping."""
    with machine(tmp_path / "machine") as made:
        made.ip("link", "add", "eth1", "type", "veth", "peer", "name", "cable1")
        for name, address in (("eth0", NIC), ("eth1", OTHER)):
            made.ip("link", "set", name, "up")
            made.ip("addr", "add", address, "dev", name)
        made.ip("route", "add", "default", "via", "10.9.0.7", "dev", "eth0")
        real = shutil.which("ip", path=SYSTEM_PATH)
        tools(made.root / "bin", ip=_IP.replace("ROOT", str(made.root)).replace("REAL", str(real)), modprobe="exit 1")
        yield made


def begin(host: Machine, text: str) -> Reply:
    """Have the machine run a change, as far as it goes before it is confirmed."""
    directory = re.findall(r"^d=(\S+)$", text, re.MULTILINE)[0]
    return host.at.reply(f'd={directory}; mkdir -p "$d" && cat >"$d/tx" && exec sh "$d/tx" begin', text.encode())


def change(chain: Chain) -> str:
    return change_script(chain, Made(()), directory="/run/xcatflow-network/change", confirm_s=30, check=())


def confirmed(host: Machine, text: str) -> None:
    begun = begin(host, text)
    assert begun.code == 0, begun.complaint
    directory = re.findall(r"^d=(\S+)$", text, re.MULTILINE)[0]
    kept = host.at.reply(f"sh {directory}/tx keep")
    assert kept.code == 0, kept.complaint


def state(host: Machine) -> Any:
    """Without the other ends of cables, which are nobody's."""
    masters, links = host.state()
    ours = [name for name in masters if name in links and not name.startswith(("far-", "cable"))]
    return {name: (masters[name], links[name]) for name in ours}


@pytest.mark.parametrize("sort", CHAINS)
def test_it_is_made_run_again_and_taken_back(host: Machine, sort: str) -> None:
    chain, before = CHAINS[sort], state(host)
    confirmed(host, change(chain))
    top, moved = chain.top.name, {"eth0": NIC, "eth1": OTHER}
    assert host.addresses(top) == {OWN, *(moved[nic] for nic in chain.donors)}
    has = top if "eth0" in chain.donors else "bond0" if sort == "vlan-bond-bridge" else "eth0"
    assert NIC in host.addresses(has)
    assert host.routes(has) == {"default via 10.9.0.7"}
    assert has == "eth0" or host.addresses("eth0") == set()
    for piece in chain.pieces:
        if piece.mtu:
            assert host.read(f"/sys/class/net/{piece.name}/mtu").strip() == str(piece.mtu)
    after = state(host)
    for options in ({}, {"addresses": False}):
        again = host.at.reply(make_script(chain, **options))
        assert again.code == 0, again.complaint
        assert state(host) == after
    confirmed(host, undo_script(chain, "", directory="/run/xcatflow-network/undo", confirm_s=30, check=()))
    assert state(host) == before


@pytest.mark.parametrize("sort", CHAINS)
def test_each_link_below_is_made_of_what_it_is_on(host: Machine, sort: str) -> None:
    confirmed(host, change(CHAINS[sort]))
    log = (host.root / "ip.log").read_text().splitlines()
    for piece in CHAINS[sort].made:
        made = [line for line in log if line.startswith("link add ") and f"name {piece.name} " in f"{line} "]
        match piece.kind:
            case "bond":
                assert made == [f"link add name {piece.name} type bond mode {piece.mode} miimon {piece.miimon_ms}"]
                for nic in piece.lower:
                    down = log.index(f"link set dev {nic} down")
                    assert log[down + 1] == f"link set dev {nic} master {piece.name}", "a bond takes no NIC that is up"
            case "vlan":
                assert made == [f"link add link {piece.lower[0]} name {piece.name} type vlan id {piece.vlan}"]
            case "bridge":
                assert made == [f"link add name {piece.name} type bridge"]


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_of_a_bond_is_one_of_ip(host: Machine, mode: str) -> None:
    chain = InterfaceParams.model_validate({"bond": {"members": ["eth1"], "mode": mode}}).chain
    confirmed(host, change(chain))
    assert host.addresses("bond0") == {OTHER}


@pytest.mark.parametrize(
    ("sort", "word", "typo", "message"),
    [
        ("bond", " miimon ", " miimonn ", "miimonn"),
        ("bond", "bond bond0 0 802.3ad/100", "bond bond0 0 802.3/100", "802.3"),
        ("vlan", "type vlan id", "type vlan idd", "idd"),
        ("vlan", "eth0.7 1400 7 ", "eth0.7 1400 7x ", "7x"),
    ],
)
def test_a_line_that_ip_does_not_understand_fails_and_is_undone(
    host: Machine, sort: str, word: str, typo: str, message: str
) -> None:
    before, text = state(host), change(CHAINS[sort])
    assert word in text
    begun = begin(host, text.replace(word, typo))
    assert begun.code == 1
    assert message in (host.root / "ip.log").read_text()
    assert "undone: addresses, routes and files are as they were" in begun.complaint
    assert state(host) == before
