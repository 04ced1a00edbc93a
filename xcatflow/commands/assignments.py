"""Operands of the commands that define objects: which one names the objects, and the `attr=val` pairs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SIMPLE = re.compile(r"[A-Za-z0-9_.:@-]+[ \t]*=(?![=~])")
_NAME = re.compile(r"[A-Za-z0-9_.:@-]+")


class BadPair(Exception):
    """An operand that should be `attr=val` and is not; the message is the operand."""


@dataclass(frozen=True, slots=True)
class Operands:
    """`names` is a noderange or a list of names, None where no operand was one; `values` the pairs in the order typed, the last of two
    for one attribute counting."""

    names: str | None
    values: Mapping[str, str]


def read_operands(operands: Sequence[str], *, named: bool) -> Operands:
    """The meaning of the operands. Where the objects are `named` by a flag all are pairs; else the first that is no simple assignment
    (`mgt==docker` is a noderange) names them. Raises BadPair."""
    names: str | None = None
    values: dict[str, str] = {}
    for operand in operands:
        if names is None and not named and not _SIMPLE.match(operand):
            names = operand
            continue
        attribute, equals, value = operand.partition("=")
        attribute = attribute.strip()
        if not equals or not _NAME.fullmatch(attribute):
            raise BadPair(operand)
        values.pop(attribute, None)
        values[attribute] = value.lstrip()
    return Operands(names, values)
