"""What commands write back to nodes after a run: `status` with its time, and what made a container.

Source: xCAT's node attributes `status` and `statustime`, and the site attribute `nodestatus` that switches them off.
"""

from collections.abc import Mapping

from xcatflow.commands.command import Context
from xcatflow.commands.heard import Heard
from xcatflow.errors import InvalidInput, Locked
from xcatflow.model.node_status import status_edits


def gone(heard: Heard) -> dict[str, str]:
    """The status of nodes that have no container: none."""
    return {node: "" for node, step in heard.failed.items() if step.message == f"No such container: {node}"}


def write_back(
    context: Context,
    status: Mapping[str, str],
    values: Mapping[str, Mapping[str, str]] | None = None,
    *,
    again: bool = False,
) -> None:
    """Keep the new `status` of nodes (empty: none any more) and further values, in one step; what is so already is not written (`again`:
    the command itself has written before, so only the files tell). What was done stays done where this fails: it is told as a warning."""
    values = values or {}
    if not status and not values:
        return
    try:
        if not again and not status_edits(context.desk.definitions, status, values):
            return
        with context.desk.editing() as editing:
            if edits := status_edits(editing.definitions, status, values):
                editing.write(edits)
    except (InvalidInput, Locked) as error:
        context.talk.warn(f"the nodes' attributes could not be written: {' '.join(str(error).split())}")
