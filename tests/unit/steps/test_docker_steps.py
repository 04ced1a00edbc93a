"""`docker.image`, `docker.network` and `docker.container` with a daemon: the same tests for the fake and for a real one of their own.

The real daemon needs root and dockerd, and is left out elsewhere.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.archive import write_archive
from tests.fakes.desk import FolderDesk
from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from tests.fakes.dockerd import Engine
from xcatflow.contract import Step
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import ContainerFacts
from xcatflow.steps.containers.acts import create
from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.labels import identity_labels
from xcatflow.steps.docker_container import DockerContainer
from xcatflow.steps.docker_image import DockerImage
from xcatflow.steps.docker_network import DockerNetwork
from xcatflow.steps.docker_prune import DockerPrune
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.protocols import Traffic

IMAGE, NETWORK, CONTAINER = DockerImage(), DockerNetwork(), DockerContainer()
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
NET = f"10.213.{78 + WORKER}"
"""Daemons that run at the same time share the machine's bridges and routes."""
LAN = {"name": "steps0", "subnet": f"{NET}.0/24"}
LAN2 = {"name": "steps1", "subnet": f"10.214.{78 + WORKER}.0/24"}
SLEEPER = {"name": "c1", "image": "busybox", "command": "sleep 1000", "network": "none", "stop_timeout": 0}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> FolderDesk:
    """A site with archives of images."""
    root = tmp_path_factory.mktemp("site")
    (root / "images").mkdir()
    write_archive(root / "images" / "busybox.tar", "busybox:latest", "busybox:1")
    return FolderDesk(root)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.lab)])
def at(request: pytest.FixtureRequest) -> Iterator[DockerTarget]:
    if request.param == "fake":
        daemon: Any = FakeDocker()
    else:
        daemon = DockerDaemon(request.getfixturevalue("real_engine").socket, traffic=Traffic())
    yield Slow(daemon=daemon) if request.param == "real" else DockerTarget(daemon=daemon)
    for container in daemon.containers():
        daemon.remove_container(container.name, force=True)
    for network in daemon.networks():
        if network.name in (LAN["name"], LAN2["name"]):
            daemon.remove_network(network.name)
    daemon.close()


class Slow(DockerTarget):
    """A daemon that needs its time: pauses are pauses."""

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        time.sleep(seconds)


def params(step: Step[Any, Any], given: dict[str, Any], **more: Any) -> Any:
    return step.params.model_validate({**given, **more})


def converge(at: DockerTarget, step: Step[Any, Any], given: dict[str, Any], **more: Any) -> list[Verb]:
    """What was done; that nothing is left to do is looked at."""
    want = params(step, given, **more)
    changes = at.converge(step, want)
    assert at.plan(step, want) == ()
    return [change.verb for change in changes]


def loaded(at: DockerTarget, desk: FolderDesk) -> None:
    at.converge(IMAGE, IMAGE.prepare(params(IMAGE, {"name": "busybox"}), desk))


def facts(at: DockerTarget, name: str = "c1") -> ContainerFacts:
    return next(it for it in at.docker.containers() if it.name == name)


def names(at: DockerTarget) -> list[str]:
    return sorted(it.name for it in at.docker.containers())


def test_an_image_is_loaded_once_and_removed(at: DockerTarget, desk: FolderDesk) -> None:
    for name in ("busybox", "busybox:1"):
        converge(at, IMAGE, {"name": name}, state="absent")
    want = IMAGE.prepare(params(IMAGE, {"name": "busybox"}), desk)
    assert [(it.verb, it.why) for it in at.converge(IMAGE, want)] == [(Verb.LOAD, "from images/busybox.tar")]
    assert at.converge(IMAGE, want) == ()
    assert IMAGE.outputs(at.look(IMAGE, want), want)["id"].startswith("sha256:")
    other = params(IMAGE, {"name": "docker.io/library/busybox:1"})
    assert at.plan(IMAGE, other) == ()
    IMAGE.undo(at, want, None, Change(Verb.LOAD, "image busybox"))
    assert [it.verb for it in at.plan(IMAGE, want)] == [Verb.LOAD]
    assert at.plan(IMAGE, other) == ()


