"""Where definitions keep their objects: in memory, or in whatever else answers the same questions."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

from xcatflow.model.objects import Definition, Group, Node, Record

XCATDEFAULTS = "xcatdefaults"
"""The name of the pseudo node that has what every node's script lists begin with. It stands on a shelf of its own, called so as well."""


class Stock(Protocol):
    """Objects on shelves, one shelf for each type, and what is known of all nodes together. Everything may be read from several
    threads."""

    @property
    def shelves(self) -> tuple[str, ...]:
        """The shelves that hold anything, sorted."""
        ...

    def shelf(self, name: str) -> Mapping[str, Definition]:
        """The objects on a shelf by name, in order of names."""
        ...

    @property
    def group_names(self) -> tuple[str, ...]:
        """The groups that are defined and not dynamic, or named by nodes; sorted."""
        ...

    def members(self, group: str) -> tuple[str, ...] | None:
        """The nodes of one of these groups, sorted; None for any other name."""
        ...


def shelf_of(item: Definition) -> str:
    """The shelf where an object belongs."""
    return shelf_for(item.kind if isinstance(item, Record) else item.objtype, item.name)


def shelf_for(objtype: str, name: str) -> str:
    """The shelf where an object of this type and name belongs."""
    return XCATDEFAULTS if (objtype, name) == ("node", XCATDEFAULTS) else objtype


class Objects:
    """A stock in memory."""

    def __init__(self, objects: Iterable[Definition]) -> None:
        """`objects` of any types, no two of the same type with one name."""
        shelves: dict[str, dict[str, Definition]] = {}
        for item in sorted(objects, key=lambda item: item.name):
            shelves.setdefault(shelf_of(item), {})[item.name] = item
        self._shelves = {name: MappingProxyType(shelves[name]) for name in sorted(shelves)}
        self._members = _members(shelves.get("node", {}), shelves.get("group", {}))
        self.shelves = tuple(self._shelves)
        self.group_names = tuple(sorted(self._members))

    def shelf(self, name: str) -> Mapping[str, Definition]:
        return self._shelves.get(name, MappingProxyType({}))

    def members(self, group: str) -> tuple[str, ...] | None:
        return self._members.get(group)


def _members(nodes: Mapping[str, Definition], groups: Mapping[str, Definition]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {
        name: [] for name, group in groups.items() if isinstance(group, Group) and not group.dynamic
    }
    for name, node in nodes.items():
        if isinstance(node, Node):
            for group in node.groups:
                found.setdefault(group, []).append(name)
    return {name: tuple(members) for name, members in found.items()}
