"""Pydantic's findings in our words: which key, what was expected, what was found, and where it stands."""

from collections.abc import Iterable
from types import GenericAlias, UnionType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from xcatflow.errors import Problem, Source, did_you_mean
from xcatflow.model.expected import expected, joined, sort_of
from xcatflow.model.placed import Places

Path = tuple[str | int, ...]


def problems_of(error: ValidationError, model: type[BaseModel], place: Places) -> tuple[Problem, ...]:
    """One problem per finding, at its place."""
    found: dict[tuple[Source, str], Problem] = {}
    findings = error.errors(include_url=False)
    alternatives = _alternatives(findings, model)
    for finding in findings:
        if finding["type"] == "too_short" and any(_inside(other["loc"], finding["loc"]) for other in findings):
            continue  # pydantic does not count items that have a complaint of their own
        unknown_key = finding["type"] == "extra_forbidden"
        # An unknown key may look like anything, also like what pydantic puts between.
        *above, last = finding["loc"] or ("",)
        path = (*_real_path(above, model), last) if unknown_key else _real_path(finding["loc"], model)
        source = place(path, key=unknown_key)
        if expected(finding):
            if any(_inside(_real_path(other["loc"], model), path) for other in findings):
                continue  # one of the forms that are allowed here was tried, and told further inside
            message = _expected(path, alternatives[path], finding["input"])
        else:
            message = _message(finding, path, model)
        found.setdefault((source, message), Problem(message, source))
    return tuple(found.values())


def _alternatives(findings: Iterable[Any], model: type[BaseModel]) -> dict[Path, list[str]]:
    """What was expected at a path, where it could have several forms."""
    found: dict[Path, list[str]] = {}
    for finding in findings:
        if words := expected(finding):
            found.setdefault(_real_path(finding["loc"], model), []).append(words)
    return found


def _expected(path: Path, words: Iterable[str], value: object) -> str:
    name = ".".join(str(part) for part in path)
    return f'"{name}": expected {joined(words)}, found {sort_of(value)}'


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
            return f'"{name}": {text[:1].lower()}{text[1:]}, found {sort_of(finding["input"])}'


def _inside(loc: Path, other: Path) -> bool:
    return len(loc) > len(other) and loc[: len(other)] == other


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
