"""Sessions as data: files, what is typed, and exactly what comes of it.

    === inventory/nodes.stanza       writes this file of the site (the text until the next line that begins like one of these)
    $ lsdef c21 -i ip                runs a command, in the site's directory
    Object name: c21                 what it says, line by line
    ! Error: ...                     what it says on standard error
    ? 1                              its exit code, where that is not 0
    --- inventory/nodes.stanza       this is what the file holds now, to the letter
    # ...                            a remark, before the first command or file, or below a line that holds "#" only
    === daemon                       a Docker daemon that answers so (scripted.py) stands where "@daemon" is written from here on,
                                     and with the host name localhost where it is "@here"
    --- daemon                       what it was asked to do since
    === image NAME                   an installation medium that is described so (tests/fakes/media.py)
    --- tree NAME                    the files, and directories that are empty, below this directory; DISC is a disc's fingerprint
    === machines                     nodes are machines from here on (tests/fakes/machines.py); those named here are off
    === packages NODE                the machine of this node has an apt that knows these packages: lines of name and version
    === facts                        what was found out about nodes, an hour ago: lines of a node and NAME=VALUE words
    === network                      the machines that can be reached (tests/fakes/network.py)
    @site, @shipped                  in what is said: the site's directory, and that of the shipped site

`$ one | other` hands on standard output, `$ one < file` gives a file as standard input, `$ NAME=value one` sets a variable, `$ cat file`
shows one. In the text of a file a last empty line before the next part is left out.
"""

import io
import os
import re
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.facts import GivenFacts
from tests.fakes.machines import machines, with_packages
from tests.fakes.media import described
from tests.fakes.network import Network
from tests.fakes.peer import Peer
from tests.unit.commands.scripted import serve, shown
from xcatflow.app import Site
from xcatflow.commands.command import Context, Editing
from xcatflow.commands.table import find
from xcatflow.commands.talk import Talk
from xcatflow.load.shipped import shipped
from xcatflow.model.call import Call, Called
from xcatflow.model.definitions import Definitions
from xcatflow.model.event import Event
from xcatflow.model.logs import LogLine, LogsWanted
from xcatflow.model.medium import OpenedMedium

_PART = re.compile(r"(===|---|\$|#)(?: (.*))?")
_DISC = re.compile(r"(?<=\.xcatflow-media/)[0-9a-f]{32}")
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


@dataclass
class Daemon:
    """The scripted daemon of a session."""

    peer: Peer | None = None
    told: int = 0

    def start(self, text: str) -> None:
        """Take the place of the one before."""
        self.stop()
        self.peer = serve(text)
        self.peer.__enter__()
        self.told = 0

    def stop(self) -> None:
        if self.peer:
            self.peer.__exit__(None, None, None)
            self.peer = None

    def asked(self) -> str:
        """What it was asked since this was called last."""
        assert self.peer
        found = shown(self.peer.requests[self.told :])
        self.told = len(self.peer.requests)
        return found

    def into(self, text: str) -> str:
        """The text with the daemon's address."""
        if self.peer is None:
            return text
        port = self.peer.port
        return text.replace("@daemon", f"tcp+plain://127.0.0.1:{port}").replace(
            "@here", f"tcp+plain://localhost:{port}"
        )

    def out_of(self, text: str) -> str:
        """The text without it."""
        if self.peer is None:
            return text
        here = f"127.0.0.1:{self.peer.port}"
        text = text.replace(f"tcp+plain://localhost:{self.peer.port}", "@here")
        return text.replace(f"tcp+plain://{here}", "@daemon").replace(here, "DAEMON")


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

    def call(self, call: Call, heard: Callable[[Sequence[Event]], None]) -> Called:
        return self._site.call(call, [heard])

    def logs(self, wanted: LogsWanted, said: Callable[[LogLine], bool]) -> Mapping[str, str]:
        from xcatflow.tailing import read_logs

        def told(line: LogLine) -> None:
            said(line)

        return read_logs(self.root, self.definitions, wanted, said=told, stopping=threading.Event())

    def medium(self, path: Path) -> AbstractContextManager[OpenedMedium]:
        from xcatflow.media.opened import open_medium

        return open_medium(path)


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


def put(part: Part, root: Path, daemon: Daemon | None = None) -> None:
    """Write the file of a part."""
    path = root / part.text.strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(daemon.into(part.content) if daemon else part.content)


def play(text: str, root: Path) -> Iterator[tuple[Part, str, str]]:
    """Play a session on a site at `root`: for each part with expectations what was expected and what came, as texts."""
    (root / "inventory").mkdir(exist_ok=True)
    daemon, around = Daemon(), ExitStack()
    try:
        for part in parts(text):
            match part.mark, part.text.strip():
                case "===", name if name.startswith("image "):
                    described(root / name.removeprefix("image "), part.content)
                case "---", name if name.startswith("tree "):
                    yield part, part.content, _tree(root / name.removeprefix("tree "))
                case "===", "machines":
                    around.enter_context(machines(root / "machines", part.content.split()))
                case "===", name if name.startswith("packages "):
                    with_packages(root / "machines" / name.removeprefix("packages "), part.content)
                case "===", "facts":
                    keep_facts(part.content, root)
                case "===", "network":
                    around.enter_context(Network.of(part.content).in_place())
                case "===", "daemon":
                    daemon.start(part.content)
                case "---", "daemon":
                    yield part, part.content, daemon.asked()
                case "===", _:
                    put(part, root, daemon)
                case "---", name:
                    path = root / name
                    yield part, part.content, daemon.out_of(path.read_text()) if path.exists() else "(no such file)\n"
                case "$", _:
                    yield part, _expected(part), _placed(daemon.out_of(_shown(typed(part.text, root))), root)
    finally:
        daemon.stop()
        around.close()


def keep_facts(text: str, root: Path) -> None:
    """Have the site know facts since an hour ago."""
    given = GivenFacts.of_lines(text).facts
    Site(root).facts.put((node, time.time() - 3600, {**facts, "details": "{}"}) for node, facts in given.items())


def _placed(text: str, root: Path) -> str:
    """The text without where the site is, and where the shipped one is."""
    return text.replace(str(root), "@site").replace(f"{shipped()}/", "@shipped/")


def _tree(directory: Path) -> str:
    """Every file, link and empty directory below, sorted."""
    lines = []
    for path in directory.rglob("*"):
        name = path.relative_to(directory)
        if path.is_symlink():
            lines.append(f"{name} -> {path.readlink()}")
        elif path.is_file() or not any(path.iterdir()):
            lines.append(_DISC.sub("DISC", str(name)) if path.is_file() else f"{name}/")
    return "".join(f"{line}\n" for line in sorted(lines)) or "(nothing)\n"


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
