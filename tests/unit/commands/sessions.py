"""Sessions as data: files, what is typed, and exactly what comes of it.

    === inventory/nodes.stanza       writes this file of the site (the text until the next line that begins like one of these)
    $ lsdef c21 -i ip                runs a command, in the site's directory
    Object name: c21                 what it says, line by line
    ! Error: ...                     what it says on standard error
    ? 1                              its exit code, where that is not 0
    --- inventory/nodes.stanza       this is what the file holds now, to the letter
    # ...                            a remark, before the first command or file, or below a line that holds "#" only

`$ one | other` hands on standard output, `$ one < file` gives a file as standard input, `$ NAME=value one` sets a variable, `$ cat file`
shows one. In the text of a file a last empty line before the next part is left out.
"""

import io
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from xcatflow.app import Site
from xcatflow.commands.command import Context, Editing
from xcatflow.commands.table import find
from xcatflow.commands.talk import Talk
from xcatflow.model.definitions import Definitions

_PART = re.compile(r"(===|---|\$|#)(?: (.*))?")
_VARIABLE = re.compile(r"([A-Z_]+)=(.*)")


@dataclass
class Part:
    """A piece of a session: its mark, what stands behind the mark, and the lines below."""

    mark: str
    text: str
    line: int
    lines: list[str] = field(default_factory=list)

    @property
    def content(self) -> str:
        """The lines as a file's text."""
        lines = self.lines[:-1] if self.lines and not self.lines[-1] else self.lines
        return "".join(f"{line}\n" for line in lines)


def parts(text: str) -> Iterator[Part]:
    """The parts of a session. In files, lines that begin with `#` belong to the file."""
    current: Part | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        found = _PART.fullmatch(line)
        in_file = current is not None and current.mark in ("===", "---")
        if found and not (
            found[1] == "#" and (in_file or (current is not None and current.mark == "$" and line != "#"))
        ):
            if current:
                yield current
            current = Part(found[1], found[2] or "", number)
        elif current:
            current.lines.append(line)
    if current:
        yield current


class _Desk:
    """The site as it is now: every command reads it anew."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._site = Site(root)

    @property
    def definitions(self) -> Definitions:
        return self._site.definitions

    def editing(self) -> AbstractContextManager[Editing]:
        return self._site.editing()


@dataclass(frozen=True)
class Said:
    """What came of a command line."""

    out: list[str]
    err: list[str]
    code: int


def typed(line: str, root: Path) -> Said:
    """Run a command line on the site at `root`."""
    given, code, errors = "", 0, []
    for piece in _split(line):
        given, err, code = _one(piece, root, given)
        errors += err.splitlines()
    return Said(given.splitlines(), errors, code)


def _split(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in lexer:
        if word == "|":
            yield words
            words = []
        else:
            words.append(word)
    yield words


def _one(words: list[str], root: Path, given: str) -> tuple[str, str, int]:
    environ: dict[str, str] = {}
    while words and (found := _VARIABLE.fullmatch(words[0])):
        environ[found[1]] = found[2]
        words = words[1:]
    if "<" in words:
        at = words.index("<")
        given = (root / words[at + 1]).read_text()
        words = words[:at]
    if words[0] == "cat":
        return (root / words[1]).read_text(), "", 0
    out, err = io.StringIO(), io.StringIO()
    context = Context(
        desk=_Desk(root),
        talk=Talk(out, err),
        stdin=lambda: given,
        environ={**os.environ, **environ},
        cwd=root,
        piped=True,
    )
    code = find(words[0])(words[1:], context)
    return out.getvalue(), err.getvalue(), code


def put(part: Part, root: Path) -> None:
    """Write the file of a part."""
    path = root / part.text.strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(part.content)


def play(text: str, root: Path) -> Iterator[tuple[Part, str, str]]:
    """Play a session on a site at `root`: for each part with expectations what was expected and what came, as texts."""
    (root / "inventory").mkdir(exist_ok=True)
    for part in parts(text):
        match part.mark:
            case "===":
                put(part, root)
            case "---":
                path = root / part.text.strip()
                yield part, part.content, path.read_text() if path.exists() else "(no such file)\n"
            case "$":
                yield part, _expected(part), _shown(typed(part.text, root))


def _expected(part: Part) -> str:
    lines = part.lines[:-1] if part.lines and not part.lines[-1] else part.lines
    out = [line for line in lines if not line.startswith(("! ", "? ")) and line != "!"]
    err = [line for line in lines if line.startswith("! ") or line == "!"]
    code = [line for line in lines if line.startswith("? ")] or ["? 0"]
    return "\n".join([*out, *err, *code])


def _shown(said: Said) -> str:
    return "\n".join(
        [*said.out, *(f"! {line}".rstrip() if not line else f"! {line}" for line in said.err), f"? {said.code}"]
    )
