"""xcoll: fold equal output of nodes.

Source: xCAT's manual page of xcoll.
"""

from collections.abc import Iterable, Mapping

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.command import Command, Context
from xcatflow.errors import InvalidInput
from xcatflow.selection import abbreviate

USAGE = """\
Usage: xcoll [-n] [-c] [-i]
       xcoll {-h | --help | -v | --version}

  Reads lines "name: text" and prints each distinct text once, below the nodes that said it.

  -n  name nodes, not groups
  -c  count the nodes
  -i  one block per node
"""

_RULE = "=" * 36
_NOBODY = "UNKNOWN"


def run(context: Context, arguments: Arguments) -> None:
    """Lines without a name are nobody's; outside of a site nodes are not folded into groups."""
    if arguments.operands:
        context.talk.failed = True
        context.talk.usage(USAGE)
        return
    # Only line feeds end lines: output may hold any other character.
    text = context.stdin()
    texts = _texts(text.removesuffix("\n").split("\n") if text else ())
    blocks: list[tuple[str, int, tuple[str, ...]]] = []
    if "i" in arguments:
        blocks += [(name, 1, lines) for name, lines in texts.items()]
    else:
        for lines, names in _equal(texts).items():
            header = ",".join(sorted(names)) if "n" in arguments else _folded(context, names)
            blocks.append((header, len(names), lines))
    for header, number, lines in sorted(blocks):
        context.talk.say(_RULE, header, _RULE)
        if "c" in arguments:
            context.talk.say(f"Node count = {number} ", _RULE)
        context.talk.say(*lines, "")


def _texts(lines: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """What each name said."""
    found: dict[str, list[str]] = {}
    for line in lines:
        name, colon, text = line.partition(":")
        if colon:
            found.setdefault(name, []).append(text.removeprefix(" "))
        else:
            found.setdefault(_NOBODY, []).append(line)
    return {name: tuple(said) for name, said in found.items()}


def _equal(texts: Mapping[str, tuple[str, ...]]) -> Mapping[tuple[str, ...], list[str]]:
    """The names that said the same."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name, lines in texts.items():
        found.setdefault(lines, []).append(name)
    return found


def _folded(context: Context, names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    try:
        return abbreviate(names, context.desk.definitions)
    except InvalidInput:
        return ",".join(sorted(names))


COMMAND = Command(
    name="xcoll",
    usage=USAGE,
    run=run,
    flags=(Flag("n"), Flag("c"), Flag("i")),
)
