"""What becomes of a service of a compose file, while it is being made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xcatflow.errors import Source
from xcatflow.exchange.compose_project import Project, Service
from xcatflow.exchange.compose_tree import Tree, text


@dataclass(slots=True)
class Making:
    """`values` are attributes with the places that they are from; `used` are keys of networks; `links` are `NODE:ALIAS`."""

    service: Service
    project: Project
    values: dict[str, tuple[str, Source]] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    links: list[str] = field(default_factory=list)

    def put(self, flags: Mapping[str, Any]) -> None:
        """Lay parts of a create request over those that are there; objects merge, lists join."""
        self.flags = _laid_over(self.flags, flags)

    def host(self, **flags: Any) -> None:
        """The same for parts of `HostConfig`."""
        self.put({"HostConfig": flags})

    def leave(self, what: str, why: str, source: Source) -> None:
        """Something is not taken over."""
        self.project.said.leave(self.service.name, what, why, source)

    def note(self, said: str, source: Source) -> None:
        """Something is worth knowing."""
        self.project.said.note(self.service.name, said, source)

    def namespace(self, tree: Tree) -> str:
        """Whose namespace to be in; that of a service is its container's. Raises InvalidInput."""
        kind, colon, name = text(tree).partition(":")
        return f"container:{self.project.node_of(name, tree.source)}" if kind == "service" and colon else text(tree)


def _laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        below = found.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            found[key] = _laid_over(below, value)
        else:
            found[key] = [*below, *value] if isinstance(value, list) and isinstance(below, list) else value
    return found
