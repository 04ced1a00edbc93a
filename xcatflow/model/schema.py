"""JSON Schema of the workflow language, for editors: generated from the models, so that completion and the reader never disagree."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from xcatflow.model.workflow import Block, Chain, Workflow

SORTS: Mapping[str, type[BaseModel]] = {"workflow": Workflow, "block": Block, "chain": Chain}
_LOOKUP = {"type": "string", "pattern": r"\$\{"}


def schema_of(sort: str, kinds: Mapping[str, tuple[str, type[BaseModel]]]) -> dict[str, Any]:
    """The schema of `workflow`, `block` or `chain` files; `kinds` gives each kind's first line of documentation and its parameters."""
    schema = SORTS[sort].model_json_schema(by_alias=True, mode="validation")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    if "StepSpec" in schema.get("$defs", {}):
        _teach_kinds(schema["$defs"], kinds)
    return schema


def _teach_kinds(definitions: dict[str, Any], kinds: Mapping[str, tuple[str, type[BaseModel]]]) -> None:
    step = definitions["StepSpec"]
    step["properties"]["use"] = {
        "description": step["properties"]["use"]["description"],
        "anyOf": [
            {"oneOf": [{"const": kind, "description": summary} for kind, (summary, _) in sorted(kinds.items())]},
            {"type": "string", "pattern": r"^\.{0,2}/"},
        ],
    }
    step["allOf"] = []
    for kind, (_, params) in sorted(kinds.items()):
        schema = params.model_json_schema(by_alias=True, mode="validation")
        for name, definition in schema.pop("$defs", {}).items():
            definitions[f"{kind}.{name}"] = _renamed(definition, kind)
        # By the kind: models of two kinds may have the same name.
        definitions[kind] = _renamed(_with_lookups(schema, params), kind)
        step["allOf"].append(
            {
                "if": {"properties": {"use": {"const": kind}}},
                "then": {"properties": {"with": {"$ref": f"#/$defs/{kind}"}}},
            }
        )


def _with_lookups(schema: dict[str, Any], params: type[BaseModel]) -> dict[str, Any]:
    """Every parameter may also be written with lookups; what a step fills in itself is not offered."""
    hidden = {field.alias or name for name, field in params.model_fields.items() if field.exclude}
    properties = {name: value for name, value in schema.get("properties", {}).items() if name not in hidden}
    for name, value in properties.items():
        kept = {key: value.pop(key) for key in ("description", "default", "title") if key in value}
        properties[name] = {**kept, "anyOf": [value, _LOOKUP]} if value else kept
    return {**schema, "properties": properties}


def _renamed(value: Any, prefix: str) -> Any:
    """References to a parameter model's own definitions, under their new names."""
    match value:
        case {"$ref": str(reference), **rest}:
            name = reference.removeprefix("#/$defs/")
            return {**rest, "$ref": f"#/$defs/{prefix}.{name}"}
        case dict():
            return {key: _renamed(item, prefix) for key, item in value.items()}
        case list():
            return [_renamed(item, prefix) for item in value]
    return value
