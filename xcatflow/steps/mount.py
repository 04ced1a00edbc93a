"""`mount`: a file system is mounted, and mounted again after each start.

A new entry of /etc/fstab is written only after it has been mounted as it says: one that does not work never gets there.

Source: mount(8), fstab(5), proc(5) on /proc/self/mounts.
"""

import re
from dataclasses import dataclass
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Step, Target
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, FileFacts, Question, Shell
from xcatflow.steps.fstab import PATH, FstabEntry, entry_at, escaped, unescaped, with_entry
from xcatflow.steps.given import LenientParams
from xcatflow.steps.place import AbsolutePath, checked, place_file

_SYSTEM = ("/", "/boot", "/boot/efi", "/dev", "/etc", "/proc", "/run", "/sys", "/usr", "/var")
_IN_USE = ("/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/usr")
"""What the machine runs with: something mounted over it would hide it."""
_FLAGS = frozenset(
    [
        "ro",
        "rw",
        "nosuid",
        "suid",
        "nodev",
        "dev",
        "noexec",
        "exec",
        "noatime",
        "relatime",
        "strictatime",
        "nodiratime",
        "sync",
        "dirsync",
    ]
)
_DEFAULTS = frozenset(("rw", "suid", "dev", "exec"))
"""Flags that are not told where they hold."""