def test_an_archive_that_was_made_anew_is_loaded_again(at: DockerTarget, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    path, here = tmp_path / "images" / "app_1.tar", FolderDesk(tmp_path)
    write_archive(path, "app:1")
    want = IMAGE.prepare(params(IMAGE, {"name": "app:1"}), here)
    at.converge(IMAGE, want)
    old = at.look(IMAGE, want)
    assert at.converge(IMAGE, IMAGE.prepare(params(IMAGE, {"name": "app:1"}), here)) == ()
    write_archive(path, "app:1", command="/bin/true")
    want = IMAGE.prepare(params(IMAGE, {"name": "app:1"}), here)
    (change,) = at.converge(IMAGE, want)
    assert (change.verb, change.field, change.before) == (Verb.LOAD, "id", old.id[7:19])
    IMAGE.undo(at, want, old, change)
    assert at.look(IMAGE, want).id == old.id
    converge(at, IMAGE, {"name": "app:1"}, state="absent")


def test_what_nothing_uses_goes_and_nothing_else(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    at.docker.tag_image("busybox", "used:1")
    for name, labels in (("kept", {"stage": "live"}), ("left", {"stage": "test"})):
        at.docker.create_volume({"Name": name, "Labels": labels})
    converge(at, NETWORK, LAN)
    prune = DockerPrune()
    at.docker.create_container("c1", {"Image": "used:1", "HostConfig": {"NetworkMode": "steps0", "Binds": ["kept:/x"]}})
    for what in ("networks", "images", "volumes"):
        given = {"what": what, "label": ["stage=test"] if what == "volumes" else []}
        done = [it.what for it in at.converge(prune, params(prune, given))]
        assert done == (["volume left"] if what == "volumes" else [])
    assert at.plan(prune, params(prune, {"what": "volumes"})) == ()
    (gone,) = at.converge(prune, params(prune, {"what": "containers"}))
    assert gone.what == "container c1"
    assert [it.what for it in at.converge(prune, params(prune, {"what": "networks"}))] == ["network steps0"]
    assert [it.what for it in at.converge(prune, params(prune, {"what": "volumes"}))] == ["volume kept"]
    found = at.converge(prune, params(prune, {"what": "images", "keep": ["busybox"]}))
    assert found == ()
    at.docker.remove_image("used:1")
    write = at.converge(prune, params(prune, {"what": "images"}))
    assert [it.what.split()[:2] for it in write] == [["image", "busybox:1"]]
    assert "MB" in str(write[0].before)


def test_an_archive_without_the_image_is_refused(at: DockerTarget, desk: FolderDesk) -> None:
    want = IMAGE.prepare(params(IMAGE, {"name": "other:2", "archive": "images/busybox.tar"}), desk)
    expected = r'"images/busybox.tar" does not hold "other:2", it holds busybox:(latest|1), busybox:(latest|1): correct'
    with pytest.raises(ActFailed, match=expected):
        at.converge(IMAGE, want)


def test_a_failed_pull_tells_the_ways_out_and_what_the_daemon_said(at: DockerTarget) -> None:
    want = params(IMAGE, {"name": "127.0.0.1:1/nothing/here:1"})
    with pytest.raises(ActFailed) as caught:
        at.converge(IMAGE, want)
    message = str(caught.value)
    assert message.startswith(
        'cannot get image "127.0.0.1:1/nothing/here:1" on host01: the site has no images/127.0.0.1_1_nothing_here_1.tar, '
    )
    assert (
        'put an archive of "docker save" to images/127.0.0.1_1_nothing_here_1.tar, or correct the name or make'
        in message
    )
    assert caught.value.detail.splitlines()[0] in message


def test_a_network_is_made_once_refused_when_it_differs_and_removed(at: DockerTarget) -> None:
    want = params(NETWORK, LAN)
    assert converge(at, NETWORK, LAN) == [Verb.CREATE]
    assert converge(at, NETWORK, LAN, gateway=f"{NET}.1") == []
    assert NETWORK.outputs(at.look(NETWORK, want), want)["subnet"] == LAN["subnet"]
    with pytest.raises(ActFailed, match=rf'subnet is "{NET}.0/24", expected "10.213.70.0/24"'):
        at.plan(NETWORK, params(NETWORK, LAN, subnet="10.213.70.0/24"))
    with pytest.raises(
        ActFailed, match=r'cannot create Docker network "steps1" on host01: Pool overlaps .*; choose a subnet'
    ):
        at.converge(NETWORK, params(NETWORK, LAN, name="steps1"))
    NETWORK.undo(at, want, None, Change(Verb.CREATE, "network steps0"))
    assert [it.verb for it in at.plan(NETWORK, want)] == [Verb.CREATE]


def test_a_container_goes_through_its_states(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    assert converge(at, CONTAINER, SLEEPER) == [Verb.CREATE, Verb.START]
    made = facts(at)
    assert converge(at, CONTAINER, SLEEPER, image="docker.io/library/busybox:latest", env={}) == []
    assert converge(at, CONTAINER, SLEEPER, state="paused") == [Verb.PAUSE]
    assert converge(at, CONTAINER, SLEEPER, state="created") == []
    assert converge(at, CONTAINER, SLEEPER) == [Verb.UNPAUSE]
    assert converge(at, CONTAINER, SLEEPER, state="stopped") == [Verb.STOP]
    assert converge(at, CONTAINER, SLEEPER, state="paused") == [Verb.START, Verb.PAUSE]
    assert converge(at, CONTAINER, SLEEPER, state="stopped") == [Verb.STOP]
    assert facts(at).id == made.id
    assert converge(at, CONTAINER, SLEEPER) == [Verb.START]
    assert converge(at, CONTAINER, SLEEPER, state="absent") == [Verb.STOP, Verb.REMOVE]
    assert names(at) == []


def test_changes_of_state_are_taken_back(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    states = ("running", "paused", "stopped", "running", "absent")
    done = []
    for state in states[:-1]:
        want = params(CONTAINER, SLEEPER, state=state)
        seen = at.look(CONTAINER, want)
        done.append((want, seen, at.converge(CONTAINER, want)))
    for want, seen, changes in reversed(done[1:]):
        at.undo(CONTAINER, want, seen, changes)
        assert facts(at).state == seen.own.state
    want, seen, changes = done[0]
    at.undo(CONTAINER, want, seen, changes)
    assert names(at) == []
    at.undo(CONTAINER, want, seen, changes[:1])
    with pytest.raises(CannotUndo, match='"c1" that was removed is gone'):
        CONTAINER.undo(at, want, seen, Change(Verb.REMOVE, "container c1"))


def test_a_container_is_replaced(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    converge(at, CONTAINER, SLEEPER)
    old = facts(at)
    assert converge(at, CONTAINER, SLEEPER, env={"A": "1"}, memory="64") == [Verb.REPLACE]
    assert names(at) == ["c1"]
    assert facts(at).id != old.id
    whole = at.docker.inspect_container("c1")
    assert whole is not None
    assert whole["HostConfig"]["Memory"] == 64 << 20
    assert whole["Config"]["Cmd"] == ["sleep", "1000"]


def test_limits_and_the_restart_policy_are_changed_in_place(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    given = {**SLEEPER, "memory": 64, "cpus": "0.5", "restart": "on-failure:3", "inspect": True}
    converge(at, CONTAINER, given)
    made = facts(at)
    assert converge(at, CONTAINER, given, memory=128, cpus="1.5", restart="always") == [Verb.UPDATE]
    more = {
        **given,
        "memory": 32,
        "restart": "",
        "dockerflag": {"HostConfig": {"PidsLimit": 40, "CpuShares": 200, "CpusetCpus": "0"}},
    }
    assert converge(at, CONTAINER, more) == [Verb.UPDATE]
    assert converge(at, CONTAINER, more, state="stopped", memory=96) == [Verb.UPDATE, Verb.STOP]
    assert facts(at).id == made.id
    host = (at.docker.inspect_container("c1") or {})["HostConfig"]
    assert (host["Memory"], host["MemorySwap"] in (-1, 192 << 20), host["NanoCpus"]) == (96 << 20, True, 500000000)
    assert (host["PidsLimit"], host["CpuShares"], host["CpusetCpus"]) == (40, 200, "0")
    at.docker.update_container("c1", {"Memory": 16 << 20, "MemorySwap": 32 << 20})
    assert at.plan(CONTAINER, params(CONTAINER, {**more, "state": "stopped", "memory": 96, "inspect": False})) != (), (
        "the label differs"
    )
    assert converge(at, CONTAINER, more, state="stopped", memory=96) == [Verb.UPDATE]
    assert converge(at, CONTAINER, more, memory="") == [Verb.REPLACE]


def test_networks_are_connected_and_disconnected_in_place(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    converge(at, NETWORK, LAN)
    converge(at, NETWORK, LAN2)
    given = {**SLEEPER, "network": "steps0", "ip": f"{NET}.9"}
    converge(at, CONTAINER, given)
    made = facts(at)
    assert converge(at, CONTAINER, given, network="steps0,steps1") == [Verb.ATTACH]
    assert converge(at, CONTAINER, given, network="steps0,steps1", address=f"{NET}.19") == [Verb.ATTACH]
    assert facts(at).addresses["steps0"] == f"{NET}.19"
    assert facts(at).networks == ("steps0", "steps1")
    assert converge(at, CONTAINER, given, state="stopped") == [Verb.ATTACH, Verb.DETACH, Verb.STOP]
    assert converge(at, CONTAINER, given, state="stopped", ip=f"{NET}.29") == [Verb.ATTACH]
    assert converge(at, CONTAINER, given, ip=f"{NET}.29") == [Verb.START]
    assert facts(at).addresses == {"steps0": f"{NET}.29"}
    assert converge(at, CONTAINER, given, ip=f"{NET}.9") == [Verb.ATTACH]
    assert converge(at, CONTAINER, given, ip="") == [Verb.ATTACH]
    assert facts(at).fixed == {}
    assert facts(at).id == made.id


def test_a_tag_that_was_moved_means_another_container(at: DockerTarget, desk: FolderDesk, tmp_path: Path) -> None:
    loaded(at, desk)
    converge(at, CONTAINER, SLEEPER, image="busybox:1")
    at.docker.remove_image("busybox:1")
    assert at.plan(CONTAINER, params(CONTAINER, SLEEPER, image="busybox:1")) == (), (
        "an image that is not there says nothing"
    )
    write_archive(tmp_path / "other.tar", "busybox:1", command=["/bin/sleep", "77"])
    at.docker.load_image(tmp_path / "other.tar")
    (change,) = at.plan(CONTAINER, params(CONTAINER, SLEEPER, image="busybox:1"))
    assert (change.verb, change.field, change.why) == (Verb.REPLACE, "image", "the tag was moved")
    assert converge(at, CONTAINER, SLEEPER, image="busybox:1") == [Verb.REPLACE]


def test_a_name_that_is_taken_comes_back_in_the_daemons_words(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    want = params(CONTAINER, SLEEPER)
    assert create(at, want) == ()
    with pytest.raises(ActFailed, match=r'^Conflict\. The container name "/c1" is already in use by container'):
        create(at, want)


def test_a_replacement_that_does_not_come_up_leaves_the_old_one_running(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    converge(at, NETWORK, LAN)
    given = {**SLEEPER, "network": "steps0", "address": f"{NET}.9"}
    converge(at, CONTAINER, given)
    old = facts(at)
    with pytest.raises(
        ActFailed,
        match=r'No such image: nothing/here:1: put a step "docker.image" before this one; the old container runs on, untouched',
    ):
        at.converge(CONTAINER, params(CONTAINER, given, image="nothing/here:1"))
    assert (names(at), facts(at).id, facts(at).state) == (["c1"], old.id, "running")
    with pytest.raises(
        ActFailed,
        match=r'network nowhere not found: put a step "docker.network" .*; the old container runs on',
    ):
        at.converge(CONTAINER, params(CONTAINER, given, network="nowhere"))
    assert (names(at), facts(at).id) == (["c1"], old.id)
    assert facts(at).addresses == {"steps0": f"{NET}.9"}
    assert converge(at, CONTAINER, given) == []
    assert converge(at, CONTAINER, given, hostname="other") == [Verb.REPLACE]
    assert facts(at).addresses == {"steps0": f"{NET}.9"}


def test_a_new_address_that_is_taken_leaves_the_old_one(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    converge(at, NETWORK, LAN)
    given = {**SLEEPER, "network": "steps0"}
    converge(at, CONTAINER, given, address=f"{NET}.9")
    converge(at, CONTAINER, given, address=f"{NET}.10", name="c2")
    with pytest.raises(
        ActFailed, match=r'^cannot connect container "c1" on host01 to network "steps0": Address already in use$'
    ):
        at.converge(CONTAINER, params(CONTAINER, given, address=f"{NET}.10"))
    assert facts(at).addresses == {"steps0": f"{NET}.9"}
    assert converge(at, CONTAINER, given, address=f"{NET}.9") == []
    at.docker.disconnect_network("steps0", "c1")
    assert converge(at, CONTAINER, given, address=f"{NET}.9") == [Verb.ATTACH]


def test_volumes_without_a_name_are_handed_on(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    given = {**SLEEPER, "dockerflag": {"Volumes": {"/data": {}}}}
    converge(at, CONTAINER, given)
    volumes = facts(at).volumes
    (change,) = at.plan(CONTAINER, params(CONTAINER, given, hostname="other"))
    assert change.why.endswith("; its volume of /data is handed on to the new one")
    with pytest.raises(ActFailed, match="the old container is back"):
        at.converge(CONTAINER, params(CONTAINER, given, network="nowhere"))
    assert facts(at).volumes == volumes
    assert converge(at, CONTAINER, given, hostname="other") == [Verb.REPLACE]
    assert facts(at).volumes == volumes
    more = {"dockerflag": {"Volumes": {"/data": {}, "/more": {}}}}
    with pytest.raises(ActFailed, match="the old container is back"):
        at.converge(CONTAINER, params(CONTAINER, {**given, **more}, network="nowhere"))
    assert [it.name for it in at.docker.volumes()] == list(volumes or ()), "what a trial was given goes with it"
    assert converge(at, CONTAINER, given, hostname="other", state="absent") == [Verb.STOP, Verb.REMOVE]
    assert [it.name for it in at.docker.volumes()] == list(volumes or ())
    at.docker.remove_volume((volumes or ("",))[0])


def test_one_that_removes_itself_is_absent_when_it_is_stopped(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    given = {**SLEEPER, "dockerflag": {"HostConfig": {"AutoRemove": True}}}
    converge(at, CONTAINER, given)
    assert converge(at, CONTAINER, given, hostname="other") == [Verb.REPLACE]
    assert names(at) == ["c1"]
    assert converge(at, CONTAINER, given, state="absent") == [Verb.STOP, Verb.REMOVE]
    assert names(at) == []


def test_an_address_in_use_leaves_no_container_behind(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    converge(at, NETWORK, LAN)
    given = {**SLEEPER, "network": "steps0", "address": f"{NET}.9"}
    converge(at, CONTAINER, given)
    with pytest.raises(
        ActFailed,
        match=rf'^cannot start container "c2" on host01 with the address {NET}.9, '
        r'which is in use by container "c1": Address already in use$',
    ):
        at.converge(CONTAINER, params(CONTAINER, given, name="c2"))
    assert names(at) == ["c1"]
    want = params(CONTAINER, given)
    assert CONTAINER.outputs(at.look(CONTAINER, want), want)["address"] == f"{NET}.9"


def test_a_lost_address_is_put_back(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    converge(at, NETWORK, LAN)
    given = {**SLEEPER, "network": "steps0", "address": f"{NET}.9"}
    converge(at, CONTAINER, given)
    at.docker.disconnect_network("steps0", "c1")
    assert converge(at, CONTAINER, given) == [Verb.ATTACH]
    at.docker.disconnect_network("steps0", "c1")
    at.docker.connect_network("steps0", "c1", address=f"{NET}.77")
    assert converge(at, CONTAINER, given) == [Verb.ATTACH]
    assert facts(at).addresses == {"steps0": f"{NET}.9"}


@pytest.mark.lab
def test_a_container_whose_command_ends_at_once_is_no_success(real_engine: Engine, desk: FolderDesk) -> None:
    at = Slow(daemon=DockerDaemon(real_engine.socket, traffic=Traffic()))
    loaded(at, desk)
    with pytest.raises(
        ActFailed, match=r'"c1" on host01 ended right after its start, with exit code 0: look at its command'
    ):
        at.converge(CONTAINER, params(CONTAINER, SLEEPER, command="true"))
    assert names(at) == [], "what was made in vain is taken away again"
    assert converge(at, CONTAINER, SLEEPER) == [Verb.CREATE, Verb.START]
    crashing = {**SLEEPER, "command": "sh -c 'busybox echo oh; exit 3'", "restart": "always"}
    keeps_ending = r'"c[12](\.xcatflow-new)?" on host01 keeps ending(, with exit code 3,)? and being restarted: look at its command'
    with pytest.raises(
        ActFailed, match=f'{keeps_ending}.*; its log ends with "oh"; the old container runs on, untouched'
    ):
        at.converge(CONTAINER, params(CONTAINER, crashing))
    assert converge(at, CONTAINER, SLEEPER) == []
    with pytest.raises(ActFailed, match=keeps_ending):
        at.converge(CONTAINER, params(CONTAINER, crashing, name="c2"))
    assert names(at) == ["c1"]
    body = {
        **create_body(params(CONTAINER, crashing, name="c2"), identity_labels(params(CONTAINER, crashing, name="c2")))
    }
    at.docker.create_container("c2", body)
    at.docker.start_container("c2")
    assert converge(at, CONTAINER, crashing, name="c2", command="sleep 1000") == [Verb.REPLACE]
    for name in names(at):
        assert converge(at, CONTAINER, SLEEPER, name=name, state="absent") == [Verb.STOP, Verb.REMOVE]
    at.docker.close()


@pytest.mark.lab
def test_a_container_is_proven_before_it_counts(real_engine: Engine, desk: FolderDesk) -> None:
    at = Slow(daemon=DockerDaemon(real_engine.socket, traffic=Traffic()))
    for name in names(at):
        at.docker.remove_container(name, force=True)
    loaded(at, desk)
    listening = {
        **SLEEPER,
        "image": "busybox:1",
        "command": ["busybox", "nc", "-l", "-p", "77"],
        "health": {"port": 77, "wait": "5 s"},
    }
    assert converge(at, CONTAINER, listening) == [Verb.CREATE, Verb.START]
    with pytest.raises(ActFailed, match="nothing listens on port 78 in it; the old container runs on, untouched"):
        at.converge(CONTAINER, params(CONTAINER, listening, env={"A": "1"}, health={"port": 78, "wait": "1 s"}))
    checked = {**SLEEPER, "name": "c2", "healthcheck": {"test": "test -e /ok", "interval": "0.2 s", "retries": 1}}
    with pytest.raises(ActFailed, match=r"not healthy after 1 s: its health check says (starting|unhealthy)"):
        at.converge(CONTAINER, params(CONTAINER, checked, health={"wait": "1 s"}))
    assert names(at) == ["c1"]
    checked["healthcheck"] = {"test": "true", "interval": "0.2 s"}
    assert converge(at, CONTAINER, checked, health={"wait": "5 s"}) == [Verb.CREATE, Verb.START]
    assert facts(at, "c2").health == "healthy"
    old = facts(at, "c2")
    with pytest.raises(ActFailed, match="health command exits with 1; the old container runs on"):
        at.converge(
            CONTAINER,
            params(CONTAINER, checked, hostname="x", health={"command": "sh -c 'test -e /no'", "wait": "1 s"}),
        )
    assert converge(at, CONTAINER, checked) == []
    assert facts(at, "c2").id == old.id
    assert converge(
        at, CONTAINER, checked, hostname="x", health={"command": "sh -c 'test -e /bin/sh'", "wait": "1 s"}
    ) == [Verb.REPLACE]
    for name in names(at):
        at.docker.remove_container(name, force=True)
    at.docker.close()
