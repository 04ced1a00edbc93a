"""Runs for tests."""

from xcatflow.model.event import Event, NodeEnded, Outcome, RunEnded, RunStarted, StepEnded, WorkflowStarted

AT = 1767262272.0


def started(run: str, at: float = AT, *, what: str = "site") -> RunStarted:
    return RunStarted(at=at, run=run, mode="apply", what=what, noderange="all", commit="1a2b", dirty=True, user="root")


def ended(run: str, at: float = AT + 1) -> RunEnded:
    return RunEnded(at=at, run=run, exit_code=0, counts={"ok": 1}, duration_s=1.0)


def step(node: str, name: str = "packages", *, message: str = "") -> StepEnded:
    return StepEnded(
        at=AT,
        workflow="flow",
        node=node,
        step=name,
        kind="package.present",
        target=node,
        outcome=Outcome.OK,
        message=message,
    )


def whole(run: str, at: float = AT, *, nodes: int = 2) -> list[Event]:
    names = tuple(f"node{number}" for number in range(nodes))
    lanes = [NodeEnded(at=at, workflow="flow", node=name, outcome=Outcome.OK) for name in names]
    flow = WorkflowStarted(at=at, workflow="flow", summary="", nodes=names, steps=(("packages", "package.present"),))
    return [started(run, at), flow, *(step(name) for name in names), *lanes, ended(run, at + 1)]
