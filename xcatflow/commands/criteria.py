"""Operands of `nodels` and `nodech` that hold an operator: those that compare an attribute (`os=~^debian`) and those that change one.

Source: xCAT's manual pages of nodels and nodech.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from xcatflow.commands.columns import column
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.regex import compile_regex
from xcatflow.selection.tree import Criterion, Operator

COMPARING = ("==", "!=", "=~", "!~")
_OPERAND = re.compile(r"([^=]+?)(==|!=|=~|!~|,=|\^=|=)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Operand:
    """The name before an operator, and what is behind it."""

    name: str
    operator: str
    value: str


def read_operand(text: str) -> Operand | None:
    """None where there is no operator, or no name before it."""
    found = _OPERAND.fullmatch(text)
    return Operand(found[1], found[2], found[3]) if found else None


def criterion(operand: Operand) -> Criterion:
    """What an operand with one of the operators COMPARING compares; a missing attribute counts as an empty text. Raises UnknownColumn,
    and InvalidInput for a bad regular expression."""
    attribute, value, pattern = column(operand.name).name, operand.value, None
    if operand.operator in ("=~", "!~"):
        if len(value) > 1 and value[0] == value[-1] == "/":
            value = value[1:-1]
        try:
            pattern = compile_regex(value)
        except ValueError as error:
            typed = f"{operand.name}{operand.operator}{operand.value}"
            raise InvalidInput(f"Invalid regular expression '{value}' in '{typed}': {error}") from None
    return Criterion(attribute, cast(Operator, operand.operator), value, pattern, 1)


def all_hold(criteria: Iterable[Criterion], definitions: Definitions, node: str) -> bool:
    """Does a node satisfy all of them?"""
    return all(one.holds(definitions.value(node, one.attribute) or "") for one in criteria)
