"""Groups: which nodes `members=` and `-w` mean, and what a static or dynamic group is written as."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from xcatflow.commands.changes import TERMS, added, removed
from xcatflow.commands.command import Context
from xcatflow.commands.planned import Planned
from xcatflow.commands.remarks import Remarks
from xcatflow.commands.where import conditions
from xcatflow.errors import InvalidInput
from xcatflow.load.draft import Draft
from xcatflow.model.values import split_list
from xcatflow.model.wherevals import matches, parse_terms
from xcatflow.selection import expand

PLACEHOLDERS = ("static", "dynamic")
SHAPE = ("grouptype", "members", "wherevals")
"""Attributes that say what a group is."""

_ON_DYNAMIC = frozenset((*SHAPE, "membergroups", "usercomment"))


@dataclass(frozen=True, slots=True)
class Selection:
    """What the flags say about a group: the terms of `-w`, and whether `-d` was given."""

    terms: tuple[str, ...] = ()
    dynamic: bool = False

    @property
    def text(self) -> str:
        return TERMS.join(self.terms)


def terms_allowed(terms: Iterable[str], remarks: Remarks) -> bool:
    """Are these conditions on nodes? Tells what is wrong."""
    good = True
    for term in terms:
        try:
            conditions(term.split(TERMS), "node")
        except InvalidInput as error:
            remarks.refuse(error.problems[0].message)
            good = False
    return good


class GroupShaping:
    """Decides on one group after the other. `operation` is `p`, `m` or empty: what is done with lists. Groups in `anew` lose
    the members they had, but for the nodes in `kept`, which say themselves what they are in."""

    def __init__(
        self,
        context: Context,
        planned: Planned,
        remarks: Remarks,
        *,
        selection: Selection,
        operation: str = "",
        anew: Collection[str] = (),
        kept: Collection[str] = (),
    ) -> None:
        self._context = context
        self._planned = planned
        self._remarks = remarks
        self._operation = operation
        self._selection = selection
        self._anew = anew
        self._kept = kept

    def shape(self, draft: Draft) -> Mapping[str, str] | None:
        """What is to be written of a group's type, members and conditions; its members' lists are changed. None where the group cannot
        be so."""
        values, old = draft.values, self._planned.own("group", draft.name)
        dynamic = values.get("grouptype", old.get("grouptype")) == "dynamic"
        if self._selection.terms and _lists_members(draft):
            self._remarks.refuse("Cannot use a list of members together with the '-w' option.", draft, "members")
            return None
        if dynamic or self._selection.dynamic or values.get("wherevals"):
            return self._dynamic(draft, old)
        return self._static(draft, old)

    # --- dynamic ---

    def _dynamic(self, draft: Draft, old: Mapping[str, str]) -> Mapping[str, str] | None:
        name = draft.name
        if others := [attribute for attribute, value in draft.values.items() if value and attribute not in _ON_DYNAMIC]:
            self._remarks.refuse(valueless_text(name), draft, others[0])
            return None
        if _lists_members(draft):
            self._remarks.refuse(f"Can not give a list of members to dynamic node group '{name}'.", draft, "members")
            return None
        if name in self._anew:
            self._replace_members(name, ())
        given = self._selection.text or draft.values.get("wherevals", "")
        stays = old.get("wherevals") and "wherevals" not in draft.values and not self._selection.dynamic
        if not given and not stays:
            missing = f"The 'where' attributes and values were not provided for dynamic group '{name}'."
            self._remarks.refuse(missing, draft, "wherevals")
            return None
        if old.get("grouptype") != "dynamic" and (members := self._planned.members(name)):
            named = f"Group '{name}' cannot be dynamic: the nodes {','.join(members)} name it as theirs."
            self._remarks.refuse(named, draft)
            return None
        return {"grouptype": "dynamic", "members": "dynamic", "wherevals": self._conditions(draft, old, given)}

    def _conditions(self, draft: Draft, old: Mapping[str, str], given: str) -> str:
        before = old.get("wherevals", "")
        if not given:
            return before
        match self._operation:
            case "p":
                return added(before, given, TERMS)
            case "m":
                left, absent = removed(before, given, TERMS)
                for term in absent:
                    self._remarks.error(absent_text(term, "wherevals", draft.name))
                return left
        return given

    # --- static ---

    def _static(self, draft: Draft, old: Mapping[str, str]) -> Mapping[str, str]:
        values: dict[str, str] = {}
        if old.get("grouptype") == "dynamic":
            values = {"grouptype": "static", "members": "static", "wherevals": ""}
        elif not old:
            values = {"grouptype": "static", "members": "static"}
        if "grouptype" in draft.values:
            values["grouptype"] = draft.values["grouptype"] or "static"
        if self._selection.terms and (found := self._selected(draft.name)):
            self._change_members(draft.name, found)
        elif "members" in draft.values and draft.values["members"] not in PLACEHOLDERS:
            self._change_members(draft.name, self._named(draft.values["members"]))
        elif draft.name in self._anew:
            self._replace_members(draft.name, ())
        return values

    def _selected(self, group: str) -> tuple[str, ...]:
        definitions = self._planned.definitions
        terms = parse_terms(self._selection.text, definitions.canonical)
        found = tuple(node for node in definitions.nodes if matches(terms, partial(definitions.value, node)))
        if not found:
            self._remarks.warn(f"Cannot determine a member list for group '{group}'.")
        return found

    def _named(self, text: str) -> tuple[str, ...]:
        """The existing nodes that `members=` names."""
        names = split_list(text)
        if not all(self._planned.exists("node", name) for name in names):
            try:
                names = expand(text, self._planned.definitions, environ=self._context.environ, cwd=self._context.cwd)
            except InvalidInput as error:
                for problem in error.problems:
                    self._remarks.refuse(str(problem))
                return ()
        for name in names:
            if not self._planned.exists("node", name):
                self._remarks.error(f"Could not find a node named '{name}', skipping to the next node.")
        return tuple(name for name in names if self._planned.exists("node", name))

    def _change_members(self, group: str, names: tuple[str, ...]) -> None:
        before = self._planned.members(group)
        if self._operation == "m":
            for name in names:
                if name in before:
                    self._planned.leave(name, group)
                else:
                    self._remarks.error(absent_text(name, "members", group))
            return
        if not self._operation or group in self._anew:
            self._replace_members(group, names)
        for name in names:
            self._planned.enroll(name, group)

    def _replace_members(self, group: str, names: tuple[str, ...]) -> None:
        for name in self._planned.members(group):
            if name not in names and name not in self._kept:
                self._planned.leave(name, group)


def _lists_members(draft: Draft) -> bool:
    """Does it say by their names who is in the group?"""
    return draft.values.get("members") not in (None, "", *PLACEHOLDERS)


def valueless_text(group: str) -> str:
    """What is said about a dynamic group that should hand down values."""
    return f"Can not assign attributes to dynamic node group '{group}'."


def unjoinable_text(group: str) -> str:
    """What is said about a dynamic group that a node should name."""
    return f"nodegroup {group} is a dynamic node group, should not add a node into a dynamic node group statically."


def absent_text(item: str, attribute: str, name: str) -> str:
    """What is said about an item that should be removed and is not there."""
    if attribute == "groups":
        return f"{item} is not a member of '{name}'"
    return f"{item} is not in the attribute of '{attribute}' for the '{name}' definition."
