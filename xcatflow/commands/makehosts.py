"""makehosts: keep /etc/hosts in step with the definitions.

Source: xCAT's manual page of makehosts.
"""

from pathlib import Path

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context
from xcatflow.commands.hosts_text import LOCALHOST, changed, form_of, gathered, without
from xcatflow.machine.addresses import addresses_of
from xcatflow.machine.text_file import TextFile
from xcatflow.model.definitions import Definitions

USAGE = """\
Usage: makehosts [noderange] [-n] [-o | -l] [-a] [-m] [--hosts-file FILE]
       makehosts -d noderange [--hosts-file FILE]
       makehosts {-h | --help | -v | --version}

  Without a noderange the lines of all nodes are made.

  -n             begin with a new file that knows the machine itself only
  -d             remove the nodes' lines
  -l, --longnamefirst          the full name first
  -o, --othernamesfirst        aliases first
  -a, --adddomaintohostnames   aliases with the domain as well
  -m, --mactolinklocal         known, and of no use here
  --hosts-file   another file than /etc/hosts; the one before is kept as FILE.xcatbak
"""

HOSTS = Path("/etc/hosts")


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput, Locked."""
    if len(arguments.operands) > 1 or ("d" in arguments and not arguments.operands):
        context.talk.usage(USAGE)
        return
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, arguments.operands[0] if arguments.operands else None)
    if not nodes and "n" in arguments:
        context.talk.error("no node is meant, the file stays as it is.")
        return
    resolve = addresses_of([node for node in nodes if not definitions.value(node, "ip")]).get
    form = form_of(definitions, long_first="l" in arguments, names_last="o" in arguments, full_aliases="a" in arguments)
    found = gathered(definitions, nodes, resolve)
    with _file(context.cwd / arguments.value("hosts-file", str(HOSTS))) as file:
        if "d" in arguments:
            file.write(without(file.text, definitions, nodes, resolve))
            return
        for warning in found.warnings:
            context.talk.warn(warning)
        file.write(changed(f"{LOCALHOST}\n" if "n" in arguments else file.text, found.entries, form))


def clean_hosts(definitions: Definitions, nodes: tuple[str, ...], path: Path) -> None:
    """Remove the lines of nodes. Raises InvalidInput where the file cannot be written."""
    with _file(path) as file:
        if (text := without(file.text, definitions, nodes)) != file.text:
            file.write(text)


def _file(path: Path) -> TextFile:
    return TextFile(path, backup=path.with_name(path.name + ".xcatbak"))


COMMAND = Command(
    name="makehosts",
    usage=USAGE,
    run=run,
    flags=(
        Flag("n"),
        Flag("d"),
        Flag("o", "othernamesfirst"),
        Flag("l", "longnamefirst"),
        Flag("a", "adddomaintohostnames"),
        Flag("m", "mactolinklocal"),
        Flag(long="hosts-file", takes="value"),
        Flag("V", "verbose"),
    ),
)
