"""`docker.power`: a container is started, stopped, restarted, paused or let go on, or only looked at.

What `rpower` does. Unlike a state of `docker.container` it takes any container of the name, whoever made it, and its errors are the
daemon's own words. What the daemon says is the proof: a container whose command ends at once was started all the same.

Source: Engine API on the states of a container.
"""

from collections.abc import Mapping
from math import ceil
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo, Interrupted
from xcatflow.model.change import Change, Verb
from xcatflow.model.container_states import STANDING
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Container, ContainerFacts, Question
from xcatflow.steps.containers.forms import check_name
from xcatflow.steps.containers.proof import await_well, last_said
from xcatflow.steps.given import LenientParams

_VERBS = {
    "start": Verb.START,
    "stop": Verb.STOP,
    "restart": Verb.RESTART,
    "pause": Verb.PAUSE,
    "unpause": Verb.UNPAUSE,
}
_AFTER = {"start": "running", "stop": "exited", "restart": "running", "pause": "paused", "unpause": "running"}


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
    created: bool = Field(
        False, description="It was created just now, by an earlier step: `start` then needs no look at its daemon."
    )
    wait_timeout: Duration = Field(60.0, description="How long to wait for that, such as `2 min`.")

    @model_validator(mode="after")
    def _fits(self) -> "PowerParams":
        if self.created and self.do != "start":
            raise ValueError(f'"created" goes with "start", found "{self.do}"')
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
        return () if want.created else (Container(want.container),)

    def seen(self, answers: Answers, want: PowerParams) -> ContainerFacts | None:
        return None if want.created else answers[Container(want.container)]

    def plan(self, seen: ContainerFacts | None, want: PowerParams) -> tuple[Change, ...]:
        if seen is None and not want.created:
            raise ActFailed(f"No such container: {want.container}")
        what = f"container {want.container}"
        state, health = (seen.state, seen.health) if seen else ("created", "")
        waiting = (Change(Verb.AWAIT, what, "health", health or "none", "healthy"),) if want.wait else ()
        match want.do, state:
            case ("state", _):
                return ()
            case ("start", "running" | "restarting"):
                return () if health == "healthy" else waiting
            case ("stop", _) if state in STANDING:
                return ()
        return (Change(_VERBS[want.do], what, "", state, _AFTER[want.do]), *waiting)

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
            case Verb.AWAIT:
                _await_health(at, name, want.wait_timeout)
                return None
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
            case Verb.AWAIT:
                pass
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

    def wrong(_ran_s: float) -> str:
        state = (at.docker.inspect_container(name) or {}).get("State") or {}
        health = state.get("Health") or {}
        match state.get("Status"), health.get("Status", ""):
            case ("running", "healthy"):
                return ""
            case ("running", "" | "none"):
                raise ActFailed(
                    f'it is started, but has no health check that could say "healthy": give it a "Healthcheck" by '
                    f'its image or dockerflag, or leave "wait" out (container {name})'
                )
            case ("running", "unhealthy"):
                raise ActFailed(f"it is started, but unhealthy: {last_said(health)}")
            case (status, _) if status != "running":
                raise ActFailed(f"it was started, but is {status or 'gone'} now (exit code {state.get('ExitCode')})")
        return last_said(health)

    try:
        left = await_well(at, timeout_s, wrong)
    except Interrupted:
        raise ActFailed("it runs, but the run was stopped before it was healthy") from None
    if left:
        raise ActFailed(f"it is started, but not healthy within {timeout_s:g} s: {left}")
