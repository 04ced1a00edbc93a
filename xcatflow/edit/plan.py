"""From edits to what becomes of each object in each file: the objects after the edits, and the lists of members that have to follow.

Nodes are also put into groups by the groups' own lists (`members=a,b`). After an edit a list names only nodes that are in the group, by
their new names; a node whose membership came from a list that no longer gives it gets the group written into its own `groups`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from xcatflow.edit.change import Key, ObjectChange
from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.load.definitions import listed_members, with_groups
from xcatflow.model.edit import Edit, Remove, Rename, Write
from xcatflow.model.nics import fill
from xcatflow.model.values import split_list

_NOTHING: Mapping[str, str] = {}


class Known(Protocol):
    """What there is before the edits, by (type, name)."""

    def values(self, key: Key) -> Mapping[str, str] | None:
        """What an object has, the groups that list it among it; None where there is no such object."""
        ...

    def own(self, key: Key) -> Mapping[str, str]:
        """What an object's file says that it has."""
        ...

    def groups(self) -> Iterable[Key]:
        """The groups, in the order in which they are read."""
        ...

    def names(self, objtype: str) -> Iterable[str]:
        """The names of the objects of a type."""
        ...


@dataclass(slots=True)
class Plan:
    """What the edits come to. `values` are what touched objects finally have, `origin` the key an object had before (None for a new
    one); objects that are in neither stay as they are. `gone` are the keys that objects had before and were taken from them."""

    known: Known
    values: dict[Key, dict[str, str]] = field(default_factory=dict)
    origin: dict[Key, Key | None] = field(default_factory=dict)
    gone: dict[Key, None] = field(default_factory=dict)

    def now(self, key: Key) -> Mapping[str, str] | None:
        """What an object has after the edits until now; None where there is none."""
        if key in self.values:
            return self.values[key]
        return None if key in self.gone else self.known.values(key)

    def moved(self) -> dict[Key, Key]:
        """The keys that objects had before, to those they have now, for objects that were touched and are still there."""
        return {origin: key for key, origin in self.origin.items() if origin}

    def touch(self, key: Key) -> dict[str, str]:
        """The object's values, to be changed."""
        if key not in self.values:
            found = self.now(key)
            # What goes and is made again keeps its place.
            again = key in self.gone and key not in self.origin.values()
            self.values[key] = dict(found or _NOTHING)
            self.origin[key] = key if found is not None or again else None
        return self.values[key]

    def take(self, key: Key) -> dict[str, str]:
        """The object's values, the object gone."""
        values = self.touch(key)
        del self.values[key]
        del self.origin[key]
        if self.known.values(key) is not None:
            self.gone[key] = None
        return values


def planned(known: Known, edits: Iterable[Edit]) -> Plan:
    """The plan for edits of what is `known`. Raises InvalidInput for objects that are not there, or already are."""
    plan = Plan(known)
    for edit in edits:
        key = (edit.objtype, edit.name)
        match edit:
            case Write():
                values = plan.touch(key)
                if edit.replace:
                    values.clear()
                fill(values, edit.values)
            case Remove():
                _expect(plan, key)
                plan.take(key)
            case Rename(to=to):
                _expect(plan, key)
                if plan.now((edit.objtype, to)) is not None:
                    raise InvalidInput(
                        f'cannot rename {edit.objtype} "{edit.name}" to "{to}": there is such a {edit.objtype} already'
                    )
                plan.touch(key)
                origin = plan.origin[key]
                values = plan.take(key)
                plan.values[edit.objtype, to] = values
                plan.origin[edit.objtype, to] = origin
    _keep_lists(plan)
    return plan


def changes(plan: Plan) -> list[ObjectChange]:
    """What becomes of each object that changes; objects that stay as they are do not appear."""
    moved = plan.moved()
    found = [ObjectChange(objtype, name, "") for objtype, name in plan.gone if (objtype, name) not in moved]
    raw = _own_groups(plan)
    for key, values in plan.values.items():
        origin = plan.origin[key]
        wanted = raw.get(key, values)
        if origin != key or wanted != plan.known.own(key):
            found.append(ObjectChange(key[0], origin[1] if origin else "", key[1], wanted))
    return found


def _expect(plan: Plan, key: Key) -> None:
    if plan.now(key) is None:
        hint = did_you_mean(key[1], plan.known.names(key[0]))
        raise InvalidInput(f'there is no {key[0]} "{key[1]}"{hint}')


def _keep_lists(plan: Plan) -> None:
    """Let the groups' lists of members follow, and touch the nodes that such a list gave a group until now."""
    moved = plan.moved()
    names = {old[1]: new[1] for old, new in moved.items() if old[0] == "node"}
    listing = [key for key in plan.known.groups() if listed_members(plan.known.values(key) or _NOTHING)]
    written = [key for key in plan.values if key[0] == "group"]
    for key in dict.fromkeys([*(moved.get(key, key) for key in listing), *written]):
        origin = plan.origin.get(key, key)
        old = (plan.known.values(origin) if origin else None) or _NOTHING
        now = plan.now(key)
        if now is None or not (listed := listed_members(now)):
            continue
        if now["members"] == old.get("members"):
            listed = tuple(names.get(name, name) for name in listed)
        kept = [name for name in listed if key[1] in split_list(_groups(plan, name))]
        if tuple(kept) != listed_members(now):
            between = ", " if ", " in now["members"] else ","
            fill(plan.touch(key), {"members": between.join(kept)})
    for key in listing:
        if key in plan.gone or key in plan.values:
            for name in listed_members(plan.known.values(key) or _NOTHING):
                node = ("node", names.get(name, name))
                if plan.now(node) is not None:
                    plan.touch(node)


def _groups(plan: Plan, node: str) -> str:
    return (plan.now(("node", node)) or _NOTHING).get("groups", "")


def _own_groups(plan: Plan) -> dict[Key, dict[str, str]]:
    """For touched nodes that groups list: what stands on the node itself, where the lists give the rest."""
    giving: dict[str, list[str]] = {}
    moved = plan.moved()
    groups = [moved.get(key, key) for key in plan.known.groups() if key in moved or key not in plan.gone]
    for key in dict.fromkeys([*groups, *(key for key in plan.values if key[0] == "group")]):
        if (now := plan.now(key)) is not None:
            for name in listed_members(now):
                giving.setdefault(name, []).append(key[1])
    found: dict[Key, dict[str, str]] = {}
    for key, values in plan.values.items():
        origin = plan.origin[key]
        if key[0] != "node" or not origin or key[1] not in giving:
            continue
        own = plan.known.own(origin).get("groups", "")
        if with_groups(own, giving[key[1]]) == values.get("groups", ""):
            found[key] = dict(values)
            fill(found[key], {"groups": own})
    return found
