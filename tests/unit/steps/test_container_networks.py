"""`docker.container` and its networks: an address that is taken, connections lost by hand, fixed MACs, and the way back."""

from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import ContainerFacts, DaemonFacts
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.docker_container import DockerContainer

STEP = DockerContainer()
MAC = "02:42:0a:14:00:15"


@pytest.fixture
def daemon() -> FakeDocker:
    it = FakeDocker(images=["busybox"])
    for name, subnet in (("lan", "10.1.0.0/24"), ("lan2", "10.2.0.0/24")):
        it.create_network({"Name": name, "IPAM": {"Config": [{"Subnet": subnet, "Gateway": subnet[:-4] + "1"}]}})
    return it


@pytest.fixture
def at(daemon: FakeDocker) -> DockerTarget:
    return DockerTarget(daemon=daemon)


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate({"name": "c1", "image": "busybox", "network": "lan", **params})


def facts(at: DockerTarget, name: str = "c1") -> ContainerFacts:
    return next(it for it in at.docker.containers() if it.name == name)


def speaking(daemon: FakeDocker, newest: str, used: str) -> None:
    daemon.facts = DaemonFacts(engine="x", api=newest, min_api="1.21", used_api=used)


# --- an address that is refused ---


def test_a_container_whose_new_address_is_taken_keeps_the_old_one(at: DockerTarget) -> None:
    at.converge(STEP, want(address="10.1.0.9", address6="fd00::9"))
    at.converge(STEP, want(name="c2", address="10.1.0.10"))
    before = facts(at)
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, want(address="10.1.0.10", address6="fd00::9"))
    assert str(caught.value) == 'cannot connect container "c1" on host01 to network "lan": Address already in use'
    assert facts(at) == before
    end = (at.docker.inspect_container("c1") or {})["NetworkSettings"]["Networks"]["lan"]
    assert end["IPAMConfig"] == {"IPv4Address": "10.1.0.9", "IPv6Address": "fd00::9"}


def test_that_the_old_address_did_not_come_back_either_is_told(at: DockerTarget, daemon: FakeDocker) -> None:
    class Refusing(FakeDocker):
        def connect_network(self, *given: Any, **more: Any) -> None:
            raise ActFailed("no available addresses")

    at.converge(STEP, want(address="10.1.0.9"))
    daemon.__class__ = Refusing
    with pytest.raises(
        ActFailed,
        match=r'network "lan": no available addresses; and it could not be connected as before: no available addresses$',
    ):
        at.converge(STEP, want(address="10.1.0.10"))


# --- connections that were lost ---


@pytest.mark.parametrize(
    ("given", "back"),
    [
        ({}, ["lan"]),
        ({"network": "lan,lan2"}, ["lan", "lan2"]),
        ({"network": "lan,lan2", "address": "10.1.0.9"}, ["lan", "lan2"]),
        ({"network": ""}, ["bridge"]),
    ],
)
@pytest.mark.parametrize("state", ["running", "stopped"])
def test_one_that_was_disconnected_from_everything_is_connected_again(
    at: DockerTarget, given: dict[str, Any], back: list[str], state: str
) -> None:
    at.converge(STEP, want(**given, state=state))
    for network in facts(at).networks:
        at.docker.disconnect_network(network, "c1")
    assert facts(at).networks == ()
    done = at.converge(STEP, want(**given, state=state))
    assert [(it.verb, it.field) for it in done] == [(Verb.ATTACH, network) for network in back]
    assert facts(at).networks == tuple(sorted(back))


def test_one_that_never_ran_has_no_networks_yet_on_an_engine_of_api_1_21(at: DockerTarget, daemon: FakeDocker) -> None:
    at.converge(STEP, want(state="created"))
    at.docker.disconnect_network("lan", "c1")
    speaking(daemon, "1.21", "1.21")
    assert at.plan(STEP, want(state="created")) == ()


def test_a_daemon_without_a_default_network_has_another_one_in_its_place(at: DockerTarget) -> None:
    at.converge(STEP, want(network=""))
    at.docker.disconnect_network("bridge", "c1")
    at.docker.connect_network("none", "c1", address=None)
    assert at.plan(STEP, want(network="")) == ()


# --- fixed MAC addresses ---


@pytest.mark.parametrize(
    ("newest", "used", "verb"),
    [
        ("1.41", "1.41", Verb.ATTACH),
        ("1.44", "1.44", Verb.REPLACE),
        ("1.53", "1.53", Verb.REPLACE),
        ("1.54", "1.44", Verb.REPLACE),
        ("1.44", "1.41", Verb.REPLACE),
        ("1.54", "1.54", Verb.ATTACH),
    ],
)
def test_a_mac_that_another_connection_would_cost_needs_another_container(
    at: DockerTarget, daemon: FakeDocker, newest: str, used: str, verb: Verb
) -> None:
    at.converge(STEP, want(address="10.1.0.9", mac=MAC))
    speaking(daemon, newest, used)
    (change,) = at.plan(STEP, want(address="10.1.0.10", mac=MAC))
    assert (change.verb, change.field, change.before, change.after) == (verb, "lan", "10.1.0.9", "10.1.0.10")
    assert (verb is Verb.REPLACE) is (
        "its fixed MAC address would be lost when it is connected anew, which needs API 1.54" in change.why
    )
    at.converge(STEP, want(address="10.1.0.10", mac=MAC))
    end = (at.docker.inspect_container("c1") or {})["NetworkSettings"]["Networks"]["lan"]
    assert (facts(at).addresses["lan"], end["MacAddress"]) == ("10.1.0.10", MAC)


def test_without_a_fixed_mac_an_address_changes_in_place_everywhere(at: DockerTarget, daemon: FakeDocker) -> None:
    at.converge(STEP, want(address="10.1.0.9"))
    speaking(daemon, "1.44", "1.44")
    assert [it.verb for it in at.converge(STEP, want(address="10.1.0.10"))] == [Verb.ATTACH]


# --- taken back ---


def test_an_address_that_was_changed_is_given_back(at: DockerTarget) -> None:
    at.converge(STEP, want(address="10.1.0.9"))
    before, new = facts(at), want(address="10.1.0.10")
    seen = at.look(STEP, new)
    at.undo(STEP, new, seen, at.converge(STEP, new))
    assert facts(at) == before


def test_an_address_that_was_given_to_a_stopped_one_is_taken_from_it(at: DockerTarget) -> None:
    at.converge(STEP, want(state="created"))
    before, new = facts(at), want(address="10.1.0.10", state="created")
    seen = at.look(STEP, new)
    change = Change(Verb.ATTACH, "container c1", "lan", None, "10.1.0.10")
    STEP.apply(at, new, seen, change)
    assert facts(at).fixed == {"lan": "10.1.0.10"}
    at.undo(STEP, new, seen, [change])
    assert facts(at) == before


def test_a_connection_that_was_ended_comes_back_with_its_fixed_address(at: DockerTarget) -> None:
    at.converge(STEP, want(network="lan,lan2"))
    at.docker.disconnect_network("lan2", "c1")
    at.docker.connect_network("lan2", "c1", address="10.2.0.44")
    before, new = facts(at), want()
    seen = at.look(STEP, new)
    done = at.converge(STEP, new)
    assert [(it.verb, it.field) for it in done] == [(Verb.DETACH, "lan2")]
    at.undo(STEP, new, seen, done)
    assert facts(at) == before
