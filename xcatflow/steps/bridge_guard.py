"""Changing the network that the change itself travels over, so that nobody is locked out.

The script goes on in a session of its own when the connection stalls, and waits to be told that the machine can still be reached; where
nobody does so in time, it puts everything back.
"""

from collections.abc import Callable
from secrets import token_hex
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, DeadlineExceeded, Unreachable
from xcatflow.model.question import Reply
from xcatflow.steps.bridge_script import PUT_BACK

CONFIRM_S = 60


def guarded(at: Target, script: Callable[..., str], failure: str) -> None:
    """Run the script that `script` gives for a time to be confirmed in and a directory to be confirmed by, and confirm it over the
    connection that is there, or a new one. Raises ActFailed when it failed, and when it could not be confirmed.
    """
    directory = f"/run/xcatflow-bridge-{token_hex(4)}"
    body = script(confirm_s=CONFIRM_S, directory=directory).encode()
    try:
        begun = at.run(_begin_script(directory), stdin=body, check=False)
    except DeadlineExceeded:
        raise
    except ActFailed:
        begun = Reply(0)  # the connection did not survive: another one may
    if begun.code:
        raise _failed(at, failure, begun)
    try:
        ended = at.run(_keep_script(directory), check=False)
    except (ActFailed, Unreachable) as error:
        raise ActFailed(
            f"{failure} on {at.name}: it cannot be reached any more, and puts everything back within {CONFIRM_S} s ({error})"
        ) from None
    if ended.code:
        raise _failed(at, failure, ended)


def _failed(at: Target, failure: str, reply: Reply) -> ActFailed:
    """What failed, and that it was put back."""
    cause, back, _ = reply.complaint.partition(PUT_BACK)
    last = cause.strip().rpartition("\n")[2] or f"exit status {reply.code}"
    return ActFailed(f"{failure} on {at.name}: {last}{f'; {back}' if back else ''}", reply.complaint)


def _begin_script(directory: str) -> str:
    """Runs the script on its standard input, which has the same `directory`, in a session of its own, so that it goes on when the
    connection that started it stalls or breaks; ends when that waits to be confirmed, or has failed.
    """
    return f"d={quote(directory)}\n{_BEGIN}{_END}"


def _keep_script(directory: str) -> str:
    """Confirms what runs there, and tells how it ended."""
    return f"d={quote(directory)}\n{_KEEP}{_END}"


_BEGIN = """\
set -u; umask 077
mkdir "$d" || exit 1
cat >"$d/do" || exit 1
setsid sh -c 'sh "$0/do" >"$0/said" 2>&1 </dev/null; echo $? >"$0/code"' "$d" </dev/null >/dev/null 2>&1 &
until [ -s "$d/code" ] || [ -e "$d/done" ]; do sleep 0.1; done
if [ -e "$d/done" ]; then exit 0; fi
"""

_END = """\
cat "$d/said" >&2; code=$(cat "$d/code"); rm -rf -- "$d"
exit "$code"
"""

_KEEP = """\
[ -d "$d" ] || { echo "the change never began" >&2; exit 1; }
: >"$d/keep"
until [ -s "$d/code" ]; do sleep 0.1; done
"""
