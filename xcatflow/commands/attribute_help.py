"""What the attributes of a type mean, for `lsdef -h -t TYPE`."""

from collections.abc import Sequence

from xcatflow.commands.listing import invalid_attribute
from xcatflow.commands.talk import Talk
from xcatflow.model.attributes import canonical
from xcatflow.model.descriptions import descriptions
from xcatflow.model.nics import split_nic

_TAB = 8
_COLUMN = 16


def attribute_help(talk: Talk, objtype: str, wanted: Sequence[str] = ()) -> None:
    """Tell the meaning of a type's attributes, or of those wanted only."""
    known = descriptions(objtype)
    if not wanted:
        talk.say(f"The valid attribute names for object type '{objtype}' are:", "")
    names = []
    for name in wanted or known:
        meant = split_nic(canonical(objtype, name) or name)[0]
        if meant in known:
            names.append(meant)
        else:
            talk.error(invalid_attribute(name, objtype))
    if names or not wanted:
        talk.say("Attribute          Description")
    for name in sorted(dict.fromkeys(names)):
        tabs = "\t" * max(1, (_COLUMN - len(name) - 1 + _TAB - 1) // _TAB)
        talk.say("", f"{name}:{tabs}{known[name]}")
