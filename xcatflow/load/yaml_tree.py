"""Plain values that know where they were written in a YAML file.

Scalars follow the core schema of YAML 1.2 (`yes` is a text, `10:30` is a text, `007` is a number); numbers remember how they were
written, so that `1.10` is "1.10" where a text is wanted.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from xcatflow.errors import Source

YamlPath = tuple[str | int, ...]

_NULLS = ("", "~", "null", "Null", "NULL")
_TRUES = ("true", "True", "TRUE")
_FALSES = ("false", "False", "FALSE")
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MOST_DIGITS = 300


class WrittenInt(int):
    """An integer that is shown as it was written."""

    written: str

    def __new__(cls, value: int, written: str) -> Self:
        made = super().__new__(cls, value)
        made.written = written
        return made

    def __str__(self) -> str:
        return self.written


class WrittenFloat(float):
    """A number that is shown as it was written."""

    written: str

    def __new__(cls, written: str) -> Self:
        made = super().__new__(cls, written)
        made.written = written
        return made

    def __str__(self) -> str:
        return self.written


@dataclass(frozen=True, slots=True)
class YamlScalar:
    """A text as written; `plain` when it stood without quotes."""

    text: str
    plain: bool
    place: tuple[int, int]

    @property
    def value(self) -> Any:
        """What it means: None, bool, int, float or str."""
        return _resolved(self.text) if self.plain else self.text

    @property
    def as_text(self) -> str:
        """The text, empty for a plain null."""
        return "" if self.plain and self.text in _NULLS else self.text


@dataclass(frozen=True, slots=True)
class YamlSequence:
    items: tuple["YamlNode", ...]
    place: tuple[int, int]

    @property
    def value(self) -> list[Any]:
        return [item.value for item in self.items]

    @property
    def as_text(self) -> list[Any]:
        return [item.as_text for item in self.items]


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """Keys are texts as written; `keys` are their places."""

    items: dict[str, "YamlNode"]
    keys: dict[str, tuple[int, int]]
    place: tuple[int, int]

    @property
    def value(self) -> dict[str, Any]:
        return {key: item.value for key, item in self.items.items()}

    @property
    def as_text(self) -> dict[str, Any]:
        return {key: item.as_text for key, item in self.items.items()}


YamlNode = YamlScalar | YamlSequence | YamlMapping


@dataclass(frozen=True, slots=True, eq=False)
class YamlDocument:
    """A file's content. `path` is the file, `name` how messages call it; `value` holds dict, list, str, int, float, bool and None,
    `text` the same tree with every scalar as it was written (nothing: "")."""

    path: Path
    name: str
    root: YamlNode

    @property
    def value(self) -> Any:
        return self.root.value

    @property
    def text(self) -> Any:
        return self.root.as_text

    def source_of(self, path: YamlPath, *, key: bool = False) -> Source:
        """The place of the value at `path`, or of its key; where the path ends early, of the last thing found on it. A mapping or
        list that begins on a later line than its key is found at its key."""
        node, place = self.root, self.root.place
        for position, part in enumerate(path):
            last = position == len(path) - 1
            match node:
                case YamlMapping() if part in node.items:
                    at, node = node.keys[str(part)], node.items[str(part)]
                    below = not isinstance(node, YamlScalar) and node.place[0] != at[0]
                    place = at if below or (last and key) else node.place
                case YamlSequence() if isinstance(part, int) and 0 <= part < len(node.items):
                    node = node.items[part]
                    place = node.place
                case _:
                    break
        return Source(self.name, *place)


def _resolved(text: str) -> Any:
    if not text or text in _NULLS:
        return None
    if text in _TRUES or text in _FALSES:
        return text in _TRUES
    if text[0] not in "+-.0123456789" or len(text) > _MOST_DIGITS:
        return text
    if _INT.fullmatch(text):
        return WrittenInt(int(text), text)
    if _BASED.fullmatch(text):
        return WrittenInt(int(text, 0), text)
    return WrittenFloat(text) if _FLOAT.fullmatch(text) else text
