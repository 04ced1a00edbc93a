"""`docker.image`, `docker.network` and `docker.container` with a daemon: the same tests for the fake and for a real one of their own.

The real daemon needs root and dockerd, and is left out elsewhere.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.archive import busybox, write_archive
from tests.fakes.desk import FolderDesk
from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from tests.fakes.dockerd import Engine, NoEngine, engine
from xcatflow.contract import Step
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import ContainerFacts
from xcatflow.steps.docker_container import DockerContainer
from xcatflow.steps.docker_image import DockerImage
from xcatflow.steps.docker_network import DockerNetwork
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.protocols import Traffic

IMAGE, NETWORK, CONTAINER = DockerImage(), DockerNetwork(), DockerContainer()
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
NET = f"10.213.{78 + WORKER}"
"""Daemons that run at the same time share the machine's bridges and routes."""
LAN = {"name": "steps0", "subnet": f"{NET}.0/24", "bridge": f"xcd-steps{WORKER}"}
SLEEPER = {"name": "c1", "image": "busybox", "command": "sleep 1000", "network": "none", "stop_timeout": 0}


@pytest.fixture(scope="module")
def real_engine() -> Iterator[Engine]:
    if busybox() is None:
        pytest.skip("no static busybox to make an image of")
    directory = Path(tempfile.mkdtemp(prefix="xd-"))
    try:
        with engine(directory) as running:
            yield running
    except NoEngine as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


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
        if network.name == LAN["name"]:
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
        at.converge(NETWORK, params(NETWORK, LAN, name="steps1", bridge=""))
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
    assert converge(at, CONTAINER, SLEEPER, memory="64") == [Verb.REPLACE]
    assert names(at) == ["c1"]
    assert facts(at).id != old.id
    whole = at.docker.inspect_container("c1")
    assert whole is not None
    assert whole["HostConfig"]["Memory"] == 64 << 20
    assert whole["Config"]["Cmd"] == ["sleep", "1000"]


def test_a_replacement_that_does_not_come_up_leaves_the_old_one_running(at: DockerTarget, desk: FolderDesk) -> None:
    loaded(at, desk)
    converge(at, NETWORK, LAN)
    given = {**SLEEPER, "network": "steps0", "address": f"{NET}.9"}
    converge(at, CONTAINER, given)
    old = facts(at)
    with pytest.raises(
        ActFailed,
        match=r'No such image: nothing/here:1: put a step "docker.image" before this one; the old container is back as it was',
    ):
        at.converge(CONTAINER, params(CONTAINER, given, image="nothing/here:1"))
    assert (names(at), facts(at).id, facts(at).state) == (["c1"], old.id, "running")
    with pytest.raises(
        ActFailed,
        match=r'network nowhere not found: put a step "docker.network" .*; the old container is back',
    ):
        at.converge(CONTAINER, params(CONTAINER, given, network="nowhere"))
    assert (names(at), facts(at).id) == (["c1"], old.id)
    assert facts(at).addresses == {"steps0": f"{NET}.9"}
    assert converge(at, CONTAINER, given) == []
    assert converge(at, CONTAINER, given, hostname="other") == [Verb.REPLACE]
    assert facts(at).addresses == {"steps0": f"{NET}.9"}


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
    assert facts(at).state == "exited"
    assert converge(at, CONTAINER, SLEEPER) == [Verb.REPLACE]
    crashing = {**SLEEPER, "command": "sh -c 'exit 3'", "restart": "always"}
    keeps_ending = r'"c[12]" on host01 keeps ending(, with exit code 3,)? and being restarted: look at its command'
    with pytest.raises(ActFailed, match=f"{keeps_ending}.*; the old container is back"):
        at.converge(CONTAINER, params(CONTAINER, crashing))
    assert converge(at, CONTAINER, SLEEPER) == []
    with pytest.raises(ActFailed, match=keeps_ending):
        at.converge(CONTAINER, params(CONTAINER, crashing, name="c2"))
    assert facts(at, "c2").state in ("restarting", "running")
    assert converge(at, CONTAINER, crashing, name="c2", command="sleep 1000") == [Verb.REPLACE]
    for name in names(at):
        assert converge(at, CONTAINER, SLEEPER, name=name, state="absent") == [Verb.STOP, Verb.REMOVE]
    at.docker.close()
