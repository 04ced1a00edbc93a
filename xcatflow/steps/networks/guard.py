"""A change of the network that the change itself travels over, so that nobody is locked out: the controller's side.

What happens on the machine is said in `network_transaction.py`: the change is armed there before it begins, and only somebody who comes in
over a connection opened afterwards, and finds that the machine reaches what it has to, makes it stay. The controller may die at any
moment: the machine then takes itself back.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from secrets import token_hex
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, Interrupted, Unreachable
from xcatflow.model.question import Reply
from xcatflow.steps.networks.transaction import RETRY, WORKS

AFTER_S = 30
"""How long after its time the machine is still asked how it ended: it may be on its way back."""
_FIRST_S = 15.0
"""How long the first connection is waited for: one that hangs over the change is given up for another."""
_PAUSE_S = 1.0
_BUSY_S = 15.0
"""How long another change of the machine's network is waited for."""


def guarded(at: Target, script: Callable[[str], str], failure: str, confirm_s: float) -> None:
    """Run the script that `script` gives for a directory on the machine, and confirm it over a new connection. Raises ActFailed when it was
    undone, or when nobody could be asked whether it was.
    """
    directory = f"{WORKS}/{token_hex(4)}"
    begun = _begun(at, directory, script(directory).encode(), confirm_s)
    deadline = time.monotonic() + confirm_s + AFTER_S
    if begun.code:
        raise _failed(at, failure, begun, directory)
    while True:
        lost = ""
        try:
            at.reconnect()
            kept = at.run(_keep(directory), check=False, timeout_s=confirm_s)
        except (ActFailed, Unreachable) as error:
            lost = str(error)
        else:
            if kept.code == 0:
                _tidy(at, directory)
                return
            if kept.code != RETRY:
                raise _failed(at, failure, kept, directory)
        if time.monotonic() > deadline or not _waited(at, lost):
            break
    why = f" ({lost})" if lost else ""
    raise ActFailed(
        f"{failure} on {at.name}: it cannot be reached any more{why}; a change that nobody confirms within {confirm_s:g} s is undone there "
        "without us: addresses, routes and files as they were"
    )


def _begun(at: Target, directory: str, script: bytes, confirm_s: float) -> Reply:
    """What beginning it came to; while another change holds the machine, that is waited for. Raises Interrupted where the run is to stop
    meanwhile."""
    patience = time.monotonic() + _BUSY_S
    while True:
        try:
            begun = at.run(_begin(directory), stdin=script, check=False, timeout_s=min(confirm_s, _FIRST_S))
        except ActFailed as error:  # the connection did not survive, or hangs: another one may be had
            at.tell(f"the connection was lost over the change, trying another one: {error}")
            return Reply(0)
        if begun.code != RETRY or time.monotonic() > patience:
            return begun
        at.tell("another change of its network is waited for")
        at.pause(_PAUSE_S)


def _waited(at: Target, lost: str) -> bool:
    """Wait a little before the next try; False where the run is to stop, and the machine not there: it takes itself back alone."""
    if not lost:
        time.sleep(_PAUSE_S / 5)
        return True
    at.tell(f"it cannot be reached, and takes itself back where that lasts: {lost}")
    try:
        at.pause(_PAUSE_S)
    except Interrupted:
        return False
    return True


def _tidy(at: Target, directory: str) -> None:
    """Take away what was kept there for the case that an answer is lost; a reboot does that as well."""
    script = (
        f"d={quote(directory)} works={WORKS}\n"
        'rm -rf "$d"; [ "$(readlink "$works/busy")" != "$d" ] || rm -f "$works/busy"; rmdir "$works" 2>/dev/null; :'
    )
    with suppress(ActFailed, Unreachable):
        at.run(script, check=False, timeout_s=_FIRST_S)


def _failed(at: Target, failure: str, reply: Reply, directory: str) -> ActFailed:
    """What failed, and that it was undone, where it had begun."""
    _tidy(at, directory)
    *_, cause, end = ["", *(reply.complaint.splitlines() or [f"exit status {reply.code}"])]
    words = f"{cause}; {end}" if end.startswith("undone") and cause else end
    return ActFailed(f"{failure} on {at.name}: {words}", reply.complaint)


def _begin(directory: str) -> str:
    """Runs the script on its standard input as far as it can be run over this connection; fails when that failed, and was undone."""
    return (
        f"d={quote(directory)}\numask 077\n"
        'mkdir -p "${d%/*}" && mkdir "$d" && cat >"$d/tx" || exit\nexec sh "$d/tx" begin\n'
    )


def _keep(directory: str) -> str:
    """Confirms what runs there, and tells how it ended; what has not begun yet does not begin any more."""
    return (
        f"d={quote(directory)}\n"
        '[ -e "$d/armed" ] || { mv "$d" "$d.off" 2>/dev/null; rm -rf "$d.off"; echo "the change never began" >&2; exit 1; }\n'
        'exec sh "$d/tx" keep\n'
    )
