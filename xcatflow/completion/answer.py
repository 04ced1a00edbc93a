"""Candidates for the word at the cursor."""

import os

from xcatflow.completion.inventory import Inventory, site_of
from xcatflow.completion.kinds import Asked, candidates
from xcatflow.completion.line import Line, read_line
from xcatflow.completion.noderange import fitting
from xcatflow.completion.place import Place, place_of
from xcatflow.completion.table import Table

_PROGRAM = "xcatflow"
_OWN = ["--help", "--site", "--version"]
_UNSAFE = " \t'\"\\$&|;<>()`*?!#"


def answer(text: str, breaks: str, words: str, environ: "os._Environ[str] | dict[str, str]") -> list[str]:
    """What may stand in place of the last word of `text`, a blank behind those that are complete. At the characters `breaks` the shell
    begins a new piece of the word, and wants to hear from there on. `words` is the table's text."""
    line = read_line(text, breaks)
    settings = dict(environ)
    while line.words and "=" in line.words[0]:
        name, _, value = line.words.pop(0).partition("=")
        settings[name] = value
    if not line.words or any(not letter.isprintable() for letter in line.current):
        return []  # a line break in a word cannot be given back to the shell as one candidate
    found = _candidates(line, Table(words), settings)
    return [_shown(each, line) for each in found]


def _candidates(line: Line, table: Table, environ: dict[str, str]) -> list[str]:
    program, *words = line.words
    program = program.rpartition("/")[2]
    if program == _PROGRAM:
        while words and words[0].startswith("-"):
            flag, equals, value = words.pop(0).partition("=")
            if flag != "--site":
                return []
            if not equals and not words:
                return candidates(Asked(Place("dir", "", line.current, {}, []), Inventory(""), table, ""))
            environ["XCATFLOW_SITE"] = value if equals else words.pop(0)
        if words[:1] == ["help"]:
            return fitting(table.names(), line.current) if len(words) == 1 else []
        if not words:
            return fitting(_OWN if line.current.startswith("-") else [*table.names(), "help"], line.current)
        program, *words = words
    grammar = table.grammar(program)
    if grammar is None:
        return []
    place = place_of(grammar, words, line.current)
    if place.kind == "flag":
        return fitting(grammar.offered, line.current)
    site = site_of(os.getcwd(), environ)  # noqa: PTH109
    return [f"{place.head}{each}" for each in candidates(Asked(place, Inventory(site), table, site))]


def _shown(candidate: str, line: Line) -> str:
    """A candidate as the shell is to put it into the line: what is typed stays as it is."""
    whole = candidate.endswith(" ")
    rest = candidate[len(line.current) :].rstrip(" ")
    if line.quoted:
        return line.tail + rest
    escaped = "".join(f"\\{letter}" if letter in _UNSAFE else letter for letter in rest)
    return f"{line.tail}{escaped} " if whole else f"{line.tail}{escaped}"
