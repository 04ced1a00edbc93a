"""xcoll: fold equal output of nodes.

Source: xCAT's manual page of xcoll.
"""

from collections.abc import Iterable, Mapping

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.command import Command, Context
from xcatflow.commands.output import alike, lines_of
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
        context.talk.usage(USAGE)
        return
    texts = _texts(lines_of(context.stdin()))
    blocks: list[tuple[str, int, tuple[str, ...]]] = []
    if "i" in arguments:
        blocks += [(name, 1, lines) for name, lines in texts.items()]
    else:
        for lines, names in alike(texts).items():
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
        who, said = (name, text.removeprefix(" ")) if colon else (_NOBODY, line)
        found.setdefault(who, []).append(said)
    return {name: tuple(said) for name, said in found.items()}


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
