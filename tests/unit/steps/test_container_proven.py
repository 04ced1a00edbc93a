"""What is proven, and when: after a start, after a proof that was interrupted, and what is left alone when there is no telling."""

from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.errors import ActFailed, DeadlineExceeded, Interrupted
from xcatflow.model.change import Change, Verb
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.docker_container import DockerContainer
from xcatflow.steps.docker_power import DockerPower

STEP = DockerContainer()
CHECKED: dict[str, Any] = {"healthcheck": {"test": "true"}, "health": {"wait": "2 s"}}


class Target(DockerTarget):
    """`at_pause` is done at each pause, with its number."""

    at_pause: Any = None

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        if self.at_pause:
            self.at_pause(len(self.pauses))


@pytest.fixture
def daemon() -> FakeDocker:
    return FakeDocker(images=["busybox"])


@pytest.fixture
def at(daemon: FakeDocker) -> Target:
    return Target(daemon=daemon)


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate({"name": "c1", "image": "busybox", **params})


def running(at: Target, daemon: FakeDocker, said: str, **params: Any) -> ContainerParams:
    """What is wanted of a container that runs, and of which its health check says this."""
    at.converge(STEP, want(**{**CHECKED, **params, "health": None}))
    daemon.set_health("c1", said)
    return want(**{**CHECKED, **params})


def stop(_number: int) -> None:
    raise Interrupted


# --- a look that was not answered ---


def test_a_proof_that_got_no_answer_removes_nothing(at: Target, daemon: FakeDocker) -> None:
    daemon.fail_once["inspect_container"] = DeadlineExceeded("timeout after 60 s: GET /containers/c1/json")
    with pytest.raises(DeadlineExceeded, match="timeout after 60 s"):
        at.converge(STEP, want())
    assert [(it.name, it.state) for it in daemon.containers()] == [("c1", "running")]
    assert at.plan(STEP, want()) == ()


# --- a proof that is still to be made ---


@pytest.mark.parametrize("health", ["starting", "unhealthy"])
def test_one_that_is_not_healthy_yet_is_waited_for(at: Target, daemon: FakeDocker, health: str) -> None:
    wanted = running(at, daemon, health)
    at.at_pause = lambda number: daemon.set_health("c1", "healthy") if number > 3 else None
    assert at.plan(STEP, wanted) == (Change(Verb.AWAIT, "container c1", "health", health, "healthy"),)
    done = at.converge(STEP, wanted)
    assert STEP.made(None, None, wanted, done) == (), "nothing was changed"
    assert at.plan(STEP, wanted) == ()
    at.undo(STEP, wanted, at.look(STEP, wanted), done)


def test_one_that_does_not_become_healthy_is_told_and_left(at: Target, daemon: FakeDocker) -> None:
    wanted = running(at, daemon, "starting")
    with pytest.raises(ActFailed, match=r"is not healthy after 2 s: its health check says starting"):
        at.converge(STEP, wanted)
    assert [(it.name, it.state) for it in daemon.containers()] == [("c1", "running")]


def test_a_proof_that_was_interrupted_is_made_by_the_next_run(at: Target, daemon: FakeDocker) -> None:
    at.at_pause = stop
    with pytest.raises(ActFailed, match="the run was stopped before"):
        at.converge(STEP, want(**CHECKED))
    assert daemon.containers() == (), "what is new and not proven goes"
    wanted = running(at := Target(daemon=daemon), daemon, "starting")
    at.at_pause = stop
    with pytest.raises(ActFailed, match="the run was stopped before"):
        at.converge(STEP, wanted)
    assert [it.verb for it in at.plan(STEP, wanted)] == [Verb.AWAIT]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "healthy"),
        ({}, ""),
        ({"health": None}, "unhealthy"),
        ({"health": {"port": 80}}, "unhealthy"),
        ({"health": {"command": "true"}}, "starting"),
    ],
)
def test_what_is_not_waited_for(at: Target, daemon: FakeDocker, params: dict[str, Any], said: str) -> None:
    assert at.plan(STEP, running(at, daemon, said, **params)) == ()


@pytest.mark.parametrize(
    ("params", "verbs"),
    [
        ({"state": "stopped"}, [Verb.STOP]),
        ({"hostname": "x"}, [Verb.REPLACE]),
        ({"memory": 64}, [Verb.UPDATE, Verb.AWAIT]),
    ],
)
def test_the_proof_comes_last_and_only_where_nothing_else_makes_it(
    at: Target, daemon: FakeDocker, params: dict[str, Any], verbs: list[Verb]
) -> None:
    running(at, daemon, "starting")
    assert [it.verb for it in at.plan(STEP, want(**CHECKED, **params))] == verbs


# --- docker.power ---


def power(at: Target, do: str) -> None:
    step = DockerPower()
    given = step.params.model_validate({"container": "c1", "do": do, "wait": "healthy", "wait_timeout": "2 s"})
    seen = at.look(step, given)
    for change in step.plan(seen, given):
        step.apply(at, given, seen, change)


@pytest.mark.parametrize("do", ["start", "restart"])
def test_a_wait_that_is_interrupted_tells_what_was_done(at: Target, daemon: FakeDocker, do: str) -> None:
    daemon.create_container("c1", {"Image": "busybox", "Healthcheck": {"Test": ["CMD", "true"]}})
    at.at_pause = stop
    with pytest.raises(ActFailed, match=r"^it runs, but the run was stopped before it was healthy$"):
        power(at, do)
    assert daemon.containers()[0].state == "running"


def test_time_that_was_waited_counts_however_fast_the_clock_goes(at: Target, daemon: FakeDocker) -> None:
    daemon.create_container("c1", {"Image": "busybox", "Healthcheck": {"Test": ["CMD", "true"]}})
    with pytest.raises(ActFailed, match=r"^it is started, but not healthy within 2 s: no check has ended yet$"):
        power(at, "start")
    assert sum(at.pauses) == 2
