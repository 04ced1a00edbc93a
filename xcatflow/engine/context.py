"""What the lanes of a workflow share, and how looks are gathered."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from xcatflow.contract import Target
from xcatflow.engine.bus import Bus
from xcatflow.engine.jobs import Jobs
from xcatflow.engine.prepare import Prepared
from xcatflow.engine.secrets import Redactor
from xcatflow.model.change import Change
from xcatflow.model.event import Outcome
from xcatflow.model.question import Question
from xcatflow.model.target import TargetRef

Face = tuple[str, str]
Given = Mapping[Question[Any], object]


class Faces(Protocol):
    """The outside world, as lanes use it."""

    def ask(self, face: Face, questions: tuple[Question[Any], ...]) -> Given: ...
    def target(self, ref: TargetRef, timeout_s: float) -> Target: ...


@dataclass(frozen=True, slots=True)
class Result:
    """How a step ended: what was, or would be, changed, and what was seen at last."""

    outcome: Outcome
    changes: tuple[Change, ...] = ()
    message: str = ""
    detail: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Context:
    """What the lanes of one workflow share. `pending` holds, in a plan, the machines and nodes that earlier steps would change,
    `would` the kinds of these steps with their nodes."""

    workflow: str
    apply: bool
    bus: Bus
    faces: Faces
    finish: Callable[[Prepared, Mapping[str, Mapping[str, str]]], None]
    jobs: Jobs[Result]
    stopping: threading.Event
    redactor: Redactor
    step_timeout_s: float
    run: str
    pending: set[str] = field(default_factory=set)
    would: set[tuple[str, str]] = field(default_factory=set)
    bugs: list[str] = field(default_factory=list)


def gather(steps: Iterable[Prepared], first: Prepared | None = None) -> dict[Face, tuple[Question[Any], ...]]:
    """What steps want to look at, by face. With `first`, the step that looks now, proofs of later steps are left for their own time:
    they are slow while what they prove is not there yet."""
    wanted: dict[Face, dict[Question[Any], None]] = {}
    for prepared in steps:
        if prepared.late or prepared.target is None:
            continue
        if first is not None and prepared is not first and prepared.step.proof:
            continue
        for question in prepared.questions:
            wanted.setdefault(prepared.target.face(question.face), {})[question] = None
    return {face: tuple(questions) for face, questions in wanted.items()}
