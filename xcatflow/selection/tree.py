"""What a noderange says, as values. Columns count characters of the noderange from 1."""

import re
from dataclasses import dataclass
from typing import Literal

Operator = Literal["==", "!=", "=~", "!~"]


@dataclass(frozen=True, slots=True)
class Word:
    """The name of a node or group, or a form that stands for several: `n[1-3]`, `n1-n3`, `n1+2`, `7`."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Regex:
    """`/RE`: complete names that match; `text` is the atom as written."""

    pattern: re.Pattern[str]
    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Criterion:
    """`mgt==docker`. `pattern` is there with the operators `=~` and `!~`."""

    attribute: str
    operator: Operator
    value: str
    pattern: re.Pattern[str] | None
    column: int

    def holds(self, value: str) -> bool:
        """Does it hold for a node whose attribute has this value (empty where it has none)?"""
        match self.operator:
            case "==":
                return value == self.value
            case "!=":
                return value != self.value
        found = self.pattern is not None and self.pattern.search(value) is not None
        return found == (self.operator == "=~")


@dataclass(frozen=True, slots=True)
class File:
    """`^PATH`: a file with noderanges."""

    path: str
    column: int


@dataclass(frozen=True, slots=True)
class Intersection:
    """`a@b@c`: what is in all of them."""

    factors: "tuple[Factor, ...]"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list, with `-` before it when `excluded`."""

    term: "Intersection | Factor"
    excluded: bool


@dataclass(frozen=True, slots=True)
class Level:
    """A list of items: the noderange itself, or one in parentheses. The order does not matter, exclusion wins."""

    items: tuple[Item, ...]


Atom = Word | Regex | Criterion | File
Factor = Atom | Level
