"""xCAT's commands as programs of their own (`lsdef`, `mkdef`, ...), as `xcatflow lsdef ...` and as `inv lsdef --args "..."`."""

import os
import shlex
import stat
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from xcatflow.commands.command import Context, Editing
from xcatflow.commands.table import find
from xcatflow.commands.talk import Talk
from xcatflow.errors import ExitCode, InvalidInput
from xcatflow.report.sink import Sink
from xcatflow.tasks.common import eased_collector, errors_told, site, warn

if TYPE_CHECKING:
    from xcatflow.app import Site
    from xcatflow.model.call import Call, Called
    from xcatflow.model.definitions import Definitions
    from xcatflow.model.event import Event
    from xcatflow.model.logs import LogLine, LogsWanted
    from xcatflow.model.medium import OpenedMedium
    from xcatflow.running import Handle


class _Desk:
    """The site, looked for when a command asks for it: help needs none."""

    def __init__(self) -> None:
        self._found: Site | None = None
        self.left = False
        """Was something left alone that does not end?"""

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

    def call(self, call: "Call", heard: "Callable[[Sequence[Event]], None]") -> "Called":
        from xcatflow.model.call import Called
        from xcatflow.tasks.execute import allow_many_files
        from xcatflow.tasks.impatient import Impatient

        allow_many_files()
        reins: list[Handle] = []
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            for handle in reins:
                handle.stop()

        def started(handle: "Handle") -> None:
            reins.append(handle)
            if stopped.is_set():
                handle.stop()

        impatient = Impatient[Called](stop)
        called = impatient(lambda: self.site.call(call, [heard], started), Called(ExitCode.INTERRUPTED))
        self.left = impatient.left
        return called

    def logs(self, wanted: "LogsWanted", said: "Callable[[LogLine], bool]") -> Mapping[str, str]:
        from xcatflow.tailing import read_logs
        from xcatflow.tasks.execute import allow_many_files, interrupted_by

        allow_many_files()
        stopping = threading.Event()

        def told(line: "LogLine") -> None:
            if not said(line):
                stopping.set()

        with interrupted_by(stopping.set):
            return read_logs(self.site.root, self.definitions, wanted, said=told, stopping=stopping)

    def medium(self, path: Path) -> "AbstractContextManager[OpenedMedium]":
        from xcatflow.media.opened import open_medium

        return open_medium(path)


def run(name: str, words: Sequence[str]) -> int:
    """Run a command with the words behind its name; the exit code."""
    desk, out = _Desk(), Sink(sys.stdout)
    context = Context(
        desk=desk,
        talk=Talk(out, Sink(sys.stderr)),
        stdin=_standard_input,
        environ=os.environ,
        cwd=Path.cwd(),
        piped=_is_piped(),
        terminal=out.isatty(),
    )
    code = find(name)(words, context)
    if desk.left:
        # Threads that wait for a daemon's answer would be waited for.
        os._exit(code)
    return code


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
