"""Which containers run on a machine, and since when: asked of its engine at its socket, one program for all of them, or curl for each
where there is no docker command.

Source: `docker inspect`, whose State.StartedAt is the time of the last start, in UTC with nanoseconds; the Engine API's
`/containers/ID/json`.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import CannotTell
from xcatflow.model.question import File, FileFacts, Reply, Shell
from xcatflow.steps.place import checked

_NOBODY = "nobody"
STOPPED = "/var/lib/xcatflow/engine.stopped"
"""Names of containers that were stopped to be started again, one a line: a run that is killed in between leaves them to the next one."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_PAIR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*@[0-9A-Z:.+-]+")
_SOCKET = "/var/run/docker.sock"
_DOCKER = f"docker -H unix://{_SOCKET}"
_LOOK = f"""\
[ "$(systemctl show -p ActiveState --value docker.service)" = active ] || {{ echo '!docker.service does not run' >&2; exit 3; }}
if command -v docker >/dev/null; then
  i=$(timeout 30 {_DOCKER} ps -q --no-trunc) || {{ echo '!docker does not answer' >&2; exit 3; }}
  set -- $i "$@"
  f='{{{{.Name}}}} {{{{.State.Running}}}} {{{{.State.StartedAt}}}} {{{{.State.ExitCode}}}}'
  [ $# = 0 ] || {_DOCKER} inspect --type container -f "$f" -- "$@" 2>/dev/null
elif command -v curl >/dev/null; then
  api() {{ curl -sf -m 30 --unix-socket {_SOCKET} "http://localhost$1"; }}
  i=$(api /containers/json) || {{ echo '!docker does not answer' >&2; exit 3; }}
  i=$(printf '%s\\n' "$i" | tr ',' '\\n' | sed -n 's/^.*"Id":"\\([0-9a-f]*\\)".*$/\\1/p')
  for i in $i "$@"; do api "/containers/$i/json"; echo; done
else
  echo '!there is neither docker nor curl on the machine: install one' >&2; exit 3
fi
:
"""
_ACT = f"""\
! command -v docker >/dev/null || {{ {_DOCKER} "$v" -- "$@" >/dev/null; exit; }}
command -v curl >/dev/null || {{ echo "there is neither docker nor curl on the machine: install one" >&2; exit 1; }}
p= bad=0
for i; do
  {{ curl -sf -X POST --unix-socket {_SOCKET} "http://localhost/containers/$i/$v" || {{ echo "cannot $v $i" >&2; exit 1; }}; }} &
  p="$p $!"
done
for i in $p; do wait "$i" || bad=1; done
exit $bad
"""

_NOTE = """\
set -eu; umask 077
mkdir -p -- "${p%/*}"
{ cat -- "$p" 2>/dev/null || :; printf '%s\\n' "$@"; } | sort -u >"$p.new"
sync "$p.new" 2>/dev/null || sync
mv -f -- "$p.new" "$p"
"""
_FORGET = """\
set -eu; umask 077
[ -e "$p" ] || exit 0
for i; do printf '%s\\n' "$i"; done | grep -vxF -f - -- "$p" >"$p.new" || [ $? = 1 ]
if [ -s "$p.new" ]; then mv -f -- "$p.new" "$p"; else rm -f -- "$p.new" "$p"; fi
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """A container: does it run, when was it last started (as the engine writes it), and with what status it ended."""

    running: bool
    started: str
    code: int = 0


def question(names: Iterable[str] = ()) -> Shell:
    """The containers that run, and these in any case."""
    return Shell(f"set -- {' '.join(map(quote, names))}\n{_LOOK}")


def containers(reply: Reply) -> dict[str, Ran]:
    """Containers by name, in order of names. Raises CannotTell."""
    if reply.code:
        raise CannotTell(f"cannot tell which containers run: {reply.complaint.lstrip('!') or f'status {reply.code}'}")
    found: dict[str, Ran] = {}
    for line in filter(None, reply.text.splitlines()):
        if line.startswith("{"):
            given = json.loads(line)
            state = given["State"]
            found[given["Name"].lstrip("/")] = Ran(state["Running"], state["StartedAt"], state["ExitCode"])
        else:
            name, running, started, code = line.split()
            found[name.lstrip("/")] = Ran(running == "true", started, int(code))
    return dict(sorted(found.items()))


def noted(found: Mapping[str, Ran]) -> str:
    """The running ones as a text for later steps, which is never empty: an empty output counts as none."""
    return ",".join(f"{name}@{each.started}" for name, each in found.items() if each.running) or _NOBODY


def read_noted(text: str) -> dict[str, str]:
    """Names and starting times of such a text. Raises ValueError."""
    found: dict[str, str] = {}
    for item in filter(None, "" if text == _NOBODY else text.split(",")):
        if not _PAIR.fullmatch(item):
            raise ValueError(f'expected the output "containers" of docker.undisturbed, found "{item}"')
        name, _, started = item.partition("@")
        found[name] = started
    return found


def stopped_question() -> File:
    """What was stopped to be started again."""
    return File(STOPPED, "")


def read_stopped(facts: FileFacts | None) -> tuple[str, ...]:
    """The names in that file."""
    lines = ((facts.content if facts else None) or b"").decode(errors="replace").splitlines()
    return tuple(line for line in lines if _NAME.fullmatch(line))


def note_stopped(at: Target, names: Iterable[str]) -> None:
    """Put on record, beside what is there, that these are to be started again. Raises ActFailed."""
    checked(at, f"p={quote(STOPPED)}\nset -- {' '.join(map(quote, names))}\n{_NOTE}", f'cannot write "{STOPPED}"')


def forget_stopped(at: Target, names: Iterable[str]) -> None:
    """Take these off the record. Raises ActFailed."""
    checked(at, f"p={quote(STOPPED)}\nset -- {' '.join(map(quote, names))}\n{_FORGET}", f'cannot write "{STOPPED}"')


def start(at: Target, names: Iterable[str]) -> None:
    """Start containers, one after the other, the others also where one does not. Raises ActFailed."""
    checked(at, f"v=start\nset -- {' '.join(map(quote, names))}\n{_ACT}", "cannot start the containers")


def stop(at: Target, names: Iterable[str]) -> None:
    """Stop containers, each within its own time. Raises ActFailed."""
    checked(at, f"v=stop\nset -- {' '.join(map(quote, names))}\n{_ACT}", "cannot stop the containers")
