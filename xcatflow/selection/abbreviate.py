"""The reverse direction: a short noderange for many nodes."""

import re
from collections.abc import Iterable

from xcatflow.selection.inventory import Inventory

_GROUP = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")


def abbreviate(names: Iterable[str], inventory: Inventory) -> str:
    """Groups for the nodes that are complete ones, then the other nodes: `web,dh03`.

    Groups of two nodes or more are tried, the largest first, of equal ones in order of names; those that a noderange cannot name (a
    node has the same name) are not.
    """
    left = set(names)
    groups: dict[str, frozenset[str]] = {}
    for name in inventory.group_names:
        members = inventory.members(name) or ()
        # Most groups are out at a glance; where very many lists are abbreviated nothing else would be quick enough.
        if (
            1 < len(members) <= len(left)
            and members[0] in left
            and name not in inventory.nodes
            and _GROUP.fullmatch(name)
        ):
            groups[name] = frozenset(members)
    chosen: list[str] = []
    for name in sorted(groups, key=lambda name: (-len(groups[name]), name)):
        if groups[name] <= left:
            chosen.append(name)
            left -= groups[name]
    return ",".join((*sorted(chosen), *sorted(left)))
