"""nodels: list nodes, or some of their attributes.

Source: xCAT's manual page of nodels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.chosen import chosen, is_hidden
from xcatflow.commands.columns import Column, column, table_columns
from xcatflow.commands.command import Command, Context
from xcatflow.commands.criteria import COMPARING, Operand, all_hold, criterion, read_operand
from xcatflow.commands.valueless import tell_valueless
from xcatflow.model.definitions import Definitions
from xcatflow.selection.tree import Criterion

USAGE = """\
Usage: nodels [noderange] [-b] [-H] [-S] [attr | table.column | table | attr<op>value] ...
       nodels {-h | --help | -v | --version}

  -b, --blame            say which group a value is inherited from
  -H, --with-fieldname   say the name of the attribute also where there is only one
  -S                     hidden nodes as well

  attr<op>value  only nodes with attr==value, attr!=value, attr=~regex, attr!~regex;
                 a missing attribute counts as an empty text
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    columns: tuple[Column, ...]
    criteria: tuple[Criterion, ...]
    labelled: bool


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput."""
    asked = _asked(arguments)
    definitions = context.desk.definitions
    noderange = arguments.operands[0] if arguments.operands else None
    nodes = (
        node
        for node in chosen(context, definitions, noderange)
        if (node == noderange or "S" in arguments or not is_hidden(definitions, node))
        and all_hold(asked.criteria, definitions, node)
    )
    if asked.columns:
        blame = "b" in arguments
        context.talk.each(line for node in nodes for line in _lines(definitions, node, asked, blame=blame))
    else:
        context.talk.each(nodes)
    tell_valueless(context.talk, definitions)


def _asked(arguments: Arguments) -> _Asked:
    """Raises InvalidInput, UnknownColumn among it."""
    columns: list[Column] = []
    criteria: list[Criterion] = []
    labelled = "H" in arguments or len(arguments.operands) > 2
    for text in arguments.operands[1:]:
        operand = read_operand(text)
        if operand and operand.operator == "=":
            operand = Operand(operand.name, "==", operand.value)
        if operand and operand.operator in COMPARING:
            criteria.append(criterion(operand))
        elif whole := table_columns(text):
            columns += whole
            labelled = True
        else:
            columns.append(column(text))
    return _Asked(tuple(columns), tuple(criteria), labelled)


def _lines(definitions: Definitions, node: str, asked: _Asked, *, blame: bool) -> Iterator[str]:
    for each in asked.columns:
        value = definitions.value(node, each.name) or ""
        label = f"{each.label}: " if asked.labelled else ""
        whose = _blame(definitions, node, each.name) if blame and value else ""
        yield f"{node}: {label}{value}{whose}"


def _blame(definitions: Definitions, node: str, attribute: str) -> str:
    found = definitions.raw(node, attribute)
    if found is None or found[0].objtype != "group":
        return ""
    return f" (inherited from group {found[0].name})"


COMMAND = Command(
    name="nodels",
    usage=USAGE,
    run=run,
    flags=(Flag("b", "blame"), Flag("H", "with-fieldname"), Flag("S"), Flag("V", "verbose")),
)
