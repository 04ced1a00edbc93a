"""Attributes of nodes by the names that quick commands take: `table.column`, a whole table, a short name, an attribute.

Source: xCAT's manual pages of nodels and nodech.
"""

from collections.abc import Callable
from dataclasses import dataclass

from xcatflow.errors import InvalidInput
from xcatflow.load.normal import meaning
from xcatflow.model.attributes import ALIASES, ATTRIBUTES, NICS, canonical

DECIDES = "mgt"
"""What says which attribute a name such as `vm.host` means on an object."""


class UnknownColumn(InvalidInput):
    """Nothing is called so."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} not a valid table.column description")


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
    found = canonical("node", name)
    if found is None:
        raise UnknownColumn(name)
    return Column(name, found)


def meant(objtype: str, name: str, value: Callable[[str], str]) -> str | None:
    """The attribute that a name means on an object that has what `value` gives; None for nothing."""
    if name not in ALIASES.get(objtype, {}):
        return canonical(objtype, name)
    return meaning(objtype, name, {DECIDES: value(DECIDES)})


def table_attributes(name: str) -> frozenset[str]:
    """The attributes that a table holds, whatever the node; none where no table is called so."""
    held = {attribute for alias in _aliases(name) for attribute, _ in ALIASES["node"][alias]}
    if name == "nics":
        held |= NICS
    return frozenset(held & ATTRIBUTES["node"].keys())
