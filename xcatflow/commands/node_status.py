"""What commands write back to nodes after a run: `status` with its time, and what made a container.

Source: xCAT's node attributes `status` and `statustime`, and the site attribute `nodestatus` that switches them off.
"""

import time
from collections.abc import Mapping

from xcatflow.commands.command import Context
from xcatflow.commands.heard import Heard
from xcatflow.errors import InvalidInput, Locked
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Write

_OFF = ("n", "no", "0")


def gone(heard: Heard) -> dict[str, str]:
    """The status of nodes that have no container: none."""
    return {node: "" for node, step in heard.failed.items() if step.message == f"No such container: {node}"}


def write_back(
    context: Context, status: Mapping[str, str], values: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Keep the new `status` of nodes (empty: none any more) and further values, in one step; what is so already is not written. What was
    done stays done where this fails: it is told as a warning."""
    values = values or {}
    if not status and not values:
        return
    try:
        if not _edits(context.desk.definitions, status, values):
            return
        with context.desk.editing() as editing:
            if edits := _edits(editing.definitions, status, values):
                editing.write(edits)
    except (InvalidInput, Locked) as error:
        context.talk.warn(f"the nodes' attributes could not be written: {' '.join(str(error).split())}")


def _edits(definitions: Definitions, status: Mapping[str, str], values: Mapping[str, Mapping[str, str]]) -> list[Write]:
    """What has to be written, nodes that are not defined any more left out."""
    kept = definitions.site.get("nodestatus", "").strip().lower() not in _OFF
    now = time.strftime("%m-%d-%Y %H:%M:%S")
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
