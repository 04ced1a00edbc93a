"""`container.address` on network namespaces (the machine's `ip` for real), and in Docker's own networks with the fake daemon."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.docker import FakeDocker
from tests.fakes.netns import Machine, lacks, machine, real_arping
from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.container_links import ContainerLinkFacts, LinkEndFacts
from xcatflow.model.question import Answers, Container
from xcatflow.steps.container_address import ContainerAddress, Place
from xcatflow.steps.containers.address_params import AddressParams
from xcatflow.steps.containers.link import host_end

STEP = ContainerAddress()


def want(**params: Any) -> AddressParams:
    """Not kept: what keeps an address is in test_container_keeper."""
    given = {"container": "c1", "address": "10.0.0.5/16", "bridge": "br0", "keep": False, **params}
    return AddressParams.model_validate({name: value for name, value in given.items() if value is not None})


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    if reason := lacks():
        pytest.skip(reason)
    with machine(tmp_path / "machine", running=("c1", "c2")) as made:
        yield made


def link_of(here: Machine, wanted: AddressParams) -> LinkEndFacts:
    seen = here.at.look(STEP, wanted)
    assert isinstance(seen, Place)
    assert seen.link
    assert seen.link.link
    return seen.link.link


def default_of(here: Machine, container: str = "c1") -> str:
    return here.inside(container, "route", "show", "default").strip()


def test_a_container_gets_its_address_and_keeps_it(here: Machine) -> None:
    wanted = want(gateway="10.0.0.1", mac="02:00:0A:00:00:05")
    (change,) = here.at.converge(STEP, wanted)
    assert change == Change(Verb.ATTACH, "container c1", "eth1", None, "10.0.0.5/16 via 10.0.0.1 on br0")
    name = f"veth1pl{here.pid('c1')}"
    assert link_of(here, wanted) == LinkEndFacts(("10.0.0.5/16",), "02:00:0a:00:00:05", 1400, True, name, "br0")
    assert default_of(here) == "default via 10.0.0.1 dev eth1"
    here.at.scripts.clear()
    assert here.at.converge(STEP, wanted) == ()
    assert here.at.scripts == []


def test_two_containers_reach_each_other(here: Machine) -> None:
    here.at.converge(STEP, want())
    here.at.converge(STEP, want(container="c2", address="10.0.0.6/16", interface="private0", mtu=1300))
    here.inside("c2", "route", "get", "10.0.0.5")
    here.ip("addr", "add", "10.0.0.1/16", "dev", "br0")
    for ip in ("10.0.0.5", "10.0.0.6"):
        done = here.at.reply(f"ping -c 1 -W 5 {ip}")
        assert done.code == 0, done
    assert link_of(here, want(container="c2", interface="private0")).mtu == 1300


def test_another_address_is_replaced_and_the_gateway_comes_back(here: Machine) -> None:
    here.at.converge(STEP, want(gateway="10.0.0.1"))
    here.inside("c1", "addr", "add", "10.0.7.7/16", "dev", "eth1")
    (change,) = here.at.converge(STEP, want(address="10.0.0.9/16", gateway="10.0.0.1"))
    assert (change.verb, change.before, change.after) == (
        Verb.UPDATE,
        "address 10.0.0.5/16, 10.0.7.7/16",
        "address 10.0.0.9/16",
    )
    assert default_of(here) == "default via 10.0.0.1 dev eth1"
    (change,) = here.at.converge(STEP, want(address="10.0.0.9/24", gateway="10.0.0.1"))
    assert (change.before, change.after) == ("address 10.0.0.9/16", "address 10.0.0.9/24")


def test_everything_else_is_repaired(here: Machine) -> None:
    wanted = want(gateway="10.0.0.1", mac="02:00:00:00:00:05", mtu=1300)
    here.at.converge(STEP, wanted)
    here.ip("link", "add", "br1", "type", "bridge")
    here.ip("link", "set", host_end("eth1", int(here.pid("c1"))), "master", "br1")
    here.inside("c1", "route", "replace", "default", "via", "10.0.0.2", "dev", "eth1")
    here.inside("c1", "link", "set", "eth1", "address", "02:00:00:00:00:06", "mtu", "1200")
    (change,) = here.at.converge(STEP, wanted)
    assert change.before == "gateway 10.0.0.2, bridge br1, mac 02:00:00:00:00:06, mtu 1200"
    assert change.after == "gateway 10.0.0.1, bridge br0, mac 02:00:00:00:00:05, mtu 1300"
    here.inside("c1", "link", "set", "eth1", "down")
    (change,) = here.at.converge(STEP, wanted)
    assert (change.before, change.after) == ("gateway none, down", "gateway 10.0.0.1, up")


def test_a_gateway_outside_of_the_network_and_a_default_route_elsewhere(here: Machine) -> None:
    here.inside("c1", "link", "add", "eth0", "type", "bridge")
    here.inside("c1", "link", "set", "eth0", "up")
    here.inside("c1", "addr", "add", "172.17.0.2/16", "dev", "eth0")
    here.inside("c1", "route", "add", "default", "via", "172.17.0.1")
    here.at.converge(STEP, want(address="10.0.0.5/32"))
    assert default_of(here) == "default via 172.17.0.1 dev eth0", "without a gateway the routes stay as they are"
    (change,) = here.at.converge(STEP, want(address="10.0.0.5/32", gateway="10.0.0.1"))
    assert (change.before, change.after) == ("gateway 172.17.0.1 (eth0)", "gateway 10.0.0.1")
    assert default_of(here) == "default via 10.0.0.1 dev eth1"


@pytest.mark.parametrize("inside", [False, True])
def test_what_a_killed_run_left_is_done_again(here: Machine, inside: bool) -> None:
    pid = here.pid("c1")
    end = ("eth1", "netns", pid) if inside else (f"veth1pg{pid}",)
    here.ip("link", "add", f"veth1pl{pid}", "type", "veth", "peer", "name", *end)
    (change,) = here.at.converge(STEP, want())
    assert change.verb is (Verb.UPDATE if inside else Verb.ATTACH)
    assert "pg" not in here.ip("-br", "link")


def test_a_failure_leaves_no_half_of_it(here: Machine) -> None:
    wanted = want(gateway="10.0.0.1")
    seen = here.at.look(STEP, wanted)
    wrong = wanted.model_copy(update={"address": "10.0.0.5/16", "mac": "01:00:00:00:00:00"})
    with pytest.raises(ActFailed, match='cannot give container "c1" its address on host01: '):
        STEP.apply(here.at, wrong, seen, Change(Verb.ATTACH, "container c1", "eth1"))
    assert here.at.look(STEP, wanted) == seen
    assert "veth1pl" not in here.ip("-br", "link")


def test_a_container_restarted_meanwhile_is_not_touched(here: Machine) -> None:
    seen = here.at.look(STEP, want())
    (here.root / "c1").write_text((here.root / "c2").read_text())
    with pytest.raises(ActFailed, match="it was restarted meanwhile: run this again"):
        STEP.apply(here.at, want(), seen, Change(Verb.ATTACH, "container c1", "eth1"))
    assert "eth1" not in here.inside("c2", "-br", "link")


def test_neighbours_are_told_where_there_is_arping(here: Machine) -> None:
    tools(here.root / "bin", arping=f'echo "$*" >{here.root}/told; sleep 60')
    here.at.converge(STEP, want(probe=False))
    assert (here.root / "told").read_text() == "-q -c 1 -A -I eth1 10.0.0.5\n"


def test_undo(here: Machine) -> None:
    first, second = want(gateway="10.0.0.1"), want(address="10.0.9.9/24", gateway="10.0.9.1")
    empty = here.at.look(STEP, first)
    (attached,) = here.at.converge(STEP, first)
    before = here.at.look(STEP, first)
    (updated,) = here.at.converge(STEP, second)
    STEP.undo(here.at, second, before, updated)
    assert here.at.look(STEP, first) == before
    STEP.undo(here.at, first, empty, attached)
    assert here.at.look(STEP, first) == empty
    STEP.undo(here.at, first, empty, attached)


def test_undo_of_what_was_broken_before() -> None:
    link = LinkEndFacts((), "02:00:00:00:00:01", 1500, up=False, host_end="veth1pl9")
    seen = Place(ContainerLinkFacts(9, link, bridges=("br0",)))
    with pytest.raises(CannotUndo, match='"eth1" of container "c1" was on no bridge before'):
        STEP.undo(LocalTarget(), want(), seen, Change(Verb.UPDATE, "container c1", "eth1"))


@pytest.mark.parametrize(
    ("interface", "pid", "name"),
    [
        ("eth1", 571, "veth1pl571"),
        ("eth1", 4194304, "veth1pl4194304"),
        ("private0", 571, "vprivate0pl571"),
        ("private0", 4194304, "vab6c5pl4194304"),
        ("private1", 4194304, "v63d81pl4194304"),
        ("a.very-long.one", 1, "vda3e3d766dfpl1"),
    ],
)
def test_names_of_the_other_end_fit(interface: str, pid: int, name: str) -> None:
    found = host_end(interface, pid)
    assert found.startswith(name)
    assert found.endswith(f"pl{pid}")
    assert len(found) <= 15


def no_ipv6() -> str:
    """Why addresses of IPv6 cannot be tried here; empty when they can."""
    return "" if Path("/proc/net/if_inet6").exists() else "the kernel has no IPv6"


@pytest.mark.skipif(bool(no_ipv6()), reason=no_ipv6())
def test_ipv6_beside_ipv4(here: Machine) -> None:
    wanted = want(addresses="fd00::5/64", gateway="10.0.0.1", gateway6="fd00::1")
    (change,) = here.at.converge(STEP, wanted)
    assert change.after == "10.0.0.5/16, fd00::5/64 via 10.0.0.1 via fd00::1 on br0"
    assert link_of(here, wanted).addresses == ("10.0.0.5/16", "fd00::5/64")
    assert here.inside("c1", "-6", "route", "show", "default").startswith("default via fd00::1 dev eth1 ")
    assert here.at.converge(STEP, wanted) == ()
    (change,) = here.at.converge(STEP, want(gateway="10.0.0.1"))
    assert (change.before, change.after) == ("address 10.0.0.5/16, fd00::5/64", "address 10.0.0.5/16")


@pytest.mark.skipif(bool(no_ipv6()), reason=no_ipv6())
def test_ipv6_that_another_container_has_is_not_left_half_made(here: Machine) -> None:
    here.at.converge(STEP, want(container="c2", address="fd00::5/64", gateway6="fd00::1"))
    with pytest.raises(ActFailed, match="another machine has fd00::5"):
        here.at.converge(STEP, want(addresses="fd00::5/64"))
    assert "eth1" not in here.inside("c1", "-br", "link")


def test_several_interfaces(here: Machine) -> None:
    here.ip("link", "add", "lan30", "type", "bridge")
    here.at.converge(STEP, want(gateway="10.0.0.1"))
    second = want(address=None, nic="eth2=10.30.0.5/24@lan30")
    here.at.converge(STEP, second)
    assert link_of(here, second).bridge == "lan30"
    assert default_of(here) == "default via 10.0.0.1 dev eth1"
    assert here.at.converge(STEP, want(gateway="10.0.0.1")) == ()
    (change,) = here.at.converge(STEP, second.model_copy(update={"state": "absent"}))
    assert (change.verb, change.field, change.before) == (Verb.REMOVE, "eth2", "10.30.0.5/24")
    assert "eth2" not in here.inside("c1", "-br", "link")


def test_an_address_in_use_is_refused_before_anything_is_done(here: Machine) -> None:
    real_arping(here)
    here.at.converge(STEP, want(container="c2", mac="02:00:00:00:00:02"))
    here.at.scripts.clear()
    with pytest.raises(
        ActFailed, match=r'address 10.0.0.5 of container "c1" is in use on "br0" already, by .*02:00:00:00:00:02'
    ):
        here.at.converge(STEP, want())
    assert here.at.scripts == []
    assert here.at.converge(STEP, want(container="c2", mac="02:00:00:00:00:02")) == ()
    (change,) = here.at.converge(STEP, want(probe=False))
    assert change.verb is Verb.ATTACH


# --- in a network of Docker ---


@dataclass
class WithDocker(LocalTarget):
    daemon: FakeDocker = field(default_factory=lambda: FakeDocker(images=["busybox"]))

    @property
    def docker(self) -> Any:
        return self.daemon

    def answer(self, questions: Any) -> Answers:
        found = {facts.name: facts for facts in self.daemon.containers()}
        return Answers({question: found.get(question.name) for question in questions})


@pytest.fixture
def daemon() -> WithDocker:
    at = WithDocker()
    pool = {"Config": [{"Subnet": "10.0.0.0/16", "Gateway": "10.0.0.1"}]}
    at.daemon.create_network({"Name": "lan", "IPAM": pool})
    for name in ("c1", "c2"):
        at.daemon.create_container(name, {"Image": "busybox"})
        at.daemon.start_container(name)
    return at


def in_network(**params: Any) -> AddressParams:
    return AddressParams.model_validate({"container": "c1", "address": "10.0.0.5/16", "network": "lan", **params})


def test_a_container_is_connected_to_a_network(daemon: WithDocker) -> None:
    assert STEP.ask(in_network()) == (Container("c1"),)
    empty = daemon.look(STEP, in_network())
    (attached,) = daemon.converge(STEP, in_network())
    assert attached == Change(Verb.ATTACH, "container c1", "network lan", None, "10.0.0.5")
    assert daemon.converge(STEP, in_network()) == ()
    before = daemon.look(STEP, in_network())
    (updated,) = daemon.converge(STEP, in_network(address="10.0.0.9"))
    assert updated == Change(Verb.UPDATE, "container c1", "network lan", "10.0.0.5", "10.0.0.9")
    STEP.undo(daemon, in_network(address="10.0.0.9"), before, updated)
    assert daemon.look(STEP, in_network()).addresses == {"lan": "10.0.0.5"}
    STEP.undo(daemon, in_network(), empty, attached)
    assert daemon.look(STEP, in_network()).addresses == {}


def test_an_address_that_is_taken_leaves_the_old_one(daemon: WithDocker) -> None:
    daemon.converge(STEP, in_network(address="10.0.0.5"))
    daemon.converge(STEP, in_network(container="c2", address="10.0.0.6"))
    with pytest.raises(ActFailed) as caught:
        daemon.converge(STEP, in_network(container="c2", address="10.0.0.5"))
    message = 'cannot give container "c2" the address 10.0.0.5 in the network "lan": Address already in use'
    assert str(caught.value) == message
    assert daemon.look(STEP, in_network(container="c2")).addresses == {"lan": "10.0.0.6"}


class Particular(FakeDocker):
    """Refuses other networks to containers that are in `none`, as engines do. `alone` are those containers."""

    def __init__(self, *alone: str) -> None:
        super().__init__(images=["busybox"])
        self.alone = set(alone)

    def connect_network(self, network: str, container: str, *, address: str | None, **more: Any) -> None:
        if container in self.alone:
            raise ActFailed(
                "container cannot be connected to multiple networks with one of the networks in private (none) mode"
            )
        super().connect_network(network, container, address=address, **more)

    def disconnect_network(self, network: str, container: str) -> None:
        if network == "none":
            self.alone.remove(container)
        else:
            super().disconnect_network(network, container)


def test_a_container_without_a_network_leaves_that_for_another(daemon: WithDocker) -> None:
    daemon.daemon = made = Particular("c1", "c2")
    made.create_network({"Name": "lan", "IPAM": {"Config": [{"Subnet": "10.0.0.0/16", "Gateway": "10.0.0.1"}]}})
    for name in ("c1", "c2"):
        made.create_container(name, {"Image": "busybox", "HostConfig": {"NetworkMode": "none"}})
        made.start_container(name)
    daemon.converge(STEP, in_network())
    assert made.alone == {"c2"}


# --- parameters ---


def test_empty_text_is_left_out() -> None:
    given = want(bridge="", gateway="", mac="", mtu="", interface="", network="")
    assert given == AddressParams(container="c1", address="10.0.0.5/16", keep=False)
    assert (given.bridge, given.interface) == ("mydocker0", "eth1")
    assert in_network(bridge="", gateway="", mtu="").network == "lan"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"container": ""}, "container\n  Field required"),
        ({"container": "a b"}, 'expected the name of a container, found "a b"'),
        ({"address": "10.0.0.5"}, 'expected an address with its prefix such as "10.0.0.5/24", found "10.0.0.5"'),
        ({"address": "10.0.0.500/16"}, 'expected an address with its prefix such as "10.20.0.21/16"'),
        ({"address": None}, '"address" is missing'),
        ({"addresses": "10.0.0.6"}, 'expected an address with its prefix such as "10.20.0.21/16", found "10.0.0.6"'),
        ({"address": "fd00::5/64", "gateway": "10.0.0.1"}, 'a "gateway" needs an IPv4 address, found fd00::5/64'),
        ({"gateway6": "fd00::1"}, 'a "gateway6" needs an IPv6 address, found 10.0.0.5/16'),
        ({"gateway6": "10.0.0.1"}, 'expected an IPv6 address such as "fd00:20::1"'),
        ({"nic": "eth2=10.0.0.6/16"}, 'expected either "nic" or "address", found both'),
        ({"nic": "eth2", "address": None}, 'expected an adapter such as "eth2=10.30.0.21/16@lan30", found "eth2"'),
        ({"nic": "eth2=", "address": None}, '"address" is missing'),
        ({"address": "10.0.0.5/16", "gateway": "10.0.0.5"}, 'cannot both have the address "10.0.0.5"'),
        ({"gateway": "10.0.0.1/16"}, 'expected an IPv4 address such as "10.20.0.1", found "10.0.0.1/16"'),
        ({"mac": "01:00:00:00:00:01"}, "expected the MAC address of one interface"),
        ({"interface": "sixteen-letters0"}, r"expected the name of a network interface \(at most 15 characters\)"),
        ({"bridge": "br0;reboot"}, "expected the name of a network interface"),
        ({"network": "lan"}, 'expected either "network" or "bridge", found both'),
        ({"network": "lan", "bridge": "", "gateway": "10.0.0.1"}, 'expected either "network" or "gateway", found both'),
        ({"mtu": "12"}, "mtu"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        want(**params)
