"""What stands on a machine where files are to be copied: the questions, and what their answers say.

The first look asks for size, time and rights of every path, in one script however many there are. A digest is asked only where the size
fits and the time does not, a content only where its difference can be shown. A path on the machine that `xargs` hands to a program is
never longer than what a command line takes.

Source: stat(1), sha256sum(1), xargs(1), find(1) of GNU and of busybox; POSIX.1-2017 for the shell.
"""

import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from shlex import quote

from xcatflow.errors import CannotTell
from xcatflow.model.question import Answers, File, Reply, Shell
from xcatflow.steps.syncing.items import Item, excluded

_GONE = ("No such file or directory", "Not a directory")
_FRACTION = re.compile(r"\.(\d{1,9})")
_STAT = "%f %s %Y %u %U %g %G %y\t%n"
_NONE_OR_SOME = (0, 1, 123)
"""What `xargs` ends with where all, or all but some, could be looked at."""
SHOWN_FILES = 20
"""So many files that differ are told one by one, and their differences shown."""
SHOWN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Placed:
    """What is at a path. `mtime_ns` is None where the machine does not tell parts of seconds; `sha256` and `content` are there once they
    were asked for."""

    sort: str
    mode: int
    uid: int
    owner: str
    gid: int
    group: str
    size: int
    mtime_ns: int | None
    sha256: str | None = None
    content: bytes | None = field(default=None, repr=False)

    def same_at_sight(self, item: Item) -> bool:
        """Does size and time say that it is that file? Whole seconds do not tell what was written within one."""
        return self.sort == "file" and (self.size, self.mtime_ns) == (item.size, item.mtime_ns)


@dataclass(frozen=True, slots=True)
class Places:
    """The machine's side: what is at each path (those with nothing are left out), the numbers of owners, paths that are too many, and
    which scripts are still to be run from an earlier time."""

    at: Mapping[str, Placed] = field(default_factory=dict)
    uids: Mapping[str, int] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    pending: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=64)
def places_question(items: tuple[Item, ...]) -> Shell:
    """Asks for all paths at once. Directories are asked through links."""
    owners = sorted({item.owner for item in items} - {"root"})
    ids = "".join(f"printf '=%s %s\\n' {quote(name)} \"$(id -u -- {quote(name)} 2>/dev/null)\"\n" for name in owners)
    paths = (f"{item.dest}/." if item.directory else item.dest for item in items)
    return Shell(f"{ids}{_words(paths)} | xargs -0 stat -c '{_STAT}' --")


def _words(paths: Iterable[str]) -> str:
    return "printf '%s\\0' " + " ".join(map(quote, paths))


def read_places(items: tuple[Item, ...], answers: Answers) -> Places:
    """The answer to that. Raises CannotTell."""
    if not items:
        return Places()
    reply = answers[places_question(items)]
    lines = reply.out.decode(errors="surrogateescape").splitlines()
    found = dict(_placed(line) for line in lines if not line.startswith("="))
    named = (line[1:].split(" ", 1) for line in lines if line.startswith("="))
    _check_gone(reply, len(items) - len(found))
    return Places(found, {name: int(uid) for name, uid in named if uid.isdigit()})


def _check_gone(reply: Reply, missing: int) -> None:
    """What is not there is said to be so, once for each path; whatever else is said means that there is no telling."""
    errors = reply.err.decode(errors="replace").splitlines()
    others = [error for error in errors if not error.endswith(_GONE)]
    if others or len(errors) != missing or reply.code not in _NONE_OR_SOME:
        raise CannotTell(f"cannot look at the files: {(others or errors or [f'status {reply.code}'])[0]}")


def _placed(line: str) -> tuple[str, Placed]:
    facts, _, path = line.partition("\t")
    raw, size, seconds, uid, owner, gid, group, when = facts.split(" ", 7)
    bits, fraction = int(raw, 16), _FRACTION.search(when)
    mtime_ns = int(seconds) * 10**9 + int(fraction[1].ljust(9, "0")) if fraction else None
    sorts = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    placed = Placed(
        sort=sorts.get(stat.S_IFMT(bits), "other"),
        mode=stat.S_IMODE(bits),
        uid=int(uid),
        owner=uid if owner == "UNKNOWN" else owner,
        gid=int(gid),
        group=gid if group == "UNKNOWN" else group,
        size=int(size),
        mtime_ns=mtime_ns,
    )
    return path.removesuffix("/.") or "/", placed


