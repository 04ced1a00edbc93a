"""What a name means as an attribute of one node, and why: aliases of old tables stand for different attributes on different nodes."""

from dataclasses import dataclass
from functools import partial

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
    condition: tuple[str, ...] = ()
    if name not in table.ATTRIBUTES["node"] and name in table.ALIASES["node"]:
        name, condition = table.chosen(name, partial(definitions.holds, node))
    head, nic = (name, "") if name in table.ATTRIBUTES["node"] else split_nic(name)
    return Meaning(head, nic, definitions.delimiters.get(head, ""), "=".join(condition))
