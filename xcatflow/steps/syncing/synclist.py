"""Synclists as xCAT writes them: which files of the controller belong where on which nodes, and what is run after them. Pure.

Source: xCAT's documentation of the synclist (`SRC ... -> DEST`, `EXECUTE:`, `EXECUTEALWAYS:`, `APPEND:`, `MERGE:`). Other than there,
a line that cannot be read is an error, and never left out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.model.definitions import Definitions

SECTIONS = ("EXECUTE:", "EXECUTEALWAYS:", "APPEND:", "MERGE:")
MERGEABLE = ("/etc/passwd", "/etc/shadow", "/etc/group")
_KEYWORD = re.compile(r"[A-Z][A-Z_ ]*:")
_ENTRY = re.compile(r"(?P<sources>\S.*?)\s+->\s+(?:\((?P<nodes>.*)\)\s+)?(?P<dest>/\S*)")
_EXPECTED = 'expected "SOURCE ... -> [(noderange)] /DESTINATION"'


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what is copied where, on which nodes (empty: all). `sources` may be patterns; `dest` ends with a slash where it is a
    directory."""

    sources: tuple[str, ...]
    dest: str
    nodes: str = ""
    place: Source = field(default=Source(""), compare=False)


@dataclass(frozen=True, slots=True)
class Script:
    """A script of `EXECUTE:` or `EXECUTEALWAYS:`, by its path on the controller."""

    path: str
    place: Source = field(default=Source(""), compare=False)


@dataclass(frozen=True, slots=True)
class Synclist:
    """What a list says, in its order."""

    entries: tuple[Entry, ...] = ()
    execute: tuple[Script, ...] = ()
    always: tuple[Script, ...] = ()
    append: tuple[Entry, ...] = ()
    merge: tuple[Entry, ...] = ()

    def for_node(self, node: str, definitions: Definitions) -> "Synclist":
        """The list with the entries that are for `node`. Raises InvalidInput at the place of a noderange that cannot be evaluated."""
        chosen = tuple(entry for entry in self.entries if not entry.nodes or node in _selected(entry, definitions))
        return Synclist(chosen, self.execute, self.always, self.append, self.merge)


def _selected(entry: Entry, definitions: Definitions) -> frozenset[str]:
    try:
        return _nodes(entry.nodes, definitions)
    except InvalidInput as error:
        raise InvalidInput(
            Problem(problem.message, problem.source or entry.place) for problem in error.problems
        ) from None


@lru_cache(maxsize=256)
def _nodes(noderange: str, definitions: Definitions) -> frozenset[str]:
    # Few lists name nodes: the others do not wait for the grammar.
    from xcatflow.selection import select

    return frozenset(select(noderange, definitions))


def parse_synclist(text: str, name: str) -> Synclist:
    """Read a list; `name` is what its places are called. Raises InvalidInput with every line that cannot be used."""
    reader = _Reader(name)
    for number, line in enumerate(text.splitlines(), start=1):
        reader.read(line.strip(), Source(name, number))
    problems = [*reader.problems, *_clashes(reader)]
    if problems:
        raise InvalidInput(sorted(problems, key=lambda problem: problem.source or Source(name)))
    if not reader.lines:
        raise InvalidInput(f"Found no lines to process in {name}.")
    return Synclist(
        tuple(reader.entries), tuple(reader.execute), tuple(reader.always), tuple(reader.append), tuple(reader.merge)
    )


@dataclass(slots=True)
class _Reader:
    name: str
    section: str = ""
    lines: int = 0
    entries: list[Entry] = field(default_factory=list)
    execute: list[Script] = field(default_factory=list)
    always: list[Script] = field(default_factory=list)
    append: list[Entry] = field(default_factory=list)
    merge: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def read(self, line: str, place: Source) -> None:
        if not line or line.startswith("#"):
            return
        try:
            if _KEYWORD.fullmatch(line):
                self._begin(line)
            else:
                self.lines += 1
                self._line(line, place)
        except ValueError as error:
            self.problems.append(Problem(str(error), place))

    def _begin(self, keyword: str) -> None:
        if keyword not in SECTIONS:
            raise ValueError(
                f'expected one of {", ".join(SECTIONS)} found "{keyword}"{did_you_mean(keyword, SECTIONS)}'
            )
        self.section = keyword

    def _line(self, line: str, place: Source) -> None:
        match self.section:
            case "":
                self.entries.append(_entry(line, place))
            case "EXECUTE:" | "EXECUTEALWAYS:" as section:
                if len(line.split()) != 1:
                    raise ValueError(
                        f'expected the path of one script in "{section}", found "{line}": put files before it'
                    )
                scripts = self.execute if section == "EXECUTE:" else self.always
                scripts.append(Script(line, place))
            case "APPEND:":
                self.append.append(_single(line, place, "APPEND:"))
            case _:
                entry = _single(line, place, "MERGE:")
                if entry.dest not in MERGEABLE:
                    raise ValueError(f'"MERGE:" is for {", ".join(MERGEABLE)}, found "{entry.dest}"')
                self.merge.append(entry)


def _entry(line: str, place: Source) -> Entry:
    match = _ENTRY.fullmatch(line)
    if not match:
        raise ValueError(f'{_EXPECTED}, found "{line}"')
    nodes = (match["nodes"] or "").strip()
    if match["nodes"] is not None and not nodes:
        raise ValueError(
            'expected a noderange between "(" and ")", found none: leave the parentheses out for all nodes'
        )
    sources = tuple(match["sources"].split())
    if "->" in sources:
        raise ValueError(f'{_EXPECTED}, found "->" twice in "{line}"')
    dest = checked_dest(match["dest"])
    # Several files cannot have one name.
    many = len(sources) > 1 or is_pattern(sources[0])
    return Entry(sources, dest if dest.endswith("/") or not many else f"{dest}/", nodes, place)


def _single(line: str, place: Source, section: str) -> Entry:
    entry = _entry(line, place)
    if len(entry.sources) != 1 or entry.nodes or entry.dest.endswith("/"):
        raise ValueError(f'expected "FILE -> /FILE" in "{section}", found "{line}"')
    return entry


def is_pattern(source: str) -> bool:
    """Does a source have wildcards?"""
    return any(letter in source for letter in "*?[")


def checked_dest(dest: str) -> str:
    """The path without doubled slashes; one at its end stays. Raises ValueError."""
    parts = [part for part in dest.split("/") if part not in ("", ".")]
    if not dest.startswith("/") or ".." in parts or any(ord(letter) < 32 for letter in dest):
        raise ValueError(f'expected an absolute path without "..", found "{dest}"')
    if not parts and not dest.endswith("/"):
        raise ValueError(f'expected the path of a file, found "{dest}"')
    path = "/" + "/".join(parts)
    return f"{path}/" if dest.endswith("/") and parts else path


def _clashes(reader: _Reader) -> Iterable[Problem]:
    """Destinations that two lines want to append to or merge into."""
    known: dict[str, Source] = {}
    for entry in (*reader.append, *reader.merge):
        if entry.dest in known:
            yield Problem(f'"{entry.dest}" is named by line {known[entry.dest].line} already', entry.place)
        known[entry.dest] = entry.place
