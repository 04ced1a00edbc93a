"""nodech: change nodes' attributes.

Source: xCAT's manual page of nodech.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.changes import items_of, removed
from xcatflow.commands.checking import text_problem
from xcatflow.commands.chosen import chosen
from xcatflow.commands.columns import DECIDES, UnknownColumn, column, meant, table_attributes
from xcatflow.commands.command import Command, Context
from xcatflow.commands.criteria import COMPARING, Operand, all_hold, criterion, read_operand
from xcatflow.commands.groups import unjoinable_text
from xcatflow.commands.planned import Planned, is_dynamic
from xcatflow.commands.remarks import Remarks
from xcatflow.commands.scripts import without_defaults
from xcatflow.errors import InvalidInput
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import ALIASES, ATTRIBUTES, KEYS, OWN_ONLY
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Write
from xcatflow.model.meaning import meaning
from xcatflow.model.nics import split_nic, with_nics
from xcatflow.model.values import split_list
from xcatflow.selection.tree import Criterion

USAGE = """\
Usage: nodech noderange attr=val [attr,=list] [attr^=list] [attr=@text] [attr<op>value] ...
       nodech -d noderange table ...
       nodech {-h | --help | -v | --version}

  attr=val    set; an empty value forces "no value", also against a group's
  attr,=list  put missing items in front of the list, one after the other
  attr^=list  take items out of the list
  attr=@text  set to text as it is, where it begins like an operator
  attr==val, attr!=val, attr=~regex, attr!~regex  change only nodes of which this is true
  -d          delete all values of the nodes in these tables
"""

NOTHING = "|^.*$||"
"""The formula that has no value: it stops what a group would hand down."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """What to do to an attribute, by its own name or one that the node decides about."""

    attribute: str
    operator: str
    value: str

    @property
    def is_ambiguous(self) -> bool:
        """Does it depend on the node which attribute is meant?"""
        return self.attribute not in ATTRIBUTES["node"] and self.attribute in ALIASES["node"]


@dataclass(frozen=True, slots=True)
class _Asked:
    operations: tuple[_Operation, ...]
    criteria: tuple[Criterion, ...]
    malformed: tuple[str, ...]


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput, Locked."""
    if len(arguments.operands) < 2:
        context.talk.usage(USAGE)
        return
    noderange, *operands = arguments.operands
    if "d" in arguments:
        _delete(context, noderange, operands)
    else:
        _change(context, noderange, _read(noderange, operands))


def _delete(context: Context, noderange: str, tables: Sequence[str]) -> None:
    if any(sign in table for table in tables for sign in ".="):
        context.talk.error(". and = not valid in delete mode.")
        return
    attributes: set[str] = set()
    for table in tables:
        held = table_attributes(table)
        if not held:
            raise UnknownColumn(table)
        attributes |= held - {KEYS["node"]}
    with context.desk.editing() as editing:
        writes: list[Write] = []
        for node in chosen(context, editing.definitions, noderange):
            if gone := attributes & editing.definitions.nodes[node].attributes.keys():
                writes.append(Write("node", node, dict.fromkeys(sorted(gone), "")))
        editing.write(writes)


def _read(noderange: str, operands: Sequence[str]) -> _Asked:
    """Raises InvalidInput, UnknownColumn among it."""
    operations: list[_Operation] = []
    criteria: list[Criterion] = []
    malformed: list[str] = []
    for text in operands:
        operand = read_operand(text)
        if operand is None:
            malformed.append(text)
        elif operand.operator in COMPARING:
            criteria.append(criterion(operand))
        else:
            operations.append(_operation(noderange, operand))
    return _Asked(tuple(operations), tuple(criteria), tuple(malformed))


def _operation(noderange: str, operand: Operand) -> _Operation:
    attribute, value = column(operand.name).name, operand.value
    if attribute == KEYS["node"]:
        raise UnknownColumn(operand.name)
    if operand.operator == "=":
        value = value.removeprefix("@")
    if problem := text_problem(Draft("node", noderange), attribute, value):
        raise InvalidInput(problem)
    return _Operation(attribute, operand.operator, value)


