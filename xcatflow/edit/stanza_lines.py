"""A stanza file line by line, for those who change it: which lines are whose. What the lines mean is decided by `xcatflow.load.stanza`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xcatflow.load.stanza import BLANKS, DEFAULTS, unquoted


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its text, and what ends it ("" only for a last line without an end)."""

    text: str
    end: str

    @property
    def content(self) -> str:
        """The text without the blanks around it."""
        return self.text.strip(BLANKS)

    @property
    def indent(self) -> str:
        return self.text[: len(self.text) - len(self.text.lstrip(BLANKS))]


@dataclass(frozen=True, slots=True)
class AttributeLine:
    """An attribute's line: its number in the file, the attribute's name as written, and its value."""

    line: int
    written: str
    value: str


@dataclass(slots=True)
class Stanza:
    """An object's stanza: the lines of its header, of `objtype`, and of its attributes. `defaults` are attributes as written in the
    default stanzas before it."""

    name: str
    header: int
    objtype: str = ""
    typed: list[int] = field(default_factory=list)
    attributes: list[AttributeLine] = field(default_factory=list)
    defaults: Mapping[str, str] = field(default_factory=dict)

    @property
    def last(self) -> int:
        """The last line with something of it."""
        return max([self.header, *self.typed, *(attribute.line for attribute in self.attributes)])


def split_lines(text: str) -> list[Line]:
    """The lines; none for an empty text."""
    pieces = text.split("\n")
    lines = [Line(piece.removesuffix("\r"), "\r\n" if piece.endswith("\r") else "\n") for piece in pieces[:-1]]
    if pieces[-1]:
        lines.append(Line(pieces[-1].removesuffix("\r"), "\r" if pieces[-1].endswith("\r") else ""))
    return lines


def stanzas(lines: list[Line]) -> tuple[list[Stanza], Mapping[str, Mapping[str, str]]]:
    """The stanzas of objects in a text without mistakes, and the defaults that hold at its end, by type."""
    found: list[Stanza] = []
    defaults: dict[str, dict[str, str]] = {}
    current: Stanza | None = None
    into: dict[str, str] = {}
    for number, line in enumerate(lines):
        content = line.content
        if not content or content[0] == "#":
            continue
        if content[-1] == ":":
            if current:
                current.defaults = dict(defaults.get(current.objtype, {}))
            name = content[:-1].strip(BLANKS)
            current = None
            if meant := DEFAULTS.fullmatch(name):
                into = defaults.setdefault(meant[1], {})
            else:
                current = Stanza(name, number)
                found.append(current)
            continue
        written, _, value = content.partition("=")
        written, value = written.rstrip(BLANKS), unquoted(value.lstrip(BLANKS))
        if current is None:
            into.pop(written, None)
            into[written] = value
        elif written == "objtype":
            current.objtype = value
            current.typed.append(number)
        else:
            current.attributes.append(AttributeLine(number, written, value))
    if current:
        current.defaults = dict(defaults.get(current.objtype, {}))
    return found, defaults
