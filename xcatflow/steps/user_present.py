"""`user.present`: a user is on the machine, in these groups, with this shell and password.

A password is given as its hash, which travels on standard input only; what comes back is the digest of the hash that is there. A home is
made with a user and never removed unless that is asked for.

Source: useradd(8), usermod(8), userdel(8), chpasswd(8) of shadow-utils; getent(1): status 2 means that there is no such entry.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Step, Target
from xcatflow.errors import ActFailed, CannotTell, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Shell
from xcatflow.steps.given import LenientParams, words
from xcatflow.steps.place import AbsolutePath, checked

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}\$?")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")


def _user(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f'expected the name of a user (small letters, digits, "_", "-", at most 31), found "{name}"')
    return name


def _group(name: str) -> str:
    if not _GROUP.fullmatch(name):
        raise ValueError(f'expected the name or number of a group, found "{name}"')
    return name


def _hash(text: str) -> str:
    if not re.fullmatch(r"\$[!-9;-~]+", text):
        raise ValueError(
            'expected the hash of a password as "openssl passwd -6" prints it ("$6$..."), found something else'
        )
    return text


def _comment(text: str) -> str:
    if ":" in text or not text.isprintable():
        raise ValueError(f'expected a comment of one line without ":", found "{text}"')
    return text


_Group = Annotated[str, AfterValidator(_group)]


class UserParams(LenientParams):
    """One user; what is left out stays as it is, and is the machine's default for a new one."""

    name: Annotated[str, AfterValidator(_user)] = Field(description="The name to log in with.")
    uid: int | None = Field(None, ge=0, lt=2**32 - 1, description="The number.")
    group: _Group | None = Field(None, description="The primary group, by name or number; it has to be there.")
    groups: Annotated[tuple[_Group, ...], BeforeValidator(words, json_schema_input_type=str | list[str])] = Field(
        (), description="Further groups to be in, a list, or text with commas; those that the user is in besides stay."
    )
    home: AbsolutePath | None = Field(None, description="The home; what is in the former one is not moved.")
    create_home: bool = Field(True, description="Make the home of a new user.")
    shell: AbsolutePath | None = Field(None, description="The shell to log in to.")
    comment: Annotated[str, AfterValidator(_comment)] | None = Field(
        None, description="The full name, or what it is for."
    )
    password_hash: Annotated[str, AfterValidator(_hash)] | None = Field(
        None,
        repr=False,
        description="The password's hash as `openssl passwd -6` prints it; a secret: `${secret.NAME}`.",
    )
    locked: bool | None = Field(None, description="Whether logging in with the password is shut off; keys still work.")
    system: bool = Field(False, description="Give a new user a number of those for services, and no home by itself.")
    remove_home: bool = Field(False, description="With `state: absent`: remove the home and the mail too.")
    state: Literal["present", "absent"] = Field("present", description="`absent` removes the user.")

    @model_validator(mode="after")
    def _fits(self) -> "UserParams":
        if self.state == "absent" and self.name == "root":
            raise ValueError('"root" cannot be removed')
        if number := next((group for group in self.groups if group.isdigit()), ""):
            raise ValueError(f'expected the names of further groups, found "{number}"')
        if self.remove_home and self.state == "present":
            raise ValueError('"remove_home" is for "state: absent"')
        return self


@dataclass(frozen=True, slots=True)
class UserFacts:
    """A user as the machine knows it. `password` is the SHA-256 of the hash without a lock before it, empty where that is not known."""

    uid: int
    gid: int
    group: str
    groups: tuple[str, ...]
    comment: str
    home: str
    shell: str
    locked: bool = False
    password: str = ""


