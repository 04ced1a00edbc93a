"""`docker.undisturbed`: the containers that ran before run on, and were not started again. Changes nothing.

Without `since` it only notes what runs, in its output `containers`; with that output as `since`, later, it proves.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question
from xcatflow.steps.daemons.running_look import Ran, containers, noted, question, read_noted


def listed(value: object) -> object:
    """A list, or text with commas."""
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def noted_text(text: str) -> str:
    """Text that holds names and times. Raises ValueError."""
    read_noted(text)
    return text


class UndisturbedParams(Params):
    """What ran, and what may have happened to it."""

    since: Annotated[str, AfterValidator(noted_text)] = Field(
        "", description="What ran before: `${step.ID.containers}` of an earlier step of this kind."
    )
    restarted: Annotated[tuple[str, ...], BeforeValidator(listed, json_schema_input_type=str | list[str])] = Field(
        (),
        description="Containers that only have to run, perhaps started again: `${step.ID.stopped}` of a step docker.drained.",
    )
    ignore: Annotated[tuple[str, ...], BeforeValidator(listed, json_schema_input_type=str | list[str])] = Field(
        (), description='Containers that come and go by themselves, by name ("job-*"): a list, or text with commas.'
    )


class DockerUndisturbed(Step[UndisturbedParams, Mapping[str, Ran]]):
    """A container that was removed, ended, or has another starting time was disturbed."""

    kind = "docker.undisturbed"
    params: ClassVar[type[Params]] = UndisturbedParams
    proof = True

    def ask(self, want: UndisturbedParams) -> tuple[Question[Any], ...]:
        return (question(read_noted(want.since)),)

    def seen(self, answers: Answers, want: UndisturbedParams) -> Mapping[str, Ran]:
        return containers(answers[question(read_noted(want.since))])

    def plan(self, seen: Mapping[str, Ran] | None, want: UndisturbedParams) -> tuple[Change, ...]:
        wrong = "; ".join(_wrong(seen or {}, want))
        return (Change(Verb.AWAIT, "containers", why=wrong),) if wrong else ()

    def apply(self, at: Target, want: UndisturbedParams, seen: Mapping[str, Ran] | None, change: Change) -> None:
        raise ActFailed(f"containers on {at.name} were disturbed: {change.why}")

    def outputs(self, seen: Mapping[str, Ran] | None, want: UndisturbedParams) -> Mapping[str, str]:
        running = {name: each for name, each in (seen or {}).items() if each.running}
        return {"containers": noted(running), "number": str(len(running))}


def _wrong(now: Mapping[str, Ran], want: UndisturbedParams) -> Iterator[str]:
    for name, started in read_noted(want.since).items():
        if any(fnmatchcase(name, pattern) for pattern in want.ignore):
            continue
        container = now.get(name)
        if container is None:
            yield f"{name} is gone"
        elif not container.running:
            yield f"{name} does not run, it ended with status {container.code}"
        elif name not in want.restarted and container.started != started:
            yield f"{name} was started again at {container.started[:19]}Z"
