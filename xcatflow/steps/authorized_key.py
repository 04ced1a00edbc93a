"""`authorized_key`: who has these keys may log in as a user.

The file is read and written as that user. Entries that nobody asked about stay, with their options and comments, unless `exclusive` is
wanted. The key that the connection came in with is never removed, and of root never the last one where that key is not known. Where a key
goes or gets other options, the machine puts back what was there unless a new connection comes in.

Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT; sshd_config(5), ExposeAuthInfo (SSH_USER_AUTH); what sshd says of a key in its journal.
"""

import re
from base64 import b64decode
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from xcatflow.contract import Desk, Step, Target
from xcatflow.errors import ActFailed, CannotTell, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Question, Reply, Shell
from xcatflow.steps.as_user import as_user
from xcatflow.steps.given import LenientParams
from xcatflow.steps.key_guard import begin, call_off, confirm
from xcatflow.steps.key_lines import TYPE, Key, KeyFile, entry_of, wanted_key
from xcatflow.steps.place import Owner

_CHANGED = 75

_LOOK = """\
d=$HOME/.ssh; f=$d/authorized_keys
[ -d "$d" ] || exit 0
stat -c '%a %U' -- "$d"
[ -e "$f" ] || exit 0
[ -f "$f" ] || { echo "expected a file at \\"$f\\"" >&2; exit 1; }
stat -L -c '%a %U' -- "$f" && base64 -w 0 "$f"
"""
_WRITE = f"""\
set -eu; umask 077
read -r e
d=$HOME/.ssh; f=$d/authorized_keys
[ -d "$d" ] || mkdir -- "$d"
chmod go-w -- "$d"
if [ -L "$f" ]; then f=$(readlink -f -- "$f"); d=${{f%/*}}; fi
t=$(mktemp "$d/.authorized_keys.XXXXXX")
trap 'rm -f -- "$t"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$t"
now=; [ ! -e "$f" ] || now=$(sha256sum <"$f")
[ "${{now%% *}}" = "$e" ] || exit {_CHANGED}
chmod 0600 -- "$t"
sync "$t" 2>/dev/null || sync
mv -f -- "$t" "$f"
trap - EXIT
if command -v restorecon >/dev/null; then restorecon -R -- "$d" || echo "restorecon failed" >&2; fi
"""
_WAY_IN = """\
[ -z "${SSH_USER_AUTH-}" ] || [ ! -r "$SSH_USER_AUTH" ] || cat "$SSH_USER_AUTH"
set -- ${SSH_CONNECTION-}
[ $# = 4 ] || exit 0
said=" from $1 port $2 ssh2: "
for log in /var/log/auth.log /var/log/secure; do [ ! -r "$log" ] || tail -n 20000 "$log" | grep -F "$said"; done
command -v journalctl >/dev/null && journalctl -q -n 20000 -o cat _COMM=sshd + _COMM=sshd-session 2>/dev/null | grep -F "$said"
exit 0
"""


class KeyParams(LenientParams):
    """Keys of one user."""

    user: Owner = Field("root", description="Who may be logged in as.")
    key: str | None = Field(
        None, description='One public key as in a ".pub" file, such as `ssh-ed25519 AAAA... alice`.'
    )
    file: str | None = Field(None, description="A file of the site with public keys, one a line.")
    options: str = Field(
        "", description='What the keys may do, as sshd\'s `authorized_keys` has it, such as `from="10.0.0.0/8"`.'
    )
    exclusive: bool = Field(False, description="Remove all other keys of the user.")
    state: Literal["present", "absent"] = Field("present", description="`absent` removes the keys.")
    lines: tuple[str, ...] = Field((), exclude=True, description="Set by the step: the keys of the file.")

    @model_validator(mode="after")
    def _fits(self) -> "KeyParams":
        if (self.key is None) == (self.file is None):
            raise ValueError('expected either "key" or "file"')
        if self.exclusive and self.state == "absent":
            raise ValueError('"exclusive" is for "state: present"')
        if any(ord(letter) < 32 for letter in self.options):
            raise ValueError('"options" are one line')
        if self.key is not None:
            wanted_key(self.key)
        return self

    @property
    def wanted(self) -> tuple[Key, ...]:
        found = (wanted_key(line) for line in (self.lines if self.key is None else (self.key,)))
        return tuple(Key(key.type, key.data, key.comment, self.options) for key in found)


