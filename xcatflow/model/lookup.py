"""`${...}` in workflow files: lookups with an optional `:-default`, and nothing else.

    ${node.ip}                    an attribute of the lane's node
    ${node.image:-busybox}        with a default, used where the value is missing or empty
    ${node.image:-${input.image}} defaults may hold lookups
    $${not a lookup}              a literal `${`

What the names mean is decided by the scope that resolves them; this module only knows the text form.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xcatflow.errors import XcatflowError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_][A-Za-z0-9_-]*)*")


class MissingValue(XcatflowError):
    """A lookup without default found nothing; `path` is what it asked for."""

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(f'"${{{".".join(path)}}}" has no value')
        self.path = path


class BadTemplate(XcatflowError):
    """The text is not a well-formed template; `offset` counts characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Lookup:
    """One `${...}`: the dotted path, and the default's template (None: no default)."""

    path: tuple[str, ...]
    default: "Template | None" = None


@dataclass(frozen=True, slots=True)
class Template:
    """A text with lookups in it."""

    parts: tuple[str | Lookup, ...]

    @property
    def lookups(self) -> Iterator[Lookup]:
        """Every lookup, those in defaults included."""
        for part in self.parts:
            if isinstance(part, Lookup):
                yield part
                if part.default:
                    yield from part.default.lookups

    def resolve(self, scope: Callable[[tuple[str, ...]], str | None]) -> str:
        """The text with every lookup replaced. Raises MissingValue where there is neither value nor default."""
        return "".join(part if isinstance(part, str) else _value(part, scope) for part in self.parts)


def _value(lookup: Lookup, scope: Callable[[tuple[str, ...]], str | None]) -> str:
    if value := scope(lookup.path):
        return value
    if lookup.default is None:
        raise MissingValue(lookup.path)
    return lookup.default.resolve(scope)


def parse_template(text: str) -> Template:
    """Raises BadTemplate with the offset of the `${` that is not closed or not named well."""
    parts, end = _parse(text, 0, nested=False)
    assert end == len(text)
    return Template(parts)


def _parse(text: str, start: int, *, nested: bool) -> tuple[tuple[str | Lookup, ...], int]:
    parts: list[str | Lookup] = []
    literal = ""
    at = start
    while at < len(text):
        if text.startswith("$${", at):
            literal, at = literal + "${", at + 3
        elif text.startswith("${", at):
            if literal:
                parts.append(literal)
                literal = ""
            lookup, at = _parse_lookup(text, at)
            parts.append(lookup)
        elif nested and text[at] == "}":
            break
        else:
            literal, at = literal + text[at], at + 1
    if literal:
        parts.append(literal)
    return tuple(parts), at


def _parse_lookup(text: str, start: int) -> tuple[Lookup, int]:
    match = _NAME.match(text, start + 2)
    if not match:
        raise BadTemplate('expected a name like "node.ip" after "${" (write "$${" for a literal one)', start)
    path = tuple(match.group().split("."))
    at = match.end()
    if text.startswith("}", at):
        return Lookup(path), at + 1
    if not text.startswith(":-", at):
        raise BadTemplate(f'expected "}}" or ":-default" after "${{{match.group()}"', start)
    parts, at = _parse(text, at + 2, nested=True)
    if at >= len(text):
        raise BadTemplate(f'"${{{match.group()}" is not closed by "}}"', start)
    return Lookup(path, Template(parts)), at + 1


def has_lookup(value: object) -> bool:
    """Does any text in this tree of lists and mappings hold a `${`?"""
    match value:
        case str():
            return "${" in value
        case Mapping():
            return any(has_lookup(item) for item in value.values())
        case list() | tuple():
            return any(has_lookup(item) for item in value)
    return False


def templates_in(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Template]]:
    """Every text with a lookup in a tree, with its path. Raises BadTemplate (its message; the path is the caller's to add)."""
    match value:
        case str() if "${" in value:
            yield path, parse_template(value)
        case Mapping():
            for key, item in value.items():
                yield from templates_in(item, (*path, key))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from templates_in(item, (*path, index))


def resolve_tree(value: Any, scope: Callable[[tuple[str, ...]], str | None]) -> Any:
    """The same tree with every text resolved. Raises MissingValue."""
    match value:
        case str() if "${" in value:
            return parse_template(value).resolve(scope)
        case Mapping():
            return {key: resolve_tree(item, scope) for key, item in value.items()}
        case list() | tuple():
            return [resolve_tree(item, scope) for item in value]
    return value
