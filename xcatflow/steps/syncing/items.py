"""What is to be copied: files and directories of the controller, each with the path that it gets on the machine.

Links are followed, as xCAT does it; a source that is not there is an error before anything is touched.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from glob import glob
from hashlib import file_digest
from pathlib import Path

from xcatflow.contract import Desk
from xcatflow.errors import ActFailed, InvalidInput, Problem, Source, reason_of
from xcatflow.steps.syncing.synclist import Entry, is_pattern

_NOT_THERE = "The file {} which is specified to be sync'd to the node does NOT exist."


@dataclass(frozen=True, slots=True)
class Item:
    """A file, or a directory where `source` is empty: its path on the machine and what it is like on the controller. `mtime_ns` is
    nanoseconds since the epoch; `owner` is the name that it belongs to there, or its number."""

    dest: str
    source: str
    mode: int
    owner: str
    size: int = 0
    mtime_ns: int = 0

    @property
    def directory(self) -> bool:
        return not self.source

    @property
    def sha256(self) -> str:
        """The content's digest, hexadecimal. Raises ActFailed when the file is not what it was any more."""
        return _digest(self)

    def read(self, at: int = 0, size: int = -1) -> bytes:
        """Some bytes of the content. Raises ActFailed when the file is not what it was any more."""
        try:
            with Path(self.source).open("rb") as file:
                _check_same(self, os.fstat(file.fileno()))
                file.seek(at)
                data = file.read(size)
                _check_same(self, os.fstat(file.fileno()))
                return data
        except OSError as error:
            raise ActFailed(f'cannot read "{self.source}": {reason_of(error)}') from None


class Items(tuple[Item, ...]):
    """Items in order, whose hash is computed once: each of a thousand nodes asks for the question about them."""

    def __hash__(self) -> int:
        known: int | None = self.__dict__.get("_hash")
        if known is None:
            known = self.__dict__["_hash"] = super().__hash__()
        return known


@lru_cache(maxsize=65536)
def _digest(item: Item) -> str:
    try:
        with Path(item.source).open("rb") as file:
            _check_same(item, os.fstat(file.fileno()))
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ActFailed(f'cannot read "{item.source}": {reason_of(error)}') from None


def _check_same(item: Item, now: os.stat_result) -> None:
    if (now.st_size, now.st_mtime_ns) != (item.size, item.mtime_ns):
        raise ActFailed(f'"{item.source}" was changed while it was being copied: run again')


def items_of(entries: Iterable[Entry], desk: Desk, exclude: tuple[str, ...] = ()) -> tuple[Item, ...]:
    """What entries mean, sorted by path; trees are walked once, however many nodes get them. Raises InvalidInput with every source that is
    not there, and every path that two sources want."""
    wanted = tuple(entries)
    return desk.once(("file.sync", wanted, exclude), lambda: _walked(wanted, desk, exclude))


def _walked(entries: tuple[Entry, ...], desk: Desk, exclude: tuple[str, ...]) -> tuple[Item, ...]:
    walk = _Walk(exclude)
    problems: list[Problem] = []
    for entry in entries:
        for source in entry.sources:
            try:
                for path in found(source, desk):
                    walk.add(path, _dest(source, path, entry.dest), entry.place)
            except InvalidInput as error:
                problems += [Problem(one.message, one.source or entry.place) for one in error.problems]
    if problems or walk.problems:
        raise InvalidInput((*problems, *walk.problems))
    return Items(walk.items[dest] for dest in sorted(walk.items))


def found(source: str, desk: Desk) -> tuple[Path, ...]:
    """The files and directories that a source means; relative ones are in the site. Raises InvalidInput where there is none."""
    path = desk.path(source)
    if not is_pattern(source):
        if not path.exists():
            raise InvalidInput(_NOT_THERE.format(source))
        return (path,)
    # Not Path.glob, whose "*" means hidden files too.
    names = glob(source, root_dir=desk.path("."))  # noqa: PTH207
    if not names:
        raise InvalidInput(_NOT_THERE.format(source))
    return tuple(desk.path(name) for name in sorted(names))


