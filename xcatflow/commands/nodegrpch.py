"""nodegrpch: give groups attributes, and take them from their members, so that the groups' values show.

Source: xCAT's manual page of nodegrpch.
"""

from collections.abc import Mapping

from xcatflow.commands.arguments import Arguments, Flag
from xcatflow.commands.checking import text_problem
from xcatflow.commands.columns import UnknownColumn, column, meant
from xcatflow.commands.command import Command, Context
from xcatflow.commands.groups import valueless_text
from xcatflow.commands.planned import Planned, is_dynamic
from xcatflow.commands.targets import exists
from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import OWN_ONLY
from xcatflow.model.nics import split_nic, with_nics
from xcatflow.model.values import split_list

USAGE = """\
Usage: nodegrpch group[,group] attr=val [attr=val ...]
       nodegrpch {-h | --help | -v | --version}

  An empty value takes the group's away.
"""


def run(context: Context, arguments: Arguments) -> None:
    """Raises InvalidInput, Locked."""
    if len(arguments.operands) < 2:
        context.talk.usage(USAGE)
        return
    groups, *operands = arguments.operands
    values: dict[str, str] = {}
    for operand in operands:
        name, equals, value = operand.partition("=")
        if name[-1:] in (",", "^"):
            raise InvalidInput(",= and ^= are not supported by nodegrpch")
        if not equals or value.startswith(("=", "~")):
            raise InvalidInput(f"Malformed argument {operand}: expected attr=val.")
        values[name.strip()] = value.strip()
    for name, value in values.items():
        attribute = column(name).name
        if attribute == "groups":
            raise InvalidInput("Group membership is not changeable via nodegrpch")
        if attribute in OWN_ONLY:
            raise UnknownColumn(name)
        if problem := text_problem(Draft("group", groups), attribute, value):
            raise InvalidInput(problem)
    _change(context, split_list(groups), values)


def _change(context: Context, groups: tuple[str, ...], values: Mapping[str, str]) -> None:
    with context.desk.editing() as editing:
        definitions = editing.definitions
        for name in groups:
            if not exists(definitions, "group", name):
                hint = did_you_mean(name, definitions.group_names)
                context.talk.error(f"Could not find an object named '{name}' of type 'group'.{hint}")
            elif is_dynamic(definitions, name):
                context.talk.error(valueless_text(name))
        if context.talk.failed:
            return
        planned = Planned(definitions)
        for name in groups:
            _give(planned, name, values)
        editing.write(planned.edits())


def _give(planned: Planned, group: str, values: Mapping[str, str]) -> None:
    def lookup(attribute: str) -> str:
        return values.get(attribute) or planned.value("group", group, attribute)

    given = {meant("group", name, lookup) or name: value for name, value in values.items()}
    if not planned.exists("group", group):
        planned.put("group", group, {"grouptype": "static", "members": "static"})
    for holder, name in (("group", group), *(("node", node) for node in planned.members(group))):
        for attribute, value in given.items():
            head, nic = split_nic(attribute)
            before = planned.own(holder, name).get(head, "")
            new = value if holder == "group" else ""
            if nic:
                new = with_nics(before, {nic: new})
            if new != before:
                planned.put(holder, name, {head: new})


COMMAND = Command(
    name="nodegrpch",
    usage=USAGE,
    run=run,
    flags=(Flag("V", "verbose"),),
    bare=1,
)
