"""What can be said against workflows and chains once the nodes are known: noderanges, defaults, lookups that no node can answer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from xcatflow.engine.check import input_problem
from xcatflow.engine.missing import missing
from xcatflow.engine.scope import Scope, known_node_attribute
from xcatflow.errors import InvalidInput, NotGathered, Problem, Source
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import Findings
from xcatflow.model.lookup import Lookup, has_lookup, templates_in
from xcatflow.model.placed import Inputs, PlacedChain, PlacedStep, PlacedWorkflow
from xcatflow.model.workflow import ChainEntry, EachNode, Input, StepSpec, Workflow

Select = Callable[[str], tuple[str, ...]]
"""The nodes that a noderange means. Raises InvalidInput."""


@dataclass(slots=True)
class Lint:
    """Looks through workflows and chains of one site."""

    found: Findings
    definitions: Definitions
    select: Select
    _chosen: dict[str, frozenset[str] | tuple[Problem, ...]] = field(default_factory=dict)
    _without: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)

    def workflow(self, workflow: PlacedWorkflow) -> None:
        spec, place = workflow.spec, workflow.place
        self._defaults(spec.inputs, place)
        for index, step in enumerate(spec.steps):
            self._noderanges(step, lambda path, index=index: place(("steps", index, *path)))
        for placed in workflow.steps:
            self._noderanges(placed.spec, placed.place)
        if not spec.nodes:
            return
        nodes = self.nodes(spec.nodes, place(("nodes",)))
        if nodes is not None and not nodes and self.definitions.nodes:
            self.found.warn(f'"nodes" of workflow "{spec.name}": no node is in "{spec.nodes}"', place(("nodes",)))
        for placed in workflow.steps:
            self._lookups(placed, nodes or frozenset())

    def chain(self, chain: PlacedChain) -> None:
        known = {workflow.spec.name: workflow.spec for workflow in chain.workflows}
        for index, entry in enumerate(chain.spec.workflows):
            where = ("workflows", index)
            if entry.nodes:
                self.nodes(entry.nodes, chain.place((*where, "nodes")))
            if workflow := known.get(entry.workflow):
                self._entry(entry, workflow, lambda path, where=where: chain.place((*where, *path)))

    def _entry(self, entry: ChainEntry, workflow: Workflow, place: Callable[..., Source]) -> None:
        if not entry.nodes and not workflow.nodes:
            message = f'workflow "{entry.workflow}" names no nodes: say here which with "nodes"'
            self.found.error(message, place(("workflow",)))
        for name, value in entry.inputs.items():
            declared = workflow.inputs.get(name)
            if declared and (problem := input_problem(name, declared, value)):
                self.found.error(problem, place(("inputs", name)))
        for name, wanted in workflow.inputs.items():
            if wanted.required and name not in entry.inputs:
                message = f'workflow "{entry.workflow}" needs the input "{name}": give it here, under "inputs"'
                self.found.error(message, place(("workflow",)))

    def nodes(self, noderange: str, place: Source) -> frozenset[str] | None:
        """The nodes of a noderange; None where it cannot be evaluated, which is told at its place."""
        if noderange not in self._chosen:
            try:
                self._chosen[noderange] = frozenset(self.select(noderange))
            except NotGathered as error:
                self._chosen[noderange] = ()
                self.found.warn(error.problems[0].message, place)
            except InvalidInput as error:
                self._chosen[noderange] = error.problems
        chosen = self._chosen[noderange]
        if isinstance(chosen, frozenset):
            return chosen
        for problem in chosen:
            self.found.error(problem.message, problem.source or place)
        return None

    def _defaults(self, inputs: dict[str, Input], place: Callable[..., Source]) -> None:
        for name, spec in inputs.items():
            if spec.default is not None and (problem := input_problem(name, spec, spec.default)):
                self.found.error(f"the default of {problem}", place(("inputs", name, "default")))

    def _noderanges(self, step: StepSpec, place: Callable[..., Source]) -> None:
        if step.only and not has_lookup(step.only):
            self.nodes(step.only, place(("only",)))
        match step.for_each:
            case EachNode(nodes=text) if text and not has_lookup(text):
                self.nodes(text, place(("for_each", "nodes")))

    def _lookups(self, placed: PlacedStep, nodes: frozenset[str]) -> None:
        """Lookups without default that some node of the step has no value for."""
        if isinstance(placed.spec.for_each, str | EachNode) or any(has_lookup(text) for text in placed.only):
            return
        for text in placed.only:
            nodes &= self.nodes(text, placed.place(("only",))) or frozenset()
        for path, lookup in _needed(placed.spec):
            if not known_node_attribute(self.definitions, lookup.path[-1]) and len(lookup.path) == 2:
                continue  # told by whoever read the step
            if without := nodes & self._lacking(lookup.path):
                before, _, after = missing(lookup.path, placed.id).partition("{nodes}")
                for node in sorted(without):
                    self.found.on_node("error", node, placed.place(path), before, after)

    def _lacking(self, path: tuple[str, ...]) -> frozenset[str]:
        if path not in self._without:
            nodes: Iterable[str] = self.definitions.nodes
            self._without[path] = frozenset(node for node in nodes if not Scope(self.definitions, node, Inputs())(path))
        return self._without[path]


def _needed(step: StepSpec) -> Iterator[tuple[tuple[str | int, ...], Lookup]]:
    """The lookups about nodes that must have a value, with their places."""
    for key, value in (("at", step.at), ("with", step.with_)):
        for path, template in templates_in(value):
            for part in template.parts:
                # What has to be found out first is nothing that the files can lack.
                if (
                    isinstance(part, Lookup)
                    and part.default is None
                    and part.path[0] == "node"
                    and "facts" not in part.path
                ):
                    yield (key, *path), part
