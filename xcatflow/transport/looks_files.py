"""Questions about files as one POSIX script, and its reply as answers.

Whatever the number of files, the machine starts one `stat`, one `sha256sum` where there are regular files to be read, and one
`readlink` where there are links; only a content that has to be sent costs more. All else is done by the shell itself.

Source: stat(1), sha256sum(1) of GNU coreutils and of busybox, and how both say that a file is not there.
"""
# ruff: noqa: ARG002  (every section has the whole interface, used or not)

import re
import stat
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from shlex import quote
from typing import Any, Literal

from xcatflow.errors import CannotTell, InvalidInput, XcatflowError
from xcatflow.model.question import CertificateFacts, File, FileFacts, Question, Reply

CONTENT_LIMIT_BYTES = 256 * 1024
GONE = ("No such file or directory", "Not a directory")
_CONTROL = re.compile(r"[\x00-\x1f]")

_LOOK = f"""\
stat -c '=%f %u %g %s %U %G %n' -- "$@"
nl='
'
sums() {{ for p do shift; [ -L "$p" ] || [ ! -f "$p" ] || set -- "$@" "$p"; done
[ $# = 0 ] || s="$nl$(sha256sum -- "$@" 2>/dev/null)$nl"; }}
links() {{ for p do shift; [ ! -L "$p" ] || set -- "$@" "$p"; done
[ $# = 0 ] || l=$(readlink -- "$@" 2>/dev/null) || l=$(for p do readlink -- "$p" || echo; done); }}
body() {{ case $s in *"$nl$2  $1$nl"*) return;; esac
[ -L "$1" ] || [ ! -f "$1" ] || {{ printf '@%s\\n' "$1"; head -c {CONTENT_LIMIT_BYTES + 1} <"$1" | base64; }}; }}
s= l=
links "$@"
"""


