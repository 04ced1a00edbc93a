"""Names of nodes, and other names that they go by."""

import re

from xcatflow.errors import Source
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import Findings
from xcatflow.model.written import written

_BETWEEN = re.compile(r"[,\s]+")


def check(found: Findings, definitions: Definitions) -> None:
    """Find names that mean two things."""
    for node in definitions.nodes.values():
        if node.name != node.name.lower():
            found.warn(f'the node name "{node.name}" has capital letters, which DNS may not keep', node.source())
        if definitions.members(node.name) is not None:
            found.warn(f'the node "{node.name}" hides the group of the same name in noderanges', node.source())
    if "hostnames" in written(definitions):
        _hostnames(found, definitions)


def _hostnames(found: Findings, definitions: Definitions) -> None:
    owners: dict[str, str] = {}
    for node in definitions.nodes:
        for name in filter(None, _BETWEEN.split(definitions.value(node, "hostnames") or "")):
            other = name if name in definitions.nodes else owners.setdefault(name, node)
            if other == node:
                continue
            there: Source | None = definitions.nodes[other].source()
            what = f'the name of node "{other}"'
            if other != name:
                there, what = definitions.source(other, "hostnames"), f'also a name of node "{other}"'
            after = f': "{name}" is {what} ({there})'
            found.on_node("warning", node, definitions.source(node, "hostnames"), '"hostnames" of ', after)