_LOOK = """\
e=$(getent passwd "$n"); c=$?
[ "$c" != 2 ] || exit 0
[ "$c" = 0 ] || { echo "getent ended with status $c: is it there?" >&2; exit 1; }
printf '%s\\n' "$e"
id -gn -- "$n"; id -Gn -- "$n"
h=$(getent shadow "$n") || { echo; echo; exit 0; }
h=${h#*:}; h=${h%%:*}; k=${h#!}; k=${k#!}
case $h in !*) echo locked;; *) echo open;; esac
printf %s "$k" | sha256sum
"""


class UserPresent(Step[UserParams, UserFacts]):
    """Made and changed by the machine's own tools."""

    kind = "user.present"
    params: ClassVar[type[UserParams]] = UserParams

    def ask(self, want: UserParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def seen(self, answers: Answers, want: UserParams) -> UserFacts | None:
        reply = answers[_question(want)]
        if reply.code:
            raise CannotTell(f'cannot look up the user "{want.name}": {reply.complaint or f"status {reply.code}"}')
        if not reply.text:
            return None
        lines = (*reply.text.split("\n"), "", "", "", "")
        entry = lines[0].split(":")
        if len(entry) != 7:
            raise CannotTell(f'cannot look up the user "{want.name}": getent printed "{lines[0]}"')
        _, _, uid, gid, comment, home, shell = entry
        password = lines[4].split(" ")[0]
        return UserFacts(
            int(uid), int(gid), lines[1], tuple(lines[2].split()), comment, home, shell, lines[3] == "locked", password
        )

    def plan(self, seen: UserFacts | None, want: UserParams) -> tuple[Change, ...]:
        what = f"user {want.name}"
        if want.state == "absent":
            with_home = "with the home" if want.remove_home else "the home stays"
            return (Change(Verb.REMOVE, what, why=with_home),) if seen else ()
        if seen is None:
            changes = [Change(Verb.CREATE, what)]
        else:
            changes = [Change(Verb.UPDATE, what, *each) for each in _differences(seen, want)]
        if want.password_hash and (seen is None or seen.password != sha256(want.password_hash.encode()).hexdigest()):
            changes.append(Change(Verb.UPDATE, what, "password"))
        # A new password opens what was locked.
        locked = want.locked if want.locked is not None else bool(seen and seen.locked)
        is_locked = seen.locked if seen and not (changes and changes[-1].field == "password") else False
        if (seen or want.locked) and locked != is_locked:
            changes.append(Change(Verb.UPDATE, what, "lock", _lock(is_locked), _lock(locked)))
        return tuple(changes)

    def apply(self, at: Target, want: UserParams, seen: UserFacts | None, change: Change) -> None:
        name = quote(want.name)
        match change.verb, change.field:
            case Verb.REMOVE, _:
                script = f"userdel {'-r ' if want.remove_home else ''}-- {name}"
            case Verb.CREATE, _:
                script = _create(want)
            case _, "password":
                stdin = f"{want.name}:{want.password_hash}\n".encode()
                checked(at, "chpasswd -e", f"cannot set the password of {want.name}", stdin=stdin)
                return
            case _, "groups" if seen:
                script = _usermod(want.name, "groups", ",".join(_lacking(seen, want)))
            case _:
                script = _usermod(want.name, change.field, change.after or "")
        _run(at, script, f"cannot {change.verb} the user {want.name}")

    def undo(self, at: Target, want: UserParams, seen: UserFacts | None, change: Change) -> None:
        name = quote(want.name)
        match change.verb, change.field:
            case Verb.CREATE, _:
                _run(at, f"userdel -- {name}", f"cannot remove the user {want.name}")
            case Verb.UPDATE, "lock" if seen:
                _run(at, _usermod(want.name, "lock", _lock(seen.locked)), f"cannot change the user {want.name}")
            case Verb.UPDATE, "groups" if seen:
                script = "".join(f"gpasswd -d {name} {quote(one)}\n" for one in _lacking(seen, want))
                _run(at, script, f"cannot take the user {want.name} out of groups")
            case Verb.UPDATE, field if field not in ("password", "lock"):
                script = _usermod(want.name, field, change.before or "")
                _run(at, script, f"cannot change the user {want.name}")
            case _ if seen is None:
                return  # the user goes with what was made
            case _:
                raise CannotUndo(f"the {change.field or 'user'} of {want.name} is not known any more")

    def outputs(self, seen: UserFacts | None, want: UserParams) -> dict[str, str]:
        return {"uid": str(seen.uid), "home": seen.home} if seen else {}


def _question(want: UserParams) -> Shell:
    return Shell(f"n={quote(want.name)}\n{_LOOK}")


def _differences(seen: UserFacts, want: UserParams) -> list[tuple[str, str, str]]:
    """(field, before, after) of all that is wanted otherwise."""
    found: list[tuple[str, str, str]] = []
    if want.uid is not None and want.uid != seen.uid:
        found.append(("uid", str(seen.uid), str(want.uid)))
    if want.group is not None and want.group not in (seen.group, str(seen.gid)):
        found.append(("group", seen.group, want.group))
    if lacking := _lacking(seen, want):
        found.append(("groups", ",".join(seen.groups), ",".join((*seen.groups, *lacking))))
    for field, before, after in (
        ("home", seen.home, want.home),
        ("shell", seen.shell, want.shell),
        ("comment", seen.comment, want.comment),
    ):
        if after is not None and before != after:
            found.append((field, before, after))
    return found


def _lacking(seen: UserFacts, want: UserParams) -> tuple[str, ...]:
    return tuple(group for group in want.groups if group not in seen.groups)


def _lock(locked: bool) -> str:
    return "locked" if locked else "open"


def _create(want: UserParams) -> str:
    given = {
        "-u": want.uid, "-g": want.group, "-G": ",".join(want.groups) or None,
        "-d": want.home, "-s": want.shell, "-c": want.comment,
    }  # fmt: skip
    options = [word for option, value in given.items() if value is not None for word in (option, quote(str(value)))]
    home = "-m" if want.create_home and not (want.system and not want.home) else "-M"
    return _shell_check(want.name, want.shell or "") + " ".join(
        ["useradd", home, *(["-r"] if want.system else []), *options, "--", quote(want.name)]
    )


def _usermod(name: str, field: str, value: str) -> str:
    if field == "lock":
        return f"usermod {'-L' if value == 'locked' else '-U'} -- {quote(name)}"
    option = {"uid": "-u", "group": "-g", "groups": "-a -G", "home": "-d", "shell": "-s", "comment": "-c"}[field]
    check = _shell_check(name, value) if field == "shell" else ""
    return f"{check}usermod {option} {quote(value)} -- {quote(name)}"


def _shell_check(name: str, shell: str) -> str:
    """Ends the script for a shell that sshd would let nobody in with, and for root that nobody could work in."""
    if not shell:
        return ""
    check = (
        f's={quote(shell)}; [ -x "$s" ] || {{ echo "there is no program \\"$s\\"; install it first" >&2; exit 1; }}\n'
    )
    if name == "root" and shell.rpartition("/")[2] in ("nologin", "false", "true"):
        check += (
            '[ "${SUDO_USER-}" ] || { echo "nobody could log in to root any more, as xcatflow does" >&2; exit 1; }\n'
        )
    return check


def _program(script: str) -> str:
    return script.rstrip("\n").rpartition("\n")[2].split()[0]


def _run(at: Target, script: str, failure: str) -> None:
    reply = at.run(script, check=False)
    if reply.code == 127:
        raise ActFailed(
            f'{failure} on {at.name}: "{_program(script)}" is not there: install the package passwd (Debian) or shadow-utils'
        )
    if reply.code:
        words_ = reply.complaint or reply.text
        raise ActFailed(
            f"{failure} on {at.name}: {words_.strip().rsplit(chr(10), 1)[-1] or f'status {reply.code}'}", words_
        )
