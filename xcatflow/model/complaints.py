"""Pydantic's findings in our words: which key, what was expected, what was found, and where it stands."""

from collections.abc import Iterable
from types import GenericAlias, UnionType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from xcatflow.errors import Problem, Source, did_you_mean
from xcatflow.model.placed import Places

Path = tuple[str | int, ...]


def problems_of(error: ValidationError, model: type[BaseModel], place: Places) -> tuple[Problem, ...]:
    """One problem per finding, at its place."""
    found: dict[tuple[Source, str], Problem] = {}
    findings = error.errors(include_url=False)
    for finding in findings:
        if finding["type"] == "too_short" and any(_inside(other["loc"], finding["loc"]) for other in findings):
            continue  # pydantic does not count items that have a complaint of their own
        path = _real_path(finding["loc"], model)
        source = place(path, key=finding["type"] == "extra_forbidden")
        problem = Problem(_message(finding, path, model), source)
        found.setdefault((source, problem.message), problem)
    return tuple(found.values())


def _message(finding: Any, path: Path, model: type[BaseModel]) -> str:
    name = ".".join(str(part) for part in path)
    match finding["type"]:
        case "extra_forbidden":
            known = _keys(_model_at(model, path[:-1]))
            return f'unknown key "{path[-1]}"{did_you_mean(str(path[-1]), known) or ", known are " + ", ".join(known)}'
        case "too_short":
            return f'"{name}": expected at least {finding["ctx"]["min_length"]}, found none'
        case "missing":
            return f'"{path[-1]}" is missing'
        case "value_error":
            text = str(finding["msg"]).removeprefix("Value error, ")
            return f'"{name}": {text}' if name else text
        case _:
            text = str(finding["msg"])
            found = finding["input"]
            shown = f', found "{found}"' if isinstance(found, str | int | float) else f", found {_sort(found)}"
            return f'"{name}": {text[:1].lower()}{text[1:]}{shown}'


def _inside(loc: Path, other: Path) -> bool:
    return len(loc) > len(other) and loc[: len(other)] == other


def _sort(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return type(value).__name__


def _real_path(loc: Iterable[str | int], model: type[BaseModel]) -> Path:
    """The location without the parts that pydantic adds for members of unions and for validators."""
    return tuple(part for part in loc if isinstance(part, int) or not _is_tag(part, model))


def _is_tag(part: str, model: type[BaseModel]) -> bool:
    return part in ("str", "int", "float", "bool", "[key]") or "[" in part or part in _model_names(model)


def _model_names(model: type[BaseModel]) -> set[str]:
    names = {model.__name__}
    for field in model.model_fields.values():
        names |= {inner.__name__ for inner in _models_in(field.annotation)}
    return names


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, GenericAlias | UnionType)
        and issubclass(annotation, BaseModel)
    ):
        return [annotation]
    return [inner for argument in get_args(annotation) for inner in _models_in(argument)]


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    for part in path:
        if isinstance(part, int):
            continue
        for name, field in model.model_fields.items():
            if part in (name, field.alias) and (inner := _models_in(field.annotation)):
                model = inner[0]
                break
    return model


def _keys(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())