def _dest(source: str, path: Path, dest: str) -> str:
    """Where one source goes: into a directory by its own name, a directory written with a slash at its end without it."""
    if not dest.endswith("/"):
        return dest
    return (dest.rstrip("/") or "/") if source.endswith("/") else f"{dest}{path.name}"


def excluded(relative: str, patterns: Iterable[str]) -> bool:
    """Is a path below the source left out? Patterns without a slash are held against each name, others against the whole path."""
    names = relative.split("/")
    return any(
        fnmatchcase(relative, pattern) if "/" in pattern else any(fnmatchcase(name, pattern) for name in names)
        for pattern in patterns
    )


class _Walk:
    """Collects items."""

    def __init__(self, exclude: tuple[str, ...]) -> None:
        self.items: dict[str, Item] = {}
        self.problems: list[Problem] = []
        self._exclude = exclude
        self._owner = _owners()

    def add(self, path: Path, dest: str, place: Source) -> None:
        """A file, or a directory with all that is in it."""
        try:
            facts = path.stat()
            if stat.S_ISDIR(facts.st_mode):
                self._directory(str(path), dest, facts, place)
            else:
                self._file(str(path), dest, facts, place)
        except OSError as error:
            raise InvalidInput(f'cannot read "{error.filename or path}": {reason_of(error)}') from None

    def _directory(self, top: str, dest: str, facts: os.stat_result, place: Source) -> None:
        above = dest.rstrip("/")
        self._put(Item(above or "/", "", stat.S_IMODE(facts.st_mode), self._owner(facts.st_uid)), place)
        for path, relative, entry_facts in self._below(top, "", ((facts.st_dev, facts.st_ino),)):
            to = f"{above}/{relative}"
            if stat.S_ISDIR(entry_facts.st_mode):
                mode, owner = stat.S_IMODE(entry_facts.st_mode), self._owner(entry_facts.st_uid)
                self._put(Item(to, "", mode, owner), place)
            else:
                self._file(path, to, entry_facts, place)

    def _below(
        self, folder: str, prefix: str, above: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[str, str, os.stat_result]]:
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                relative = f"{prefix}{entry.name}"
                if excluded(relative, self._exclude):
                    continue
                try:
                    facts = entry.stat()
                except FileNotFoundError:
                    raise InvalidInput(f'the link "{entry.path}" points to nothing: remove it, or exclude it') from None
                yield entry.path, relative, facts
                if stat.S_ISDIR(facts.st_mode):
                    which = (facts.st_dev, facts.st_ino)
                    if which in above:
                        raise InvalidInput(f'the link "{entry.path}" points to a directory above it: exclude it')
                    yield from self._below(entry.path, f"{relative}/", (*above, which))

    def _file(self, path: str, dest: str, facts: os.stat_result, place: Source) -> None:
        if not stat.S_ISREG(facts.st_mode):
            raise InvalidInput(f'expected a file or directory at "{path}", found a device, pipe or socket')
        mode, owner = stat.S_IMODE(facts.st_mode), self._owner(facts.st_uid)
        self._put(Item(dest, path, mode, owner, facts.st_size, facts.st_mtime_ns), place)

    def _put(self, item: Item, place: Source) -> None:
        if any(ord(letter) < 32 for letter in item.dest):
            raise InvalidInput(f"a path must not hold control characters, found {item.dest!r}")
        other = self.items.setdefault(item.dest, item)
        if other != item and not (other.directory and item.directory):
            what = f'"{other.source or "a directory"}" and "{item.source or "a directory"}"'
            self.problems.append(Problem(f'both {what} are to be "{item.dest}": leave one out', place))


def _owners() -> Callable[[int], str]:
    """The owner that a file gets: the one it has here, by name, where root copies it; root for all others, whose numbers mean nothing
    elsewhere."""
    if os.geteuid():
        return lambda _uid: "root"
    import pwd

    @lru_cache
    def name(uid: int) -> str:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)

    return name
