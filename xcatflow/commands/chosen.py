"""The nodes that a command works on: those of a noderange, or all."""

from xcatflow.commands.command import Context
from xcatflow.model.definitions import Definitions
from xcatflow.selection import select

_ALL = "/.*"


def chosen(context: Context, definitions: Definitions, noderange: str | None = None) -> tuple[str, ...]:
    """The nodes that a noderange means, all where there is none; without those that the site excludes. Raises InvalidInput."""
    if noderange is None:
        if not definitions.nodes or not definitions.site.get("excludenodes", "").strip():
            return tuple(definitions.nodes)
        noderange = _ALL
    return select(noderange, definitions, environ=context.environ, cwd=context.cwd)
