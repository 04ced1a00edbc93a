"""The nodes that a command works on: those of a noderange, or all."""

from xcatflow.commands.command import Context, Refused
from xcatflow.model.definitions import Definitions
from xcatflow.selection import select

_ALL = "/.*"


def chosen(context: Context, definitions: Definitions, noderange: str | None = None) -> tuple[str, ...]:
    """The nodes that a noderange means, all where there is none; without those that the site excludes. Raises InvalidInput,
    also for an empty text: a variable that is not set must not mean that all is well."""
    if noderange is not None and not noderange.strip(" ,\t"):
        raise Refused("expected a noderange, found nothing", usage=True)
    if noderange is None:
        if not definitions.nodes or not definitions.site.get("excludenodes", "").strip():
            return tuple(definitions.nodes)
        noderange = _ALL
    return select(noderange, definitions, environ=context.environ, cwd=context.cwd)


def is_hidden(definitions: Definitions, node: str) -> bool:
    """Is a node to be left out of lists?"""
    return definitions.nodes[node].attributes.get("hidden") in ("1", "yes")
