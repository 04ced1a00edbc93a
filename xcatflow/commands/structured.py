"""Objects as JSON and as YAML, line by line. The YAML is written without a library: its quoted texts are JSON's."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

_UNPRINTABLE = re.compile("[\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ud800-\\udfff\\ufffe\\uffff]")
"""What YAML does not let stand in a text, or takes for the end of a line; JSON does."""


def json_lines(objects: Iterable[object]) -> Iterator[str]:
    """A JSON list, one object per line."""
    last = ""
    for one in objects:
        yield f"{last}," if last else "["
        last = f" {json.dumps(one, ensure_ascii=False)}"
    yield from (last, "]") if last else ("[]",)


def yaml_lines(objects: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """A YAML list of mappings of texts, and of mappings with texts."""
    empty = True
    for one in objects:
        empty = False
        mark = "- "
        for key, value in one.items():
            if not isinstance(value, dict):
                yield f"{mark}{key}: {_quoted(value)}"
            elif value:
                yield f"{mark}{key}:"
                yield from (f"    {_quoted(name)}: {_quoted(text)}" for name, text in value.items())
            else:
                yield f"{mark}{key}: {{}}"
            mark = "  "
    if empty:
        yield "[]"


def _quoted(text: object) -> str:
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
