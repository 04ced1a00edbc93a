"""Attributes of nodes by the names that quick commands take: `table.column`, a whole table, a short name, an attribute.

Source: xCAT's manual pages of nodels and nodech.
"""

from dataclasses import dataclass

from xcatflow.model.attributes import ALIASES, ATTRIBUTES, NICS, canonical

UNKNOWN = "{} not a valid table.column description"


class UnknownColumn(Exception):
    """Nothing is called so; the message is the name."""


@dataclass(frozen=True, slots=True)
class Column:
    """What is asked for: `label` as it is shown, `name` as the definitions know it."""

    label: str
    name: str


def table_columns(name: str) -> tuple[Column, ...]:
    """The columns of a whole table; none where no table is called so."""
    return tuple(Column(alias, canonical("node", alias) or alias) for alias in _aliases(name))


def _aliases(table: str) -> tuple[str, ...]:
    return tuple(alias for alias in ALIASES["node"] if alias.partition(".")[0] == table)


def column(name: str) -> Column:
    """One attribute. Raises UnknownColumn."""
    meant = canonical("node", name)
    if meant is None:
        raise UnknownColumn(name)
    return Column(name, meant)


def table_attributes(name: str) -> frozenset[str]:
    """The attributes that a table holds, whatever the node; none where no table is called so."""
    held = {attribute for alias in _aliases(name) for attribute, _ in ALIASES["node"][alias]}
    if name == "nics":
        held |= NICS
    return frozenset(held & ATTRIBUTES["node"].keys())
