"""Which attributes are written anywhere at all: what nobody wrote need not be looked for on every node."""

from xcatflow.model.definitions import Definitions


def written(definitions: Definitions) -> frozenset[str]:
    """The attributes that some node, or some group for its members, has a value of."""
    found: set[str] = set()
    for holder in (*definitions.nodes.values(), *definitions.groups.values()):
        found.update(holder.attributes)
    return frozenset(found)
