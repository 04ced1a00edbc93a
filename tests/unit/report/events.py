"""Events for tests, with little writing."""

import json
from collections.abc import Iterable
from pathlib import Path

from xcatflow.model.change import Change, Verb
from xcatflow.model.event import (
    Event,
    NodeEnded,
    Outcome,
    RunEnded,
    RunStarted,
    StepEnded,
    WorkflowEnded,
    WorkflowStarted,
    event_from_json,
)
from xcatflow.model.run import RunRecord

GOLDEN = Path(__file__).parent / "golden"
RUN = "20260101-101112-ab12"
AT = 1767262272.0


def golden(name: str) -> list[Event]:
    return [event_from_json(json.loads(line)) for line in (GOLDEN / f"{name}.jsonl").read_text().splitlines()]


def run_started(**given: object) -> RunStarted:
    return RunStarted(**{"at": AT, "run": RUN, "mode": "apply", "what": "site", "noderange": "all", **given})  # type: ignore[arg-type]


def started(nodes: Iterable[str], *steps: str, workflow: str = "flow") -> WorkflowStarted:
    pairs = tuple((step, "kind") for step in steps)
    return WorkflowStarted(at=AT, workflow=workflow, summary="", nodes=tuple(nodes), steps=pairs)


def ended(node: str, step: str = "one", outcome: str = "changed", *changes: Change, **given: object) -> StepEnded:
    base = {"at": AT, "workflow": "flow", "node": node, "step": step, "kind": "kind", "target": node}
    return StepEnded(**{**base, "outcome": Outcome(outcome), "changes": changes, **given})  # type: ignore[arg-type]


def node_ended(node: str, outcome: str = "ok", message: str = "") -> NodeEnded:
    return NodeEnded(at=AT, workflow="flow", node=node, outcome=Outcome(outcome), message=message)


def workflow_ended(**counts: int) -> WorkflowEnded:
    return WorkflowEnded(at=AT, workflow="flow", counts=counts, duration_s=1.5)


def run_ended(exit_code: int = 0, **counts: int) -> RunEnded:
    numbers = {name.replace("_", "-"): number for name, number in counts.items()}
    return RunEnded(at=AT + 2, run=RUN, exit_code=exit_code, counts=numbers, duration_s=2.0)


def create(what: str, **given: str) -> Change:
    return Change(Verb.CREATE, what, **given)


def record(events: list[Event]) -> RunRecord:
    """The record that the journal keeps of these events."""
    first, last = events[0], events[-1]
    assert isinstance(first, RunStarted)
    ending = last if isinstance(last, RunEnded) else None
    return RunRecord(
        id=first.run,
        started=first.at,
        mode=first.mode,
        what=first.what,
        noderange=first.noderange,
        ended=ending.at if ending else None,
        commit=first.commit,
        dirty=first.dirty,
        user=first.user,
        exit_code=ending.exit_code if ending else None,
        counts=ending.counts if ending else {},
    )
