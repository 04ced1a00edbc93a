"""rmdef: remove object definitions.

Source: xCAT's manual page of rmdef.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.asked import INVALID_OPTION, NO_NAMES, types_of
from xcatflow.commands.command import Command, Context, Editing, Refused
from xcatflow.commands.planned import Key, Planned
from xcatflow.commands.targets import exists, named
from xcatflow.errors import InvalidInput
from xcatflow.model.attributes import TYPES
from xcatflow.model.definitions import XCATDEFAULTS, Definitions
from xcatflow.model.edit import Remove

USAGE = """\
Usage: rmdef [-V] [-C] [-t types] {-o names | noderange}
       rmdef [-V] [-C] [-t types] -f -a
       rmdef {-h | --help | -v | --version}

  -t, --type         types of the objects; node where not given
  -o, --objects      their names, for nodes a noderange; a group's name means the nodes in it
  -a, --all          all objects of the types, without types all objects
  -f, --force        needed with -a
  -C, --cleanup      take the nodes out of /etc/hosts as well
  --hosts-file FILE  another file than /etc/hosts
  -V, --verbose      name the objects
"""

_FAILED = "One or more errors occured when attempting to remove xCAT object definitions."
_FOREIGN = "dilmpwxzs"
_HOSTS = "/etc/hosts"


def run(context: Context, arguments: Arguments) -> None:
    """Everything that goes wrong is told. Raises InvalidInput, Locked."""
    if any(flag in arguments for flag in _FOREIGN):
        raise Refused("Invalid flag specified, see rmdef manpage for details.", usage=True)
    types = types_of(arguments, ",".join(TYPES) if "a" in arguments else "node")
    if "a" in arguments and "f" not in arguments:
        raise Refused("You must use the '-f' option when using the '-a' option.")
    names = _names(arguments)
    if names is None and "a" not in arguments and types != ("site",):
        raise Refused(NO_NAMES, usage=True)
    with context.desk.editing() as editing:
        hosts_file = context.cwd / arguments.value("hosts-file", _HOSTS) if "C" in arguments else None
        removing = _Removing(context, editing, verbose="V" in arguments, hosts_file=hosts_file)
        removing.run(types, None if "a" in arguments else names or "")


def _names(arguments: Arguments) -> str | None:
    """What names the objects. Raises Refused."""
    operands = arguments.operands
    if "a" in arguments and ("o" in arguments or operands):
        raise Refused("Cannot use '-a' with '-o' or a noderange.", usage=True)
    if "o" in arguments:
        if operands:
            raise Refused("Cannot use '-o' with a noderange.", usage=True)
        return arguments.value("o").strip() or None
    if len(operands) > 1:
        raise Refused("noderange can not contain spaces.", usage=True)
    return operands[0].strip() or None if operands else None


class _Removing:
    """One call of the command."""

    def __init__(self, context: Context, editing: Editing, *, verbose: bool, hosts_file: Path | None) -> None:
        self._context = context
        self._editing = editing
        self._definitions = editing.definitions
        self._verbose = verbose
        self._hosts_file = hosts_file

    def run(self, types: tuple[str, ...], names: str | None) -> None:
        """Remove the objects of these names, all where there are None. Raises InvalidInput where they cannot be told."""
        talk = self._context.talk
        keys = tuple(dict.fromkeys(self._keys(types, names)))
        nodes = tuple(name for objtype, name in keys if objtype == "node" and name != XCATDEFAULTS)
        for node in nodes:
            self._warn_of_container(node)
        if keys and self._removed(keys):
            if nodes and self._hosts_file:
                self._clean(nodes, self._hosts_file)
            talk.say(f"{len(keys)} object definitions have been removed.")
            if self._verbose:
                talk.say("The following objects were removed:", *(name for _, name in keys))
        elif not talk.failed:
            talk.say("No objects have been removed from the xCAT database.")
        if talk.failed:
            talk.error(_FAILED)

    def _keys(self, types: tuple[str, ...], names: str | None) -> Iterator[Key]:
        for objtype in types:
            written = objtype == "node" and self._definitions.xcatdefaults.origin.file
            defaults = (XCATDEFAULTS,) if written else ()
            if names is None:
                yield from ((objtype, name) for name in (*_all(self._definitions, objtype), *defaults))
                continue
            for name in named(names, objtype, self._definitions, self._context, looked_up=True):
                if name in defaults or exists(self._definitions, objtype, name):
                    yield objtype, name
                else:
                    self._context.talk.error(f"Could not find an object named '{name}' of type '{objtype}'.")

    def _warn_of_container(self, node: str) -> None:
        if node not in self._definitions.nodes or self._definitions.value(node, "mgt") != "docker":
            return
        if status := self._definitions.value(node, "status"):
            self._context.talk.warn(
                f"the last known status of its container is '{status}': rmdef does not remove it",
                node=node,
            )

    def _removed(self, keys: tuple[Key, ...]) -> bool:
        """Were they removed, and groups taken from their members?"""
        planned = Planned(self._definitions)
        gone = {name for objtype, name in keys if objtype == "node"}
        for objtype, name in keys:
            if objtype == "group":
                for node in planned.members(name):
                    if node not in gone:
                        planned.leave(node, name)
        removals = [Remove(*key) for key in keys if planned.exists(*key)]
        try:
            self._editing.write((*planned.edits(), *removals))
        except InvalidInput as error:
            self._context.talk.problems(error)
            return False
        return True

    def _clean(self, nodes: tuple[str, ...], hosts_file: Path) -> None:
        """Take the nodes out of the file of hosts, by what they were until now."""
        # Only who cleans up waits for what that takes.
        from xcatflow.commands.makehosts import clean_hosts

        self._context.talk.say("Performing configuration cleanup. This might take a some time.")
        try:
            clean_hosts(self._definitions, nodes, hosts_file)
        except InvalidInput as error:
            self._context.talk.problems(error)


def _all(definitions: Definitions, objtype: str) -> Collection[str]:
    """The names of all objects of a type: groups also where only nodes name them."""
    return definitions.group_names if objtype == "group" else definitions.objects(objtype)


COMMAND = Command(
    name="rmdef",
    usage=USAGE,
    run=run,
    flags=(
        Flag("a", "all"),
        Flag("C", "cleanup"),
        Flag("f", "force"),
        Flag("o", "objects", "value"),
        Flag("t", "type", "value"),
        Flag("V", "verbose"),
        Flag(long="hosts-file", takes="value"),
        *(Flag(letter, takes="perhaps" if letter in "iw" else "nothing") for letter in _FOREIGN),
    ),
    bare=0,
    versioned=True,
    invalid_option=INVALID_OPTION,
)
