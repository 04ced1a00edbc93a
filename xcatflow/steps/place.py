"""Putting a file or directory in its place on a machine: the types of such parameters, and the scripts that steps share.

Source: POSIX.1-2017 rename(): a reader sees the old file or the new one, never a part.
"""

import re
from difflib import unified_diff
from hashlib import sha256
from math import prod
from shlex import quote
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import FileFacts, Reply

_DIFF_LINES = 200
_DIFF_CHARACTERS = 16_000
_DIFF_WORK = 1_000_000
"""Old lines times new lines: a tenth of a second, which each of a thousand nodes may take."""
_OWNER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?")


def _absolute(path: str) -> str:
    if not path.startswith("/") or any(ord(char) < 32 for char in path):
        raise ValueError(f'expected an absolute path, found "{path}"')
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or not parts:
        raise ValueError(f'expected an absolute path without "..", found "{path}"')
    return "/" + "/".join(parts)


def _mode(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-7]{3,4}", value):
        return value.rjust(4, "0")
    raise ValueError(f'expected an octal mode in quotes such as "0644", found {value!r}')


def _owner(name: str) -> str:
    if not _OWNER.fullmatch(name):
        raise ValueError(f'expected the name or number of a user or group, found "{name}"')
    return name


AbsolutePath = Annotated[str, AfterValidator(_absolute)]
"""A path on a machine, from the root on; doubled and trailing slashes are dropped."""

Mode = Annotated[str, BeforeValidator(_mode, json_schema_input_type=str)]
"""Permission bits as four octal digits."""

Owner = Annotated[str, AfterValidator(_owner)]
"""A user or group, by name or number."""


def place_file(
    at: Target,
    path: str,
    content: bytes,
    *,
    mode: str = "0644",
    owner: str | None = None,
    group: str | None = None,
    backup: bool = False,
) -> None:
    """Write a file on a machine so that nobody ever sees a part of it, or sees it with other rights than these.

    The content travels as standard input and is checked against its digest before it takes the path. Without `owner` and `group` it
    belongs to who runs the script (root). `backup` keeps what was there as `PATH~`. Raises ActFailed saying what is in the way.
    """
    owners = f"{owner or ''}:{group}" if group else owner or ""
    digest = sha256(content).hexdigest()
    values = {"p": path, "m": mode, "o": owners, "h": digest, "b": "1" if backup else ""}
    script = " ".join(f"{name}={quote(value)}" for name, value in values.items()) + "\n" + _PLACE
    checked(at, script, f'cannot write "{path}"', stdin=content)


_PLACE = """\
set -eu; umask 077
d=${p%/*}; d=${d:-/}
[ -d "$d" ] || { echo "its directory \\"$d\\" is not there: make it with directory.present first" >&2; exit 1; }
if [ -d "$p" ]; then
  [ -L "$p" ] || { echo "a directory is in its place" >&2; exit 1; }
fi
t=$(mktemp "$d/.xcatflow.XXXXXX")
trap 'rm -f -- "$t"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$t"
[ "$(sha256sum <"$t")" = "$h  -" ] || { echo "the content did not arrive whole" >&2; exit 1; }
[ -z "$o" ] || chown -- "$o" "$t"
chmod -- "$m" "$t"
[ -z "$b" ] || [ ! -f "$p" ] || cp -p -- "$p" "$p~"
sync "$t" 2>/dev/null || sync
if [ -L "$p" ] && [ -d "$p" ]; then rm -f -- "$p"; fi
mv -f -- "$t" "$p"
trap - EXIT
if command -v restorecon >/dev/null; then restorecon -- "$p" || echo "restorecon failed" >&2; fi
sync "$d" 2>/dev/null || sync
"""


def rights_changes(
    what: str, seen: FileFacts, *, mode: str | None, owner: str | None, group: str | None
) -> list[Change]:
    """The differences of mode, owner and group; None is "as it is"."""
    found: list[Change] = []
    if mode is not None and seen.mode != int(mode, 8):
        found.append(Change(Verb.UPDATE, what, "mode", f"{seen.mode:04o}", mode))
    if owner is not None and owner not in (seen.owner, str(seen.uid)):
        found.append(Change(Verb.UPDATE, what, "owner", seen.owner, owner))
    if group is not None and group not in (seen.group, str(seen.gid)):
        found.append(Change(Verb.UPDATE, what, "group", seen.group, group))
    return found


def diff_of(path: str, old: bytes, new: bytes) -> str:
    """A unified diff of two contents, cut where it is long; for what is no text only the sizes."""
    try:
        before, after = (data.decode() for data in (old, new))
    except UnicodeDecodeError:
        before = after = "\0"
    if "\0" in before + after:
        return f"binary content: {len(old)} bytes -> {len(new)} bytes\n"
    olds, news = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if prod(map(len, _middles(olds, news))) > _DIFF_WORK:
        return f"too much differs for a diff: {len(olds)} lines -> {len(news)} lines\n"
    lines = list(unified_diff(olds, news, path if old else "/dev/null", path))
    shown = lines[:_DIFF_LINES]
    while len(shown) > 1 and sum(map(len, shown)) > _DIFF_CHARACTERS:
        shown = shown[: len(shown) // 2]
    text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in shown)
    left = len(lines) - len(shown)
    return text + (f"... {left} more lines\n" if left else "")


def _middles(olds: list[str], news: list[str]) -> tuple[list[str], list[str]]:
    """Both without the lines that they begin and end with alike."""
    least = min(len(olds), len(news))
    first = next((at for at in range(least) if olds[at] != news[at]), least)
    last = next((at for at in range(least - first) if olds[-1 - at] != news[-1 - at]), least - first)
    return olds[first : len(olds) - last], news[first : len(news) - last]


def change_rights(at: Target, path: str, field: str, value: str) -> None:
    """Set `mode`, `owner` or `group` of what is at `path`. Raises ActFailed."""
    command = {"mode": "chmod", "owner": "chown", "group": "chgrp"}[field]
    checked(at, f"{command} -- {quote(value)} {quote(path)}", f'cannot set the {field} of "{path}"')


def checked(at: Target, script: str, failure: str, *, stdin: bytes = b"", timeout_s: float | None = None) -> Reply:
    """Run an act; when it fails raise ActFailed with `failure`, the machine's name and the last line it complained with."""
    reply = at.run(script, stdin=stdin, timeout_s=timeout_s, check=False)
    if reply.code:
        words = reply.complaint or reply.text.strip()
        last = words.rsplit("\n", 1)[-1] or f"exit status {reply.code}"
        raise ActFailed(f"{failure} on {at.name}: {last}", words)
    return reply
