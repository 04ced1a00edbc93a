"""nodegrpch: give groups attributes, and take them from their members, so that the groups' values show.

Source: xCAT's manual page of nodegrpch.
"""

from collections.abc import Mapping

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.changes import items_of
from xcatflow.commands.checking import text_problem
from xcatflow.commands.columns import UNKNOWN, UnknownColumn, column
from xcatflow.commands.command import Command, Context
from xcatflow.commands.planned import Planned
from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.load.normal import meaning
from xcatflow.model.attributes import OWN_ONLY
from xcatflow.model.nics import join_nics, nic_entries, split_nic

USAGE = """\
Usage: nodegrpch group[,group] attr=val [attr=val ...]
       nodegrpch {-h | --help | -v | --version}

  An empty value takes the group's away.
"""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput, Locked."""
    talk = context.talk
    if len(arguments.operands) < 2:
        talk.failed = True
        talk.usage(USAGE)
        return
    groups, *operands = arguments.operands
    values: dict[str, str] = {}
    for operand in operands:
        name, equals, value = operand.partition("=")
        if name[-1:] in (",", "^"):
            talk.error(",= and ^= are not supported by nodegrpch")
            return
        if not equals or value.startswith(("=", "~")):
            talk.error(f"Malformed argument {operand}: expected attr=val.")
            return
        values[name.strip()] = value.strip()
    try:
        for name in values:
            if column(name).name == "groups":
                talk.error("Group membership is not changeable via nodegrpch")
                return
            if column(name).name in OWN_ONLY:
                raise UnknownColumn(name)
            if problem := text_problem(Draft("group", groups), column(name).name, values[name]):
                raise InvalidInput(problem)
    except UnknownColumn as error:
        talk.error(UNKNOWN.format(error))
        return
    _change(context, items_of(groups), values)


def _change(context: Context, groups: tuple[str, ...], values: Mapping[str, str]) -> None:
    with context.desk.editing() as editing:
        definitions = editing.definitions
        for name in groups:
            if definitions.members(name) is None:
                hint = did_you_mean(name, definitions.group_names)
                context.talk.error(f"Could not find an object named '{name}' of type 'group'.{hint}")
            elif name in definitions.groups and definitions.groups[name].dynamic:
                context.talk.error(f"Can not assign attributes to dynamic node group '{name}'.")
        if context.talk.failed:
            return
        planned = Planned(definitions)
        for name in groups:
            _give(planned, name, values)
        editing.write(planned.edits())


def _give(planned: Planned, group: str, values: Mapping[str, str]) -> None:
    beside = {name: values.get(name) or planned.value("group", group, name) for name in ("mgt", "nodetype")}
    meant = {meaning("group", name, beside) or name: value for name, value in values.items()}
    if not planned.exists("group", group):
        planned.put("group", group, {"grouptype": "static", "members": "static"})
    for holder, name in (("group", group), *(("node", node) for node in planned.members(group))):
        for attribute, value in meant.items():
            head, nic = split_nic(attribute)
            before = planned.own(holder, name).get(head, "")
            new = value if holder == "group" else ""
            if nic:
                new = join_nics((dict(nic_entries(before)) | {nic: new}).items())
            if new != before:
                planned.put(holder, name, {head: new})


COMMAND = Command(
    name="nodegrpch",
    usage=USAGE,
    run=run,
    flags=(Flag("V", "verbose"),),
    bare=1,
)
