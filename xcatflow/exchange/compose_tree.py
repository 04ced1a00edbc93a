"""The values of a compose file, each with its place, and what they are read as: texts, numbers, sizes, durations, lists, pairs.

Source: Compose Specification, "Specifying byte values" and "Specifying durations"; other spellings of sizes as Docker's go-units has them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from xcatflow.errors import InvalidInput, Source
from xcatflow.load.yaml_text import YamlNode
from xcatflow.load.yaml_tree import YamlMapping, YamlScalar, YamlSequence

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([kmgtp]?)i?b?", re.IGNORECASE)
_UNITS: Mapping[str, int] = MappingProxyType(
    {unit: 1 << power for unit, power in (("", 0), ("k", 10), ("m", 20), ("g", 30), ("t", 40), ("p", 50))}
)
_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(us|ms|s|m|h)")
_NANOSECONDS: Mapping[str, int] = MappingProxyType(
    {"us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
)
_TRUES, _FALSES = ("true", "yes", "on", "y"), ("false", "no", "off", "n")


@dataclass(frozen=True, slots=True)
class Text:
    """A text as written, with its variables filled in; `empty` where nothing was written, or `null`."""

    text: str
    source: Source
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple["Tree", ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping; `keys` are the places of its keys."""

    items: Mapping[str, "Tree"]
    source: Source
    keys: Mapping[str, Source] = field(default_factory=dict)

    def at(self, key: str) -> Source:
        """The place of a key."""
        return self.keys.get(key, self.source)

    def get(self, key: str) -> "Tree | None":
        """What stands at a key; None where it is missing or nothing stands there."""
        found = self.items.get(key)
        return None if isinstance(found, Text) and found.empty else found


Tree = Text | Items | Fields


def tree_of(node: YamlNode, file: str, fill: Callable[[str, Source], str] | None) -> Tree:
    """A node of a YAML file; `fill` puts the values of variables into its texts, keys left as they are. Raises what `fill` raises."""
    source = Source(file, *node.place)
    match node:
        case YamlMapping():
            keys = {key: Source(file, *place) for key, place in node.keys.items()}
            return Fields({key: tree_of(below, file, fill) for key, below in node.items.items()}, source, keys)
        case YamlSequence():
            return Items(tuple(tree_of(below, file, fill) for below in node.items), source)
        case YamlScalar():
            if "$" in node.text and fill:
                return Text(fill(node.text, source), source)
            return Text(node.as_text, source, empty=node.plain and node.as_text == "")


def wrong(expected: str, tree: Tree) -> InvalidInput:
    """The complaint that something else was expected."""
    match tree:
        case Text():
            found = f'"{tree.text}"' if not tree.empty else "nothing"
        case Items():
            found = "a list"
        case _:
            found = "a mapping"
    return InvalidInput(f"expected {expected}, found {found}", tree.source)


def text(tree: Tree) -> str:
    """One text."""
    if isinstance(tree, Text):
        return tree.text
    raise wrong("a text", tree)


def flag(tree: Tree) -> bool:
    """True or false."""
    word = text(tree).lower()
    if word not in (*_TRUES, *_FALSES):
        raise wrong("true or false", tree)
    return word in _TRUES


def whole(tree: Tree) -> int:
    """A whole number."""
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text(tree)):
        raise wrong("a whole number", tree)
    return int(text(tree))


def size(tree: Tree) -> int:
    """Bytes, of a number or a text such as `64m` or `1.5 GiB`; units are powers of 1024."""
    found = _SIZE.fullmatch(text(tree).strip())
    if not found:
        raise wrong("a size such as 512m or 4g", tree)
    return int(Decimal(found[1]) * _UNITS[found[2].lower()])


def size_or_all(tree: Tree) -> int:
    """Bytes, or -1 for no limit."""
    return -1 if text(tree).strip() == "-1" else size(tree)


def nanoseconds(tree: Tree) -> int:
    """A duration such as `1m30s`."""
    written = text(tree).strip()
    parts = _DURATION.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise wrong("a duration such as 1m30s", tree)
    return int(sum(Decimal(number) * _NANOSECONDS[unit] for number, unit in parts))


def microseconds(tree: Tree) -> int:
    """A number of microseconds, or a duration."""
    return int(text(tree)) if re.fullmatch("[0-9]{1,18}", text(tree)) else nanoseconds(tree) // 1000


def seconds(tree: Tree) -> int:
    """A duration in whole seconds, rounded up."""
    return -(-nanoseconds(tree) // 10**9)


def items(tree: Tree) -> tuple[Tree, ...]:
    """The items of a list; a text is a list of itself."""
    match tree:
        case Items():
            return tree.items
        case Text():
            return (tree,)
    raise wrong("a list", tree)


def texts(tree: Tree) -> list[str]:
    """A list of texts, or a text as the only one."""
    return [text(item) for item in items(tree)]


def fields(tree: Tree, what: str = "a mapping") -> Fields:
    """A mapping."""
    if isinstance(tree, Fields):
        return tree
    raise wrong(what, tree)


def pairs(tree: Tree, separators: str = "=") -> Iterator[tuple[str, Text, Source]]:
    """Names with their values, from a mapping or a list of `NAME=value`; a value is `empty` where none is written. Of `separators`, the
    first one in an item counts."""
    match tree:
        case Fields():
            for name, below in tree.items.items():
                if not isinstance(below, Text):
                    raise wrong(f'a text as "{name}"', below)
                yield name, below, tree.at(name)
        case Items():
            for item in tree.items:
                written = text(item)
                found = re.search(f"[{re.escape(separators)}]", written)
                name, value = (written[: found.start()], written[found.end() :]) if found else (written, "")
                yield name, Text(value, item.source, empty=found is None), item.source
        case _:
            raise wrong('a mapping, or a list of "NAME=value"', tree)


def mapping(tree: Tree) -> dict[str, str]:
    """Names with values as texts, an empty one where none is written."""
    return {name: value.text for name, value, _ in pairs(tree)}
