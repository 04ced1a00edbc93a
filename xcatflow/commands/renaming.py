"""`chdef -n`: another name for an object. Who is in a renamed group stays in it; what else names the object is told, not changed."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from xcatflow.commands.asked import Asked
from xcatflow.commands.checking import NAME_FORMAT
from xcatflow.commands.command import Context, Editing
from xcatflow.commands.planned import is_dynamic
from xcatflow.commands.targets import exists, named
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import XCATDEFAULTS, Definitions
from xcatflow.model.edit import Edit, Rename, Write
from xcatflow.model.endpoint import machine_of
from xcatflow.model.names import name_problem
from xcatflow.model.nics import nic_values
from xcatflow.model.values import split_list

_REFERENCES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "node": (
            *("dockerhost", "vmhost", "servicenode", "xcatmaster", "nfsserver", "tftpserver", "monserver", "conserver"),
            *("nameservers", "syslog", "hcp", "parent", "switch", "pdu", "mpa", "cfgserver", "termserver"),
        ),
        "osimage": ("provmethod",),
        "network": ("nicnetworks",),
        "route": ("routenames",),
    }
)
"""Attributes of nodes and groups that name objects of a type."""


def rename(context: Context, asked: Asked, editing: Editing, new: str) -> None:
    """Rename the one object asked for. Everything that goes wrong is told."""
    talk, definitions = context.talk, editing.definitions
    if len(asked.types) > 1:
        talk.error("The '-n' option (changing object name) can only work on one object.")
        return
    objtype = asked.types[0]
    typed = asked.names or ""
    # A name that is one is no noderange.
    is_one = exists(definitions, objtype, typed)
    names = (typed,) if is_one else named(typed, objtype, definitions, context, looked_up=True)
    if len(names) != 1:
        talk.error("The '-n' option (changing object name) can only work on one object.")
        return
    (old,) = names
    if not exists(definitions, objtype, old):
        talk.error(f"The {old} is not a valid object.")
    elif name_problem(objtype, new) or objtype == "site" or XCATDEFAULTS in (old, new):
        talk.error(f"The new object name '{new}' is not valid.P{NAME_FORMAT[1:]} ")
    elif exists(definitions, objtype, new):
        talk.error(f"Object {new} already exists.")
    else:
        edits = tuple(_edits(definitions, objtype, old, new))
        try:
            editing.write(edits)
        except InvalidInput as error:
            talk.problems(error)
            return
        talk.say(f"Changed the object name from {old} to {new}.")
        for warning in _left_behind(definitions, objtype, old):
            talk.warn(warning)


def _edits(definitions: Definitions, objtype: str, old: str, new: str) -> Iterator[Edit]:
    if old in definitions.objects(objtype):
        yield Rename(objtype, old, new)
    if objtype == "group" and not is_dynamic(definitions, old):
        for node in definitions.members(old) or ():
            groups = (new if group == old else group for group in definitions.nodes[node].groups)
            yield Write("node", node, {"groups": ",".join(dict.fromkeys(groups))})


def _left_behind(definitions: Definitions, objtype: str, old: str) -> Iterator[str]:
    """What still says the old name."""
    for attribute in _REFERENCES.get(objtype, ()):
        holders = [
            holder.name
            for holder in (*definitions.nodes.values(), *definitions.groups.values())
            if holder.name != old and old in _named_by(attribute, holder.attributes.get(attribute, ""))
        ]
        if holders:
            yield f"{attribute} of {','.join(holders)} still names {old}."
    if objtype in ("node", "group") and old in split_list(definitions.site.get("excludenodes", "")):
        yield f"excludenodes of the site still names {old}."


def _named_by(attribute: str, text: str) -> tuple[str, ...]:
    """The objects that a value names."""
    match attribute:
        case "dockerhost":
            return (machine_of(text),)
        case "provmethod":
            return (text,)
        case "nicnetworks":
            return tuple(name for _, name in nic_values(text))
    return split_list(text)
