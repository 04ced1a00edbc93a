"""`docker.power`: a container is started, stopped, restarted, paused or let go on, or only looked at.

What `rpower` does. Unlike a state of `docker.container` it takes any container of the name, whoever made it, and its errors are the
daemon's own words. What the daemon says is the proof: a container whose command ends at once was started all the same.

Source: Engine API on the states of a container.
"""

from collections.abc import Mapping
from math import ceil
from time import monotonic
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Container, ContainerFacts, Question
from xcatflow.steps.container_forms import check_name
from xcatflow.steps.given import LenientParams

_VERBS = {
    "start": Verb.START,
    "stop": Verb.STOP,
    "restart": Verb.RESTART,
    "pause": Verb.PAUSE,
    "unpause": Verb.UNPAUSE,
}
_AFTER = {"start": "running", "stop": "exited", "restart": "running", "pause": "paused", "unpause": "running"}
_STANDING = ("created", "exited", "dead")
_POLL_S = 0.5


class PowerParams(LenientParams):
    """What to do with one container."""

    container: Annotated[str, AfterValidator(check_name)] = Field(description="The container.")
    do: Literal["start", "stop", "restart", "pause", "unpause", "state"] = Field(
        description="`start` and `stop` change nothing where it runs or stands already; `state` only looks."
    )
    grace: Duration | None = Field(
        None, description="How long it may take to stop before it is killed. Left out: its own limit, else 10 seconds."
    )
    wait: Literal["healthy"] | None = Field(
        None, description="After `start` and `restart`: be done only when its health check says `healthy`."
    )
    wait_timeout: Duration = Field(60.0, description="How long to wait for that, such as `2 min`.")

    @model_validator(mode="after")
    def _fits(self) -> "PowerParams":
        if self.wait and self.do not in ("start", "restart"):
            raise ValueError(f'"wait" goes with "start" and "restart", found "{self.do}"')
        if self.grace is not None and self.do not in ("stop", "restart"):
            raise ValueError(f'"grace" goes with "stop" and "restart", found "{self.do}"')
        return self


class DockerPower(Step[PowerParams, ContainerFacts]):
    """One request for each container, and one listing for all of a daemon."""

    kind = "docker.power"
    params: ClassVar[type[Params]] = PowerParams

    def ask(self, want: PowerParams) -> tuple[Question[Any], ...]:
        return (Container(want.container),)

    def seen(self, answers: Answers, want: PowerParams) -> ContainerFacts | None:
        return answers[Container(want.container)]

    def plan(self, seen: ContainerFacts | None, want: PowerParams) -> tuple[Change, ...]:
        if seen is None:
            raise ActFailed(f"No such container: {want.container}")
        what = f"container {want.container}"
        match want.do, seen.state:
            case ("state", _):
                return ()
            case ("start", "running" | "restarting"):
                waits = want.wait == "healthy" and seen.health != "healthy"
                return (Change(Verb.AWAIT, what, "health", seen.health or "none", "healthy"),) if waits else ()
            case ("stop", state) if state in _STANDING:
                return ()
        return (Change(_VERBS[want.do], what, "", seen.state, _AFTER[want.do]),)

    def apply(
        self, at: Target, want: PowerParams, seen: ContainerFacts | None, change: Change
    ) -> Mapping[str, str] | None:
        name, acted = want.container, True
        grace_s = None if want.grace is None else ceil(want.grace)
        match change.verb:
            case Verb.START:
                acted = at.docker.start_container(name)
            case Verb.STOP:
                acted = at.docker.stop_container(name, grace_s=grace_s)
            case Verb.RESTART:
                at.docker.restart_container(name, grace_s=grace_s)
            case Verb.PAUSE:
                at.docker.pause_container(name)
            case Verb.UNPAUSE:
                at.docker.unpause_container(name)
        if want.wait:
            _await_health(at, name, want.wait_timeout)
        return {"state": _AFTER[want.do], "acted": "yes" if acted else "no"}

    def undo(self, at: Target, want: PowerParams, seen: ContainerFacts | None, change: Change) -> None:
        match change.verb:
            case Verb.START:
                at.docker.stop_container(want.container, grace_s=None)
            case Verb.STOP:
                at.docker.start_container(want.container)
            case Verb.PAUSE:
                at.docker.unpause_container(want.container)
            case Verb.UNPAUSE:
                at.docker.pause_container(want.container)
            case _:
                raise CannotUndo(f'the {change.verb} of container "{want.container}" cannot be taken back')

    def verifies(self, want: PowerParams) -> bool:
        return False

    def outputs(self, seen: ContainerFacts | None, want: PowerParams) -> dict[str, str]:
        if seen is None:
            return {}
        return {"state": seen.state, "health": seen.health, "acted": "no"}


def _await_health(at: Target, name: str, timeout_s: float) -> None:
    """Wait until the container is healthy. Raises ActFailed where it is not in time, or has no health check."""
    until = monotonic() + timeout_s
    while True:
        state = (at.docker.inspect_container(name) or {}).get("State") or {}
        health = state.get("Health") or {}
        match state.get("Status"), health.get("Status", ""):
            case ("running", "healthy"):
                return
            case ("running", "" | "none"):
                raise ActFailed(
                    f'it is started, but has no health check that could say "healthy": give it a "Healthcheck" by '
                    f'its image or dockerflag, or leave "wait" out (container {name})'
                )
            case ("running", "unhealthy"):
                raise ActFailed(f"it is started, but unhealthy: {_last_said(health)}")
            case (status, _) if status != "running":
                raise ActFailed(f"it was started, but is {status or 'gone'} now (exit code {state.get('ExitCode')})")
        if monotonic() >= until:
            raise ActFailed(f"it is started, but not healthy within {timeout_s:g} s: {_last_said(health)}")
        at.pause(_POLL_S)


def _last_said(health: Mapping[str, Any]) -> str:
    """What the last health check printed, in one line."""
    log = health.get("Log") or [{}]
    last = log[-1]
    said = " ".join(str(last.get("Output", "")).split())
    return said[:200] or f"its check ended with exit code {last.get('ExitCode', 'unknown')}"
