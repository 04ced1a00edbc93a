"""From workflows and nodes to lanes: everything that can be known, and refused, before the first connection is opened."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from xcatflow.contract import Desk, Kind, Params, Step
from xcatflow.engine.complaints import Complaints
from xcatflow.engine.jobs import fingerprint
from xcatflow.engine.locate import locate
from xcatflow.engine.missing import missing
from xcatflow.engine.scope import NotYet, Outputs, Scope
from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.model.complaints import problems_of
from xcatflow.model.definitions import Definitions
from xcatflow.model.lookup import BadTemplate, MissingValue, has_lookup, resolve_tree, templates_in
from xcatflow.model.placed import Inputs, PlacedStep, PlacedWorkflow
from xcatflow.model.question import Question
from xcatflow.model.target import TargetRef
from xcatflow.model.workflow import EachNode

T = TypeVar("T")

_encode = json.JSONEncoder(sort_keys=True, default=str).encode


@dataclass(slots=True, eq=False)
class Prepared:
    """One step of one lane. `target` and `want` are None while they depend on an earlier step's output (`late`)."""

    id: str
    placed: PlacedStep
    step: Step[Any, Any]
    scope: Scope
    target: TargetRef | None = None
    want: Params | None = None
    questions: tuple[Question[Any], ...] = ()
    shared: bool = False
    whole: str = ""
    """The id of the composite step that it is a part of."""
    group: str = ""
    """The parts of `whole` that it ends when it fails; empty: all of them."""

    @property
    def late(self) -> bool:
        return self.want is None

    @property
    def confidential(self) -> bool:
        """Is a secret in what is wanted, here or in the inputs that the step's file was used with?"""
        values = [] if self.placed.literal else [self.placed.spec.with_]
        inputs: Inputs | None = self.placed.inputs
        while inputs is not None:
            values.append(dict(inputs.given))
            inputs = inputs.outer
        lookups = (lookup for _, template in templates_in(values) for lookup in template.lookups)
        return any(lookup.path[:1] == ("secret",) for lookup in lookups)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for steps that want the same of the same target, secrets included, of which it shows nothing."""
        return (self.step.kind, self.target, fingerprint(self.want))


@dataclass(slots=True, eq=False)
class Lane:
    """One node's steps, in order; `skipped` are the ids of steps that are not for this node."""

    node: str
    steps: list[Prepared] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Preparer:
    """Resolves steps for nodes. `desk` makes the controller's side for a scope, `select` evaluates a noderange."""

    definitions: Definitions
    find_step: Callable[[str], Kind]
    select: Callable[[str, Source], tuple[str, ...]]
    desk: Callable[[Scope], Desk]
    secret: Callable[[str], str | None]
    _wants: dict[tuple[object, ...], Params] = field(default_factory=dict)
    _targets: dict[tuple[str, str], TargetRef] = field(default_factory=dict)
    _looks_up: dict[int, bool] = field(default_factory=dict)
    _chosen: dict[str, frozenset[str]] = field(default_factory=dict)

    def lanes(self, workflow: PlacedWorkflow, nodes: Iterable[str], inputs: Mapping[str, Any]) -> tuple[Lane, ...]:
        """A lane for each node. Raises InvalidInput with every problem of every node."""
        complaints = Complaints()
        lanes = self._lanes(workflow, {node: {} for node in nodes}, inputs, complaints)
        if complaints.found:
            raise InvalidInput(complaints.problems(self.definitions.source))
        _mark_shared(lanes)
        return lanes

    def lanes_apart(
        self, workflow: PlacedWorkflow, given: Mapping[str, Mapping[str, str]]
    ) -> tuple[tuple[Lane, ...], Mapping[str, tuple[Problem, ...]]]:
        """A lane for each node that has no problem, and the problems of the others. `given` is what steps may look up about each node
        as `${given.NAME}`."""
        complaints = Complaints()
        lanes = self._lanes(workflow, given, {}, complaints)
        wrong = complaints.by_node()
        well = tuple(lane for lane in lanes if lane.node not in wrong)
        _mark_shared(well)
        return well, wrong

    def _lanes(
        self,
        workflow: PlacedWorkflow,
        given: Mapping[str, Mapping[str, str]],
        inputs: Mapping[str, Any],
        complaints: Complaints,
    ) -> tuple[Lane, ...]:
        lanes = tuple(Lane(node) for node in given)
        for placed in workflow.steps:
            kind = self.find_step(placed.spec.use)
            scoped = _rerooted(placed.inputs, replace(_root(placed), given=inputs))
            prefix = _prefix(placed.id)
            for lane in lanes:
                scope = Scope(self.definitions, lane.node, scoped, prefix, secret=self.secret, given=given[lane.node])
                try:
                    if not self._meant(placed, scope):
                        lane.skipped.append(placed.id)
                        continue
                    for item_id, s in self._items(placed, scope):
                        lane.steps += self._prepared(item_id, placed, kind, s)
                except InvalidInput as error:
                    for problem in error.problems:
                        complaints.add(lane.node, problem)
        return lanes

    def finish(self, prepared: Prepared, outputs: Outputs) -> None:
        """Resolve a late step now that earlier steps have run. Raises InvalidInput."""
        prepared.scope = replace(prepared.scope, outputs=outputs)
        self._resolve(prepared)

    def _prepared(self, item_id: str, placed: PlacedStep, kind: Kind, scope: Scope) -> list[Prepared]:
        if isinstance(kind, Step):
            return [self._prepare(item_id, placed, kind, scope)]
        try:
            want = self._valid(kind, placed, self._given(placed, scope))
        except NotYet:
            raise InvalidInput(
                f'outputs of steps cannot be used in "{kind.kind}", which stands for several steps',
                placed.place(("with",)),
            ) from None
        made: list[Prepared] = []
        for part in self._at_place(placed, lambda: kind.parts(want, self.desk(scope))):
            step = self.find_step(part.use)
            assert isinstance(step, Step), f"{kind.kind} consists of {part.use}, which is composite itself"
            spec = placed.spec.model_copy(
                update={"use": part.use, "with_": dict(part.with_), "at": part.at or placed.spec.at}
            )
            one = replace(placed, id=f"{item_id}/{part.id}", spec=spec, literal=True)
            made.append(self._prepare(one.id, one, step, scope))
            made[-1].whole, made[-1].group = item_id, part.group
        return made

    def _prepare(self, item_id: str, placed: PlacedStep, step: Step[Any, Any], scope: Scope) -> Prepared:
        prepared = Prepared(item_id, placed, step, scope)
        try:
            self._resolve(prepared)
        except NotYet:
            prepared.target = prepared.want = None
        return prepared

    def _resolve(self, prepared: Prepared) -> None:
        placed, scope = prepared.placed, prepared.scope
        at = self._filled(placed, scope, ("at",), placed.spec.at)
        prepared.target = self._target(at, scope.node, placed)
        prepared.want = self._want(prepared, self._given(placed, scope))
        prepared.questions = prepared.step.ask(prepared.want)

    def _filled(self, placed: PlacedStep, scope: Scope, path: tuple[str | int, ...], value: Any) -> Any:
        if not has_lookup(value):
            return value
        try:
            return resolve_tree(value, scope)
        except MissingValue as error:
            gathered = "facts" in error.path[1:-1] and bool(scope.facts_of(error.path))
            raise InvalidInput(missing(error.path, placed.id, gathered=gathered), placed.place(path)) from None
        except BadTemplate as error:
            raise InvalidInput(str(error), placed.place(path)) from None

    def _given(self, placed: PlacedStep, scope: Scope) -> Mapping[str, Any]:
        """What stands under `with:`: the mapping itself where it is the same for every node."""
        with_ = placed.spec.with_
        if placed.literal:
            return with_
        if id(placed) not in self._looks_up:
            self._looks_up[id(placed)] = has_lookup(with_)
        if not self._looks_up[id(placed)]:
            return with_
        return {key: self._filled(placed, scope, ("with", key), value) for key, value in with_.items()}

    def _target(self, at: str, node: str, placed: PlacedStep) -> TargetRef:
        if not (target := self._targets.get((at, node))):
            target = self._targets[at, node] = locate(at, node, self.definitions, placed)
        return target

    def _want(self, prepared: Prepared, given: Mapping[str, Any]) -> Params:
        step, placed, scope = prepared.step, prepared.placed, prepared.scope
        want = self._valid(step, placed, given)
        if type(step).prepare is not Step.prepare:
            want = self._at_place(placed, lambda: step.prepare(want, self.desk(scope)))
        return want

    def _valid(self, kind: Kind, placed: PlacedStep, given: Mapping[str, Any]) -> Params:
        """What is wanted, validated once for all nodes that it is the same for. Raises InvalidInput."""
        with_ = placed.spec.with_
        key = (
            kind.kind,
            0 if placed.literal else id(placed),
            "" if given is with_ and not placed.literal else _encode(given),
        )
        if not (want := self._wants.get(key)):
            try:
                want = self._wants[key] = kind.params.model_validate(given)
            except ValidationError as error:
                problems = problems_of(error, kind.params, placed.below("with"))
                whose = ", on {nodes}" if placed.literal or has_lookup(with_) else ""
                named = f"{placed.id.rpartition('/')[2]}: " if placed.literal else ""
                raise InvalidInput(replace(p, message=f"{named}{p.message}{whose}") for p in problems) from None
        return want

    def _at_place(self, placed: PlacedStep, work: Callable[[], T]) -> T:
        """What `work` gives; problems without a place get that of the step's parameters."""
        try:
            return work()
        except InvalidInput as error:
            here = placed.place(("with",))
            raise InvalidInput(p if p.source else replace(p, source=here) for p in error.problems) from None

    def _items(self, placed: PlacedStep, scope: Scope) -> list[tuple[str, Scope]]:
        """(id, scope) of every repetition of a step whose `for_each` has to be looked up."""
        match placed.spec.for_each:
            case str() as text:
                items = [item.strip() for item in self._looked_up(placed, scope, text).split(",") if item.strip()]
            case EachNode(nodes=text):
                items = sorted(
                    self._nodes_of(self._looked_up(placed, scope, text), placed.place(("for_each", "nodes")))
                )
            case _:
                return [(placed.id, scope)]
        return [(f"{placed.id}[{item}]", replace(scope, inputs=replace(scope.inputs, each=item))) for item in items]

    def _looked_up(self, placed: PlacedStep, scope: Scope, text: str) -> str:
        """A text outside `with:`; empty where a value is missing. Raises InvalidInput."""
        try:
            return str(resolve_tree(text, scope))
        except MissingValue:
            return ""
        except NotYet:
            raise InvalidInput("outputs of steps can be used under with: and at: only", placed.place(())) from None

    def _meant(self, placed: PlacedStep, scope: Scope) -> bool:
        """Is the step for this node, by all its `only:`?"""
        return all(
            scope.node in self._nodes_of(self._looked_up(placed, scope, text), placed.place(("only",)))
            for text in placed.only
        )

    def _nodes_of(self, noderange: str, place: Source) -> frozenset[str]:
        if noderange not in self._chosen:
            self._chosen[noderange] = frozenset(self.select(noderange, place))
        return self._chosen[noderange]


