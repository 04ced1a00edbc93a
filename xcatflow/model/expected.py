"""What pydantic expected of a value, in our words."""

from collections.abc import Iterable
from typing import Any

_SORTS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text",
    "dict": "a mapping",
    "mapping": "a mapping",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen": "a list",
    "none": "nothing",
}


def expected(finding: Any) -> str:
    """What a finding says that was expected; empty where pydantic's own words have to do."""
    kind, context = str(finding["type"]), finding.get("ctx", {})
    match kind:
        case "literal_error" | "enum":
            return f"one of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}"
        case "greater_than_equal":
            return f"at least {context['ge']}"
        case "greater_than":
            return f"more than {context['gt']}"
        case "less_than_equal":
            return f"at most {context['le']}"
        case "less_than":
            return f"less than {context['lt']}"
        case "model_type" | "model_attributes_type" | "dataclass_type":
            return "a mapping"
    return _SORTS.get(kind.partition("_")[0], "")


def joined(words: Iterable[str]) -> str:
    """`a text, a list or a mapping`, each once."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} or {last}" if most else last


def sort_of(value: object) -> str:
    """What a value is, for a message: itself where it is short."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f'"{str(value).lower()}"'
        case str() | int() | float():
            return f'"{value}"'
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return type(value).__name__
