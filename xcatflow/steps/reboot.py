"""`reboot`: the machine is started again, and has come back.

That it did is told by the number that the kernel makes up at each start, and by when its first process began. The connection is lost on
purpose and opened again. Steps of other nodes on the same machine wait meanwhile.

Source: random(4), boot_id; proc(5), field 22 of /proc/PID/stat; Debian's /run/reboot-required; systemctl(1).
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, Unreachable, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.duration import Duration
from xcatflow.model.question import Answers, Question, Reply, Shell
from xcatflow.steps.given import Words

_EVERY_S = 1.0
_LOOK_S = 20.0


def _units(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", name) or name.startswith(("-", ".")):
            raise ValueError(f'expected the name of a systemd unit such as "docker", found "{name}"')
    return names


class RebootParams(Params):
    """When, and what has to be there afterwards."""

    when: Literal["always", "needed"] = Field(
        "needed",
        description="`needed`: where the system says so (/run/reboot-required), or a newer kernel is installed than runs; `always`: each "
        "time.",
    )
    timeout: Duration = Field(300.0, gt=0, description="Longest time until it is back, such as `10 min`.")
    services: Annotated[Words, AfterValidator(_units)] = Field(
        (), description="Units of systemd that have to run afterwards, such as `docker`."
    )


@dataclass(frozen=True, slots=True)
class Boot:
    """Which start of the machine this is, and what asks for another one."""

    id: str
    reasons: tuple[str, ...] = ()


_WHICH = """\
read -r id </proc/sys/kernel/random/boot_id || exit 1
read -r stat </proc/1/stat || exit 1
set -- ${stat##*) }
shift 19
echo "$id:$1"
"""
_LOOK = f"""\
{_WHICH}
[ ! -e /run/reboot-required ] || echo "/run/reboot-required is there"
k=$(uname -r)
n=$(for f in /boot/vmlinuz-*; do [ ! -e "$f" ] || echo "${{f#/boot/vmlinuz-}}"; done | grep -v rescue | sort -V | tail -n 1)
[ -z "$n" ] || [ "$n" = "$k" ] || [ "$(printf '%s\\n' "$k" "$n" | sort -V | tail -n 1)" = "$k" ] || echo "kernel $n is installed, $k runs"
"""


class Reboot(Step[RebootParams, Boot]):
    """Waits until the machine answers again, has finished starting, and its services run."""

    kind = "reboot"
    alone = True
    params: ClassVar[type[RebootParams]] = RebootParams

    def ask(self, want: RebootParams) -> tuple[Question[Any], ...]:
        return (Shell(_LOOK),)

    def seen(self, answers: Answers, want: RebootParams) -> Boot | None:
        reply = answers[Shell(_LOOK)]
        lines = reply.text.split("\n")
        if not re.fullmatch(r"[0-9a-f-]{36}:\d+", lines[0]):
            raise CannotTell(f"cannot tell since when the machine runs: {reply.complaint or f'status {reply.code}'}")
        return Boot(lines[0], tuple(lines[1:]))

    def plan(self, seen: Boot | None, want: RebootParams) -> tuple[Change, ...]:
        assert seen is not None
        if want.when == "always":
            return (Change(Verb.RESTART, "machine", why="always"),)
        return (Change(Verb.RESTART, "machine", why="; ".join(seen.reasons)),) if seen.reasons else ()

    def apply(self, at: Target, want: RebootParams, seen: Boot | None, change: Change) -> Mapping[str, str]:
        assert seen is not None
        _start_again(at)
        after = _returned(at, seen.id, want.timeout)
        return {"boot_before": seen.id, "boot_after": after, **_running(at, want)}

    def undo(self, at: Target, want: RebootParams, seen: Boot | None, change: Change) -> None:
        raise CannotUndo("the machine was started again: that cannot be taken back")

    def verifies(self, want: RebootParams) -> bool:
        """One that was asked for leaves no difference; that the start is another one is looked at by the act itself."""
        return want.when == "needed"

    def outputs(self, seen: Boot | None, want: RebootParams) -> dict[str, str]:
        return {"boot": seen.id} if seen else {}


def _start_again(at: Target) -> None:
    """Ask for it in a process of its own, so that the answer comes before the connection goes."""
    script = (
        "if [ -d /run/systemd/system ]; then systemctl --no-block reboot; exit; fi\n"
        "setsid sh -c 'sleep 1; reboot' </dev/null >/dev/null 2>&1 &\n"
    )
    try:
        reply = at.run(script, check=False, timeout_s=_LOOK_S)
    except ActFailed:
        return  # it went before it could answer
    if reply.code:
        raise ActFailed(f"{at.name} does not start again: {reply.complaint or f'status {reply.code}'}", reply.complaint)


def _returned(at: Target, before: str, timeout_s: float) -> str:
    """Which start of the machine it is now, once it is another one and has ended. Raises ActFailed."""
    begun, last, waited = time.monotonic(), "it still runs as before", 0.0
    while max(waited, time.monotonic() - begun) < timeout_s:
        at.tell(f"waiting for {at.name} to come back, {waited:.0f} s")
        at.pause(_EVERY_S)
        waited += _EVERY_S
        reply = _asked(at, f"{_WHICH}\n[ ! -d /run/systemd/system ] || systemctl is-system-running || :")
        if isinstance(reply, XcatflowError):
            last = str(reply)
            continue
        which, _, state = reply.text.partition("\n")
        if which == before or not which:
            last = "it still runs as before"
        elif state in ("initializing", "starting"):
            last = "it is back, but has not finished starting"
        else:
            return which
    raise ActFailed(f"{at.name} is not back within {timeout_s:g} s: {last}")


def _asked(at: Target, script: str) -> Reply | XcatflowError:
    try:
        return at.run(script, check=False, timeout_s=_LOOK_S)
    except (ActFailed, Unreachable) as error:
        return error


def _running(at: Target, want: RebootParams) -> dict[str, str]:
    """Raises ActFailed where a service does not run, half a minute after the machine has started."""
    if not want.services:
        return {}
    names = " ".join(map(quote, want.services))
    states: list[str] = []
    for _ in range(30):
        reply = at.run(f"systemctl is-active -- {names}", check=False, timeout_s=_LOOK_S)
        states = reply.text.split("\n")
        if not reply.code and all(state == "active" for state in states):
            return {"services": ",".join(want.services)}
        at.pause(_EVERY_S)
    wrong = ", ".join(
        f"{name} is {state}" for name, state in zip(want.services, states, strict=False) if state != "active"
    )
    raise ActFailed(f"{at.name} is back, but not all that has to run does: {wrong}")
