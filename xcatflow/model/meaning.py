"""What a name means as an attribute of one node, and why: aliases of old tables stand for different attributes on different nodes."""

from collections.abc import Mapping
from dataclasses import dataclass

from xcatflow.model import attributes as table
from xcatflow.model.definitions import Definitions
from xcatflow.model.nics import split_nic


@dataclass(frozen=True, slots=True)
class Meaning:
    """The attribute's own name, the adapter where one is named, the delimiter where the site's `hierarchicalattrs` gathers it, and, where a
    condition chose among several attributes, that condition as `attribute=value`."""

    head: str
    nic: str = ""
    delimiter: str = ""
    condition: str = ""

    @property
    def attribute(self) -> str:
        """`nicips.eth1` where an adapter is named."""
        return f"{self.head}.{self.nic}" if self.nic else self.head


def meaning(definitions: Definitions, node: str, asked: str) -> Meaning:
    """`asked` is a name that `Definitions.canonical` knows. Raises KeyError for an unknown node."""
    name = definitions.canonical(asked) or asked
    condition = ""
    if name not in table.ATTRIBUTES["node"] and name in table.ALIASES["node"]:
        name, condition = _chosen(definitions, node, name)
    head, nic = (name, "") if name in table.ATTRIBUTES["node"] else split_nic(name)
    return Meaning(head, nic, delimiters(definitions).get(head, ""), condition)


def holds(definitions: Definitions, node: str, condition: tuple[str, str]) -> bool:
    """Does a condition such as (`mgt`, `docker`) hold for a node?"""
    attribute, wanted = condition
    return wanted in (definitions.value(node, attribute) or "").split(",")


def _chosen(definitions: Definitions, node: str, alias: str) -> tuple[str, str]:
    free = ""
    for attribute, column in table.ALIASES["node"][alias]:
        for condition in column.conditions:
            if holds(definitions, node, condition):
                return attribute, "=".join(condition)
        if not column.conditions:
            free = free or attribute
    return free or alias, ""


def delimiters(definitions: Definitions) -> Mapping[str, str]:
    """The attributes that the site's `hierarchicalattrs` gathers from all groups, with the delimiter of each."""
    entries = (entry.strip().partition(":") for entry in definitions.site.get("hierarchicalattrs", "").split(","))
    return {name: delimiter or "," for name, _, delimiter in entries if name and name not in table.OWN_ONLY}