def _change(context: Context, noderange: str, asked: _Asked) -> None:
    for operand in asked.malformed:
        context.talk.error(f"Malformed argument {operand} ignored.")
    remarks = Remarks()
    with context.desk.editing() as editing:
        definitions = editing.definitions
        nodes = chosen(context, definitions, noderange)
        if wrong := _dynamic_group(asked.operations, definitions):
            remarks.error(unjoinable_text(wrong))
            nodes = ()
        writes: list[Write] = []
        for node in nodes:
            if all_hold(asked.criteria, definitions, node):
                values = _values(definitions, node, _unambiguous(definitions, node, asked.operations), remarks)
                if values:
                    writes.append(Write("node", node, values))
        remarks.tell(context.talk)
        editing.write(writes)


def _dynamic_group(operations: Sequence[_Operation], definitions: Definitions) -> str:
    """The first group that nodes are put into and that finds its members by itself."""
    named = (
        name
        for operation in operations
        if operation.attribute == "groups" and operation.operator != "^="
        for name in split_list(operation.value)
    )
    return next((name for name in named if is_dynamic(definitions, name)), "")


def _unambiguous(definitions: Definitions, node: str, operations: Sequence[_Operation]) -> Sequence[_Operation]:
    """The same with every attribute by its own name; what decides about that may be among what changes."""
    if not any(operation.is_ambiguous for operation in operations):
        return operations
    plain = [operation for operation in operations if not operation.is_ambiguous]
    values = _values(definitions, node, plain, Remarks())
    found: list[_Operation] = []
    for operation in operations:
        name = operation.attribute
        # Other groups may hand down another value of what decides.
        if operation.is_ambiguous and values.keys() & {DECIDES, "groups"}:
            planned = Planned(definitions)
            planned.put("node", node, values)
            name = meant("node", name, partial(planned.value, "node", node)) or name
        elif operation.is_ambiguous:
            name = meaning(definitions, node, name).attribute
        found.append(replace(operation, attribute=name))
    return found


def _values(definitions: Definitions, node: str, operations: Sequence[_Operation], remarks: Remarks) -> dict[str, str]:
    """What is to be stored in a node, an empty text where a value is taken away."""
    stored: dict[str, str] = {}
    now: dict[str, str] = {}
    for operation in operations:
        attribute = operation.attribute
        head, nic = split_nic(attribute)
        old = now[attribute] if attribute in now else definitions.value(node, attribute) or ""
        new = _result(old, operation)
        if new == old and operation.operator != "=":
            continue
        new = now[attribute] = without_defaults(node, head, new, definitions.xcatdefaults.attributes, remarks)
        if nic:
            before = stored.get(head, definitions.nodes[node].attributes.get(head, ""))
            stored[head] = with_nics(before, {nic: new})
        elif new or head in OWN_ONLY:
            stored[head] = new
        else:
            forced = operation.operator == "=" and not operation.value
            stored[head] = NOTHING if forced or _handed_down(definitions, node, head) else ""
    return stored


def _handed_down(definitions: Definitions, node: str, attribute: str) -> bool:
    """Does any of its groups have a value for the node?"""
    return any(holder.objtype == "group" for holder, _ in definitions.candidates(definitions.nodes[node], attribute))


def _result(old: str, operation: _Operation) -> str:
    match operation.operator:
        case "=":
            return operation.value
        case "^=":
            return removed(old, operation.value)[0]
    items = list(items_of(old))
    new = [item for item in split_list(operation.value) if item not in items]
    return ",".join((*reversed(new), *items)) if new else old


COMMAND = Command(
    name="nodech",
    usage=USAGE,
    run=run,
    flags=(Flag("d", "delete"), Flag("V", "verbose")),
    bare=1,
)
