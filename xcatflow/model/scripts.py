"""A node's lists of scripts: which lines they have, in which order, and the words of a line.

Source: xCAT 2 `postscripts` and `postbootscripts`: those of the pseudo node `xcatdefaults`, then the osimage's, then the node's own.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from xcatflow.errors import InvalidInput
from xcatflow.model.attributes import SCRIPTS
from xcatflow.model.definitions import Definitions
from xcatflow.model.values import split_list

LISTS = SCRIPTS
"""The two attributes, in the order in which their scripts run."""

_SECTIONS = ("defaults", "osimage", "node")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_.-]+")
_ENDING = "-start-here"
_KEPT = 1024


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """One entry of a list: a script's name and its arguments. `list` is the attribute it stands in and `section` whose value that is
    (`defaults`, `osimage`, `node`); both empty for one that was named by hand."""

    text: str
    list: str = ""
    section: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The name and the arguments, split as a shell splits words; nothing is expanded. Raises InvalidInput."""
        return _words(self.text)


@lru_cache(maxsize=_KEPT)
def _words(text: str) -> tuple[str, ...]:
    """Nodes have the same lines."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidInput(f'the line "{text}" of a list of scripts: {str(error).lower()}') from None


def lines_of(definitions: Definitions, node: str, lists: Iterable[str] = LISTS) -> tuple[ScriptLine, ...]:
    """The lines of a node's lists, in order. A line that its list has already is dropped. Raises KeyError for an unknown node."""
    image = definitions.osimage_of(node)
    found: dict[tuple[str, str], ScriptLine] = {}
    for name in lists:
        texts = (
            definitions.xcatdefaults.attributes.get(name, ""),
            image.attributes.get(name, "") if image else "",
            definitions.value(node, name) or "",
        )
        for section, text in zip(_SECTIONS, texts, strict=True):
            for line in split_list(text):
                found.setdefault((name, line), ScriptLine(line, name, section))
    return tuple(found.values())


def section_names() -> tuple[str, ...]:
    """The names that mean a part of a node's lists: `postscripts-start-here`, `node-postbootscripts-start-here` and so on."""
    return tuple(f"{section}{name}{_ENDING}" for name in LISTS for section in ("", *(f"{one}-" for one in _SECTIONS)))


def section_of(lines: Iterable[ScriptLine], name: str) -> tuple[ScriptLine, ...]:
    """Those lines that the name of a section means."""
    whose, _, attribute = name.removesuffix(_ENDING).rpartition("-")
    return tuple(line for line in lines if line.list == attribute and whose in ("", line.section))


def chosen_lines(definitions: Definitions, node: str, scripts: str = "") -> tuple[ScriptLine, ...]:
    """What shall run on a node: the lines of `scripts`, the part of its lists that this names, or both lists."""
    if scripts in section_names():
        return section_of(lines_of(definitions, node), scripts)
    if scripts:
        return tuple(ScriptLine(text) for text in split_list(scripts))
    return lines_of(definitions, node)


def ids_of(lines: Sequence[ScriptLine]) -> tuple[str, ...]:
    """A name for each line, unique among them: the script's own, a number behind it where it comes again. Raises InvalidInput."""
    found: list[str] = []
    for line in lines:
        stem = _NOT_IN_IDS.sub("-", line.words[0] if line.words else "") or "script"
        name, number = stem, 2
        while name in found:
            name, number = f"{stem}-{number}", number + 1
        found.append(name)
    return tuple(found)
