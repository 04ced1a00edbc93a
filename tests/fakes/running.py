"""Runs workflows given as Python data on the world in memory."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.desk import FolderDesk
from tests.fakes.memory import STEPS, World
from xcatflow.contract import Desk
from xcatflow.engine.bus import Bus
from xcatflow.engine.prepare import Preparer
from xcatflow.engine.run import Job, Run
from xcatflow.engine.scope import Scope
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import ExitCode, InvalidInput, Source
from xcatflow.model.definitions import Definitions
from xcatflow.model.event import Event, NodeEnded, Outcome, StepEnded
from xcatflow.model.objects import Node
from xcatflow.model.placed import Inputs, PlacedStep, PlacedWorkflow
from xcatflow.model.workflow import Workflow


def nodes(*names: str, **attributes: str) -> Definitions:
    """Nodes with the same attributes."""
    written = {"groups": "all", **attributes}
    return Definitions([Node(name, written) for name in names])


def workflow(steps: Sequence[Mapping[str, Any]], name: str = "test", **more: Any) -> PlacedWorkflow:
    """A workflow whose steps' places are `test.yaml:INDEX`."""
    spec = Workflow.model_validate({"name": name, "summary": "a test", "steps": list(steps), **more})

    def place(index: int) -> Any:
        return lambda path, key=False: Source(f"{name}.yaml", index + 1)

    placed = tuple(
        PlacedStep(
            id=step.id,
            spec=step,
            place=place(index),
            inputs=Inputs(declared=spec.inputs),
            only=(step.only,) if step.only else (),
            after=step.after_ids,
        )
        for index, step in enumerate(spec.steps)
    )
    return PlacedWorkflow(spec, placed, lambda path, key=False: Source(f"{name}.yaml"))


@dataclass
class Rig:
    """A run on a world; `events` are all it told."""

    definitions: Definitions
    world: World = field(default_factory=World)
    events: list[Event] = field(default_factory=list)
    redactor: Redactor = field(default_factory=Redactor)
    secrets: dict[str, str] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    run: Run | None = None

    def select(self, noderange: str, source: Source) -> tuple[str, ...]:
        names = [name for name in noderange.split(",") if name]
        if unknown := [name for name in names if name not in self.definitions.nodes]:
            raise InvalidInput(f"unknown {unknown[0]}", source)
        return tuple(names)

    def secret(self, name: str) -> str | None:
        self.redactor.learn(self.secrets.get(name, ""))
        return self.secrets.get(name)

    def preparer(self) -> Preparer:
        def desk(scope: Scope) -> Desk:
            return FolderDesk(Path("/nonexistent"), self.definitions, scope.node)

        return Preparer(self.definitions, STEPS.__getitem__, self.select, desk, self.secret)

    def __call__(
        self,
        *workflows: PlacedWorkflow,
        apply: bool = True,
        inputs: Mapping[str, Any] | None = None,
        stops: bool = False,
    ) -> ExitCode:
        self.events = []
        self.stopping.clear()
        preparer = self.preparer()
        jobs = [Job(one, preparer.lanes(one, sorted(self.definitions.nodes), inputs or {})) for one in workflows]
        with Bus(self.events.extend) as bus:
            self.run = Run(
                id="run",
                apply=apply,
                bus=bus,
                faces=self.world,
                finish=preparer.finish,
                redactor=self.redactor,
                traffic=dict,
                chain_stops=stops,
                stopping=self.stopping,
            )
            return self.run.execute(jobs)

    def steps(self) -> dict[tuple[str, str], StepEnded]:
        return {(event.node, event.step): event for event in self.events if isinstance(event, StepEnded)}

    def outcomes(self) -> dict[tuple[str, str], Outcome]:
        return {key: event.outcome for key, event in self.steps().items()}

    def ended(self) -> dict[str, Outcome]:
        return {event.node: event.outcome for event in self.events if isinstance(event, NodeEnded)}
