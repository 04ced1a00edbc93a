"""Tasks that run something, and those that tell about runs."""

import json as json_text
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType

from invoke.context import Context
from invoke.exceptions import Exit

from xcatflow.errors import ExitCode, InvalidInput
from xcatflow.model.event import Event, Outcome, StepEnded
from xcatflow.report.choose import Reporter, reporter
from xcatflow.running import Handle, Mode, Request
from xcatflow.tasks.common import face, say, site, site_with_chain, warn

_OPTION = re.compile(r"-[jqv]*i|--input")
_JOINED = re.compile(r"((?:-[jqv]*i=?|--input=)[^=]+)=.*", re.DOTALL)
_GIVEN = re.compile(r"([^=]*)=.*", re.DOTALL)
_HELP = {
    "nodes": "noderange instead of the workflow's own; with a chain: only those of its nodes",
    "input": "an input of the workflow; may be given several times",
    "json": "one event per line as JSON",
    "verbose": "also what needed nothing, complete changes with diffs, and the traffic",
    "allow-empty": "selecting no node is no error",
}
_APPLY_HELP = {
    **_HELP,
    "quiet": "print nothing when nothing changed and nothing failed",
    "wait": "wait for a run that is under way, instead of refusing",
    "accept-new-hosts": "add unknown SSH host keys to ssh/known_hosts (a changed key is refused all the same)",
}
_WHAT = {"what": "a workflow or chain"}


@face(
    words=["what"],
    repeated=["input"],
    help={**_WHAT, "check": "exit 5 when something would change", **_HELP},
)
def plan(
    _context: Context,
    what: str,
    nodes: str = "",
    input: Sequence[str] = (),
    check: bool = False,
    json: bool = False,
    verbose: bool = False,
    allow_empty: bool = False,
) -> None:
    """Show what `apply` would change, on every node. Touches nothing."""
    pending = _Pending()
    request = _request("plan", what, nodes, input, allow_empty=allow_empty)
    code = _run(request, _reporter(json=json, verbose=verbose), pending)
    if check and code == ExitCode.OK and pending.found:
        code = ExitCode.PENDING
    _exit(code)


@face(words=["what"], repeated=["input"], help={**_WHAT, **_APPLY_HELP})
def apply(
    _context: Context,
    what: str,
    nodes: str = "",
    input: Sequence[str] = (),
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    wait: bool = False,
    allow_empty: bool = False,
    accept_new_hosts: bool = False,
) -> None:
    """Run a workflow or chain: look, change what differs, look again."""
    request = _request("apply", what, nodes, input, allow_empty=allow_empty, wait=wait, accept_new=accept_new_hosts)
    _exit(_run(request, _reporter(json=json, verbose=verbose, quiet=quiet)))


@face(words=["name"], repeated=["input"], help={"name": "the chain", **_APPLY_HELP})
def chain(
    _context: Context,
    name: str,
    nodes: str = "",
    input: Sequence[str] = (),
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    wait: bool = False,
    allow_empty: bool = False,
    accept_new_hosts: bool = False,
) -> None:
    """Run a chain: workflows in order, as one run under one lock."""
    request = _request("apply", name, nodes, input, allow_empty=allow_empty, wait=wait, accept_new=accept_new_hosts)
    site_with_chain(name)
    _exit(_run(request, _reporter(json=json, verbose=verbose, quiet=quiet)))


@face(help={"limit": "how many (20)", "json": "as JSON"})
def runs(_context: Context, limit: int = 20, json: bool = False) -> None:
    """List runs, newest first."""
    if limit < 1:
        raise InvalidInput(f"--limit: expected 1 or more, found {limit}")
    with site().journal() as journal:
        records = journal.runs(limit)
    if json:
        say(json_text.dumps([asdict(record) for record in records], indent=1))
    else:
        from xcatflow.report.story import table

        say(*table(records))


@face(
    words=["run"],
    help={
        "run": "its id, the beginning of it, or `last` (the default)",
        "json": "its events, one per line as JSON",
        "verbose": "also what needed nothing, and complete changes with diffs",
    },
)
def show(_context: Context, run: str = "last", json: bool = False, verbose: bool = False) -> None:
    """Tell what happened in a run."""
    with site().journal() as journal:
        record = journal.find(run)
        events = tuple(journal.events(record.id))
    if json:
        _reporter(json=True)(events)
    else:
        from xcatflow.report.story import tell

        say(*tell(record, events, verbosity=int(verbose)))


class _Pending:
    """Hears whether anything would change."""

    def __init__(self) -> None:
        self.found = False

    def __call__(self, events: Sequence[Event]) -> None:
        wanting = (Outcome.WOULD_CHANGE, Outcome.DEFERRED)
        self.found = self.found or any(isinstance(e, StepEnded) and e.outcome in wanting for e in events)


def _request(
    mode: Mode,
    what: str,
    nodes: str,
    given: Sequence[str],
    *,
    allow_empty: bool,
    wait: bool = False,
    accept_new: bool = False,
) -> Request:
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


def _run(request: Request, shown: Reporter, *others: _Pending) -> ExitCode:
    try:
        with _interrupts() as started:
            return site().run(request, [shown, *others], started)
    finally:
        shown.close()


def _reporter(*, json: bool, verbose: bool = False, quiet: bool = False) -> Reporter:
    if json:
        from xcatflow.report.jsonlines import JsonLines

        return JsonLines(sys.stdout)
    return reporter(sys.stdout, verbosity=int(verbose), quiet=quiet)


@contextmanager
def _interrupts() -> Iterator["_Reins"]:
    """The first interrupt finishes what is being done and begins nothing more, the second ends even that, the third the process."""
    reins = _Reins()
    before = {number: signal.signal(number, reins.heard) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield reins
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Reins:
    def __init__(self) -> None:
        self._handle: Handle | None = None
        self._count = 0

    def __call__(self, handle: Handle) -> None:
        self._handle = handle

    def heard(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._handle is None or self._count > 2:
            raise KeyboardInterrupt
        if self._count == 1:
            warn("stopping: running acts are finished, nothing more is begun (once more: end them too)")
            self._handle.stop()
        else:
            warn("ending running acts")
            self._handle.abandon()


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


def _exit(code: ExitCode) -> None:
    if code != ExitCode.OK:
        raise Exit(code=int(code))
