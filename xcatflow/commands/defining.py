"""What `mkdef` and `chdef` do alike: objects from the words typed, what a new one needs, what of it all is valid, and what is said last."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from xcatflow.commands.asked import NO_NAMES, Asked
from xcatflow.commands.checking import accepted, misfits
from xcatflow.commands.command import Context, Editing
from xcatflow.commands.groups import unjoinable_text
from xcatflow.commands.networks import network_problem
from xcatflow.commands.osimages import completion
from xcatflow.commands.planned import Key, Planned, is_dynamic
from xcatflow.commands.remarks import Remarks
from xcatflow.commands.scripts import without_defaults
from xcatflow.commands.targets import named
from xcatflow.errors import InvalidInput
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import DOCKER_ONLY
from xcatflow.model.definitions import XCATDEFAULTS
from xcatflow.model.findings import named as named_nodes
from xcatflow.model.nics import split_nic, with_nics
from xcatflow.model.values import split_list

if TYPE_CHECKING:
    from xcatflow.commands.flaws import Flaw

FAILED = "One or more errors occured when attempting to create or modify xCAT object definitions."


@dataclass(slots=True)
class Defining:
    """Decisions about objects. `done` are those decided on, with the attributes that it is about."""

    context: Context
    asked: Asked
    editing: Editing
    remarks: Remarks
    planned: Planned
    done: dict[Key, set[str]] = field(default_factory=dict)
    made: dict[Key, None] = field(default_factory=dict)
    """Those of them that are new."""
    _drafts: dict[Key, Draft] = field(default_factory=dict)
    _homeless: set[str] = field(default_factory=set)
    """Nodes whose groups were refused."""

    # --- objects ---

    def drafts(
        self, values: Callable[[str, Sequence[str]], Mapping[str, str]], *, looked_up: bool = False
    ) -> tuple[Draft, ...]:
        """What was asked for, nodes before groups; `values` gives those for objects of a type with these names. Raises InvalidInput
        where it cannot be told."""
        if self.asked.given is not None:
            objects = self.asked.given.objects(self.remarks)
            if not objects and not self.remarks.failed:
                raise InvalidInput(NO_NAMES)
            return objects
        found: list[Draft] = []
        for objtype in self.asked.types:
            names = named(self.asked.names or "", objtype, self.editing.definitions, self.context, looked_up=looked_up)
            given = values(objtype, names)
            found += [Draft(objtype, name, values=dict(given)) for name in names]
        if not found:
            raise InvalidInput(NO_NAMES)
        return tuple(found)

    # --- values ---

    def stored(self, draft: Draft, old: Mapping[str, str]) -> dict[str, str]:
        """The draft's values as they are stored in an object that has `old` ones, empty ones where it shall have none."""
        values: dict[str, str] = {}
        for attribute, text in draft.values.items():
            head, adapter = split_nic(attribute)
            if adapter:
                values[head] = with_nics(values.get(head, old.get(head, "")), {adapter: text})
            elif draft.objtype == "node":
                values[head] = self.without_defaults(draft.name, attribute, text)
            else:
                values[head] = text
        return values

    def without_defaults(self, node: str, attribute: str, text: str) -> str:
        """A node's list of scripts without those of every node, which a listing shows and nobody has to be told of."""
        listed = self.asked.given is not None and self.asked.given.plain
        defaults = self.planned.own("node", XCATDEFAULTS)
        return without_defaults(node, attribute, text, defaults, None if listed else self.remarks)

    def completed(self, draft: Draft, values: Mapping[str, str]) -> Mapping[str, str] | None:
        """What an osimage with these values gets besides: what `-u` finds, and its sort. None where that cannot be told."""
        if draft.objtype != "osimage":
            return {}
        if not self.asked.completes:
            return {} if values.get("imagetype") else {"imagetype": "linux"}
        definitions = self.editing.definitions
        return completion(values, self.remarks, site=definitions.site, root=self.context.desk.root)

    def decided(self, draft: Draft, *, new: bool) -> None:
        """The object is decided on."""
        key = (draft.objtype, draft.name)
        self.done[key] = given_heads(draft.values)
        if new:
            self.made[key] = None

    def accept(self, draft: Draft, *, more: str = "") -> Draft:
        """The draft without what cannot be."""
        kept = accepted(draft, partial(self._so_far, draft), self.remarks, more=more)
        if draft.objtype == "node" and (wrong := self._dynamic_ones(kept)):
            self.remarks.refuse(
                unjoinable_text(wrong[0]),
                kept,
                "groups",
            )
            del kept.values["groups"]
            self._homeless.add(draft.name)
        self._drafts[draft.objtype, draft.name] = kept
        return kept

    def _so_far(self, draft: Draft, attribute: str) -> str:
        """What the object has, or would have by the groups it is given."""
        groups = split_list(draft.values.get("groups", "")) if draft.objtype == "node" else ()
        inherited = (self.planned.own("group", group).get(attribute, "") for group in groups)
        return self.planned.value(draft.objtype, draft.name, attribute) or next(filter(None, inherited), "")

    def _dynamic_ones(self, draft: Draft) -> list[str]:
        if self.asked.operation == "m":
            return []
        named_groups = split_list(draft.values.get("groups", ""))
        return [name for name in named_groups if is_dynamic(self.editing.definitions, name)]

    def is_impossible(self, draft: Draft, values: Mapping[str, str]) -> bool:
        """Does a new object with these values lack what makes it one, or is it there by another name? Told."""
        match draft.objtype:
            case "node" if draft.name != XCATDEFAULTS and not values.get("groups"):
                if draft.name in self._homeless:
                    return True
                self.remarks.error(
                    f"Attribute 'groups' is not specified for node '{draft.name}', skipping to the next node."
                )
                return True
            case "network":
                if problem := network_problem(draft.name, values, self.planned):
                    self.remarks.error(problem)
                return bool(problem)
        return False

    # --- what of it all is valid ---

    def settle(self) -> None:
        """Take back whatever cannot be, telling why."""
        for key, draft in self._drafts.items():
            if key in self.done:
                for attribute, complaint in tuple(misfits(draft, partial(self.planned.value, *key))):
                    self.remarks.refuse(complaint, draft, attribute)
                    self._undo(key, attribute)
        # What pydantic brings in takes longer than all else that telling the usage does.
        from xcatflow.commands.flaws import flaws

        first = True
        while found := flaws(self.planned):
            if self.remarks.whole and not first:
                # What they need was judged above, with all there was to judge by.
                found = tuple(flaw for flaw in found if flaw.attribute not in DOCKER_ONLY)
            self._tell(found)
            if not found or any(flaw.key is None for flaw in found):
                self.remarks.blocked = True
                return
            for flaw in found:
                assert flaw.key is not None
                self._undo(flaw.key, flaw.attribute if self._is_given(flaw) and not self.remarks.whole else "")
            first = False
            self._forget_groups({flaw.key for flaw in found} - self.done.keys())

    def _forget_groups(self, undone: Collection[Key | None]) -> None:
        """Groups of which nothing is left after these objects were taken back: nodes that should join or leave them."""
        definitions = self.editing.definitions
        untouched = [key for key in self.done if key[0] == "group" and key not in self.planned.touched()]
        for key in untouched if undone else ():
            if self.planned.members(key[1]) == (definitions.members(key[1]) or ()):
                del self.done[key]

    def _is_given(self, flaw: "Flaw") -> bool:
        return flaw.key in self.done and flaw.attribute in self.done[flaw.key]

    def _undo(self, key: Key, attribute: str) -> None:
        if key not in self.planned.touched():
            return
        about = self.done.get(key, set())
        about.discard(split_nic(attribute)[0])
        if attribute and (about or key in self.made):
            self.planned.undo(*key, attribute)
            return
        self.planned.undo(*key)
        self.done.pop(key, None)
        self.made.pop(key, None)

    def _tell(self, found: Iterable["Flaw"]) -> None:
        """Equal flaws of many objects that were typed together are one message."""
        alike: dict[tuple[str, str], list[str]] = {}
        for flaw in found:
            draft = self._drafts.get(flaw.key) if flaw.key else None
            if flaw.key is None or (draft and draft.file):
                self.remarks.refuse(flaw.message, draft, flaw.attribute)
            else:
                objtype, name = flaw.key
                alike.setdefault((objtype, flaw.message.replace(f'{objtype} "{name}"', "\0", 1)), []).append(name)
        for (objtype, message), names in alike.items():
            who = named_nodes(names) if objtype == "node" else f'{objtype} "{",".join(names)}"'
            self.remarks.refuse(message.replace("\0", who))

    # --- the end ---

    def write(self) -> bool:
        """Write what was decided, unless something keeps everything from it; say what is wrong. Was anything written?"""
        talk = self.context.talk
        self.remarks.tell(talk)
        if self.remarks.blocked or not self.done:
            return False
        try:
            self.editing.write(self.planned.edits(), file=self.asked.file)
        except InvalidInput as error:
            # A place without a line is where it would have been written, which nobody has to look at.
            for problem in error.problems:
                talk.error(str(problem) if problem.source and problem.source.line else problem.message)
            return False
        return True

    def say_written(self, *more: str) -> None:
        """How many objects, and with `-V` which."""
        names = tuple(name for _, name in self.done)
        self.context.talk.say(f"{len(names)} object definitions have been created or modified.", *more)
        if self.asked.verbose:
            self.context.talk.say("The database was updated for the following objects:", *names)


def given_heads(attributes: Iterable[str]) -> set[str]:
    """The attributes as they are stored: those of network adapters together."""
    return {split_nic(attribute)[0] for attribute in attributes}
