"""pping: which nodes answer from here.

Source: xCAT's manual page of pping.
"""

from collections.abc import Sequence

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.reached import numbers
from xcatflow.errors import InvalidInput, XcatflowError
from xcatflow.model.definitions import Definitions
from xcatflow.model.values import split_list
from xcatflow.selection import UnknownNames

USAGE = """\
Usage: pping [-i interfaces] [-f] [--fail] noderange
       pping {-h | --help | -v | --version}

  -i interfaces  test the names NODE-INTERFACE of these interfaces, with commas: eth1,ib0
  -f, --use_fping
                 only a ping counts as an answer; else an open or refused port does as well
  --fail         exit 1 when one does not answer
"""

_PORTS = (22, 80, 443)
"""Where a machine that is not to be pinged may answer all the same."""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    from xcatflow.machine import probing

    talk = context.talk
    if len(arguments.operands) != 1:
        raise Refused(f"expected a noderange, found {' '.join(arguments.operands) or 'nothing'}", usage=True)
    interfaces = split_list(arguments.value("i"))
    if "i" in arguments and not interfaces:
        raise Refused("-i: expected names of interfaces with commas, found nothing", usage=True)
    definitions = context.desk.definitions
    hosts = _hosts(definitions, _valid(context, definitions, arguments.operands[0]), interfaces)
    places = numbers(hosts)
    for name in hosts:
        if name not in places:
            talk.warn(f"{hosts[name]} does not resolve: no address to test", node=name)
    ports = () if "f" in arguments else _PORTS
    wanted = {name: probing.Wanted(address, ports) for name, address in places.items()}
    try:
        heard = probing.probe(wanted, pinged="f" in arguments) if wanted else {}
    except XcatflowError as error:
        raise InvalidInput(str(error)) from None
    answers = {name for name, each in heard.items() if each.answers}
    talk.each(f"{name}: {'ping' if name in answers else 'noping'}" for name in sorted(hosts))
    if "fail" in arguments and len(answers) < len(hosts):
        talk.failed = True


def _valid(context: Context, definitions: Definitions, noderange: str) -> Sequence[str]:
    """The nodes; tells which do not exist. Raises InvalidInput."""
    try:
        return chosen(context, definitions, noderange)
    except UnknownNames as error:
        context.talk.warn(f"Invalid nodes in noderange:{','.join(error.names)}")
        if not error.valid:
            context.talk.failed = True
        return error.valid


def _hosts(definitions: Definitions, nodes: Sequence[str], interfaces: Sequence[str]) -> dict[str, str]:
    """What is tested, by the name it is told by: an address where the definition says one, else a name to be resolved."""
    if not interfaces:
        return {node: definitions.value(node, "ip") or node for node in nodes}
    found: dict[str, str] = {}
    for node in nodes:
        for interface in interfaces:
            own = (definitions.value(node, f"nicips.{interface}") or "").partition("|")[0]
            found[f"{node}-{interface}"] = own or f"{node}-{interface}"
    return found


COMMAND = Command(
    name="pping",
    usage=USAGE,
    run=run,
    flags=(Flag("i", "interface", takes="value"), Flag("f", "use_fping"), Flag(long="fail"), Flag("V", "verbose")),
    bare=1,
)
