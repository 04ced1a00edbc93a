"""What a replacement that fails leaves behind: somebody else's container is not touched, the words name the right one, and containers that
remove themselves are told of."""

from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.errors import ActFailed, DeadlineExceeded, Unreachable
from xcatflow.model.change import Verb
from xcatflow.model.question import ContainerFacts
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.docker_container import DockerContainer
from xcatflow.steps.docker_create import DockerCreate
from xcatflow.transport.protocols import Created

STEP = DockerContainer()
SHARED = {"volumes": "data:/data"}
GOES = {"dockerflag": {"HostConfig": {"AutoRemove": True}}}
NO_WAY_BACK = "the old one removes itself when it stops (AutoRemove), so there is no way back"


class Daemon(FakeDocker):
    """`meanwhile` is done by somebody else after the next call of the method that it is for."""

    meanwhile: tuple[str, Any] = ("", None)

    def _happens(self, method: str) -> None:
        if self.meanwhile[0] == method:
            then, self.meanwhile = self.meanwhile[1], ("", None)
            then()

    def rename_container(self, name: str, new: str) -> None:
        super().rename_container(name, new)
        self._happens("rename")

    def create_container(self, name: str, body: Any) -> Created:
        made = super().create_container(name, body)
        self._happens("create")
        return made


@pytest.fixture
def daemon() -> Daemon:
    it = Daemon(images=["busybox", "busybox:2"])
    it.create_network({"Name": "lan", "IPAM": {"Config": [{"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1"}]}})
    return it


@pytest.fixture
def at(daemon: Daemon) -> DockerTarget:
    return DockerTarget(daemon=daemon)


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate({"name": "c1", "image": "busybox", **params})


def containers(at: DockerTarget) -> dict[str, ContainerFacts]:
    return {it.name: it for it in at.docker.containers()}


def mkdocker(at: DockerTarget, **params: Any) -> None:
    step = DockerCreate()
    given = step.params.model_validate({"name": "c1", "image": "busybox:2", **params})
    for change in step.plan(None, given):
        step.apply(at, given, None, change)


# --- a fixed address of the flags ---


def test_one_whose_flags_fix_its_address_is_replaced(at: DockerTarget) -> None:
    ends = {"EndpointsConfig": {"lan": {"IPAMConfig": {"IPv4Address": "10.1.0.9"}}}}
    given: dict[str, Any] = {"network": "lan", "dockerflag": {"NetworkingConfig": ends}}
    at.converge(STEP, want(**given))
    assert [it.verb for it in at.converge(STEP, want(**given, hostname="other"))] == [Verb.REPLACE]
    assert containers(at)["c1"].addresses == {"lan": "10.1.0.9"}


# --- somebody else's container ---


@pytest.mark.parametrize("given", [SHARED, {}], ids=["in turn", "beside"])
def test_one_that_somebody_else_made_meanwhile_is_not_removed(
    at: DockerTarget, daemon: Daemon, given: dict[str, Any]
) -> None:
    at.converge(STEP, want(**given))
    old = containers(at)["c1"]
    daemon.meanwhile = ("rename", lambda: mkdocker(at, hostname="theirs"))
    with pytest.raises(
        ActFailed, match=r"Conflict.*the old container, kept as .c1\.xcatflow-old., could not be brought"
    ):
        at.converge(STEP, want(**given, hostname="other"))
    found = containers(at)
    assert sorted(found) == ["c1", "c1.xcatflow-old"]
    assert (found["c1"].image, found["c1"].state) == ("busybox:2", "created")
    assert (found["c1.xcatflow-old"].id, found["c1.xcatflow-old"].state) == (old.id, "running")


def test_a_trial_that_somebody_else_makes_is_not_removed(at: DockerTarget, daemon: Daemon) -> None:
    at.converge(STEP, want())
    changes = at.plan(STEP, want(hostname="other"))
    seen = at.look(STEP, want(hostname="other"))
    daemon.create_container("c1.xcatflow-new", {"Image": "busybox", "Labels": {}})
    with pytest.raises(ActFailed, match=r"^Conflict.*; the old container runs on, untouched$"):
        STEP.apply(at, want(hostname="other"), seen, changes[0])
    assert sorted(containers(at)) == ["c1", "c1.xcatflow-new"]


def test_one_whose_creation_was_not_answered_is_known_by_its_labels(at: DockerTarget, daemon: Daemon) -> None:
    at.converge(STEP, want(**SHARED))
    old = containers(at)["c1"]
    daemon.fail_once["create_container"] = DeadlineExceeded("timeout after 60 s")
    daemon.after_doing = {"create_container"}
    with pytest.raises(ActFailed, match="timeout after 60 s; the old container is back"):
        at.converge(STEP, want(**SHARED, hostname="other"))
    assert containers(at) == {"c1": old}