def _mark_shared(lanes: Iterable[Lane]) -> None:
    """Equal jobs are one job: find those that more than one lane wants. What they want in full is compared only where lanes meet."""
    meeting: dict[tuple[str, TargetRef | None], list[tuple[str, Prepared]]] = {}
    for lane in lanes:
        for prepared in lane.steps:
            if not prepared.late:
                meeting.setdefault((prepared.step.kind, prepared.target), []).append((lane.node, prepared))
    for wanted in meeting.values():
        if len({node for node, _ in wanted}) > 1:
            owners: dict[tuple[object, ...], Prepared] = {}
            for _, prepared in wanted:
                first = owners.setdefault(prepared.key, prepared)
                if first is not prepared:
                    first.shared = prepared.shared = True


def _prefix(step_id: str) -> str:
    head, slash, _ = step_id.rpartition("/")
    return head + slash


def _root(placed: PlacedStep) -> Any:
    inputs = placed.inputs
    while inputs.outer is not None:
        inputs = inputs.outer
    return inputs


def _rerooted(inputs: Any, root: Any) -> Any:
    """The same chain of scopes with the workflow's own inputs given from outside."""
    if inputs.outer is None:
        return replace(root, each=inputs.each)
    return replace(inputs, outer=_rerooted(inputs.outer, root))
