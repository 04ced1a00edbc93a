"""Which objects a listing is about: those named, or all of a type, for which the conditions hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xcatflow.commands.asked import NO_NAMES
from xcatflow.commands.chosen import is_hidden
from xcatflow.commands.command import Context
from xcatflow.commands.listing import Picked
from xcatflow.commands.shown import Shown
from xcatflow.commands.targets import named, not_excluded
from xcatflow.commands.where import UnknownAttribute, conditions, satisfies
from xcatflow.model.attributes import KEYS
from xcatflow.model.definitions import XCATDEFAULTS
from xcatflow.model.wherevals import Term

LOGS = ("auditlog", "eventlog")
"""Types that never have objects, which is nothing wrong."""


@dataclass(frozen=True, slots=True)
class Picking:
    """`names` is what names the objects, None for all. `where` are conditions as typed; `hidden` takes hidden nodes as well, `defaults`
    the pseudo node of script lists where it is defined. `every` type is asked for: one without objects is nothing wrong."""

    context: Context
    shown: Shown
    names: str | None = None
    where: Sequence[str] = ()
    hidden: bool = False
    defaults: bool = False
    every: bool = False

    def pick(self, types: Sequence[str]) -> list[Picked]:
        """The objects, types in the order given, by name within a type. Tells which are not there. Raises InvalidInput."""
        terms = _terms(self.where, types)
        return [one for objtype in types for one in self._picked(objtype, terms[objtype])]

    def _picked(self, objtype: str, terms: Sequence[Term] | None) -> Iterator[Picked]:
        found = self._all(objtype) if self.names is None else self._named(objtype, self.names)
        if objtype == "node" and not self.hidden:
            # Who types the whole name of a hidden node means it.
            found = [
                name
                for name in found
                if name in (self.names, XCATDEFAULTS) or not is_hidden(self.shown.definitions, name)
            ]
        key = KEYS.get(objtype, "")
        for name in found if terms is not None else ():
            if not terms or satisfies(terms, name, key, self.shown.lookup(objtype, name)):
                yield Picked(objtype, name)

    def _all(self, objtype: str) -> Sequence[str]:
        found = list(self.shown.names(objtype))
        if objtype == "node" and self.defaults and self.shown.definitions.xcatdefaults.origin.file:
            found = sorted([*found, XCATDEFAULTS])
        if not found and not self.every and objtype not in LOGS:
            self.context.talk.error(f"Could not get objects of type '{objtype}'.")
        # Only a listing of everything there is shows what the site excludes.
        return found if self.every or objtype != "node" else not_excluded(found, self.shown.definitions, self.context)

    def _named(self, objtype: str, names: str) -> Sequence[str]:
        found = named(names, objtype, self.shown.definitions, self.context, looked_up=True)
        if not found:
            self.context.talk.error(NO_NAMES)
        there: list[str] = []
        for name in sorted(found):
            if self.shown.exists(objtype, name):
                there.append(name)
            else:
                self.context.talk.error(f"Could not find an object named '{name}' of type '{objtype}'.")
        return there


def _terms(expressions: Sequence[str], types: Sequence[str]) -> Mapping[str, tuple[Term, ...] | None]:
    """The conditions by type: None where they are about attributes that only objects of other types have. Raises InvalidInput."""
    found: dict[str, tuple[Term, ...] | None] = {}
    unknown: list[UnknownAttribute] = []
    for objtype in types:
        try:
            found[objtype] = conditions(expressions, objtype)
        except UnknownAttribute as error:
            found[objtype] = None
            unknown.append(error)
    if len(unknown) == len(types):
        raise unknown[0]
    return found
