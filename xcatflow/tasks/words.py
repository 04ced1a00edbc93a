"""xCAT's commands as programs of their own (`lsdef`, `mkdef`, ...), as `xcatflow lsdef ...` and as `inv lsdef --args "..."`."""

import os
import shlex
import stat
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from xcatflow.commands.command import Context, Editing
from xcatflow.commands.table import find
from xcatflow.commands.talk import Talk
from xcatflow.errors import InvalidInput
from xcatflow.report.sink import Sink
from xcatflow.tasks.common import eased_collector, errors_told, site, warn

if TYPE_CHECKING:
    from xcatflow.app import Site
    from xcatflow.model.definitions import Definitions


class _Desk:
    """The site, looked for when a command asks for it: help needs none."""

    def __init__(self) -> None:
        self._found: Site | None = None

    @property
    def site(self) -> "Site":
        if self._found is None:
            self._found = site()
        return self._found

    @property
    def root(self) -> Path:
        return self.site.root

    @property
    def definitions(self) -> "Definitions":
        return self.site.definitions

    def editing(self) -> AbstractContextManager[Editing]:
        return self.site.editing(lambda text: warn(f"Warning: {text}"))


def run(name: str, words: Sequence[str]) -> int:
    """Run a command with the words behind its name; the exit code."""
    context = Context(
        desk=_Desk(),
        talk=Talk(Sink(sys.stdout), Sink(sys.stderr)),
        stdin=_standard_input,
        environ=os.environ,
        cwd=Path.cwd(),
        piped=_is_piped(),
    )
    return find(name)(words, context)


def _standard_input() -> str:
    # Without one (`lsdef <&-`) Python has none either.
    return sys.stdin.read() if sys.stdin else ""


def _is_piped() -> bool:
    """Is standard input a file or a pipe?"""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def run_line(name: str, line: str) -> None:
    """The same with the words in one text, as `inv` hands them over. Ends the process unless all was well."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInput(f'--args: {str(error).lower()} in "{line}"') from None
    if code := run(name, words):
        raise SystemExit(code)


def main() -> NoReturn:
    """The entry point of every command's console script: the script's name says which. Ends the process."""
    eased_collector()
    with errors_told():
        code = run(Path(sys.argv[0]).name, sys.argv[1:])
    sys.exit(code)