# --- what only the content tells ---


def unsure(items: Iterable[Item], places: Places, *, all_of_them: bool) -> tuple[Item, ...]:
    """The files whose content has to be asked for: those of the right size but for which time does not tell."""
    return tuple(
        item
        for item in items
        if (there := places.at.get(item.dest))
        and not item.directory
        and there.sort == "file"
        and there.size == item.size
        and (all_of_them or not there.same_at_sight(item))
    )


def digests_question(items: tuple[Item, ...]) -> Shell:
    return Shell(f"{_words(item.dest for item in items)} | xargs -0 sha256sum --")


def with_digests(places: Places, items: tuple[Item, ...], answers: Answers) -> Places:
    """The same with the digests that were asked for. Raises CannotTell."""
    if not items:
        return places
    reply = answers[digests_question(items)]
    # A name with a backslash is written in another form, and the line begins with one then.
    digests = [line.lstrip("\\")[:64] for line in reply.text.splitlines()]
    if reply.code or len(digests) != len(items):
        raise CannotTell(f"cannot read the files: {reply.complaint.splitlines()[:1] or f'status {reply.code}'}")
    known = {item.dest: replace(places.at[item.dest], sha256=one) for item, one in zip(items, digests, strict=True)}
    return replace(places, at={**places.at, **known})


def content_question(item: Item) -> File:
    return File(item.dest, item.sha256)


def shown(items: Iterable[Item], places: Places) -> tuple[Item, ...]:
    """The files that surely or perhaps differ, where they are few and small enough to be shown."""
    found = tuple(
        item
        for item in items
        if not item.directory
        and item.size <= SHOWN_BYTES
        and (there := places.at.get(item.dest))
        and there.sort == "file"
        and there.size <= SHOWN_BYTES
        and not there.same_at_sight(item)
    )
    return found if len(found) <= SHOWN_FILES else ()


def with_contents(places: Places, items: tuple[Item, ...], answers: Answers) -> Places:
    """The same with contents and digests of the shown files. Raises CannotTell."""
    known = {}
    for item in items:
        facts = answers[content_question(item)]
        if facts is None or facts.sort != "file":
            raise CannotTell(f'"{item.dest}" changed while it was looked at: run again')
        known[item.dest] = replace(
            places.at[item.dest], sha256=facts.sha256, content=facts.content, size=facts.size_bytes
        )
    return replace(places, at={**places.at, **known}) if known else places


# --- what is there besides ---


def extra_question(dest: str) -> Shell:
    """Everything below a directory, directories with a slash at their end."""
    top = quote(dest)
    return Shell(
        f"[ -d {top} ] || exit 0\n"
        f"find {top}/ -mindepth 1 -type d -print0 && printf '\\0' && find {top}/ -mindepth 1 ! -type d -print0"
    )


def extra(dest: str, items: Iterable[Item], exclude: tuple[str, ...], answers: Answers) -> tuple[str, ...]:
    """What is below the directory and is not copied there: files first, then directories from the deepest up. Raises CannotTell."""
    reply = answers[extra_question(dest)]
    if reply.code:
        raise CannotTell(f'cannot look into "{dest}": {reply.complaint or f"status {reply.code}"}')
    directories, _, files = reply.out.decode(errors="surrogateescape").partition("\0\0")
    if reply.out.startswith(b"\0"):
        directories, files = "", reply.out.decode(errors="surrogateescape")[1:]
    known = {item.dest for item in items}
    below, others = ([re.sub("/+", "/", path) for path in text.split("\0") if path] for text in (directories, files))
    spared = {path for path in (*below, *others) if excluded(path[len(dest) + 1 :], exclude)}
    kept = {parent for path in known | spared for parent in _parents(path)} | spared | known
    gone = [path for path in others if path not in kept]
    return (*sorted(gone), *(f"{path}/" for path in sorted(below, reverse=True) if path not in kept))


def _parents(path: str) -> Iterable[str]:
    while path := path.rpartition("/")[0]:
        yield path
