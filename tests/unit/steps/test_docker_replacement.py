"""`docker.container` replaced, adopted and put on networks while things go wrong: refusals, lost replies, a controller killed half-way."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.errors import ActFailed, CannotUndo, DeadlineExceeded, Unreachable
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import ContainerFacts
from xcatflow.steps.container_params import ContainerParams
from xcatflow.steps.docker_container import DockerContainer

STEP = DockerContainer()
ACTS = ("rename_container", "create_container", "connect_network", "stop_container", "start_container", "inspect_container",
        "remove_container")  # fmt: skip


class Killed(BaseException):
    """The controller is gone."""


class Daemon(FakeDocker):
    """Calls `before` or `after` each act, with its number."""

    before: Callable[[int], None] | None = None
    after: Callable[[int], None] | None = None
    acts = 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in ACTS:
            return found

        def called(*args: Any, **options: Any) -> Any:
            self.acts += 1
            number = self.acts
            if self.before:
                self.before(number)
            result = found(*args, **options)
            if self.after:
                self.after(number)
            return result

        return called


@pytest.fixture
def at() -> DockerTarget:
    daemon = Daemon(images=["busybox", "busybox:2"])
    for name, subnet in (("lan", "10.1.0.0/24"), ("lan2", "10.2.0.0/24")):
        daemon.create_network({"Name": name, "IPAM": {"Config": [{"Subnet": subnet, "Gateway": subnet[:-4] + "1"}]}})
    return DockerTarget(daemon=daemon)


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate(
        {"name": "c1", "image": "busybox", "network": "lan,lan2", "address": "10.1.0.9", **params}
    )


NEW = want(image="busybox:2", memory=64)


def containers(at: DockerTarget) -> dict[str, ContainerFacts]:
    return {it.name: it for it in at.docker.containers()}


REPLACEMENT = ["inspect_container", "rename_container", "create_container", "connect_network", "stop_container", "start_container",
               "inspect_container", "inspect_container", "remove_container"]  # fmt: skip
MOMENTS = range(1, len(REPLACEMENT) + 1)
START = REPLACEMENT.index("start_container") + 1


def test_the_acts_of_a_replacement(at: DockerTarget) -> None:
    daemon: Any = at.daemon
    at.converge(STEP, want())
    daemon.acts, done = 0, daemon.calls.copy()
    at.converge(STEP, NEW)
    assert daemon.acts == len(REPLACEMENT)
    assert daemon.calls - done == Counter([*REPLACEMENT, "containers", "containers"])


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", MOMENTS)
def test_a_controller_killed_at_any_moment_leaves_what_the_next_run_puts_right(
    at: DockerTarget, number: int, moment: str
) -> None:
    daemon: Any = at.daemon
    at.converge(STEP, want())

    def die(now: int) -> None:
        if now == number:
            raise Killed

    daemon.acts = 0
    setattr(daemon, moment, die)
    try:
        at.converge(STEP, NEW)
    except Killed:
        setattr(daemon, moment, None)
        assert containers(at), "at every moment there is the old one or the new one"
        at.converge(STEP, NEW)
    assert list(containers(at)) == ["c1"]
    found = containers(at)["c1"]
    assert (found.image, found.state) == ("busybox:2", "running")
    assert found.addresses["lan"] == "10.1.0.9"
    assert "lan2" in found.addresses


@pytest.mark.parametrize("number", MOMENTS)
def test_whatever_is_refused_the_old_one_comes_back(at: DockerTarget, number: int) -> None:
    daemon: Any = at.daemon
    at.converge(STEP, want())
    old = containers(at)["c1"]

    def refuse(now: int) -> None:
        if now == number:
            raise ActFailed("the daemon will not")

    daemon.acts, daemon.before = 0, refuse
    with pytest.raises(ActFailed, match="the daemon will not"):
        at.converge(STEP, NEW)
    daemon.before = None
    if number < MOMENTS[-1] - 1:
        assert containers(at) == {"c1": old}
    else:
        assert containers(at)["c1"].image == "busybox:2", "only the old one was not removed"
    at.converge(STEP, NEW)
    assert [(it.image, it.state) for it in containers(at).values()] == [("busybox:2", "running")]


@pytest.mark.parametrize("number", range(START + 1, START + 8))
def test_a_controller_killed_on_the_way_back(at: DockerTarget, number: int) -> None:
    daemon: Any = at.daemon
    at.converge(STEP, want())
    old = containers(at)["c1"]

    def refuse_and_die(now: int) -> None:
        if now == START:
            raise ActFailed("port is already allocated")
        if now == number:
            raise Killed

    daemon.acts, daemon.before = 0, refuse_and_die
    with pytest.raises((Killed, ActFailed)):
        at.converge(STEP, NEW)
    daemon.before = None
    at.converge(STEP, want())
    assert containers(at) == {"c1": old}


def test_a_way_back_that_fails_is_told_and_taken_by_the_next_run(at: DockerTarget) -> None:
    at.converge(STEP, want())
    old = containers(at)["c1"]
    daemon: Any = at.daemon
    daemon.fail_once["create_container"] = ActFailed("no space left on device")

    def off(now: int) -> None:
        if "create_container" not in daemon.fail_once and daemon.calls["rename_container"]:
            raise Unreachable("no route to host")

    daemon.before = off
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, NEW)
    assert str(caught.value) == (
        'cannot create container "c1" on host01: no space left on device; and the old container, kept as "c1.xcatflow-old", '
        "could not be brought back: no route to host; the next run tries again"
    )
    daemon.before = None
    changes = at.converge(STEP, want())
    assert [(it.verb, it.field, it.after) for it in changes] == [(Verb.UPDATE, "name", "c1")]
    assert containers(at) == {"c1": old}


@pytest.mark.parametrize(("before", "wanted", "after"), [
    ("running", "created", "running"), ("stopped", "created", "created"), ("paused", "running", "running"),
    ("running", "stopped", "created"), ("stopped", "paused", "paused"),
])  # fmt: skip
def test_a_replacement_runs_when_that_is_wanted_or_was_so(
    at: DockerTarget, before: str, wanted: str, after: str
) -> None:
    at.converge(STEP, want())
    at.converge(STEP, want(state=before))
    at.converge(STEP, want(state=wanted, memory=64))
    assert containers(at)["c1"].state == after


def test_a_paused_one_is_paused_again_when_its_replacement_fails(at: DockerTarget) -> None:
    at.converge(STEP, want(state="paused"))
    at.daemon.fail_once["start_container"] = ActFailed("port is already allocated")  # type: ignore[attr-defined]
    with pytest.raises(
        ActFailed, match=r'cannot start container "c1" on host01: port is already allocated; the old container is back'
    ):
        at.converge(STEP, want(state="paused", memory=64))
    assert at.plan(STEP, want(state="paused")) == ()


def test_one_that_cannot_be_renamed_while_it_crashes_is_stopped_first(at: DockerTarget) -> None:
    at.converge(STEP, want())
    daemon: Any = at.daemon
    daemon.fail_once["rename_container"] = ActFailed("sandbox 4c82f5 not found")
    at.converge(STEP, NEW)
    assert [it.image for it in containers(at).values()] == ["busybox:2"]
    at.converge(STEP, want())
    old = containers(at)["c1"]
    daemon.fail_once |= {
        "rename_container": ActFailed("sandbox 4c82f5 not found"),
        "create_container": ActFailed("disk full"),
    }
    with pytest.raises(ActFailed, match="disk full; the old container is back; an address put in from the host is not"):
        at.converge(STEP, NEW)
    assert containers(at) == {"c1": old}
    daemon.fail_once["rename_container"] = ActFailed("name is taken")
    stops = daemon.calls["stop_container"]
    with pytest.raises(
        ActFailed, match=r'^cannot rename container "c1" on host01 to "c1.xcatflow-old": name is taken$'
    ):
        at.converge(STEP, NEW)
    assert daemon.calls["stop_container"] == stops


def test_a_foreign_container_is_taken_over_on_purpose_only(at: DockerTarget) -> None:
    at.docker.create_container("c1", {"Image": "busybox:2"})
    with pytest.raises(ActFailed, match="that xcatflow did not make"):
        at.plan(STEP, want())
    assert [it.field for it in at.converge(STEP, want(adopt=True))] == ["owner"]
    assert at.plan(STEP, want()) == ()
    assert containers(at)["c1"].labels["xcatflow.node"] == "c1"


def test_a_replacement_cannot_be_taken_back(at: DockerTarget) -> None:
    at.converge(STEP, want())
    seen = at.look(STEP, NEW)
    changes = at.converge(STEP, NEW)
    with pytest.raises(CannotUndo, match='the container "c1" that was replaced is gone, with all that it had written'):
        at.undo(STEP, NEW, seen, changes)


def test_an_address_that_was_put_back_is_taken_back(at: DockerTarget) -> None:
    at.converge(STEP, want())
    at.docker.disconnect_network("lan", "c1")
    seen = at.look(STEP, want())
    changes = at.converge(STEP, want())
    at.undo(STEP, want(), seen, changes)
    assert containers(at)["c1"].addresses.keys() == {"lan2"}
    with pytest.raises(CannotUndo, match='the lan of container "c1" stays'):
        STEP.undo(at, want(), seen, Change(Verb.ATTACH, "container c1", "lan", "10.1.0.2", "10.1.0.9"))


def test_a_network_that_is_missing_leaves_no_container_behind(at: DockerTarget) -> None:
    expected = r'^cannot connect container "c1" on host01 to network "lan3": network lan3 not found: put a step "docker.network" before'
    with pytest.raises(ActFailed, match=expected):
        at.converge(STEP, want(network="lan,lan3"))
    assert containers(at) == {}


def test_a_network_that_a_killed_run_did_not_connect_is_connected_before_the_start(at: DockerTarget) -> None:
    at.converge(STEP, want(state="created"))
    at.docker.disconnect_network("lan2", "c1")
    at.converge(STEP, want())
    assert containers(at)["c1"].addresses.keys() == {"lan", "lan2"}


def test_a_start_that_may_have_happened_removes_nothing(at: DockerTarget) -> None:
    daemon: Any = at.daemon
    daemon.fail_once["start_container"] = DeadlineExceeded("timeout after 60 s: POST /containers/c1/start")
    daemon.after_doing = {"start_container"}
    with pytest.raises(DeadlineExceeded, match="timeout after 60 s"):
        at.converge(STEP, want())
    assert at.converge(STEP, want()) == ()


def test_one_listing_tells_everything(at: DockerTarget) -> None:
    at.converge(STEP, want())
    daemon: Any = at.daemon
    daemon.calls.clear()
    for number in range(3):
        at.look(STEP, want(name=f"c{number + 1}"))
    at.answer([question for number in range(40) for question in STEP.ask(want(name=f"c{number + 1}"))])
    assert daemon.calls == {"containers": 4}


def test_values_of_the_environment_are_in_no_label_and_no_plan(at: DockerTarget) -> None:
    at.converge(STEP, want(env={"PASSWORD": "opensesame"}, dockerflag={"Env": ["TOKEN=xyzzy"]}))
    labels = containers(at)["c1"].labels
    changes = at.plan(STEP, want(env={"PASSWORD": "rosebud"}, dockerflag={"Env": ["TOKEN=plugh"]}))
    assert "PASSWORD" in changes[0].field
    for text in (*labels.values(), *map(str, changes), changes[0].diff):
        assert not any(secret in text for secret in ("opensesame", "xyzzy", "rosebud", "plugh"))
