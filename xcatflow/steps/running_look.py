"""Which containers run on a machine, and since when: asked of its engine at its socket, one program for all of them.

Source: `docker inspect`, whose State.StartedAt is the time of the last start, in UTC with nanoseconds.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import CannotTell
from xcatflow.model.question import Reply, Shell
from xcatflow.steps.place import checked

_PAIR = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*@[0-9A-Z:.+-]+")
_DOCKER = "docker -H unix:///var/run/docker.sock"
_LOOK = f"""\
[ "$(systemctl show -p ActiveState --value docker.service)" = active ] || {{ echo '!docker.service does not run' >&2; exit 3; }}
command -v docker >/dev/null || {{ echo '!there is no docker command on the machine' >&2; exit 3; }}
i=$(timeout 30 {_DOCKER} ps -q --no-trunc) || {{ echo '!docker does not answer' >&2; exit 3; }}
set -- $i "$@"
f='{{{{.Name}}}} {{{{.State.Running}}}} {{{{.State.StartedAt}}}} {{{{.State.ExitCode}}}}'
[ $# = 0 ] || {_DOCKER} inspect --type container -f "$f" -- "$@" 2>/dev/null
:
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
    for line in reply.text.splitlines():
        name, running, started, code = line.split()
        found[name.lstrip("/")] = Ran(running == "true", started, int(code))
    return dict(sorted(found.items()))


def noted(found: Mapping[str, Ran]) -> str:
    """The running ones as a text for later steps."""
    return ",".join(f"{name}@{each.started}" for name, each in found.items() if each.running)


def read_noted(text: str) -> dict[str, str]:
    """Names and starting times of such a text. Raises ValueError."""
    found: dict[str, str] = {}
    for item in filter(None, text.split(",")):
        if not _PAIR.fullmatch(item):
            raise ValueError(f'expected the output "containers" of docker.undisturbed, found "{item}"')
        name, _, started = item.partition("@")
        found[name] = started
    return found


def start(at: Target, names: Iterable[str]) -> None:
    """Start containers, one after the other. Raises ActFailed."""
    checked(at, f"{_DOCKER} start -- {' '.join(map(quote, names))} >/dev/null", "cannot start the containers")


def stop(at: Target, names: Iterable[str]) -> None:
    """Stop containers, each within its own time. Raises ActFailed."""
    checked(at, f"{_DOCKER} stop -- {' '.join(map(quote, names))} >/dev/null", "cannot stop the containers")
