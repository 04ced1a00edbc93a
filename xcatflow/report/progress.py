"""How far a workflow is, as numbers to draw. Pure: events in, snapshots out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from xcatflow.model.event import (
    ActProgressed,
    Event,
    NodeEnded,
    Outcome,
    RunEnded,
    StepEnded,
    StepStarted,
    WorkflowEnded,
    WorkflowStarted,
)
from xcatflow.model.fold import fold
from xcatflow.report.text import clean

_TOO_EARLY_S = 2.0
_TOO_LITTLE = 0.05
_MOST_NAMES = 80


@dataclass(frozen=True, slots=True)
class Row:
    """One step: over on `done` of `total` nodes, on `bad` of them badly; `doing` are the nodes at work in it, folded, with how far one
    of them is."""

    step: str
    done: int
    total: int
    bad: int
    doing: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A workflow that began at `since` (seconds of the clock that was given): the steps being taken, and how many of all the steps on all
    nodes are over. `column` is the length of the longest name of all."""

    workflow: str
    since: float
    rows: tuple[Row, ...]
    done: int
    total: int
    column: int

    def left_s(self, now: float) -> float | None:
        """Seconds to go if it goes on like this; None where it is too early to tell."""
        took = now - self.since
        if took < _TOO_EARLY_S or not self.total or self.done < self.total * _TOO_LITTLE:
            return None
        return took * (self.total - self.done) / self.done


@dataclass(slots=True)
class _Step:
    waiting: set[str]
    begun: bool = False
    bad: int = 0
    doing: dict[str, str] = field(default_factory=dict)
    """How far each node at work is, as far as it told; the one that told last comes last."""

    def said(self) -> str:
        """The nodes at work, folded, and what the last one told."""
        names = fold(self.doing, limit_chars=_MOST_NAMES)
        node, text = next(((node, text) for node, text in reversed(self.doing.items()) if text), ("", ""))
        if not text:
            return names
        return f"{names}: {text}" if len(self.doing) == 1 else f"{names}  {node}: {text}"


class Progress:
    """Follows the workflow at work."""

    def __init__(self) -> None:
        self._workflow = ""
        self._since = 0.0
        self._nodes = 0
        self._steps: dict[str, _Step] = {}

    def feed(self, events: Iterable[Event], now: float) -> Snapshot | None:
        """What is to be seen after these events; None when no workflow is at work."""
        for event in events:
            self._one(event, now)
        return self._snapshot() if self._workflow else None

    def _one(self, event: Event, now: float) -> None:
        match event:
            case WorkflowStarted():
                self._workflow, self._since, self._nodes = event.workflow, now, len(event.nodes)
                self._steps = {step: _Step(set(event.nodes)) for step, _ in event.steps}
            case WorkflowEnded() | RunEnded():
                self._workflow = ""
            case StepStarted():
                if step := self._steps.get(event.step):
                    step.begun = True
                    step.doing[event.node] = ""
            case ActProgressed():
                if (step := self._steps.get(event.step)) and step.doing.pop(event.node, None) is not None:
                    step.doing[event.node] = clean(event.text)
            case StepEnded():
                if step := self._steps.get(event.step):
                    step.begun = step.begun or event.outcome is not Outcome.SKIPPED
                    step.bad += event.outcome.bad
                    step.doing.pop(event.node, None)
                    step.waiting.discard(event.node)
            case NodeEnded():
                for step in self._steps.values():
                    step.waiting.discard(event.node)
                    step.doing.pop(event.node, None)

    def _snapshot(self) -> Snapshot:
        nodes = self._nodes
        rows = tuple(
            Row(name, nodes - len(step.waiting), nodes, step.bad, step.said())
            for name, step in self._steps.items()
            if step.begun and step.waiting
        )
        done = sum(nodes - len(step.waiting) for step in self._steps.values())
        column = max(map(len, (self._workflow, *self._steps)))
        return Snapshot(self._workflow, self._since, rows, done, nodes * len(self._steps), column)
