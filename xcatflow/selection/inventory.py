"""What selection needs to know of a site; `xcatflow.model.definitions.Definitions` is one."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from xcatflow.model.fact_names import NO_FACTS, FactSource


class Inventory(Protocol):
    """Nodes, their groups and their values."""

    @property
    def nodes(self) -> Mapping[str, Any]:
        """All nodes by name."""
        ...

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of all groups."""
        ...

    @property
    def site(self) -> Mapping[str, str]:
        """Cluster-wide settings."""
        ...

    @property
    def facts(self) -> FactSource:
        """What was found out about the nodes; looked at only when a noderange names a fact."""
        ...

    def members(self, group: str) -> tuple[str, ...] | None:
        """The nodes of a group; None when there is no such group."""
        ...

    def values(self, attribute: str) -> Iterable[tuple[str, str | None]]:
        """(node, what it finally has) for every node; None where it has nothing."""
        ...

    def canonical(self, attribute: str) -> str | None:
        """The attribute that a name means; None where it means nothing."""
        ...


class Nothing:
    """An inventory without anything in it."""

    nodes: Mapping[str, Any] = MappingProxyType({})
    group_names: tuple[str, ...] = ()
    site: Mapping[str, str] = MappingProxyType({})
    facts: FactSource = NO_FACTS

    def members(self, group: str) -> tuple[str, ...] | None:
        return None

    def values(self, attribute: str) -> Iterable[tuple[str, str | None]]:
        return ()

    def canonical(self, attribute: str) -> str | None:
        return attribute
