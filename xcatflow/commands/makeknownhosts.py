"""makeknownhosts: keep known_hosts in step with the nodes' keys.

Source: xCAT's manual page of makeknownhosts.
"""

from collections.abc import Mapping
from pathlib import Path

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen
from xcatflow.commands.command import Command, Context
from xcatflow.commands.known_hosts_text import host_names, without
from xcatflow.machine.addresses import addresses_of
from xcatflow.machine.host_keys import scanned, shared
from xcatflow.machine.text_file import TextFile
from xcatflow.model.definitions import Definitions

USAGE = """\
Usage: makeknownhosts noderange [-r | -d] [-V] [--known-hosts FILE]
       makeknownhosts {-h | --help | -v | --version}

  Removes the nodes' entries, asks the nodes for their keys and adds them. Where the site's attribute
  "sharedhostkey" names a file with a public key, that one is every node's.

  -r, --remove    only remove
  -d              the same
  -V, --verbose   name what is added
  --known-hosts   another file than ~/.ssh/known_hosts; the one before is kept as known_hosts.backup
"""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    talk = context.talk
    if not arguments.operands:
        talk.error("The Noderange is missing.")
        talk.usage(USAGE)
        return
    definitions = context.desk.definitions
    nodes = chosen(context, definitions, ",".join(arguments.operands))
    removing = "r" in arguments or "d" in arguments
    addresses = _addresses(definitions, nodes)
    for node in nodes:
        if node not in addresses and not removing:
            talk.error(f"Can not resolve {node}")
    keys = {} if removing else _keys(context, definitions, addresses)
    names = {node: host_names(definitions, node, addresses.get(node, "")) for node in nodes}
    added = [f"{','.join(names[node])} {key}" for node in nodes for key in keys.get(node, ())]
    gone = [name for node in nodes for name in names[node] if removing or node in keys]
    path = _path(context, arguments)
    with TextFile(path, backup=path.with_name("known_hosts.backup"), mode=0o600, directory_mode=0o700) as file:
        file.write(without(file.text, gone) + "".join(f"{line}\n" for line in added))
    if "V" in arguments:
        talk.say(*added)


def _path(context: Context, arguments: Arguments) -> Path:
    if "known-hosts" in arguments:
        return context.cwd / arguments.value("known-hosts")
    return context.cwd / (context.environ.get("HOME") or Path.home()) / ".ssh" / "known_hosts"


def _addresses(definitions: Definitions, nodes: tuple[str, ...]) -> Mapping[str, str]:
    """The nodes' addresses: their own, else what their names resolve to."""
    own = {node: address for node in nodes if (address := definitions.value(node, "ip"))}
    return own | dict(addresses_of([node for node in nodes if node not in own]))


def _keys(context: Context, definitions: Definitions, addresses: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    """The keys of the nodes that have some; tells which have none."""
    if file := definitions.site.get("sharedhostkey"):
        key = shared(context.desk.root / file)
        return dict.fromkeys(addresses, (key,))
    found = scanned(tuple(dict.fromkeys(addresses.values())))
    for node, address in addresses.items():
        if not found[address]:
            context.talk.error(
                f"no host key from {address}: it does not answer to SSH, its entries are kept", node=node
            )
    return {node: found[address] for node, address in addresses.items() if found[address]}


COMMAND = Command(
    name="makeknownhosts",
    usage=USAGE,
    run=run,
    flags=(
        Flag("r", "remove"),
        Flag("d"),
        Flag("V", "verbose"),
        Flag(long="known-hosts", takes="value"),
    ),
)
