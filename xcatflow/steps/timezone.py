"""`timezone`: the machine's clock is told in this time zone.

Source: localtime(5): /etc/localtime is a link into /usr/share/zoneinfo; Debian keeps the name in /etc/timezone as well.
"""

import re
from dataclasses import dataclass
from shlex import quote
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Shell
from xcatflow.steps.place import checked

_ZONES = "/usr/share/zoneinfo"


def _zone(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}", name):
        raise ValueError(f'expected a time zone such as "Europe/Berlin" or "UTC", found "{name}"')
    return name


class TimezoneParams(Params):
    """One zone."""

    name: Annotated[str, AfterValidator(_zone)] = Field(description="The zone, such as `Europe/Berlin` or `UTC`.")


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """The zone that is set (empty: none that has a name), what Debian's file says (None: no such file), and whether the machine knows the
    one that is wanted."""

    name: str
    known: bool = True
    written: str | None = None


_LOOK = f"""\
l=$(readlink -f /etc/localtime) || l=
case $l in {_ZONES}/*) echo "${{l#{_ZONES}/}}";; *) echo;; esac
r=$(readlink /etc/localtime) || r=
case $r in */zoneinfo/*) echo "${{r##*/zoneinfo/}}";; *) echo;; esac
if [ -f "{_ZONES}/$z" ]; then echo known; else echo unknown; fi
[ ! -f /etc/timezone ] || {{ printf =; cat /etc/timezone; }}
"""
_SET = f"""\
set -eu
[ -f "{_ZONES}/$z" ]
ln -s "{_ZONES}/$z" /etc/.localtime.xcatflow
mv -fT /etc/.localtime.xcatflow /etc/localtime 2>/dev/null || mv -f /etc/.localtime.xcatflow /etc/localtime
[ ! -f /etc/timezone ] || {{ printf '%s\\n' "$z" >/etc/.timezone.xcatflow; mv -f /etc/.timezone.xcatflow /etc/timezone; }}
"""


class Timezone(Step[TimezoneParams, ZoneFacts]):
    """Programs that run already go on in their old zone."""

    kind = "timezone"
    params: ClassVar[type[TimezoneParams]] = TimezoneParams

    def ask(self, want: TimezoneParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: TimezoneParams) -> ZoneFacts | None:
        reply = answers[_question(want)]
        lines = reply.text.split("\n")
        if reply.code or len(lines) < 3:
            raise CannotTell(f"cannot tell the time zone: {reply.complaint or f'status {reply.code}'}")
        written = next((line[1:].strip() for line in lines[3:] if line.startswith("=")), None)
        # A zone may be a link to another name of it: the name that was set counts.
        return ZoneFacts(lines[1] or lines[0], lines[2] == "known", written)

    def plan(self, seen: ZoneFacts | None, want: TimezoneParams) -> tuple[Change, ...]:
        assert seen is not None
        if seen.name == want.name and seen.written in (None, want.name):
            return ()
        if not seen.known:
            raise ActFailed(
                f'the machine has no time zone "{want.name}": check the name, or install the package tzdata'
            )
        before = seen.name if seen.name != want.name else seen.written
        return (Change(Verb.UPDATE, "time zone", "", before or "none", want.name),)

    def apply(self, at: Target, want: TimezoneParams, seen: ZoneFacts | None, change: Change) -> None:
        _set(at, want.name)

    def undo(self, at: Target, want: TimezoneParams, seen: ZoneFacts | None, change: Change) -> None:
        if not seen or not seen.name:
            raise CannotUndo("there was no time zone with a name before")
        _set(at, seen.name)


def _question(want: TimezoneParams) -> Shell:
    return Shell(f"z={quote(want.name)}\n{_LOOK}")


def _set(at: Target, name: str) -> None:
    script = f"z={quote(name)}\nrm -f /etc/.localtime.xcatflow\n{_SET}"
    checked(at, script, f'cannot set the time zone "{name}"')
