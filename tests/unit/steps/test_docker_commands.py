"""The kinds behind xCAT's commands on a daemon in memory: what they do, and what they say where it is refused."""

from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.contract import Step
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Verb
from xcatflow.steps.docker_create import DockerCreate
from xcatflow.steps.docker_power import DockerPower
from xcatflow.steps.docker_pull import DockerPull
from xcatflow.steps.docker_remove import DockerRemove
from xcatflow.steps.registry import find

BODY = {"Image": "busybox", "Labels": {}}


@pytest.fixture
def daemon() -> FakeDocker:
    it = FakeDocker(images=["busybox"], registry=["debian:12"])
    it.create_container("c1", BODY)
    return it


@pytest.fixture
def at(daemon: FakeDocker) -> DockerTarget:
    return DockerTarget(daemon=daemon)


def done(at: DockerTarget, step: Step[Any, Any], **given: Any) -> dict[str, str]:
    """Look, and do what the step plans; what it and its acts give."""
    want = step.params.model_validate(given)
    seen = step.seen(at.answer(step.ask(want)), want)  # type: ignore[arg-type]
    outputs = dict(step.outputs(seen, want))  # type: ignore[arg-type]
    for change in step.plan(seen, want):  # type: ignore[arg-type]
        outputs |= step.apply(at, want, seen, change) or {}  # type: ignore[arg-type]
    return outputs


def state(daemon: FakeDocker) -> str:
    return daemon.containers()[0].state


@pytest.mark.parametrize(
    ("verbs", "then"),
    [
        (("start",), "running"),
        (("start", "stop"), "exited"),
        (("restart",), "running"),
        (("start", "pause"), "paused"),
        (("start", "pause", "unpause"), "running"),
    ],
)
def test_power_does_what_it_says(at: DockerTarget, daemon: FakeDocker, verbs: tuple[str, ...], then: str) -> None:
    for verb in verbs:
        outputs = done(at, DockerPower(), container="c1", do=verb)
    assert (outputs["state"], outputs["acted"], state(daemon)) == (then, "yes", then)


def test_power_tells_the_state_and_touches_nothing(at: DockerTarget, daemon: FakeDocker) -> None:
    daemon.calls.clear()
    assert done(at, DockerPower(), container="c1", do="state") == {"state": "created", "health": "", "acted": "no"}
    assert dict(daemon.calls) == {"containers": 1}


def test_power_says_what_the_daemon_says(at: DockerTarget) -> None:
    with pytest.raises(ActFailed, match="is not running"):
        done(at, DockerPower(), container="c1", do="pause")
    done(at, DockerPower(), container="c1", do="start")
    done(at, DockerPower(), container="c1", do="pause")
    with pytest.raises(ActFailed, match="cannot start a paused container"):
        done(at, DockerPower(), container="c1", do="start")


@pytest.mark.parametrize(
    ("verb", "then"), [("start", "exited"), ("stop", "running"), ("pause", "running"), ("unpause", "paused")]
)
def test_power_can_be_taken_back(at: DockerTarget, daemon: FakeDocker, verb: str, then: str) -> None:
    if verb != "start":
        daemon.start_container("c1")
    if verb == "unpause":
        daemon.pause_container("c1")
    step = DockerPower()
    want = step.params.model_validate({"container": "c1", "do": verb})
    seen = step.seen(at.answer(step.ask(want)), want)  # type: ignore[arg-type]
    (change,) = step.plan(seen, want)  # type: ignore[arg-type]
    step.apply(at, want, seen, change)  # type: ignore[arg-type]
    step.undo(at, want, seen, change)  # type: ignore[arg-type]
    assert state(daemon) == then


def test_a_restart_has_no_way_back(at: DockerTarget) -> None:
    step = DockerPower()
    want = step.params.model_validate({"container": "c1", "do": "restart"})
    seen = step.seen(at.answer(step.ask(want)), want)  # type: ignore[arg-type]
    (change,) = step.plan(seen, want)  # type: ignore[arg-type]
    with pytest.raises(CannotUndo):
        step.undo(at, want, seen, change)  # type: ignore[arg-type]


