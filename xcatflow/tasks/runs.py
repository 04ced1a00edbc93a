"""Tasks that run something, and those that tell about runs."""

import json as json_text
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from xcatflow.errors import ExitCode, InvalidInput
from xcatflow.tasks.common import say, site, site_with_chain
from xcatflow.tasks.face import face

if TYPE_CHECKING:
    from xcatflow.report.choose import Reporter

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
    what: str,
    nodes: str = "",
    input: Sequence[str] = (),
    check: bool = False,
    json: bool = False,
    verbose: bool = False,
    allow_empty: bool = False,
) -> None:
    """Show what `apply` would change, on every node. Touches nothing."""
    from xcatflow.tasks import execute

    pending = execute.Pending()
    request = execute.request("plan", what, nodes, input, allow_empty=allow_empty)
    code = execute.run(request, reporter_for(json=json, verbose=verbose), pending)
    if check and code == ExitCode.OK and pending.found:
        code = ExitCode.PENDING
    _exit(code)


@face(words=["what"], repeated=["input"], help={**_WHAT, **_APPLY_HELP})
def apply(
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
    from xcatflow.tasks import execute

    request = execute.request(
        "apply", what, nodes, input, allow_empty=allow_empty, wait=wait, accept_new=accept_new_hosts
    )
    _exit(execute.run(request, reporter_for(json=json, verbose=verbose, quiet=quiet)))


@face(words=["name"], repeated=["input"], help={"name": "the chain", **_APPLY_HELP})
def chain(
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
    from xcatflow.tasks import execute

    request = execute.request(
        "apply", name, nodes, input, allow_empty=allow_empty, wait=wait, accept_new=accept_new_hosts
    )
    site_with_chain(name)
    _exit(execute.run(request, reporter_for(json=json, verbose=verbose, quiet=quiet)))


@face(
    help={
        "limit": "how many (20)",
        "keep": "forget all but so many (looks do not count); runs that never ended stay for a week",
        "json": "as JSON",
    }
)
def runs(limit: int = 20, keep: str = "", json: bool = False) -> None:
    """List runs, newest first; with --keep forget old ones."""
    if limit < 1:
        raise InvalidInput(f"--limit: expected 1 or more, found {limit}")
    if keep and not (keep.isascii() and keep.isdigit() and int(keep) > 0):
        raise InvalidInput(f'--keep: expected a number of runs, 1 or more, found "{keep}"')
    with site().journal() as journal:
        if keep:
            say(f"{journal.prune(int(keep))} runs forgotten")
            return
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
def show(run: str = "last", json: bool = False, verbose: bool = False) -> None:
    """Tell what happened in a run."""
    with site().journal() as journal:
        record = journal.find(run)
        events = tuple(journal.events(record.id))
    if json:
        reporter_for(json=True)(events)
    else:
        from xcatflow.report.story import tell

        say(*tell(record, events, verbosity=int(verbose)))


def reporter_for(*, json: bool, verbose: bool = False, quiet: bool = False) -> "Reporter":
    """Who tells of a run on standard output."""
    if json:
        from xcatflow.report.jsonlines import JsonLines

        return JsonLines(sys.stdout)
    from xcatflow.report.choose import reporter

    return reporter(sys.stdout, verbosity=int(verbose), quiet=quiet)


def _exit(code: ExitCode) -> None:
    if code != ExitCode.OK:
        raise SystemExit(int(code))
