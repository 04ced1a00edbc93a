"""Plain listings: what `lsdef` prints for people, read back.

    Object name: c21  (node)
        groups=docker,all
        ip=10.20.0.21

A value is everything behind the first `=`: there are no quotes. Blank lines and comments are skipped. Every problem is found.

Source: xCAT's manual page of lsdef shows the form; reading it is an addition.
"""

import re
from dataclasses import dataclass, field

from xcatflow.errors import Problem, Source, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.load.stanza import ATTRIBUTE, BLANKS
from xcatflow.model.attributes import TYPES

_PREFIX = re.compile(r"[ \t]*Object name:[ \t]*[^ \t]")
_HEADER = re.compile(r"Object name:[ \t]*(?P<name>[^ \t]+)(?:[ \t]+\((?P<type>[^ \t()]*)\))?")


def is_plain(text: str) -> bool:
    """Is `text` a plain listing and not stanzas? The first line that says anything decides."""
    for line in text.split("\n"):
        bare = line.strip(" \t\r")
        if bare and bare[0] != "#":
            return _PREFIX.match(line) is not None
    return False


def parse_plain(text: str, file: str, objtype: str = "node") -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    """The objects of a listing, and what is wrong with it; `file` is its name in messages, `objtype` the type of objects whose header
    names none."""
    reader = _Reader(file, objtype)
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        reader.line(number, line.removesuffix("\r"))
    return tuple(reader.drafts), tuple(reader.problems)


@dataclass(slots=True)
class _Reader:
    file: str
    objtype: str
    drafts: list[Draft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    current: Draft | None = None
    opened: dict[tuple[str, str], int] = field(default_factory=dict)

    def line(self, number: int, line: str) -> None:
        text = line.strip(BLANKS)
        if not text or text[0] == "#":
            return
        place = (number, len(line) - len(line.lstrip(BLANKS)) + 1)
        if text.startswith("Object name:"):
            self._header(text, place)
        elif "=" in text:
            self._attribute(text, place)
        elif text[-1] == ":":
            self._complain(f'the stanza "{text}" stands in a plain listing: give one form at a time', place)
        else:
            self._complain(f'expected "Object name: ..." or "attribute=value", found "{text}"', place)

    def _header(self, text: str, place: tuple[int, int]) -> None:
        found = _HEADER.fullmatch(text)
        # What follows a header that cannot be read belongs to no object, and is not complained about again.
        self.current = Draft("", "", self.file, *place)
        if not found:
            self._complain(f'expected "Object name: NAME" or "Object name: NAME  (TYPE)", found "{text}"', place)
            return
        objtype, name = found["type"] if found["type"] is not None else self.objtype, found["name"]
        if objtype not in TYPES:
            self._complain(f'unknown object type "{objtype}"{did_you_mean(objtype, TYPES)}', place)
            return
        first = self.opened.setdefault((objtype, name), place[0])
        if first != place[0]:
            self._complain(f'{objtype} "{name}" is defined twice, first in line {first}: write it once', place)
            return
        self.current = Draft(objtype, name, self.file, *place)
        self.drafts.append(self.current)

    def _attribute(self, text: str, place: tuple[int, int]) -> None:
        attribute, _, value = text.partition("=")
        attribute = attribute.rstrip(BLANKS)
        if self.current is None:
            self._complain(f'"{attribute}" stands before the first "Object name:"', place)
        elif not ATTRIBUTE.fullmatch(attribute):
            found = f'found "{attribute}"' if attribute else "found nothing"
            self._complain(f'expected the name of an attribute before "=", {found}', place)
        elif attribute != "objtype":
            self.current.values.pop(attribute, None)
            self.current.values[attribute] = value
            self.current.places[attribute] = place
        elif self.current.objtype and value != self.current.objtype:
            self._complain(f'objtype={value} of "{self.current.name}", which is a {self.current.objtype}', place)

    def _complain(self, message: str, place: tuple[int, int]) -> None:
        self.problems.append(Problem(message, Source(self.file, *place)))