def test_one_that_took_the_place_after_an_interruption_is_not_removed(at: DockerTarget, daemon: Daemon) -> None:
    """What is in the place is proven, and fails; by then it is another one than was looked at."""
    at.converge(STEP, want(**SHARED))
    daemon.fail_once["remove_container"] = ActFailed("device is busy")
    new = want(**SHARED, hostname="other", health={"command": "check", "wait": "1 s"})
    with pytest.raises(ActFailed, match="device is busy"):
        at.converge(STEP, new)
    seen = at.look(STEP, new)
    last = STEP.plan(seen, new)[-1]
    daemon.remove_container("c1", force=True)
    mkdocker(at)
    theirs = containers(at)["c1"].id
    with pytest.raises(ActFailed, match="could not be brought back"):
        STEP.apply(at, new, seen, last)
    assert containers(at)["c1"].id == theirs


# --- the right words ---


def test_an_old_one_that_does_not_start_again_has_its_name_back(at: DockerTarget, daemon: Daemon) -> None:
    at.converge(STEP, want(**SHARED))
    old = containers(at)["c1"]
    daemon.start_container = _refusing  # type: ignore[method-assign]
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, want(**SHARED, hostname="other"))
    assert str(caught.value) == (
        'cannot start container "c1" on host01: no space left on device; the old container has its name "c1" back, but could not be '
        "started again: no space left on device"
    )
    assert {name: it.id for name, it in containers(at).items()} == {"c1": old.id}


def _refusing(_name: str) -> bool:
    raise ActFailed("no space left on device")


def test_an_old_one_that_gets_neither_start_nor_name_is_named_as_it_is_kept(at: DockerTarget, daemon: Daemon) -> None:
    at.converge(STEP, want(**SHARED))

    def off(_name: str) -> bool:
        daemon.broken = Unreachable("no route to host")
        raise ActFailed("no space left on device")

    daemon.start_container = off  # type: ignore[method-assign]
    with pytest.raises(
        ActFailed, match=r'the old container, kept as "c1\.xcatflow-old", could not be brought back: no route'
    ):
        at.converge(STEP, want(**SHARED, hostname="other"))


# --- containers that remove themselves ---


def test_one_that_removes_itself_is_absent_when_it_is_stopped(at: DockerTarget) -> None:
    at.converge(STEP, want(**GOES))
    assert [it.verb for it in at.converge(STEP, want(state="absent"))] == [Verb.STOP, Verb.REMOVE]


def test_a_removal_that_is_under_way_is_waited_for(at: DockerTarget, daemon: Daemon) -> None:
    at.converge(STEP, want())
    daemon.fail_once["remove_container"] = ActFailed("removal of container c1 is already in progress")
    daemon.after_doing = {"remove_container"}
    assert [it.verb for it in at.converge(STEP, want(state="absent"))] == [Verb.STOP, Verb.REMOVE]
    at.converge(STEP, want())
    daemon.fail_once["remove_container"] = ActFailed("removal of container c1 is already in progress")
    daemon.after_doing = set()
    with pytest.raises(ActFailed, match=r'cannot remove container "c1" on host01: removal of container c1 is already'):
        at.converge(STEP, want(state="absent"))


def test_that_there_is_no_way_back_is_in_the_plan(at: DockerTarget, daemon: Daemon) -> None:
    at.converge(STEP, want(**GOES))
    (change,) = at.plan(STEP, want(**GOES, hostname="other"))
    assert change.why == f"a container's hostname cannot be changed in place; {NO_WAY_BACK}"
    daemon.calls.clear()
    at.plan(STEP, want(**GOES, hostname="other"))
    assert daemon.calls["inspect_container"] == 0, "its label tells"
    at.converge(STEP, want(hostname="other"))
    assert at.plan(STEP, want())[0].why == "a container's hostname cannot be changed in place"
    daemon.create_container("c2", {"Image": "busybox", "HostConfig": {"AutoRemove": True}})
    (change,) = at.plan(STEP, want(name="c2", adopt=True))
    assert change.why.endswith(f"; {NO_WAY_BACK}")


def test_that_the_old_one_is_gone_is_in_the_error(at: DockerTarget, daemon: Daemon) -> None:
    at.converge(STEP, want(**GOES))
    daemon.fail_once["start_container"] = ActFailed("port is already allocated")
    with pytest.raises(
        ActFailed, match=r"port is already allocated; the old container is gone: it removed itself when it was stopped"
    ):
        at.converge(STEP, want(**GOES, hostname="other"))
    assert containers(at) == {}
    at.converge(STEP, want(**GOES, hostname="other"))
    assert containers(at)["c1"].state == "running"
