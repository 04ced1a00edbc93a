"""The status of nodes, as it is kept in the definitions: `status` with its time.

Source: xCAT's node attributes `status` and `statustime`, and the site attribute `nodestatus` that switches them off.
"""

import time
from collections.abc import Mapping

from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Write

_OFF = ("n", "no", "0")


def is_kept(definitions: Definitions) -> bool:
    """Does the site want to know the status of nodes?"""
    return definitions.site.get("nodestatus", "").strip().lower() not in _OFF


def now_as_text() -> str:
    """The time, as attributes have it."""
    return time.strftime("%m-%d-%Y %H:%M:%S")


def status_edits(
    definitions: Definitions, status: Mapping[str, str], values: Mapping[str, Mapping[str, str]] | None = None
) -> list[Write]:
    """What has to be written, nodes that are not defined any more left out."""
    values = values or {}
    kept, now = is_kept(definitions), now_as_text()
    edits = []
    for node in dict.fromkeys((*status, *values)):
        if node not in definitions.nodes:
            continue
        wanted = dict(values.get(node, {}))
        if kept and node in status and status[node] != (definitions.value(node, "status") or ""):
            wanted |= {"status": status[node], "statustime": now if status[node] else ""}
        own = definitions.nodes[node].attributes
        if changed := {name: value for name, value in wanted.items() if own.get(name, "") != value}:
            edits.append(Write("node", node, changed))
    return edits
