"""rmdocker: remove the containers of container nodes.

Source: xCAT's manual page of rmdocker.
"""

from collections.abc import Sequence

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.container_nodes import instances
from xcatflow.commands.heard import Heard, Steps
from xcatflow.commands.node_status import gone, write_back
from xcatflow.commands.runs import on_daemons, run_steps

USAGE = """\
Usage: rmdocker <noderange> [-f|--force]
       rmdocker {-h | --help | -v | --version}

  -f, --force  running ones too: they are killed
  --sort       tell the nodes by name, all at the end
"""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    if len(arguments.operands) > 1:
        raise Refused(f"Option {arguments.operands[1]} is not supported for rmdocker")
    if not arguments.operands:
        raise Refused("expected a noderange, found nothing", usage=True)
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, arguments.operands[0])
    daemons = instances(context.talk, definitions, nodes, "rmdocker")
    force = "f" in arguments
    wanted = {"container": "${node.name}", "force": force}
    step = {"id": "remove", "use": "docker.remove", "at": "${given.daemon}", "with": wanted}
    heard = Heard(context.talk, _success, by_name="sort" in arguments)

    def after() -> None:
        write_back(context, dict.fromkeys(heard.acts, "") | gone(heard))

    words = ("rmdocker", *arguments.operands, *(["--force"] if force else []))
    run_steps(context, words, (step,), on_daemons(daemons), heard, after)


def _success(_node: str, _steps: Steps) -> Sequence[str]:
    return ("success",)


COMMAND = Command(
    name="rmdocker",
    usage=USAGE,
    run=run,
    flags=(Flag("f", "force"), Flag(long="sort"), Flag("V", "verbose")),
    bare=1,
)