def test_waiting_for_health(at: DockerTarget, daemon: FakeDocker) -> None:
    daemon.start_container("c1")
    daemon.set_health("c1", "healthy")
    assert done(at, DockerPower(), container="c1", do="start", wait="healthy")["state"] == "running"
    daemon.set_health("c1", "unhealthy")
    with pytest.raises(ActFailed, match="it is started, but unhealthy: "):
        done(at, DockerPower(), container="c1", do="start", wait="healthy")
    daemon.set_health("c1", "starting")
    with pytest.raises(ActFailed, match=r"not healthy within 0\.01 s"):
        done(at, DockerPower(), container="c1", do="start", wait="healthy", wait_timeout=0.01)
    with pytest.raises(ActFailed, match="has no health check"):
        done(at, DockerPower(), container="c1", do="restart", wait="healthy")


def test_create_keeps_the_daemons_words_and_what_it_found_odd(at: DockerTarget, daemon: FakeDocker) -> None:
    outputs = done(at, DockerCreate(), name="c2", image="busybox")
    assert outputs == {"id": daemon.inspect_container("c2")["Id"], "warnings": ""}  # type: ignore[index]
    with pytest.raises(ActFailed, match=r'^Conflict\. The container name "/c2" is already in use by container'):
        done(at, DockerCreate(), name="c2", image="busybox")
    with pytest.raises(ActFailed, match=r"^No such image: debian:12$"):
        done(at, DockerCreate(), name="c3", image="debian:12")


def test_what_create_makes_is_known_to_docker_container(at: DockerTarget) -> None:
    done(at, DockerCreate(), name="c2", image="busybox", command="sleep 1", memory="64m")
    container = find("docker.container")
    want = container.params.model_validate(
        {"name": "c2", "image": "busybox", "command": ["sleep", "1"], "memory": "64", "state": "created"}
    )
    assert at.plan(container, want) == ()


def test_create_leaves_the_container_where_a_further_network_fails(at: DockerTarget, daemon: FakeDocker) -> None:
    with pytest.raises(ActFailed, match=r"^network gone not found$"):
        done(at, DockerCreate(), name="c2", image="busybox", network="bridge,gone")
    assert daemon.inspect_container("c2") is not None


def test_pull_says_what_the_registry_says(at: DockerTarget, daemon: FakeDocker) -> None:
    done(at, DockerPull(), name="debian:12")
    assert daemon.inspect_image("debian:12") is not None
    with pytest.raises(ActFailed, match=r"^manifest for debian:13 not found"):
        done(at, DockerPull(), name="debian:13")


def test_remove(at: DockerTarget, daemon: FakeDocker) -> None:
    daemon.start_container("c1")
    with pytest.raises(ActFailed, match=r"^You cannot remove a running container"):
        done(at, DockerRemove(), container="c1")
    done(at, DockerRemove(), container="c1", force=True)
    assert daemon.containers() == ()
    with pytest.raises(ActFailed, match=r"^No such container: c1$"):
        done(at, DockerRemove(), container="c1")


def test_a_removal_has_no_way_back(at: DockerTarget) -> None:
    step = DockerRemove()
    want = step.params.model_validate({"container": "c1"})
    (change,) = step.plan(None, want)  # type: ignore[arg-type]
    assert change.verb is Verb.REMOVE
    with pytest.raises(CannotUndo):
        step.undo(at, want, None, change)  # type: ignore[arg-type]


def test_all_containers_of_a_daemon(at: DockerTarget, daemon: FakeDocker) -> None:
    daemon.create_container("c2", BODY)
    daemon.start_container("c2")
    listing = find("docker.containers")
    assert '"name":"c2"' in done(at, listing)["containers"]
    assert '"name":"c1"' not in done(at, listing)["containers"]
    assert '"name":"c1"' in done(at, listing, stopped=True)["containers"]
    assert done(at, listing, container="c1")["containers"].startswith('[{"id":')