def refused_path(path: str) -> XcatflowError | None:
    """Why no script can ask about `path`; None when one can."""
    if not path.startswith("/"):
        return InvalidInput(f'the path of a file on a machine must be absolute, found "{path}"')
    if _CONTROL.search(path):
        return InvalidInput(f"a path must not hold control characters, found {path!r}")
    return None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the reply says, sorted by what said it."""

    facts: dict[str, FileFacts]
    errors: list[str]
    digests: dict[str, str]
    bodies: dict[str, bytes]
    links: list[str]


@dataclass(frozen=True, slots=True)
class FileSection:
    """All questions about files."""

    questions: tuple[File, ...]

    @property
    def _paths(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(q.path for q in self.questions if not refused_path(q.path)))

    @property
    def _digested(self) -> tuple[str, ...]:
        """The paths of which regular files are read."""
        return tuple(dict.fromkeys(q.path for q in self.questions if q.digest and not refused_path(q.path)))

    @property
    def script(self) -> str:
        paths, digested = self._paths, self._digested
        if not paths:
            return ":"
        bodies = "".join(
            f"body {quote(q.path)} {quote(q.unless_sha256)}\n"
            for q in self.questions
            if q.unless_sha256 is not None and not refused_path(q.path)
        )
        read = '"$@"' if digested == paths else " ".join(map(quote, digested))
        return (
            f"set -- {' '.join(map(quote, paths))}\n{_LOOK}sums {read}\n"
            f"printf '#%s\\n#\\n' \"$s\"\n{bodies}printf '#\\n%s' \"$l\"\n"
        )

    def parse(
        self, reply: Reply, read_certificate: Callable[[str], CertificateFacts | None]
    ) -> dict[Question[Any], object]:
        """For each question FileFacts, None, or CannotTell."""
        seen = _read(reply)
        by_path: dict[str, FileFacts | XcatflowError | None] = dict(self._by_path(seen, reply))
        answers: dict[Question[Any], object] = {}
        for question in self.questions:
            answer = refused_path(question.path) or by_path[question.path]
            if isinstance(answer, FileFacts) and answer.content is not None:
                wanted = question.unless_sha256 not in (None, answer.sha256)
                answer = answer if wanted else replace(answer, content=None)
            answers[question] = answer
        return answers

    def _by_path(self, seen: _Seen, reply: Reply) -> Iterator[tuple[str, FileFacts | XcatflowError | None]]:
        """`stat` complains once per path that it cannot look at, in the order of the paths: that tells whose complaint is whose."""
        paths, digested = self._paths, frozenset(self._digested)
        missing = [path for path in paths if path not in seen.facts]
        matched = len(missing) == len(seen.errors)
        targets = dict(_link_targets(paths, seen))
        for path in paths:
            if facts := seen.facts.get(path):
                unread = facts.sort == "file" and path not in digested
                yield path, facts if unread else _complete(path, facts, seen, targets)
                continue
            error = seen.errors[missing.index(path)] if matched else (seen.errors or [f"status {reply.code}"])[0]
            gone = matched and error.endswith(GONE)
            yield path, None if gone else CannotTell(f'cannot look at "{path}": {error}')


def _link_targets(paths: Iterable[str], seen: _Seen) -> Iterator[tuple[str, str]]:
    links = [path for path in paths if path in seen.facts and seen.facts[path].sort == "link"]
    if len(links) == len(seen.links):
        yield from zip(links, seen.links, strict=True)


def _read(reply: Reply) -> _Seen:
    lines = reply.out.decode(errors="replace").split("\n")
    marks = [number for number, line in enumerate(lines) if line.startswith("#")]
    first, second, third = (*marks[:3], *[len(lines)] * 3)[:3]
    facts = dict(_facts(line) for line in lines[:first] if line.startswith("="))
    links = [line for line in lines[third + 1 :] if line]
    errors = reply.err.decode(errors="replace").splitlines()
    return _Seen(facts, errors, dict(_digests(lines[first:second])), dict(_bodies(lines[second + 1 : third])), links)


def _facts(line: str) -> tuple[str, FileFacts]:
    raw, uid, gid, size, owner, group, path = line[1:].split(" ", 6)
    bits = int(raw, 16)
    return path, FileFacts(
        sort=_sort(bits),
        mode=stat.S_IMODE(bits),
        owner=uid if owner == "UNKNOWN" else owner,
        group=gid if group == "UNKNOWN" else group,
        size_bytes=int(size),
        uid=int(uid),
        gid=int(gid),
    )


def _sort(bits: int) -> Literal["file", "directory", "link", "other"]:
    match stat.S_IFMT(bits):
        case stat.S_IFREG:
            return "file"
        case stat.S_IFDIR:
            return "directory"
        case stat.S_IFLNK:
            return "link"
        case _:
            return "other"


def _digests(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Lines of `sha256sum`; a name with a backslash is written with it doubled, and a backslash in front of the line says so."""
    for line in lines:
        digest, _, path = line.removeprefix("#").partition("  ")
        if digest.startswith("\\"):
            digest, path = digest[1:], path.replace("\\\\", "\\")
        if path:
            yield path, digest


def _bodies(lines: list[str]) -> Iterator[tuple[str, bytes]]:
    path, encoded = "", ""
    for line in [*lines, "@"]:
        if not line.startswith("@"):
            encoded += line
            continue
        if path:
            yield path, b64decode(encoded)
        path, encoded = line[1:], ""


def _complete(path: str, facts: FileFacts, seen: _Seen, targets: dict[str, str]) -> FileFacts | CannotTell:
    if facts.sort == "link":
        if path not in targets:
            return CannotTell(f'cannot read where the link "{path}" points to')
        return replace(facts, link=targets[path])
    if facts.sort != "file":
        return facts
    digest = seen.digests.get(path)
    if digest is None:
        return CannotTell(f'cannot read the file "{path}"')
    body = seen.bodies.get(path)
    if body is None or len(body) > CONTENT_LIMIT_BYTES:
        return replace(facts, sha256=digest)
    if sha256(body).hexdigest() != digest:
        return CannotTell(
            f'cannot read the content of "{path}": it changes while it is read, or "head" or "base64" is missing'
        )
    return replace(facts, sha256=digest, content=body)
