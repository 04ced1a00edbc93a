"""Stanza text: what `lsdef -z` writes and `mkdef -z` reads.

    c21:
        objtype=node
        groups=docker,all

`default-TYPE:` sets values for the later stanzas of a type. Every problem of a text is found, not only the first.

Source: xCAT's manual pages of lsdef, mkdef and xcatstanzafile.
"""

import re
from dataclasses import dataclass, field

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import TYPES

HEADER = "# <xCAT data object stanza file>"

BLANKS = " \t"
DEFAULTS = re.compile(r"default-([^-]*)")
ATTRIBUTE = re.compile(r"[A-Za-z0-9_.:@-]+")
"""An attribute's name."""

_PLAIN = re.compile(r"""([ \t]*)([A-Za-z0-9_.:@-]+)=([^\s":]|[^\s"].*[^\s:])""")
"""What most lines look like: an attribute with a value that needs no quotes and has no blanks around it."""


def parse_stanzas(text: str, file: str) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    """The objects in `text`, and what is wrong with it; `file` is its name in messages."""
    reader = _Reader(file)
    for number, line in enumerate(text.split("\n"), start=1):
        reader.line(number, line)
    reader.close()
    return tuple(reader.drafts), tuple(reader.problems)


def read_stanzas(text: str, file: str) -> tuple[Draft, ...]:
    """The objects in `text`. Raises InvalidInput with every problem, also when there is no object at all."""
    drafts, problems = parse_stanzas(text, file)
    if problems or not drafts:
        raise InvalidInput(problems or (Problem("no object names were provided", Source(file)),))
    return drafts


def name_problem(name: str) -> str:
    """Why an object of this name cannot stand in a stanza file; empty where it can."""
    if DEFAULTS.fullmatch(name):
        return "cannot be written as a stanza: a name such as default-node means defaults there"
    if "=" in name or name != name.strip(BLANKS) or not name or "\n" in name or name[0] == "#":
        return "cannot be written as a stanza: its name does not fit into a line"
    return ""


def attribute_problem(attribute: str) -> str:
    """The same for an attribute's name."""
    if attribute == "objtype" or not ATTRIBUTE.fullmatch(attribute):
        return "cannot be written as a stanza: an attribute's name has letters, digits and _.:@- only"
    return ""


def unquoted(value: str) -> str:
    """A value without the quotes around it."""
    return value[1:-1] if is_quoted(value) else value


def is_quoted(value: str) -> bool:
    """Whether a value stands in quotes."""
    return len(value) > 1 and value[0] == value[-1] == '"'


@dataclass(slots=True)
class _Reader:
    file: str
    drafts: list[Draft] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    current: Draft | None = None
    defaults: dict[str, Draft] = field(default_factory=dict)
    opened: dict[tuple[str, str], int] = field(default_factory=dict)
    in_defaults: bool = False
    has_type: bool = False

    def line(self, number: int, line: str) -> None:
        if self.current is not None and (plain := _PLAIN.fullmatch(line)):
            indent, attribute, value = plain.groups()
            self._set(self.current, attribute, value, (number, len(indent) + 1))
            return
        text = line.removesuffix("\r").strip(BLANKS)
        if not text or text[0] == "#":
            return
        if text[-1] == ":":
            self._header(number, line, text)
        else:
            self._attribute(number, line, text)

    def close(self) -> None:
        """The current stanza is complete."""
        draft, self.current = self.current, None
        if draft is None or self.in_defaults or not draft.name:
            return
        if not self.has_type:
            message = f"No objtype value was specified for '{draft.name}'. Cannot create object definition."
            self._complain(message, draft.line, draft.col)
            return
        if defaults := self.defaults.get(draft.objtype):
            # First, so that what the stanza says itself wins, also by another name of the same attribute.
            draft.values = {a: v for a, v in defaults.values.items() if a not in draft.values} | draft.values
            draft.places = defaults.places | draft.places
        if not draft.objtype:
            return
        first = self.opened.setdefault((draft.objtype, draft.name), draft.line)
        if first != draft.line:
            message = f'{draft.objtype} "{draft.name}" is defined twice, first in line {first}: write one stanza'
            self._complain(message, draft.line, draft.col)
            return
        self.drafts.append(draft)

    def _header(self, number: int, line: str, text: str) -> None:
        name = text[:-1].strip(BLANKS)
        col = _column(line)
        if "=" in name:
            attribute, _, value = name.partition("=")
            quoted = f'{attribute.strip(BLANKS)}="{value.strip(BLANKS)}:"'
            self._complain(f"a value that ends with a colon needs quotes: write {quoted}", number, col)
            return
        self.close()
        self.has_type = False
        found = DEFAULTS.fullmatch(name)
        self.in_defaults = found is not None
        if found:
            objtype = found[1]
            if objtype not in TYPES:
                self._complain(f'unknown object type "{objtype}"{did_you_mean(objtype, TYPES)}', number, col)
            self.current = self.defaults.setdefault(objtype, Draft(objtype, name, self.file, number, col))
            return
        if not name:
            self._complain("an object's name is missing before the colon", number, col)
        self.current = Draft("", name, self.file, number, col)

    def _attribute(self, number: int, line: str, text: str) -> None:
        attribute, equals, value = text.partition("=")
        attribute, value = attribute.rstrip(BLANKS), value.lstrip(BLANKS)
        col = _column(line)
        if not equals:
            self._complain(f'expected "name:" or "attribute=value", found "{text}"', number, col)
        elif not ATTRIBUTE.fullmatch(attribute):
            found = f'found "{attribute}"' if attribute else "found nothing"
            self._complain(f'expected the name of an attribute before "=", {found}', number, col)
        elif self.current is None:
            self._complain(f'"{attribute}" stands before the first "name:"', number, col)
        else:
            self._set(self.current, attribute, unquoted(value), (number, col))

    def _set(self, draft: Draft, attribute: str, value: str, place: tuple[int, int]) -> None:
        if attribute != "objtype":
            draft.values.pop(attribute, None)
            draft.values[attribute] = value
            draft.places[attribute] = place
        elif self.in_defaults:
            self._complain(f'"{draft.name}" takes no objtype: the type is in its name', *place)
        else:
            self.has_type = True
            draft.objtype = value
            if value not in TYPES:
                self._complain(f'unknown object type "{value}"{did_you_mean(value, TYPES)}', *place)
                draft.objtype = ""

    def _complain(self, message: str, line: int, col: int) -> None:
        self.problems.append(Problem(message, Source(self.file, line, col)))


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(BLANKS)) + 1 if line[0] in BLANKS else 1
