"""What shall change in a site's definitions, as values: what commands decide, and those who write files carry out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Objects = Mapping[tuple[str, str], Mapping[str, str]]
"""Own values of objects by (type, name)."""


@dataclass(frozen=True, slots=True)
class Write:
    """Give an object these own values, as they are stored; an empty one takes the value away. The object is made where there is none.
    With `replace` it keeps no other value."""

    objtype: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Take an object away. Nodes leave their groups by it; what others say about it stays."""

    objtype: str
    name: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give an object another name, its place and values kept."""

    objtype: str
    name: str
    to: str


Edit = Write | Remove | Rename


def edited(objects: Objects, edits: Sequence[Edit]) -> dict[tuple[str, str], dict[str, str]]:
    """The objects after the edits: what reading the files gives after they were carried out.

    Raises KeyError where an object to remove or rename is not there, ValueError where a new name is taken.
    """
    found = {key: dict(values) for key, values in objects.items()}
    for edit in edits:
        key = (edit.objtype, edit.name)
        match edit:
            case Write():
                old = {} if edit.replace else found.get(key, {})
                found[key] = {attribute: value for attribute, value in (old | dict(edit.values)).items() if value}
            case Remove():
                del found[key]
            case Rename():
                if (edit.objtype, edit.to) in found:
                    raise ValueError(edit.to)
                found[edit.objtype, edit.to] = found.pop(key)
    return found
