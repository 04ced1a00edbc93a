"""YAML text of plain trees, without a library: what we write is simple, and both YAML 1.1 and 1.2 read it as the same.

Source: YAML 1.1 (types/bool, int, float: words that are no texts there) and 1.2, double-quoted scalars.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from xcatflow.exchange.ansible import Plain

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NO_TEXTS = frozenset("y yes n no on off true false null".split())  # noqa: SIM905
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_INDENT = "  "


def yaml_lines(tree: Mapping[str, Any], remarks: Mapping[tuple[str, ...], str] | None = None) -> Iterator[str]:
    """The lines of a mapping; `remarks` are comments above the keys at these paths."""
    yield from _mapping(tree, 0, (), remarks or {})


def _mapping(
    tree: Mapping[str, Any], depth: int, path: tuple[str, ...], remarks: Mapping[tuple[str, ...], str]
) -> Iterator[str]:
    for key, value in tree.items():
        here = (*path, key)
        if here in remarks:
            yield f"{_INDENT * depth}# {' '.join(remarks[here].split())}"
        start = f"{_INDENT * depth}{quoted(key)}:"
        match value:
            case Mapping() if value:
                yield start
                yield from _mapping(value, depth + 1, here, remarks)
            case _:
                yield f"{start} {_flow(value)}".rstrip()


def _flow(value: Any) -> str:
    """A value on one line."""
    match value:
        case None:
            return ""
        case Mapping():
            inside = (f"{quoted(key)}: {_flow(below)}" for key, below in value.items())
            return f"{{{', '.join(inside)}}}"
        case list() | tuple():
            return f"[{', '.join(map(_flow, value))}]"
        case Plain(text):
            return text if _is_simple(text) else quoted(text)
        case str():
            return quoted(value)
    return json.dumps(value)


def _is_simple(text: str) -> bool:
    """May it stand without quotes anywhere, also in a list on one line?"""
    return (
        re.fullmatch(r"[A-Za-z0-9_.+/~-](?:[A-Za-z0-9_.+/ :-]*[A-Za-z0-9_.+/-])?", text) is not None
        and ": " not in text
    )


def quoted(text: str) -> str:
    """A text, in quotes unless every reader takes it for a text without."""
    if _WORD.fullmatch(text) and text.lower() not in _NO_TEXTS:
        return text
    return escaped(json.dumps(text, ensure_ascii=False))


def escaped(text: str) -> str:
    """Signs that are no text, or end a line for some readers, as escapes for what stands in double quotes."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
