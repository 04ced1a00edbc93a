"""noderm: remove nodes.

Source: xCAT's manual page of noderm.
"""

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context
from xcatflow.model.edit import Remove

USAGE = """\
Usage: noderm noderange
       noderm {-h | --help | -v | --version}
"""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput, Locked."""
    if len(arguments.operands) != 1:
        context.talk.usage(USAGE)
        return
    with context.desk.editing() as editing:
        found = chosen(context, editing.definitions, arguments.operands[0])
        editing.write([Remove("node", name) for name in found])


COMMAND = Command(
    name="noderm",
    usage=USAGE,
    run=run,
    flags=(Flag("V", "verbose"),),
    bare=1,
)
