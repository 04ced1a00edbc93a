"""YAML text to plain values that know where they were written: the one file that imports ruamel.yaml.

One document per file; no tags, merge keys only where asked for, anchors within reason.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.load.text import read_text, shown_name
from xcatflow.load.yaml_pieces import Piece
from xcatflow.load.yaml_tree import YamlDocument, YamlMapping, YamlNode, YamlScalar, YamlSequence

__all__ = [
    "YamlDocument",
    "YamlMapping",
    "YamlNode",
    "YamlScalar",
    "YamlSequence",
    "parse_pieces",
    "parse_yaml",
    "read_yaml",
]

_MOST_COPIED = 10_000
_MOST_NESTED = 100
_COLON = re.compile(r"\s*:")
_PROPERTIES = re.compile(r"(?:(?:&[^\s,\[\]{}]+|!)(?:\s+|$|(?=[,\]}])))*")


def read_yaml(path: Path, *, root: Path | None = None) -> YamlDocument:
    """The YAML file at `path`; messages name it relative to `root`. Raises InvalidInput with file, line and column."""
    return parse_yaml(read_text(path, root=root), path, name=shown_name(path, root))


def parse_yaml(text: str, path: Path, *, name: str = "", merge_keys: bool = False) -> YamlDocument:
    """The same for text that was read from `path` before. With `merge_keys` a mapping takes over what `<<` names."""
    name = name or str(path)
    try:
        composer = _Composer(name, YAML(typ="safe", pure=True).parse(text), merge_keys=merge_keys)
        return YamlDocument(path, name, composer.document())
    except MarkedYAMLError as error:
        raise InvalidInput(_complaint(error, name)) from None
    except ReaderError as error:
        before = text[: error.position]
        place = Source(name, before.count("\n") + 1, error.position - before.rfind("\n"))
        raise InvalidInput(f"bad YAML: the character U+{ord(text[error.position]):04X} is not allowed", place) from None


def parse_pieces(text: str) -> Piece | None:
    """The pieces of a text that `parse_yaml` took; None where it holds nothing."""
    pieces = _Pieces(text)
    for event in pieces.events:
        if isinstance(event, DocumentStartEvent):
            return pieces.piece(next(pieces.events))
    return None


class _Pieces:
    """Builds pieces from the parser's events."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.events: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
        self.anchors: dict[str, Piece] = {}

    def piece(self, event: Any) -> Piece:
        outer, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, AliasEvent):
            return Piece("alias", outer, outer, end, target=self.anchors[event.anchor])
        anchor = event.anchor or ""
        found = _PROPERTIES.match(self.text, outer, end) if anchor or event.tag else None
        start = found.end() if found else outer
        if isinstance(event, ScalarEvent):
            style = event.style or ""
            if style in ("|", ">"):
                end = start + len(self.text[start:end].rstrip())
            made = Piece("scalar", outer, start, end, event.value, style, anchor=anchor)
        else:
            kind: Literal["sequence", "mapping"] = "sequence" if isinstance(event, SequenceStartEvent) else "mapping"
            made = Piece(kind, outer, end - 1 if event.flow_style else end, end, flow=event.flow_style, anchor=anchor)
            self._fill(made)
        if anchor:
            self.anchors[anchor] = made
        return made

    def _fill(self, made: Piece) -> None:
        while not isinstance(event := next(self.events), SequenceEndEvent | MappingEndEvent):
            item = self.piece(event)
            if made.kind == "sequence":
                made.items.append(item)
            else:
                value = self.piece(next(self.events))
                if value.empty and value.outer == value.start:
                    # The parser may place nothing where the next key begins.
                    colon = _COLON.match(self.text, item.end)
                    value.outer = value.start = value.end = colon.end() if colon else item.end
                made.pairs.append((item, value))
        if made.flow:
            made.end = event.end_mark.index
        else:
            made.end = made.items[-1].end if made.kind == "sequence" else made.pairs[-1][1].end


