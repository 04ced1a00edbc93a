"""lsdef: list object definitions.

Source: xCAT's manual page of lsdef.
"""

from collections.abc import Iterator

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.asked import INVALID_OPTION, types_of
from xcatflow.commands.command import Command, Context, Refused
from xcatflow.commands.listing import Listing, Picked
from xcatflow.commands.picking import Picking
from xcatflow.commands.shipped_templates import ShippedTemplates
from xcatflow.commands.shown import Shown
from xcatflow.commands.valueless import tell_valueless
from xcatflow.model.attributes import NICS, TYPES
from xcatflow.model.values import split_list

USAGE = """\
Usage: lsdef [-t types] [-o names] [-l | -s] [-i attrs [-c]] [-z] [--raw] [-S] [-w expr]...
             [--osimage] [--nics] [-V] [--json | --yaml] [noderange | names]
       lsdef -a [-l | -s] [-z]
       lsdef --template [names] [-t types] [-l]
       lsdef {-h | --help} [-t types [-i attrs]]
       lsdef {-v | --version}

  -t, --type       types of the objects; node where not given
  -o, --objects    their names, for nodes a noderange; all where not given
  -a, --all        all objects of all types
  -l, --long       attributes, not only names
  -s, --short      names only
  -i, --attrs      only these attributes; they appear even if unset
  -c, --compress   with -i: one line per attribute, NAME: attr=value
  -z, --stanza     stanzas, as mkdef -z and chdef -z read them
      --raw        a node's own values, formulas as they are
  -S               hidden nodes as well
  -w, --where      only objects with attr==val, attr!=val, attr=~regex, attr!~regex; all must hold
      --osimage    the attributes of the node's osimage as well
      --nics       the attributes of network adapters only
      --template   shipped templates instead of objects
      --json       for programs: a list of objects with objtype, name, attrs
      --yaml       the same as YAML
  -V, --verbose    where xCAT's tables have each value
"""

_APART = (
    ("i", "s"),
    ("l", "s"),
    ("a", "t"),
    ("i", "osimage"),
    ("z", "osimage"),
    ("i", "nics"),
    ("json", "yaml"),
    ("z", "json"),
    ("z", "yaml"),
    ("c", "json"),
    ("c", "yaml"),
)
"""Flags that exclude each other."""


def run(context: Context, arguments: Arguments) -> None:
    """Everything that goes wrong is told. Raises InvalidInput."""
    for text in _conflicts(arguments):
        raise Refused(text, usage=True)
    if "a" in arguments and ("o" in arguments or arguments.operands):
        raise Refused("Cannot use '-a' with '-o', a noderange or file input.")
    if len(arguments.operands) > 1 or (arguments.operands and "o" in arguments):
        raise Refused("noderange can not contain spaces.")
    types = types_of(arguments, ",".join(sorted(TYPES)) if "a" in arguments else "node")
    if "template" in arguments:
        asked = split_list(arguments.value("template") or _names(arguments) or "")
        listed = ShippedTemplates(context.talk, several=len(types) > 1, stanza="z" in arguments)
        listed.show(types, asked, short="s" in arguments or not (asked or "l" in arguments))
    else:
        _objects(context, arguments, types)
        tell_valueless(context.talk, context.desk.definitions)


def _conflicts(arguments: Arguments) -> Iterator[str]:
    if "u" in arguments:
        yield "Option '-u' can not work with lsdef."
    if "C" in arguments:
        yield "Option '-C' can not be used with lsdef."
    for one, other in _APART:
        if one in arguments and other in arguments:
            yield f"The flags {_typed(one)} and {_typed(other)} cannot be used together."
    if "c" in arguments and "i" not in arguments:
        yield "The flags '-c' and '-i' must be used together."


def _typed(name: str) -> str:
    return f"'-{name}'" if len(name) == 1 else f"'--{name}'"


def _objects(context: Context, arguments: Arguments, types: tuple[str, ...]) -> None:
    talk, structured = context.talk, "json" in arguments or "yaml" in arguments
    shown = Shown(
        context.desk.definitions,
        raw="raw" in arguments,
        merged=not (structured or "z" in arguments or "raw" in arguments),
    )
    picking = Picking(
        context,
        shown,
        names=_names(arguments),
        where=arguments.values("w"),
        hidden="S" in arguments,
        # Without them the text would make other nodes than these.
        defaults="z" in arguments,
        every="a" in arguments,
    )
    picked = picking.pick(types)
    listing = Listing(
        talk,
        shown,
        several=len(types) > 1,
        loose="a" in arguments,
        wanted=tuple(sorted(NICS)) if "nics" in arguments else split_list(arguments.value("i")),
        storage="V" in arguments,
        osimage="osimage" in arguments,
    )
    if picked or structured:
        _print(listing, arguments, picked)
    elif "w" in arguments and not talk.failed:
        talk.say("No object definitions have been found")
    elif not talk.failed:
        talk.say("Could not find any objects to display.")


def _print(listing: Listing, arguments: Arguments, picked: list[Picked]) -> None:
    named = _names(arguments) is not None
    long = named or any(flag in arguments for flag in ("l", "i", "nics"))
    if "z" in arguments:
        listing.stanzas(picked, short="s" in arguments)
    elif "json" in arguments or "yaml" in arguments:
        listing.structured(picked, yaml="yaml" in arguments, short="s" in arguments)
    elif "s" in arguments or not long:
        listing.names(picked)
    elif "c" in arguments:
        listing.compressed(picked)
    else:
        listing.plain(picked)


def _names(arguments: Arguments) -> str | None:
    if "o" in arguments:
        return arguments.value("o")
    return arguments.operands[0] if arguments.operands else None


def _help(context: Context, arguments: Arguments) -> None:
    if "t" not in arguments:
        context.talk.say(USAGE.rstrip("\n"))
        return
    # Only who asks for help waits for the descriptions.
    from xcatflow.commands.attribute_help import attribute_help

    types = types_of(arguments, "node")
    for objtype in types:
        if objtype != types[0]:
            context.talk.say("")
        attribute_help(context.talk, objtype, split_list(arguments.value("i")))


COMMAND = Command(
    name="lsdef",
    usage=USAGE,
    run=run,
    flags=(
        Flag("a", "all"),
        Flag("c", "compress"),
        Flag("C", "cleanup"),
        Flag("i", "attrs", "value"),
        Flag("l", "long"),
        Flag("o", "objects", "value"),
        Flag("s", "short"),
        Flag("S"),
        Flag("t", "type", "value"),
        Flag("u"),
        Flag("V", "verbose"),
        Flag("w", "where", "value"),
        Flag("z", "stanza"),
        Flag(long="json"),
        Flag(long="nics"),
        Flag(long="osimage"),
        Flag(long="raw"),
        Flag(long="template", takes="perhaps"),
        Flag(long="yaml"),
    ),
    versioned=True,
    invalid_option=INVALID_OPTION,
    help=_help,
)
