"""What can be said against a workflow before any node is looked at."""

from collections.abc import Callable, Mapping
from typing import Any

from xcatflow.contract import Kind
from xcatflow.engine.node_nics import PARTS
from xcatflow.engine.scope import known_node_attribute
from xcatflow.errors import InvalidInput, Problem, did_you_mean
from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.definitions import Definitions
from xcatflow.model.fact_names import FACTS
from xcatflow.model.lookup import templates_in
from xcatflow.model.placed import PlacedStep, PlacedWorkflow
from xcatflow.model.workflow import Input


def check_workflow(
    workflow: PlacedWorkflow, find_step: Callable[[str], Kind], definitions: Definitions
) -> tuple[Problem, ...]:
    """Unknown kinds, unknown and missing parameters, unknown node attributes: all of them."""
    problems: dict[Problem, None] = {}
    for placed in workflow.steps:
        for problem in (*_check_params(placed, find_step), *_check_lookups(placed, definitions)):
            problems[problem] = None
    return tuple(problems)


def _check_params(placed: PlacedStep, find_step: Callable[[str], Kind]) -> list[Problem]:
    try:
        step = find_step(placed.spec.use)
    except InvalidInput as error:
        return [Problem(problem.message, placed.place(("use",))) for problem in error.problems]
    fields = {field.alias or name: field for name, field in step.params.model_fields.items() if not field.exclude}
    problems = [
        Problem(
            f'unknown parameter "{name}" of {step.kind}{_hint(name, fields)}', placed.place(("with", name), key=True)
        )
        for name in placed.spec.with_
        if name not in fields
    ]
    problems += [
        Problem(f'{step.kind} needs the parameter "{name}"', placed.place(("use",)))
        for name, field in fields.items()
        if field.is_required() and name not in placed.spec.with_
    ]
    return problems


def _hint(name: str, fields: Mapping[str, object]) -> str:
    return did_you_mean(name, fields) or f", known are {', '.join(fields)}"


def _check_lookups(placed: PlacedStep, definitions: Definitions) -> list[Problem]:
    problems: list[Problem] = []
    texts: dict[str, object] = {"at": placed.spec.at, "only": placed.spec.only, "with": placed.spec.with_}
    for key, value in texts.items():
        for path, template in templates_in(value):
            for lookup in template.lookups:
                match lookup.path:
                    case ("node", attribute) | ("node", "host", attribute):
                        if not known_node_attribute(definitions, attribute):
                            hint = did_you_mean(attribute, ATTRIBUTES["node"])
                            text = f'"${{{".".join(lookup.path)}}}": nodes have no attribute "{attribute}"{hint}'
                            problems.append(Problem(text, placed.place((key, *path))))
                    case ("node", "facts", fact) | ("node", "host", "facts", fact) if fact not in FACTS:
                        hint = did_you_mean(fact, FACTS) or ": xcatflow facts --help lists them"
                        text = f'"${{{".".join(lookup.path)}}}": there is no fact "{fact}"{hint}'
                        problems.append(Problem(text, placed.place((key, *path))))
                    case ("node", "nics", part) if part not in PARTS:
                        text = (
                            f'"${{{".".join(lookup.path)}}}": known are {", ".join(PARTS)}{did_you_mean(part, PARTS)}'
                        )
                        problems.append(Problem(text, placed.place((key, *path))))
    return problems


def checked_inputs(workflow: PlacedWorkflow, given: Mapping[str, Any]) -> dict[str, Any]:
    """The given inputs, converted to their declared types. Raises InvalidInput."""
    declared = workflow.spec.inputs
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in declared:
            hint = did_you_mean(name, declared) or (f", known are {', '.join(declared)}" if declared else "")
            problems.append(Problem(f'workflow "{workflow.spec.name}" has no input "{name}"{hint}'))
            continue
        if problem := input_problem(name, declared[name], value):
            problems.append(Problem(problem))
        values[name] = _as_text(value)
    for name, spec in declared.items():
        if spec.required and name not in given:
            problems.append(
                Problem(f'input "{name}" is missing: add -i {name}=VALUE', workflow.place(("inputs", name)))
            )
    if problems:
        raise InvalidInput(problems)
    return values


def input_problem(name: str, spec: Input, value: object) -> str:
    """What is wrong with a value for an input; empty when it is well."""
    text = _as_text(value)
    if spec.type == "int" and not text.lstrip("-").isdigit():
        return f'input "{name}": expected a whole number, found "{text}"'
    if spec.type == "bool" and text not in ("true", "false", "yes", "no", "1", "0"):
        return f'input "{name}": expected true or false, found "{text}"'
    if spec.choices and text not in spec.choices:
        return f'input "{name}": expected one of {", ".join(spec.choices)}, found "{text}"'
    return ""


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
