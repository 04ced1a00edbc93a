"""Edits of files as data: files, edits, and exactly what the files hold afterwards.

    #### about the cases below                a remark, ends a case
    === inventory/nodes.stanza                writes this file (the text until the next line that begins like one of these)
    > write node c1 ip=10.0.0.1 mgt=          edits; those that follow one another are one write
    > replace node c1 groups=all
    > remove node c1
    > rename node c1 c2
    ! message                                 what the write is refused with, line by line
    --- inventory/nodes.stanza                this is what the file holds now, to the letter

A case ends at the next `===` behind a `---` or `!` as well. In the text of a file `\\r` stands for a carriage return, `\\t` for a tab, and
a last line `\\c` says that the line before it has no end. In edits, words are split as by a shell, `\\n` stands for a line break.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xcatflow.edit.editing import editing
from xcatflow.errors import InvalidInput
from xcatflow.model.edit import Edit, Remove, Rename, Write

_MARKS = ("=== ", "> ", "! ", "--- ", "#### ")


@dataclass
class Case:
    """One case; `line` is where it begins."""

    line: int
    files: dict[str, str] = field(default_factory=dict)
    edits: list[list[Edit]] = field(default_factory=list)
    refused: str = ""
    after: dict[str, str] = field(default_factory=dict)


def cases(path: Path) -> Iterator[Case]:
    """The cases of a file."""
    case = Case(1)
    text: list[str] | None = None
    mark = ""
    for number, line in enumerate([*path.read_text().splitlines(), "#### "], start=1):
        found = next((mark for mark in _MARKS if line.startswith(mark)), "")
        if not found:
            if text is not None:
                text.append(line)
            continue
        if text is not None:
            name = next(reversed(case.files if mark == "=== " else case.after))
            (case.files if mark == "=== " else case.after)[name] = _content(text)
            text = None
        rest = line[len(found) :]
        if found in ("=== ", "#### ") and case.edits:
            yield case
            case = Case(number)
        match found:
            case "=== ":
                case.files[rest] = ""
                text = []
            case "--- ":
                case.after[rest] = ""
                text = []
            case "#### ":
                pass
            case "! ":
                case.refused += ("\n" if case.refused else "") + rest
            case _:
                if mark != "> ":
                    case.edits.append([])
                case.edits[-1].append(_edit(rest))
        mark = found


def _content(lines: list[str]) -> str:
    text = "".join(f"{line}\n" for line in lines).replace("\\r", "\r").replace("\\t", "\t")
    return text.removesuffix("\\c\n").removesuffix("\n") if text.endswith("\\c\n") else text


def _edit(text: str) -> Edit:
    kind, objtype, name, *rest = shlex.split(text.replace("\\n", "\n"))
    match kind:
        case "remove":
            return Remove(objtype, name)
        case "rename":
            return Rename(objtype, name, rest[0])
    values = {attribute: value for attribute, _, value in (word.partition("=") for word in rest)}
    return Write(objtype, name, values, replace=kind == "replace")


def play(case: Case, root: Path) -> tuple[str, dict[str, str]]:
    """What the last write of a case was refused with, and the files afterwards."""
    for name, text in case.files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    (root / "inventory").mkdir(exist_ok=True)
    refused = ""
    try:
        with editing(root) as held:
            for edits in case.edits:
                held.write(edits)
    except InvalidInput as error:
        refused = str(error)
    found = {name: (root / name).read_bytes().decode() for name in case.after}
    return refused, found
