"""What the tasks that run something do: the request, who hears of it, and what an interrupt means."""

import os
import re
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from xcatflow.errors import ExitCode, InvalidInput
from xcatflow.model.event import Event, Outcome, StepEnded
from xcatflow.report.choose import Reporter
from xcatflow.running import Handle, Mode, Request
from xcatflow.tasks.common import heeding, site, warn

_MOST_FILES = 65536
_OPTION = re.compile(r"-[jqv]*i|--input")
_JOINED = re.compile(r"((?:-[jqv]*i=?|--input=)[^=]+)=.*", re.DOTALL)
_GIVEN = re.compile(r"([^=]*)=.*", re.DOTALL)


class Pending:
    """Hears whether anything would change."""

    def __init__(self) -> None:
        self.found = False

    def __call__(self, events: Sequence[Event]) -> None:
        wanting = (Outcome.WOULD_CHANGE, Outcome.DEFERRED)
        self.found = self.found or any(isinstance(e, StepEnded) and e.outcome in wanting for e in events)


def request(
    mode: Mode,
    what: str,
    nodes: str,
    given: Sequence[str],
    *,
    allow_empty: bool,
    wait: bool = False,
    accept_new: bool = False,
) -> Request:
    """What is asked for, from the words of the command line. Raises InvalidInput."""
    if what.startswith("-"):  # `inv` takes an option it does not know for the word that is still missing
        raise InvalidInput(f'expected the name of a workflow or chain, found the option "{what}"')
    return Request(
        what=what,
        mode=mode,
        nodes=nodes,
        inputs=_inputs(given),
        allow_empty=allow_empty,
        wait=wait,
        accept_new=accept_new,
        arguments=_arguments(),
    )


def run(wanted: Request, shown: Reporter, *others: Pending) -> ExitCode:
    """Run it to its end. Raises what Site.run raises."""
    allow_many_files()
    try:
        with interrupts() as started:
            return site().run(wanted, [shown, *others], started)
    finally:
        shown.close()


def allow_many_files() -> None:
    """Each host has a connection or more that is kept to the end: the usual 1024 open files are too few for a thousand hosts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@contextmanager
def interrupts() -> Iterator["_Reins"]:
    """The first interrupt finishes what is being done and begins nothing more, the second ends even that, the third the process."""
    reins = _Reins()
    with heeding(reins.heard):
        yield reins


@contextmanager
def interrupted_by(stop: Callable[[], None]) -> Iterator[None]:
    """An interrupt calls `stop`: for what is only looked at, and has nothing to finish. The second one ends the process."""

    def heard(_number: int, _frame: FrameType | None) -> None:
        if stopped:
            _end_at_once()
        stopped.append(True)
        stop()

    stopped: list[bool] = []
    with heeding(heard):
        yield


class _Reins:
    def __init__(self) -> None:
        self._handle: Handle | None = None
        self._count = 0

    def __call__(self, handle: Handle) -> None:
        self._handle = handle

    def heard(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._handle is None:
            raise KeyboardInterrupt
        match self._count:
            case 1:
                warn("stopping: running acts are finished, nothing more is begun (once more: end them too)")
                self._handle.stop()
            case 2:
                warn("ending running acts; what a Docker daemon is at is waited for (once more: end at once)")
                self._handle.abandon()
            case _:
                warn("ended at once: what had begun is on record (xcatflow show)")
                _end_at_once()


def _end_at_once() -> NoReturn:
    """Not by an exception: threads that wait for a daemon's answer would be waited for."""
    if sys.stdout.isatty():
        os.write(sys.stdout.fileno(), b"\x1b[?25h")  # the report hides the cursor
    os._exit(int(ExitCode.INTERRUPTED))


def _inputs(given: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InvalidInput(f'-i: expected NAME=VALUE, found "{text}"')
        if name in values:
            raise InvalidInput(f'-i: input "{name}" is given twice')
        values[name] = value
    return values


def _arguments() -> tuple[str, ...]:
    """The command line for the record; values of inputs are left out, they may be confidential."""
    shown: list[str] = []
    value_comes = False
    for word in sys.argv[1:]:
        parts = _GIVEN.fullmatch(word) if value_comes else _JOINED.fullmatch(word)
        shown.append(f"{parts[1]}=…" if parts else word)
        value_comes = not value_comes and bool(_OPTION.fullmatch(word))
    return tuple(shown)
