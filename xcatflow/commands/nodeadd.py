"""nodeadd: add nodes.

Source: xCAT's manual page of nodeadd.
"""

from collections.abc import Mapping

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.asked import Asked
from xcatflow.commands.assignments import BadPair, read_operands
from xcatflow.commands.checking import misnamed
from xcatflow.commands.columns import UnknownColumn, column
from xcatflow.commands.command import Command, Context, Editing
from xcatflow.commands.defining import Defining
from xcatflow.commands.planned import Planned
from xcatflow.commands.remarks import Remarks
from xcatflow.model.attributes import KEYS

USAGE = """\
Usage: nodeadd noderange groups=list [attr=val | table.column=val] ...
       nodeadd {-h | --help | -v | --version}

  Nodes that exist are changed.
"""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput, Locked."""
    if len(arguments.operands) < 2:
        context.talk.usage(USAGE)
        return
    try:
        values = _values(arguments.operands)
    except BadPair as error:
        context.talk.error(f"Malformed argument {error}: expected attr=val.")
        return
    with context.desk.editing() as editing:
        _add(context, editing, Asked(names=arguments.operands[0], values=values))


def _values(operands: tuple[str, ...]) -> Mapping[str, str]:
    """The pairs, by the attributes' own names where those do not depend on the node. Raises BadPair, UnknownColumn."""
    values: dict[str, str] = {}
    for name, value in read_operands(operands[1:], named=True).values.items():
        attribute = column(name).name
        if attribute == KEYS["node"]:
            raise UnknownColumn(name)
        values[attribute] = value
    return values


def _add(context: Context, editing: Editing, asked: Asked) -> None:
    remarks = Remarks(whole=True)
    planned = Planned(editing.definitions)
    defining = Defining(context, asked, editing, remarks, planned)
    drafts = defining.drafts(lambda _objtype, _names: asked.values)
    wrong = misnamed((draft for draft in drafts if not planned.exists("node", draft.name)), remarks)
    for draft in drafts:
        if draft in wrong:
            continue
        kept = defining.accept(draft)
        values = defining.stored(kept, planned.own("node", draft.name))
        if defining.is_impossible(kept, values):
            continue
        defining.decided(kept, new=not planned.exists("node", draft.name))
        planned.put("node", draft.name, values)
    defining.settle()
    defining.write()


COMMAND = Command(
    name="nodeadd",
    usage=USAGE,
    run=run,
    flags=(Flag("V", "verbose"),),
    bare=1,
)
