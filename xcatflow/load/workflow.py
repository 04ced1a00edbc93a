"""Workflow, block and chain files to the model: composed, flattened, every complaint at its place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.load.yaml_text import YamlDocument, read_yaml
from xcatflow.model.complaints import problems_of
from xcatflow.model.lookup import BadTemplate, parse_template
from xcatflow.model.placed import Inputs, PlacedChain, PlacedStep, PlacedWorkflow
from xcatflow.model.workflow import Block, Chain, EachNode, StepSpec, Workflow

M = TypeVar("M", bound=BaseModel)
ROOTS = ("node", "input", "step", "secret", "site", "group", "env", "each")
_MOST_NESTED = 8


def load_workflow(path: Path, root: Path) -> PlacedWorkflow:
    """The workflow at `path`, its blocks read as well; `root` is the site that messages name files from. Raises InvalidInput with
    every problem found."""
    placed, problems = place_workflow(path, root)
    if problems:
        raise InvalidInput(problems)
    return placed


def place_workflow(path: Path, root: Path) -> tuple[PlacedWorkflow, tuple[Problem, ...]]:
    """The workflow as far as it can be read, and what is wrong with it. Raises InvalidInput where it can be made nothing of."""
    document = read_yaml(path, root=root)
    spec = _validate(document, Workflow)
    _name_matches(spec.name, path, document)
    problems: list[Problem] = []
    inputs = Inputs(declared=spec.inputs)
    steps = _Placer(root, problems).place(document, spec.steps, inputs, _Around())
    return PlacedWorkflow(spec, tuple(steps), document.source_of), tuple(problems)


def load_chain(path: Path, root: Path, workflow: Callable[[str], PlacedWorkflow]) -> PlacedChain:
    """The chain at `path`; `workflow` loads one by name and raises InvalidInput."""
    placed, problems = place_chain(path, root, workflow)
    if problems:
        raise InvalidInput(problems)
    return placed


def place_chain(
    path: Path, root: Path, workflow: Callable[[str], PlacedWorkflow]
) -> tuple[PlacedChain, tuple[Problem, ...]]:
    """The chain with those of its workflows that could be loaded, and what is wrong with it. Raises InvalidInput where it can be made
    nothing of."""
    document = read_yaml(path, root=root)
    spec = _validate(document, Chain)
    _name_matches(spec.name, path, document)
    problems: list[Problem] = []
    placed: list[PlacedWorkflow] = []
    for index, entry in enumerate(spec.workflows):
        try:
            loaded = workflow(entry.workflow)
        except InvalidInput as error:
            here = document.source_of(("workflows", index, "workflow"))
            problems += [p if p.source else replace(p, source=here) for p in error.problems]
            continue
        placed.append(loaded)
        problems += [
            Problem(
                f'"{name}" is no input of workflow "{entry.workflow}"{did_you_mean(name, loaded.spec.inputs)}', source
            )
            for name in entry.inputs
            if name not in loaded.spec.inputs
            for source in (document.source_of(("workflows", index, "inputs", name), key=True),)
        ]
    return PlacedChain(spec, tuple(placed), document.source_of), tuple(problems)


def _validate(document: YamlDocument, model: type[M]) -> M:
    if not isinstance(document.value, dict):
        raise InvalidInput(f"expected a mapping with the keys {', '.join(_top_keys(model))}", document.source_of(()))
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        raise InvalidInput(problems_of(error, model, document.source_of)) from None


def _top_keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _name_matches(name: str, path: Path, document: YamlDocument) -> None:
    if name != path.stem:
        raise InvalidInput(
            f'"name" and file name must agree, found "{name}" in {path.name}', document.source_of(("name",))
        )


@dataclass(frozen=True, slots=True)
class _Around:
    """What the steps that use a file pass on to the file's own steps."""

    prefix: str = ""
    only: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(slots=True)