def _one_line(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(f"expected one line, found {text!r}")
    return text


def _word(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._,=:@/+%-]+", text):
        raise ValueError(f'expected words without blanks, separated by commas, found "{text}"')
    return text


class MountParams(LenientParams):
    """One mount point."""

    path: AbsolutePath = Field(description="The mount point.")
    src: Annotated[str, AfterValidator(_one_line)] | None = Field(
        None, description="What is mounted: a device, `UUID=...`, `LABEL=...`, `server:/path`, `tmpfs`."
    )
    fstype: Annotated[str, AfterValidator(_word)] | None = Field(
        None, description="The sort of file system, such as `ext4` or `nfs`."
    )
    options: Annotated[str, AfterValidator(_word)] = Field("defaults", description="The options, separated by commas.")
    dump: int = Field(0, ge=0, le=1, description="fstab's fifth field.")
    check: int = Field(0, ge=0, le=2, description="fstab's sixth field: when it is checked at start, 0 for never.")
    state: Literal["mounted", "present", "unmounted", "absent"] = Field(
        "mounted",
        description="`mounted`: now and at each start; `present`: at each start; `unmounted`: not now; `absent`: neither now nor at start.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "MountParams":
        if self.state in ("mounted", "present") and not (self.src and self.fstype):
            raise ValueError(f'"state: {self.state}" needs "src" and "fstype"')
        if self.state in ("unmounted", "absent") and self.path in _SYSTEM:
            raise ValueError(f'"{self.path}" belongs to the system: it is not unmounted')
        return self

    @property
    def entry(self) -> FstabEntry:
        return FstabEntry(self.src or "", self.path, self.fstype or "", self.options, self.dump, self.check)

    @property
    def bound(self) -> bool:
        return bool({"bind", "rbind"} & set(self.options.split(",")))


@dataclass(frozen=True, slots=True)
class MountFacts:
    """What is mounted (None: nothing), the real names of it and of what is wanted, the flags that hold, whether the machine has the device
    that is wanted, and the text of fstab."""

    mounted: str | None
    fstype: str = ""
    flags: frozenset[str] = frozenset()
    real: str = ""
    wanted: str = ""
    fstab: FileFacts | None = None
    there: bool = True

    @property
    def text(self) -> str:
        return ((self.fstab.content if self.fstab else None) or b"").decode(errors="surrogateescape")


_LOOK = """\
found=
while read -r src at type flags rest; do [ "$at" != "$p" ] || found="$src $type $flags"; done </proc/self/mounts || exit 1
real() {
  case $1 in
    UUID=*) readlink -f "/dev/disk/by-uuid/${1#UUID=}";;
    PARTUUID=*) readlink -f "/dev/disk/by-partuuid/${1#PARTUUID=}";;
    LABEL=*) readlink -f "/dev/disk/by-label/${1#LABEL=}";;
    /dev/*) readlink -f "$1";;
    *) printf '%s\\n' "$1";;
  esac || printf '%s\\n' "$1"
}
echo "$found"
real "${found%% *}"
real "$s"
case $s in UUID=*|PARTUUID=*|LABEL=*|/dev/*) [ -b "$(real "$s")" ] || echo missing;; esac
"""


class Mount(Step[MountParams, MountFacts]):
    """Other lines of fstab stay as they are."""

    kind = "mount"
    params: ClassVar[type[MountParams]] = MountParams

    def ask(self, want: MountParams) -> tuple[Question[Any], ...]:
        return (_question(want), File(PATH, ""))

    def seen(self, answers: Answers, want: MountParams) -> MountFacts | None:
        reply, fstab = answers[_question(want)], answers[File(PATH, "")]
        lines = (*reply.text.split("\n"), "", "", "")
        if reply.code:
            raise CannotTell(f"cannot tell what is mounted: {reply.complaint or f'status {reply.code}'}")
        if fstab and fstab.content is None:
            raise CannotTell(f'cannot read "{PATH}": expected a file of some lines, found a {fstab.sort}')
        if not lines[0]:
            return MountFacts(None, wanted=lines[2], there=lines[3] != "missing", fstab=fstab)
        src, fstype, flags = lines[0].split(" ")
        return MountFacts(unescaped(src), fstype, frozenset(flags.split(",")), unescaped(lines[1]), lines[2], fstab)

    def plan(self, seen: MountFacts | None, want: MountParams) -> tuple[Change, ...]:
        assert seen is not None
        what, old = f"mount {want.path}", entry_at(seen.text, want.path)
        changes = []
        match want.state:
            case "unmounted" | "absent":
                if seen.mounted is not None:
                    changes.append(Change(Verb.DETACH, what, "", seen.mounted))
                if want.state == "absent" and old:
                    changes.append(Change(Verb.REMOVE, f"entry {want.path} of {PATH}", "", old.line))
                return tuple(changes)
            case "mounted" if seen.mounted is None:
                if want.path in _IN_USE:
                    raise ActFailed(f'what the machine runs with is in "{want.path}": nothing is mounted over it')
                changes.append(Change(Verb.ATTACH, what, "", None, want.src))
            case "mounted":
                _refuse_other(seen, want)
                lacking = _lacking(seen, want)
                if lacking or (old and old.options != want.options):
                    changes.append(Change(Verb.UPDATE, what, "options", ",".join(sorted(seen.flags)), want.options))
        if want.state == "present" and old != want.entry:
            _refuse_missing(seen, want)
        if old is None:
            changes.append(Change(Verb.CREATE, f"entry {want.path} of {PATH}", "", None, want.entry.line))
        elif old != want.entry:
            changes.append(Change(Verb.UPDATE, f"entry {want.path} of {PATH}", "", old.line, want.entry.line))
        return tuple(changes)

    def apply(self, at: Target, want: MountParams, seen: MountFacts | None, change: Change) -> None:
        path = quote(want.path)
        match change.verb, change.what.split(" ")[0]:
            case Verb.ATTACH, _:
                _mount(at, want.entry)
            case Verb.DETACH, _:
                checked(at, f"umount -- {path}", f'cannot unmount "{want.path}"')
            case _, "mount":
                checked(
                    at,
                    f"mount -o remount,{quote(want.options)} -- {path}",
                    f'cannot change the options of "{want.path}"',
                )
            case verb, _:
                _edit(at, want.path, None if verb is Verb.REMOVE else want.entry)

    def undo(self, at: Target, want: MountParams, seen: MountFacts | None, change: Change) -> None:
        assert seen is not None
        old = entry_at(seen.text, want.path)
        match change.verb, change.what.split(" ")[0]:
            case Verb.ATTACH, _:
                checked(at, f"umount -- {quote(want.path)}", f'cannot unmount "{want.path}"')
            case Verb.DETACH, _:
                flags = ",".join(sorted(seen.flags & _FLAGS)) or "defaults"
                _mount(at, old or FstabEntry(seen.mounted or "", want.path, seen.fstype, flags))
            case _, "mount":
                flags = ",".join(sorted(seen.flags & _FLAGS))
                checked(
                    at, f"mount -o remount,{flags} -- {quote(want.path)}", f'cannot change the options of "{want.path}"'
                )
            case _:
                _edit(at, want.path, old)


def _question(want: MountParams) -> Shell:
    return Shell(f"p={quote(escaped(want.path))} s={quote(want.src or '')}\n{_LOOK}")


def _refuse_other(seen: MountFacts, want: MountParams) -> None:
    """Raise ActFailed where something else is mounted. What is bound shows as the device it is on."""
    same = want.bound or seen.wanted in (seen.real, seen.mounted)
    if not same or (want.fstype not in (seen.fstype, "auto", "none") and not want.bound):
        if want.fstype == "nfs" and same and seen.fstype == "nfs4":
            return
        raise ActFailed(
            f'"{seen.mounted}" ({seen.fstype}) is mounted at "{want.path}", expected "{want.src}" ({want.fstype}): '
            'unmount it first, with "state: unmounted"'
        )


def _refuse_missing(seen: MountFacts, want: MountParams) -> None:
    """Raise ActFailed where an entry would name a device that is not there: the machine would wait for it at its next start, and stop."""
    if not seen.there and not {"nofail", "noauto"} & set(want.options.split(",")):
        raise ActFailed(
            f'the machine has no device "{want.src}", and would not start with it in "{PATH}": attach it first, or add the option "nofail"'
        )


def _lacking(seen: MountFacts, want: MountParams) -> frozenset[str]:
    """The flags that are wanted and do not hold."""
    return (frozenset(want.options.split(",")) & _FLAGS) - seen.flags - _DEFAULTS


def _mount(at: Target, entry: FstabEntry) -> None:
    path = quote(entry.path)
    words = f"mount -t {quote(entry.fstype)} -o {quote(entry.options)} -- {quote(entry.src)} {path}"
    script = f"set -e; [ -d {path} ] || mkdir -p -- {path}\n{words}\n"
    checked(at, script, f'cannot mount "{entry.src}" at "{entry.path}"')


def _edit(at: Target, path: str, entry: FstabEntry | None) -> None:
    """Looks anew: what others wrote meanwhile stays."""
    now = checked(at, f"[ ! -e {PATH} ] || cat {PATH}", f'cannot read "{PATH}"').out.decode(errors="surrogateescape")
    mode = checked(at, f"[ ! -e {PATH} ] || stat -c %a {PATH}", f'cannot look at "{PATH}"').text
    new = with_entry(now, path, entry)
    if new != now:
        place_file(at, PATH, new.encode(errors="surrogateescape"), mode=(mode or "644").rjust(4, "0"))
        # systemd makes units of the file, and mounts by them.
        checked(at, "[ ! -d /run/systemd/system ] || systemctl daemon-reload", "cannot have systemd read it")