def _complaint(error: Any, name: str) -> Problem:
    problem = _one_line(error.problem or error.context or "")
    place = _place(name, error.problem_mark or error.context_mark)
    if "'\\t'" in problem:
        return Problem("bad YAML: a tab cannot indent, use blanks", place)
    if "unexpected end of stream" in problem and error.context_mark:
        return Problem("bad YAML: the quote that begins here has no end", _place(name, error.context_mark))
    if problem == "mapping values are not allowed here":
        return Problem('bad YAML: unexpected ": "; put a value that holds ": " in quotes', place)
    if "<block end>" in problem:
        return Problem("bad YAML: this does not line up with what stands above", place)
    return Problem(f"bad YAML: {problem} {_one_line(error.context or '')}".strip(), place)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _place(name: str, mark: Any) -> Source:
    return Source(name, mark.line + 1, mark.column + 1) if mark else Source(name)


class _Composer:
    """Builds nodes from the parser's events."""

    def __init__(self, name: str, events: Iterator[Any], *, merge_keys: bool) -> None:
        self._name = name
        self._events = events
        self._merge_keys = merge_keys
        self._anchors: dict[str, YamlNode | None] = {}
        self._copied = 0

    def document(self) -> YamlNode:
        found: YamlNode | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if found is not None:
                    raise self._bad("expected one document, found another", event)
                found = self._node(next(self._events), 0)
        return found or YamlScalar("", True, (1, 1))

    def _node(self, event: Any, depth: int) -> YamlNode:
        if isinstance(event, AliasEvent):
            return self._alias(event)
        if depth > _MOST_NESTED:
            raise self._bad(f"nested deeper than {_MOST_NESTED} levels", event)
        if event.tag not in (None, "!"):
            raise self._bad(f'tags such as "{event.tag}" are not used here', event)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        node: YamlNode
        match event:
            case ScalarEvent():
                node = YamlScalar(event.value, event.style is None or event.style == "", place)
            case SequenceStartEvent():
                node = YamlSequence(tuple(self._items(depth)), place)
            case _:
                node = self._mapping(depth, place)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _items(self, depth: int) -> Iterator[YamlNode]:
        while not isinstance(event := next(self._events), SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, depth: int, place: tuple[int, int]) -> YamlMapping:
        items: dict[str, YamlNode] = {}
        keys: dict[str, tuple[int, int]] = {}
        merged = YamlMapping({}, {}, place)
        while isinstance(
            event := next(self._events), ScalarEvent | AliasEvent | SequenceStartEvent | MappingStartEvent
        ):
            key = self._node(event, depth + 1)
            if not isinstance(key, YamlScalar):
                raise self._bad("a key is one word or text", event)
            if key.text == "<<" and key.plain:
                self._merge(merged, event, depth)
                continue
            at = (event.start_mark.line + 1, event.start_mark.column + 1)
            if key.text in items:
                raise self._bad(f'the key "{key.text}" stands here twice, first in line {keys[key.text][0]}', event)
            items[key.text], keys[key.text] = self._node(next(self._events), depth + 1), at
        return YamlMapping(merged.items | items, merged.keys | keys, place)

    def _merge(self, merged: YamlMapping, key: Any, depth: int) -> None:
        """Take what a merge key names over into `merged`; of several mappings the first one with a key wins."""
        if not self._merge_keys:
            raise self._bad('merge keys ("<<") are not used here', key)
        value = self._node(next(self._events), depth + 1)
        for source in value.items if isinstance(value, YamlSequence) else (value,):
            if not isinstance(source, YamlMapping):
                raise self._bad('expected a mapping, or a list of them, as "<<"', key)
            for name, item in source.items.items():
                if name not in merged.items:
                    merged.items[name], merged.keys[name] = item, source.keys[name]

    def _alias(self, event: Any) -> YamlNode:
        node = self._anchors.get(event.anchor)
        if node is None:
            reason = "is used inside itself" if event.anchor in self._anchors else "is not defined above"
            raise self._bad(f'the anchor "{event.anchor}" {reason}', event)
        self._copied += _size(node)
        if self._copied > _MOST_COPIED:
            raise self._bad(f"anchors repeat more than {_MOST_COPIED} values", event)
        return node

    def _bad(self, message: str, event: Any) -> InvalidInput:
        return InvalidInput(Problem(message, _place(self._name, event.start_mark)))


def _size(node: YamlNode) -> int:
    match node:
        case YamlScalar():
            return 1
        case YamlSequence():
            return 1 + sum(_size(item) for item in node.items)
    return 1 + sum(_size(item) for item in node.items.values())
