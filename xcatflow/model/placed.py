"""Workflows as loaded: composed into one flat list of steps, each knowing where it was written and what its inputs are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from xcatflow.errors import InvalidInput, Source
from xcatflow.model.workflow import Chain, Input, StepSpec, Workflow, amount


class Places(Protocol):
    """Where in a file a path of keys and indices stands."""

    def __call__(self, path: tuple[str | int, ...], /, *, key: bool = False) -> Source:
        """The place of the value at `path`, or of its key; for a path that does not exist that of its nearest parent."""
        ...


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs one file's steps see: what the file declares, what its user gave, and the scope the given values are written in."""

    declared: Mapping[str, Input] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    outer: "Inputs | None" = None
    each: str | None = None
    """The item of the `for_each` that these inputs are for."""


@dataclass(frozen=True, slots=True, eq=False)
class PlacedStep:
    """One step, composition resolved. `id` carries the ids of the steps that used its file (`trust/ca`); `only` and `after` include
    theirs; `place` gives the source of a path below the step (`("with", "name")`). A `literal` one is part of a composite step: nothing
    is looked up in its parameters."""

    id: str
    spec: StepSpec
    place: Places
    inputs: Inputs
    only: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    literal: bool = False

    def below(self, name: str) -> Places:
        """Places of paths below one of the step's keys."""

        def place(path: tuple[str | int, ...], *, key: bool = False) -> Source:
            return self.place((name, *path), key=key)

        return place


@dataclass(frozen=True, slots=True, eq=False)
class PlacedWorkflow:
    """A workflow with its steps flattened; `place` gives sources of paths in the file itself."""

    spec: Workflow
    steps: tuple[PlacedStep, ...]
    place: Places


@dataclass(frozen=True, slots=True, eq=False)
class PlacedChain:
    """A chain and the workflows it names, in order."""

    spec: Chain
    workflows: tuple[PlacedWorkflow, ...]
    place: Places


def with_batch(workflow: PlacedWorkflow, batch: str) -> PlacedWorkflow:
    """The workflow with another number of nodes per batch (`2`, `10%`); as it is where that is empty. Raises InvalidInput."""
    if not batch:
        return workflow
    try:
        limits = workflow.spec.limits.model_copy(update={"batch": amount(batch)})
    except ValueError as error:
        raise InvalidInput(f"--batch: {error}") from None
    return replace(workflow, spec=workflow.spec.model_copy(update={"limits": limits}))


def placed_call(workflow: Workflow) -> PlacedWorkflow:
    """A workflow that stands in no file: its places are its name."""
    here = Source(workflow.name)

    def place(_path: tuple[str | int, ...], /, *, key: bool = False) -> Source:  # noqa: ARG001
        return here

    return PlacedWorkflow(workflow, tuple(PlacedStep(step.id, step, place, Inputs()) for step in workflow.steps), place)
