"""`docker.running`: the containers that ran before run again: those that had to be stopped are started."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question
from xcatflow.steps.docker_undisturbed import noted_text
from xcatflow.steps.running_look import Ran, containers, question, read_noted, start, stop


class RunningParams(Params):
    """What has to run."""

    since: Annotated[str, AfterValidator(noted_text)] = Field(
        description="What ran before: `${step.ID.containers}` of a step docker.undisturbed."
    )


class DockerRunning(Step[RunningParams, Mapping[str, Ran]]):
    """One change for each container that does not run."""

    kind = "docker.running"
    params: ClassVar[type[Params]] = RunningParams

    def ask(self, want: RunningParams) -> tuple[Question[Any], ...]:
        return (question(read_noted(want.since)),)

    def seen(self, answers: Answers, want: RunningParams) -> Mapping[str, Ran]:
        return containers(answers[question(read_noted(want.since))])

    def plan(self, seen: Mapping[str, Ran] | None, want: RunningParams) -> tuple[Change, ...]:
        now = seen or {}
        names = read_noted(want.since)
        if gone := [name for name in names if name not in now]:
            raise ActFailed(f"there is no container {', '.join(gone)} any more: make it again")
        return tuple(
            Change(Verb.START, f"container {name}", "", "exited", "running") for name in names if not now[name].running
        )

    def apply(self, at: Target, want: RunningParams, seen: Mapping[str, Ran] | None, change: Change) -> None:
        start(at, [change.what.partition(" ")[2]])

    def undo(self, at: Target, want: RunningParams, seen: Mapping[str, Ran] | None, change: Change) -> None:
        stop(at, [change.what.partition(" ")[2]])