class _Placer:
    root: Path
    problems: list[Problem]

    def place(
        self, document: YamlDocument, specs: tuple[StepSpec, ...], inputs: Inputs, around: _Around
    ) -> list[PlacedStep]:
        placed: list[PlacedStep] = []
        seen: dict[str, int] = {}
        for index, spec in enumerate(specs):
            path: tuple[str | int, ...] = ("steps", index)
            if spec.id in seen:
                self._complain(
                    f'step id "{spec.id}" is used twice, first in step {seen[spec.id] + 1}', document, (*path, "id")
                )
            self._check_after(document, spec, seen, path)
            self._check_templates(document, spec, inputs, tuple(seen), path)
            seen[spec.id] = index
            placed += self._place_step(document, spec, inputs, around, path)
        return placed

    def _place_step(
        self, document: YamlDocument, spec: StepSpec, inputs: Inputs, around: _Around, path: tuple[str | int, ...]
    ) -> list[PlacedStep]:
        def place(below: tuple[str | int, ...], *, key: bool = False) -> Source:
            return document.source_of((*path, *below), key=key)

        placed: list[PlacedStep] = []
        for step_id, scope in _repeated(spec, inputs):
            step = PlacedStep(
                id=around.prefix + step_id,
                spec=spec,
                place=place,
                inputs=scope,
                only=(*around.only, *([spec.only] if spec.only else [])),
                after=(*around.after, *(around.prefix + name for name in spec.after_ids)),
            )
            placed += self._compose(document, step, around) if _is_file(spec.use) else [step]
        return placed

    def _compose(self, document: YamlDocument, step: PlacedStep, around: _Around) -> list[PlacedStep]:
        here = step.place(("use",))
        path = (Path(document.path).parent / step.spec.use).resolve()
        if path in around.files or len(around.files) >= _MOST_NESTED:
            self.problems.append(Problem(f'"{step.spec.use}" uses itself', here))
            return []
        if not path.is_file():
            self.problems.append(Problem(f'no file "{step.spec.use}" beside {document.source_of(()).file}', here))
            return []
        try:
            block = read_yaml(path, root=self.root)
            spec = _validate(block, Block)
        except InvalidInput as error:
            self.problems += error.problems
            return []
        self._check_given(step, spec)
        inner = _Around(step.id + "/", step.only, step.after, (*around.files, path))
        return self.place(block, spec.steps, Inputs(spec.inputs, step.spec.with_, step.inputs), inner)

    def _check_given(self, step: PlacedStep, block: Block) -> None:
        for name in step.spec.with_:
            if name not in block.inputs:
                message = f'"{name}" is no input of "{step.spec.use}"{did_you_mean(name, block.inputs)}'
                self.problems.append(Problem(message, step.place(("with", name), key=True)))
        for name, declared in block.inputs.items():
            if declared.required and name not in step.spec.with_:
                self.problems.append(Problem(f'input "{name}" of "{step.spec.use}" is missing', step.place(("use",))))

    def _check_after(
        self, document: YamlDocument, spec: StepSpec, seen: Mapping[str, int], path: tuple[str | int, ...]
    ) -> None:
        for name in spec.after_ids:
            if name not in seen:
                hint = did_you_mean(name, seen)
                self._complain(f'"after" names "{name}", which is no earlier step{hint}', document, (*path, "after"))

    def _check_templates(
        self,
        document: YamlDocument,
        spec: StepSpec,
        inputs: Inputs,
        earlier: tuple[str, ...],
        path: tuple[str | int, ...],
    ) -> None:
        texts: list[tuple[tuple[str | int, ...], str]] = [(("at",), spec.at), (("only",), spec.only)]
        texts += [(("with", *where), text) for where, text in _texts(spec.with_)]
        match spec.for_each:
            case str():
                texts.append((("for_each",), spec.for_each))
            case EachNode():
                texts.append((("for_each", "nodes"), spec.for_each.nodes))
            case [*items]:
                for index, item in enumerate(items):
                    if "${" in str(item):
                        message = f'"for_each": items of a list are as they stand, found "{item}"; write the lookup as the whole value'
                        self._complain(message, document, (*path, "for_each", index))
        for where, text in texts:
            try:
                lookups = tuple(parse_template(text).lookups)
            except BadTemplate as error:
                self._complain(str(error), document, (*path, *where))
                continue
            for lookup in lookups:
                if complaint := _complaint(
                    lookup.path, inputs, earlier, each=spec.for_each is not None or inputs.each is not None
                ):
                    self._complain(complaint, document, (*path, *where))

    def _complain(self, message: str, document: YamlDocument, path: tuple[str | int, ...]) -> None:
        self.problems.append(Problem(message, document.source_of(path)))


def _complaint(path: tuple[str, ...], inputs: Inputs, earlier: tuple[str, ...], *, each: bool) -> str:
    """What is wrong with a lookup as far as the file alone can tell; empty when nothing is."""
    text = ".".join(path)
    match path:
        case ("input", name) if name not in inputs.declared:
            return f'"${{{text}}}": no input "{name}" is declared{did_you_mean(name, inputs.declared)}'
        case ("step", name, _) if name not in earlier:
            return f'"${{{text}}}": "{name}" is no earlier step{did_you_mean(name, earlier)}'
        case ("each",) if not each:
            return '"${each}" is only known in a step with "for_each"'
        case ("each",) | ("input", _) | ("step", _, _) | ("secret", _) | ("site", _) | ("env", _):
            return ""
        case ("node", _) | ("node", "osimage" | "network" | "host" | "nics" | "facts", _) | ("group", _, _):
            return ""
        case ("node", "host", "facts", _):
            return ""
        case (root, *_) if root not in ROOTS:
            return f'"${{{text}}}": expected {", ".join(ROOTS)} before the first dot{did_you_mean(root, ROOTS)}'
    return f'"${{{text}}}": too few or too many parts after "{path[0]}"'


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], str]]:
    match value:
        case str():
            return [(path, value)]
        case dict():
            return [found for key, item in value.items() for found in _texts(item, (*path, key))]
        case list() | tuple():
            return [found for index, item in enumerate(value) for found in _texts(item, (*path, index))]
    return []


def _repeated(spec: StepSpec, inputs: Inputs) -> list[tuple[str, Inputs]]:
    """(id, scope) of each repetition. What has to be looked up is repeated by the engine, per node."""
    if not isinstance(spec.for_each, tuple):
        return [(spec.id, inputs)]
    return [(f"{spec.id}[{item}]", replace(inputs, each=str(item))) for item in spec.for_each]


def _is_file(use: str) -> bool:
    return use.startswith(("./", "../", "/"))
