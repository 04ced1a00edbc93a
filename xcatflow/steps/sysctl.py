"""`sysctl`: a parameter of the kernel has this value, now and after each start.

Each parameter has a file of its own in /etc/sysctl.d, so that nobody else's settings are touched.

Source: sysctl.d(5); proc(5) on /proc/sys; sysctl(8): a slash in a key stands for a dot in a name.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotTell, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question, Shell
from xcatflow.steps.place import checked, place_file
from xcatflow.steps.sorts import need_file

_KEY = re.compile(r"[A-Za-z0-9_-]+([./][A-Za-z0-9_:@-]+)+")


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f'expected a kernel parameter such as "net.ipv4.ip_forward", found "{key}"')
    # Where the first separator is a slash, slashes separate and dots are dots.
    first = next(letter for letter in key if letter in "./")
    return key if first == "." else key.translate(str.maketrans("./", "/."))


def _value(text: str) -> str:
    value = " ".join(text.split())
    if not value or not value.isprintable():
        raise ValueError(f"expected a value of one line, found {text!r}")
    return value


class SysctlParams(Params):
    """One parameter."""

    key: Annotated[str, AfterValidator(_key)] = Field(
        description="Its name, such as `net.ipv4.ip_forward`; a dot in a name is written as a slash (`net.ipv4.conf.eth0/5.rp_filter`)."
    )
    value: Annotated[str, AfterValidator(_value)] | None = Field(
        None, description='Its value; several are separated by blanks (`"4096 87380 6291456"`).'
    )
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` removes the file; the value stays until the next start."
    )

    @model_validator(mode="after")
    def _fits(self) -> "SysctlParams":
        if (self.value is None) == (self.state == "present"):
            raise ValueError('expected a "value", or "state: absent" without one')
        return self

    @property
    def live(self) -> str:
        """Where the kernel shows it."""
        return "/proc/sys/" + self.key.translate(str.maketrans("./", "/."))

    @property
    def path(self) -> str:
        """Where it is kept."""
        return f"/etc/sysctl.d/90-xcatflow-{self.key.replace('/', '_')}.conf"

    @property
    def line(self) -> str:
        return f"{self.key} = {self.value}\n"


@dataclass(frozen=True, slots=True)
class Setting:
    """The value now, None where the kernel has no such parameter, and the file."""

    live: str | None
    file: FileFacts | None = None


class Sysctl(Step[SysctlParams, Setting]):
    """Set live at once, and kept."""

    kind = "sysctl"
    params: ClassVar[type[SysctlParams]] = SysctlParams

    def ask(self, want: SysctlParams) -> tuple[Question[Any], ...]:
        return (_live(want), _file(want))

    def seen(self, answers: Answers, want: SysctlParams) -> Setting | None:
        reply = answers[_live(want)]
        if reply.code not in (0, 3):
            raise CannotTell(f'cannot read "{want.live}": {reply.complaint or f"status {reply.code}"}')
        return Setting(None if reply.code else " ".join(reply.text.split()), answers[_file(want)])

    def plan(self, seen: Setting | None, want: SysctlParams) -> tuple[Change, ...]:
        assert seen is not None
        need_file(want.path, seen.file)
        if want.state == "absent":
            return (Change(Verb.REMOVE, f"file {want.path}"),) if seen.file else ()
        if seen.live is None:
            raise ActFailed(
                f'the kernel has no parameter "{want.key}": check the name, or load the module that brings it (kernel.module)'
            )
        changes = []
        if seen.live != want.value:
            changes.append(Change(Verb.UPDATE, f"sysctl {want.key}", "now", seen.live, want.value))
        if seen.file is None or seen.file.content is not None:
            changes.append(
                Change(Verb.UPDATE if seen.file else Verb.CREATE, f"file {want.path}", "", None, want.line.strip())
            )
        return tuple(changes)

    def apply(self, at: Target, want: SysctlParams, seen: Setting | None, change: Change) -> None:
        if change.field == "now":
            _set(at, want, want.value or "")
        elif change.verb is Verb.REMOVE:
            checked(at, f"rm -f -- {quote(want.path)}", f'cannot remove "{want.path}"')
        else:
            checked(at, "mkdir -p /etc/sysctl.d", "cannot make /etc/sysctl.d")
            place_file(at, want.path, want.line.encode())

    def undo(self, at: Target, want: SysctlParams, seen: Setting | None, change: Change) -> None:
        assert seen is not None
        if change.field == "now":
            _set(at, want, seen.live or "")
        elif seen.file is None:
            checked(at, f"rm -f -- {quote(want.path)}", f'cannot remove "{want.path}"')
        elif seen.file.content is not None:
            place_file(at, want.path, seen.file.content)
        else:
            raise CannotUndo(f'what was in "{want.path}" is not known')


def _live(want: SysctlParams) -> Shell:
    path = quote(want.live)
    return Shell(f"[ -e {path} ] || exit 3; cat {path}")


def _file(want: SysctlParams) -> File:
    return File(want.path, sha256(want.line.encode()).hexdigest() if want.state == "present" else "")


def _set(at: Target, want: SysctlParams, value: str) -> None:
    checked(at, f"printf '%s\\n' {quote(value)} >{quote(want.live)}", f'cannot set "{want.key}" to "{value}"')
