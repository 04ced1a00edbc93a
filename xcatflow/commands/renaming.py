"""`chdef -n`: another name for an object. Who is in a renamed group stays in it; what else names the object is told, not changed."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from xcatflow.commands.asked import Asked
from xcatflow.commands.changes import items_of
from xcatflow.commands.checking import NAME_FORMAT
from xcatflow.commands.command import Context, Editing
from xcatflow.commands.targets import named
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import XCATDEFAULTS, Definitions
from xcatflow.model.edit import Edit, Rename, Write
from xcatflow.model.endpoint import parse_endpoint
from xcatflow.model.names import name_problem
from xcatflow.model.nics import nic_entries

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
    is_one = _exists(definitions, objtype, typed)
    names = (typed,) if is_one else named(typed, objtype, definitions, context, looked_up=True)
    if len(names) != 1:
        talk.error("The '-n' option (changing object name) can only work on one object.")
        return
    (old,) = names
    if not _exists(definitions, objtype, old):
        talk.error(f"The {old} is not a valid object.")
    elif name_problem(objtype, new) or objtype == "site" or XCATDEFAULTS in (old, new):
        talk.error(f"The new object name '{new}' is not valid.P{NAME_FORMAT[1:]} ")
    elif _exists(definitions, objtype, new):
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


def _exists(definitions: Definitions, objtype: str, name: str) -> bool:
    if objtype == "group":
        return name in definitions.group_names
    return name in definitions.objects(objtype)


def _edits(definitions: Definitions, objtype: str, old: str, new: str) -> Iterator[Edit]:
    if name_is_defined := old in definitions.objects(objtype):
        yield Rename(objtype, old, new)
    if objtype == "group" and not (name_is_defined and definitions.groups[old].dynamic):
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
    if objtype in ("node", "group"):
        for attribute, text in definitions.site.items():
            if attribute == "excludenodes" and old in items_of(text):
                yield f"{attribute} of the site still names {old}."


def _named_by(attribute: str, text: str) -> tuple[str, ...]:
    """The objects that a value names."""
    if not text:
        return ()
    if attribute == "dockerhost":
        try:
            return (parse_endpoint(text).machine or "",)
        except InvalidInput:
            return ()
    if attribute == "provmethod":
        return (text,)
    if attribute == "nicnetworks":
        return tuple(name for _, value in nic_entries(text) for name in items_of(value, "|"))
    return items_of(text)