class AuthorizedKey(Step[KeyParams, KeyFile]):
    """Added, changed and removed line by line."""

    kind = "authorized_key"
    params: ClassVar[type[KeyParams]] = KeyParams

    def prepare(self, want: KeyParams, desk: Desk) -> KeyParams:
        if want.file is None:
            return want
        text = desk.read(want.file)
        lines = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#"))
        try:
            for line in lines:
                wanted_key(line)
        except ValueError as error:
            raise InvalidInput(f"{want.file}: {error}") from None
        if not lines:
            raise InvalidInput(f'expected public keys in "{want.file}", found none')
        return want.model_copy(update={"lines": lines})

    def ask(self, want: KeyParams) -> tuple[Question[Any], ...]:
        return (_question(want),)

    def ask_more(self, answers: Answers, want: KeyParams) -> tuple[Question[Any], ...]:
        # The journal is read only where a key is to go.
        return (Shell(_WAY_IN),) if _surplus(_read(answers[_question(want)], want), want) else ()

    def seen(self, answers: Answers, want: KeyParams) -> KeyFile | None:
        found = _read(answers[_question(want)], want)
        if not _surplus(found, want):
            return found
        return KeyFile(found.content, found.rights, _ways_in(answers[Shell(_WAY_IN)]))

    def plan(self, seen: KeyFile | None, want: KeyParams) -> tuple[Change, ...]:
        assert seen is not None
        surplus = _surplus(seen, want)
        _refuse_way_in(seen, want, surplus)
        there = {key.data: key for key in seen.keys}
        changes = []
        for key in want.wanted if want.state == "present" else ():
            what = f"key {key.shown} of {want.user}"
            if key.data not in there:
                changes.append(Change(Verb.CREATE, what))
            elif (old := there[key.data]).options != key.options:
                changes.append(Change(Verb.UPDATE, what, "options", old.options or "none", key.options or "none"))
        changes += [Change(Verb.REMOVE, f"key {key.shown} of {want.user}") for key in surplus]
        if not changes and seen.rights and want.state == "present":
            changes.append(Change(Verb.UPDATE, f"keys of {want.user}", "rights", seen.rights, "private"))
        return tuple(changes)

    def apply(self, at: Target, want: KeyParams, seen: KeyFile | None, change: Change) -> None:
        """The first change writes all of them; what follows finds them made."""
        now = _read(at.run(as_user(want.user, _LOOK), check=False), want)
        new = _edited(now, want)
        if new != (now.content or b"") or now.rights:
            _write(at, want, now, new)

    def undo(self, at: Target, want: KeyParams, seen: KeyFile | None, change: Change) -> None:
        assert seen is not None
        now = _read(at.run(as_user(want.user, _LOOK), check=False), want)
        if now.content != (seen.content or b""):
            _write(at, want, now, seen.content or b"")


def _question(want: KeyParams) -> Shell:
    return Shell(as_user(want.user, _LOOK))


def _read(reply: Reply, want: KeyParams) -> KeyFile:
    """Raises CannotTell."""
    if reply.code:
        raise CannotTell(f'cannot tell the keys of "{want.user}": {reply.complaint or f"status {reply.code}"}')
    lines = reply.text.split("\n", 2)
    wrong = [
        f"{name} {rights}" for name, rights in zip(("directory", "file"), lines, strict=False) if _loose(rights, want)
    ]
    if len(lines) < 2:
        return KeyFile(None, ", ".join(wrong))
    return KeyFile(b64decode(lines[2] if len(lines) > 2 else ""), ", ".join(wrong))


def _loose(rights: str, want: KeyParams) -> bool:
    """Would sshd not take it: does it belong to somebody else, or may others write to it?"""
    mode, _, owner = rights.partition(" ")
    return bool(mode) and (bool(int(mode, 8) & 0o022) or owner not in (want.user, "root"))


def _surplus(seen: KeyFile, want: KeyParams) -> tuple[Key, ...]:
    """The keys that are to go."""
    wanted = {key.data for key in want.wanted}
    if want.state == "absent":
        return tuple(key for key in seen.keys if key.data in wanted)
    return tuple(key for key in seen.keys if key.data not in wanted) if want.exclusive else ()


def _ways_in(reply: Reply) -> tuple[str, ...]:
    """What is known of the key of this connection: data from sshd's own file, fingerprints from its journal."""
    text = reply.out.decode(errors="replace")
    return (*re.findall(rf"publickey (?:{TYPE}) (AAAA\S+)", text), *re.findall(r"(SHA256:[A-Za-z0-9+/]{43})", text))


def _refuse_way_in(seen: KeyFile, want: KeyParams, surplus: Iterable[Key]) -> None:
    """Raise ActFailed where the key that we came in with would go, or root's last one."""
    gone = tuple(surplus)
    for key in gone:
        if key.data in seen.ways_in or key.fingerprint in seen.ways_in:
            raise ActFailed(
                f"the key {key.shown} of {want.user} is the one that this connection came in with: "
                "it is not removed; come in with another key to do that"
            )
    kept = {key.data for key in seen.keys} - {key.data for key in gone}
    added = want.state == "present" and want.wanted
    if gone and want.user == "root" and not seen.ways_in and not kept and not added:
        raise ActFailed("the last key of root is not removed: nobody could log in any more")


def _edited(now: KeyFile, want: KeyParams) -> bytes:
    wanted = {key.data: key for key in want.wanted} if want.state == "present" else {}
    gone = {key.data for key in _surplus(now, want)}
    lines: list[str] = []
    done: set[str] = set()
    for line in now.lines:
        key = entry_of(line)
        if key and (key.data in gone or key.data in done):
            continue
        if key and key.data in wanted:
            done.add(key.data)
            new = wanted[key.data]
            lines.append(line if key.options == new.options else Key(key.type, key.data, key.comment, new.options).line)
            continue
        lines.append(line)
    lines += [key.line for data, key in wanted.items() if data not in done]
    return "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")


def _write(at: Target, want: KeyParams, now: KeyFile, content: bytes) -> None:
    """Where a key goes, or may do other things than before, somebody has to come in anew for it to stay."""
    guard = begin(at, want.user) if {key.line for key in now.keys} - _lines_of(content) else ""
    try:
        _put(at, want, now, content)
    except ActFailed:
        if guard:
            call_off(at, guard)
        raise
    if guard:
        confirm(at, want.user, guard)


def _lines_of(content: bytes) -> set[str]:
    return {key.line for key in KeyFile(content).keys}


def _put(at: Target, want: KeyParams, now: KeyFile, content: bytes) -> None:
    digest = "" if now.content is None else sha256(now.content).hexdigest()
    reply = at.run(as_user(want.user, _WRITE), stdin=f"{digest}\n".encode() + content, check=False)
    if reply.code == _CHANGED:
        raise ActFailed(f'the keys of "{want.user}" on {at.name} were changed by somebody else meanwhile: run again')
    if reply.code:
        last = reply.complaint.rsplit("\n", 1)[-1] or f"status {reply.code}"
        raise ActFailed(f'cannot write the keys of "{want.user}" on {at.name}: {last}', reply.complaint)
