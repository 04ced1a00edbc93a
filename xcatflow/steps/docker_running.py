"""`docker.running`: the containers that ran before run again: those that had to be stopped are started, also those that a run stopped
which was killed then (`docker.drained` notes them on their machine)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question
from xcatflow.steps.daemons.running_look import (
    Ran,
    containers,
    forget_stopped,
    note_stopped,
    question,
    read_noted,
    read_stopped,
    start,
    stop,
    stopped_question,
)
from xcatflow.steps.docker_undisturbed import noted_text

_NOTE = "note of stopped containers"


class RunningParams(Params):
    """What has to run."""

    since: Annotated[str, AfterValidator(noted_text)] = Field(
        description="What ran before: `${step.ID.containers}` of a step docker.undisturbed."
    )


@dataclass(frozen=True, slots=True)
class Back:
    """The containers as they are, and the names of those that were stopped to be started again, by this run or one that was killed."""

    now: Mapping[str, Ran]
    stopped: tuple[str, ...] = ()

    def wanted(self, noted: Mapping[str, str]) -> tuple[str, ...]:
        """Those that have to run. One that was stopped and is gone since was removed by somebody."""
        return tuple(dict.fromkeys((*noted, *(name for name in self.stopped if name in self.now))))

    def down(self, noted: Mapping[str, str]) -> tuple[str, ...]:
        """Those of them that do not."""
        return tuple(name for name in self.wanted(noted) if not self.now[name].running)


class DockerRunning(Step[RunningParams, Back]):
    """One change for each container that does not run."""

    kind = "docker.running"
    params: ClassVar[type[Params]] = RunningParams

    def ask(self, want: RunningParams) -> tuple[Question[Any], ...]:
        return (question(read_noted(want.since)), stopped_question())

    def ask_more(self, answers: Answers, want: RunningParams) -> tuple[Question[Any], ...]:
        stopped = read_stopped(answers[stopped_question()])
        return (question((*read_noted(want.since), *stopped)),) if stopped else ()

    def seen(self, answers: Answers, want: RunningParams) -> Back:
        stopped = read_stopped(answers[stopped_question()])
        return Back(containers(answers[question((*read_noted(want.since), *stopped))]), stopped)

    def plan(self, seen: Back | None, want: RunningParams) -> tuple[Change, ...]:
        assert seen is not None
        noted = read_noted(want.since)
        if gone := [name for name in noted if name not in seen.now]:
            raise ActFailed(f"there is no container {', '.join(gone)} any more: make it again")
        starts = tuple(Change(Verb.START, f"container {name}", "", "exited", "running") for name in seen.down(noted))
        return (*starts, Change(Verb.REMOVE, _NOTE, why="they run again")) if seen.stopped else starts

    def apply(self, at: Target, want: RunningParams, seen: Back | None, change: Change) -> None:
        assert seen is not None
        if change.what == _NOTE:
            forget_stopped(at, seen.stopped)
        else:
            # All of them each time: one that does not start must not keep the others from it.
            start(at, seen.down(read_noted(want.since)))

    def undo(self, at: Target, want: RunningParams, seen: Back | None, change: Change) -> None:
        assert seen is not None
        if change.what == _NOTE:
            note_stopped(at, seen.stopped)
        else:
            stop(at, [change.what.partition(" ")[2]])
