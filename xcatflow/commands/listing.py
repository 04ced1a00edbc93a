"""The forms in which objects are listed: names, plain, compressed, stanzas, JSON and YAML. Objects are looked at one by one."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from xcatflow.commands.shown import Shown
from xcatflow.commands.structured import json_lines, yaml_lines
from xcatflow.commands.talk import Talk
from xcatflow.errors import did_you_mean
from xcatflow.load.stanza import HEADER, name_problem
from xcatflow.load.stanza_text import INDENT, spread, stanza_lines, unwritable
from xcatflow.model.attributes import ATTRIBUTES, FREE_TYPES, KEYS, NICS, canonical
from xcatflow.model.definitions import XCATDEFAULTS
from xcatflow.model.nics import split_nic


def invalid_attribute(name: str, objtype: str) -> str:
    """What is said about an attribute that objects of a type do not have."""
    hint = did_you_mean(name, ATTRIBUTES.get(objtype, ()))
    said = f"'{name}' is not a valid attribute name for an object type of '{objtype}'."
    return f"{said} D{hint[3:]}" if hint else said


@dataclass(frozen=True, slots=True)
class Picked:
    """An object to be listed."""

    objtype: str
    name: str


@dataclass(frozen=True, slots=True)
class Listing:
    """`wanted` are the attributes asked for, as typed; none: those that have a value. `several` types are in the listing, `loose` is the
    form of a listing of everything. `storage` tells where xCAT's tables have each value, `osimage` shows nodes with their osimage."""

    talk: Talk
    shown: Shown
    several: bool = False
    loose: bool = False
    wanted: Sequence[str] = ()
    storage: bool = False
    osimage: bool = False

    def names(self, picked: Iterable[Picked]) -> None:
        """`NAME  (type)`"""
        gap = " " if self.loose else "  "
        self.talk.each(f"{one.name}{gap}({one.objtype})" for one in picked)

    def plain(self, picked: Sequence[Picked]) -> None:
        """`Object name: NAME`, and the attributes below."""
        self._unknown(picked)
        self.talk.each(line for one in picked for line in self._plain(one))

    def _plain(self, one: Picked) -> Iterator[str]:
        yield f"Object name: {one.name}" + (f"  ({one.objtype})" if self.several else "")
        for attribute, value in self._lines(one):
            yield f"{INDENT}{attribute}={value}{self._stored(one, attribute)}"
        if self.osimage and one.objtype == "node":
            yield from self._osimage(one.name)

    def compressed(self, picked: Sequence[Picked]) -> None:
        """`NAME: attr=value`"""
        self._unknown(picked)
        self.talk.each(
            f"{one.name}: {attribute}={value}{self._stored(one, attribute)}"
            for one in picked
            for attribute, value in self._lines(one)
        )

    def stanzas(self, picked: Sequence[Picked], *, short: bool) -> None:
        """The stanza form; `short`: the headers only."""
        self._unknown(picked)
        self.talk.say(HEADER)
        self.talk.each(line for one in picked for line in self._stanza(one, short=short))

    def _stanza(self, one: Picked, *, short: bool) -> Iterator[str]:
        """The lines of one object; what a stanza cannot hold is told and left out."""
        values = {} if short else self._values(one) | self._silent(one)
        problems = [problem.message for problem in unwritable(one.objtype, one.name, values)]
        for problem in problems:
            self.talk.error(problem)
        if name_problem(one.name):
            return
        if problems:
            values = {name: text for name, text in values.items() if not any(unwritable("", one.name, {name: text}))}
        yield ""
        yield from [f"{one.name}:"] if short else stanza_lines(one.objtype, one.name, values)

    def structured(self, picked: Sequence[Picked], *, yaml: bool, short: bool) -> None:
        """For programs: a list of objects; `short`: without their attributes."""
        self._unknown(picked)
        found = (
            {"objtype": one.objtype, "name": one.name, **({} if short else {"attrs": dict(self._lines(one))})}
            for one in picked
        )
        self.talk.each(yaml_lines(found) if yaml else json_lines(found))

    # --- values ---

    def _values(self, one: Picked) -> dict[str, str]:
        """What is shown of an object, by stored names. Of adapters only those are shown that have a value."""
        if not self.wanted:
            return self.shown.values(one.objtype, one.name)
        lookup = self.shown.lookup(one.objtype, one.name)
        found = {attribute: lookup(attribute) for attribute in sorted(self._meant(one))}
        return {
            attribute: value
            for attribute, value in found.items()
            if value or one.objtype in FREE_TYPES or split_nic(attribute)[0] not in NICS
        }

    def _silent(self, one: Picked) -> dict[str, str]:
        """What of a node has to be written although it comes to nothing: who reads the stanza would inherit what it stops."""
        found = self.shown.silent(one.name) if one.objtype == "node" else {}
        if not found or not self.wanted:
            return found
        meant = self._meant(one)
        return {attribute: raw for attribute, raw in found.items() if attribute in meant}

    def _lines(self, one: Picked) -> list[tuple[str, str]]:
        """The same as it is written: network adapters line by line."""
        return spread(one.objtype, self._values(one))

    def _meant(self, one: Picked) -> set[str]:
        """The attributes asked for, by their own names."""
        found: set[str] = set()
        for name in self.wanted:
            meant = canonical(one.objtype, name)
            if meant is not None and meant != KEYS.get(one.objtype):
                found.add(self.shown.meant(one.objtype, one.name, meant))
        return {name for name in found if name.partition(".")[0] not in found - {name}} if found & NICS else found

    def _unknown(self, picked: Sequence[Picked]) -> None:
        """Tell which of the attributes asked for the types do not have."""
        for objtype in dict.fromkeys(one.objtype for one in picked):
            for name in self.wanted:
                if canonical(objtype, name) is None:
                    self.talk.error(invalid_attribute(name, objtype))

    def _stored(self, one: Picked, attribute: str) -> str:
        """Where xCAT's tables have a value, where that is to be told."""
        if not self.storage:
            return ""
        if one.objtype == "site":
            return f"\t(Table:site - Key:{attribute} - Column:value)"
        columns = ATTRIBUTES.get(one.objtype, {}).get(split_nic(attribute)[0], ())
        if not columns:
            return f"\t(Table:{one.objtype} - Key:{one.name} - Column:{attribute})"
        has = self.shown.lookup(one.objtype, one.name)
        fitting = (
            column
            for column in columns
            if not column.conditions or any(value in has(key).split(",") for key, value in column.conditions)
        )
        column = next(fitting, columns[0])
        return f"\t(Table:{column.table} - Key:{one.name} - Column:{column.column})"

    def _osimage(self, node: str) -> Iterator[str]:
        definitions = self.shown.definitions
        name = definitions.value(node, "provmethod") if node != XCATDEFAULTS else None
        image = definitions.osimages.get(name or "")
        if image is None:
            if name:
                self.talk.warn(f"{node}: could not find information for osimage {name}")
            return
        for attribute, value in sorted(image.attributes.items()):
            yield f"{INDENT}{attribute}={value}{self._stored(Picked('osimage', image.name), attribute)}"
