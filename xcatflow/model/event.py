"""What happens in a run, as frozen values. The journal and the reporters know a run only by these.

`at` is seconds since the epoch; durations are seconds. An event holds no secret.
"""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from xcatflow.model.change import Change, Verb


class Outcome(StrEnum):
    """How a step ended on a node, and a node in a workflow. In order of severity the later one wins for a node."""

    SKIPPED = "skipped"
    OK = "ok"
    DEFERRED = "deferred"
    WOULD_CHANGE = "would-change"
    CHANGED = "changed"
    UNREACHABLE = "unreachable"
    FAILED = "failed"

    @property
    def bad(self) -> bool:
        return self in (Outcome.FAILED, Outcome.UNREACHABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base: when it happened. `kept` says whether the journal keeps it."""

    name: ClassVar[str] = ""
    kept: ClassVar[bool] = True
    at: float

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON, `event` naming the class."""
        return {"event": self.name, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """`mode` is `apply`, `plan`, or `look` for commands that only look; `what` the workflow, chain or command; `commit` empty outside git;
    `dirty` tells whether the site's tree differed from it; `arguments` as given on the command line."""

    name = "run-started"
    run: str
    mode: str
    what: str
    noderange: str
    commit: str = ""
    dirty: bool = False
    arguments: tuple[str, ...] = ()
    user: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStarted(Event):
    """`steps` are (id, kind) in order; `nodes` those that will run."""

    name = "workflow-started"
    workflow: str
    summary: str
    nodes: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """A lane reached a step that needs an act, or has to wait. Converged steps only end."""

    name = "step-started"
    workflow: str
    node: str
    step: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActStarted(Event):
    """About to do one change. The journal has this on disk before the act begins."""

    name = "act-started"
    key: str
    workflow: str
    node: str
    step: str
    target: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class ActProgressed(Event):
    """How far an act is that takes its time; `text` replaces the one before."""

    name = "act-progressed"
    kept = False
    workflow: str
    node: str
    step: str
    target: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActEnded(Event):
    """The act of that key came back; `error` empty when it reported success."""

    name = "act-ended"
    key: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEnded(Event):
    """`changes` are those made, or those that would be; `message` is one line, `detail` what the machine said. `shared_with` names the
    node whose lane did the work when several lanes wanted the same thing on the same target."""

    name = "step-ended"
    workflow: str
    node: str
    step: str
    kind: str
    target: str
    outcome: Outcome
    changes: tuple[Change, ...] = ()
    message: str = ""
    detail: str = ""
    shared_with: str = ""
    duration_s: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnded(Event):
    """A lane is over: its severest outcome; `message` when it did not run at all."""

    name = "node-ended"
    workflow: str
    node: str
    outcome: Outcome
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Something the user should know: a threshold reached, a lock waited for, an interrupt. `level` is `info` or `warning`."""

    name = "noted"
    level: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEnded(Event):
    """`counts` maps outcomes to numbers of nodes; `traffic` is what this workflow sent: counters of Traffic, and per target."""

    name = "workflow-ended"
    workflow: str
    counts: dict[str, int]
    traffic: dict[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The last event. `counts` over all nodes of all workflows, each node once with its severest outcome."""

    name = "run-ended"
    run: str
    exit_code: int
    counts: dict[str, int]
    traffic: dict[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0


_CLASSES: dict[str, type[Event]] = {
    cls.name: cls
    for cls in (
        RunStarted, WorkflowStarted, StepStarted, ActStarted, ActProgressed, ActEnded, StepEnded, NodeEnded, Noted, WorkflowEnded, RunEnded,
    )
}  # fmt: skip


def event_from_json(data: dict[str, Any]) -> Event:
    """The event that `to_json` gave. Raises KeyError for an unknown event and TypeError for wrong fields."""
    fields = dict(data)
    cls = _CLASSES[fields.pop("event")]
    if "change" in fields:
        fields["change"] = _change(fields["change"])
    if "changes" in fields:
        fields["changes"] = tuple(_change(item) for item in fields["changes"])
    if "outcome" in fields:
        fields["outcome"] = Outcome(fields["outcome"])
    for key in ("arguments", "nodes"):
        if key in fields:
            fields[key] = tuple(fields[key])
    if "steps" in fields:
        fields["steps"] = tuple((step, kind) for step, kind in fields["steps"])
    return cls(**fields)


def _change(data: dict[str, Any]) -> Change:
    return Change(**{**data, "verb": Verb(data["verb"])})
