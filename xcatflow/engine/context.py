"""What the lanes of a workflow share, and how looks are gathered."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from xcatflow.contract import Target
from xcatflow.engine.bus import Bus
from xcatflow.engine.jobs import Jobs
from xcatflow.engine.prepare import Lane, Prepared
from xcatflow.engine.secrets import Redactor
from xcatflow.engine.turns import Turns
from xcatflow.model.change import Change
from xcatflow.model.event import Outcome
from xcatflow.model.question import Answers, Question
from xcatflow.model.target import TargetRef

Face = tuple[str, str]
Given = Mapping[Question[Any], object]


class Faces(Protocol):
    """The outside world, as lanes use it."""

    def ask(self, face: Face, questions: tuple[Question[Any], ...]) -> Given: ...
    def target(self, ref: TargetRef, timeout_s: float, progress: Callable[[str], None]) -> Target: ...


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
    turns: Turns = field(default_factory=Turns)
    pending: set[str] = field(default_factory=set)
    would: set[tuple[str, str]] = field(default_factory=set)
    bugs: list[str] = field(default_factory=list)


def gather(steps: Iterable[Prepared], first: Prepared | None = None) -> dict[Face, tuple[Question[Any], ...]]:
    """What steps want to look at, by face. With `first`, the step that looks now, proofs of later steps are left for their own time:
    they are slow while what they prove is not there yet."""
    return _by_face((prepared, prepared.questions) for prepared in _looking(steps, first))


def gather_more(
    steps: Iterable[Prepared], given: Mapping[Face, Given], first: Prepared | None = None
) -> dict[Face, tuple[Question[Any], ...]]:
    """What steps want to look at beside, by face, once their own questions are answered; what was asked for that already is left out."""
    wanted = _by_face((prepared, more_of(prepared, given)) for prepared in _looking(steps, first))
    left = {face: tuple(q for q in asked if q not in given.get(face, {})) for face, asked in wanted.items()}
    return {face: asked for face, asked in left.items() if asked}


def more_of(prepared: Prepared, given: Mapping[Face, Given]) -> tuple[Question[Any], ...]:
    """The further questions of one step. Where they cannot be told, for want of answers or for a bug, there are none: `seen` meets the
    same, in a place where it becomes the step's outcome."""
    assert prepared.target is not None
    found: dict[Question[Any], object] = {}
    for question in prepared.questions:
        known = given.get(prepared.target.face(question.face), {})
        if question not in known:
            return ()
        found[question] = known[question]
    try:
        return prepared.step.ask_more(Answers(found), prepared.want)
    except Exception:  # the step looks the answers up once more, and what is wrong is told then
        return ()


def _looking(steps: Iterable[Prepared], first: Prepared | None) -> Iterator[Prepared]:
    for prepared in steps:
        if prepared.late or prepared.target is None:
            continue
        if first is not None and prepared is not first and prepared.step.proof:
            continue
        yield prepared


def _by_face(asked: Iterable[tuple[Prepared, Iterable[Question[Any]]]]) -> dict[Face, tuple[Question[Any], ...]]:
    wanted: dict[Face, dict[Question[Any], None]] = {}
    for prepared, questions in asked:
        assert prepared.target is not None
        for question in questions:
            wanted.setdefault(prepared.target.face(question.face), {})[question] = None
    return {face: tuple(questions) for face, questions in wanted.items()}


def lanes_that_meet(lanes: Iterable[Lane]) -> tuple[tuple[Lane, ...], ...]:
    """Lanes apart by where they look: those that look at a machine or daemon together are together, and those whose steps meet, so that
    one that does not answer holds up nobody else. (What is asked from here, such as ports, joins nobody.)"""
    above: dict[Face, Face] = {}

    def top(face: Face) -> Face:
        while above.setdefault(face, face) != face:
            above[face] = above[above[face]]
            face = above[face]
        return face

    looking: list[tuple[Lane, Face]] = []
    for lane in lanes:
        steps = tuple(_looking(lane.steps, None))
        wanted = _by_face((prepared, prepared.questions) for prepared in steps)
        met = [("", word) for prepared in steps if (word := prepared.step.meets(prepared.want))]
        faces = [face for face in wanted if face[1]] + met or [("", "")]
        for face in faces[1:]:
            above[top(face)] = top(faces[0])
        looking.append((lane, faces[0]))
    groups: dict[Face, list[Lane]] = {}
    for lane, face in looking:
        groups.setdefault(top(face), []).append(lane)
    return tuple(map(tuple, groups.values()))
