"""Where a copy is made: a hidden directory beside the one it becomes, held by one process at a time.

    .x86_64.copying/tree      the copy; becomes x86_64 when it is whole
    .x86_64.copying/done      what of it is finished
    .x86_64.copying/disc      of which disc
    .x86_64.copying/holder    who is at work

The lock is the directory's own, so it goes with its process, however that ends.
"""

import ctypes
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xcatflow.errors import Locked, reason_of
from xcatflow.media.manifest import Done, read_manifest
from xcatflow.model.medium import CopyFailed

_AT_FDCWD = -100
_EXCHANGE = 2
_MOST_TRIES = 10


@dataclass(slots=True)
class Workplace:
    """The hidden directory of `to`; `made` are directories above it that were made for it, outermost first."""

    to: Path
    made: tuple[Path, ...] = ()

    @property
    def place(self) -> Path:
        return self.to.with_name(f".{self.to.name}.copying")

    @property
    def tree(self) -> Path:
        return self.place / "tree"

    def begun(self, disc: str) -> dict[str, Done]:
        """What was finished earlier of this disc. What is there of another one is removed. Raises OSError."""
        try:
            same = (self.place / "disc").read_text() == disc
        except OSError:
            same = False
        if not same:
            self._empty()
            self.tree.mkdir()
            (self.place / "disc").write_text(disc)
        self.tree.mkdir(exist_ok=True)
        return read_manifest(self.place / "done")

    def sign(self) -> None:
        """Say who is at work. What an earlier process made is taken over, so that it goes when nothing comes of it. Raises CopyFailed."""
        before = [Path(name) for name in _said(self.place).get("made", ())]
        self.made = (*(path for path in before if path not in self.made), *self.made)
        said = {"pid": os.getpid(), "since": time.strftime("%F %T"), "made": [str(path) for path in self.made]}
        try:
            (self.place / "holder").write_text(json.dumps(said))
        except OSError as error:
            self.discard()
            raise CopyFailed(f'cannot write below "{self.place}": {reason_of(error)}', error.errno or 1) from None

    @contextmanager
    def recording(self) -> Iterator["Record"]:
        """The record of what is finished, to add to."""
        with (self.place / "done").open("a", encoding="utf-8", errors="surrogateescape") as file:
            yield Record(file.fileno())

    def finish(self) -> None:
        """Let the copy take the place of what is there, at once. Raises OSError."""
        # From here on it is not gone on with, whatever happens: what is left is thrown away.
        (self.place / "disc").unlink()
        _flushed(self.tree)
        if not self.to.exists():
            self.tree.rename(self.to)
        elif not _exchanged(self.tree, self.to):
            old = self.place / "old"
            self.to.rename(old)
            self.tree.rename(self.to)
        self.discard(whole=True)

    def discard(self, *, whole: bool = False) -> None:
        """Remove what was begun; with `whole` the copy took its place, and the directories above stay."""
        shutil.rmtree(self.place, ignore_errors=True)
        if not whole:
            for directory in reversed(self.made):
                with suppress(OSError):
                    directory.rmdir()

    def _empty(self) -> None:
        old = self.place / "old"
        if old.is_dir() and not self.to.exists():
            # The process was killed between the two steps of `finish`.
            old.rename(self.to)
        for path in self.place.iterdir():
            if path.name == "holder":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


@dataclass(slots=True)
class Record:
    """Lines go to the file at once, so that a killed process leaves them."""

    fd: int

    def add(self, path: str, done: Done) -> None:
        os.write(self.fd, done.line(path).encode(errors="surrogateescape"))


@contextmanager
def workplace(to: Path) -> Iterator[Workplace]:
    """Hold the place where a copy that becomes `to` is made. Raises Locked naming who has it, CopyFailed where it cannot be made."""
    for _ in range(_MOST_TRIES):
        held = Workplace(to, _made(to))
        try:
            held.place.mkdir(mode=0o755, exist_ok=True)
            fd = os.open(held.place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            # Who had it has just removed it.
            continue
        except OSError as error:
            raise CopyFailed(f'cannot make "{held.place}": {reason_of(error)}', error.errno or 1) from None
        try:
            _lock(fd, held)
            if not _is_still(fd, held.place):
                continue
            held.sign()
            yield held
            return
        finally:
            os.close(fd)
    raise CopyFailed(f'cannot hold "{to}": others come and go: try again')


def _lock(fd: int, held: Workplace) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        found = _said(held.place)
        who = f"process {found['pid']}, since {found['since']}" if "pid" in found else "another process"
        raise Locked(f"{held.to} is being copied to by {who}: wait for its end, then try again") from None


def _said(place: Path) -> dict[str, Any]:
    """What the last holder said of itself."""
    try:
        found = json.loads((place / "holder").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_still(fd: int, path: Path) -> bool:
    """Is the directory that was opened the one of this name?"""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


def _made(to: Path) -> tuple[Path, ...]:
    """The directories above, made where they are not there."""
    missing = [directory for directory in to.parents if not directory.exists()]
    made: list[Path] = []
    for directory in reversed(missing):
        try:
            directory.mkdir(mode=0o755)
            directory.chmod(0o755)
            made.append(directory)
        except FileExistsError:
            continue
        except OSError as error:
            for one in reversed(made):
                with suppress(OSError):
                    one.rmdir()
            raise CopyFailed(f'cannot make "{directory}": {reason_of(error)}', error.errno or 1) from None
    return tuple(made)


def _flushed(directory: Path) -> None:
    """Have all that was written to the directory's file system on disk: a name must not get there before its file."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(fd)


def _exchanged(one: Path, other: Path) -> bool:
    """Give each the other's name, at once; False where the system cannot."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    return not call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE)
