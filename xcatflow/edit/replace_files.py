"""Several files replaced together: each is whole at any moment, and if one cannot be replaced, all are as before.

New contents are written beside the files, under names that begin with a dot, brought to disk, and only then renamed. What a killed
process leaves there is removed by the next writer.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import InvalidInput, Problem, Source, reason_of

_NEW = ".xcatflow-new"
_OLD = ".xcatflow-old"


@dataclass(frozen=True, slots=True)
class Replacement:
    """`old` is what the file held when it was read, None where there was none; `name` is the file's in messages."""

    path: Path
    name: str
    old: bytes | None
    new: bytes


def replace_files(replacements: Sequence[Replacement]) -> None:
    """Replace files; mode and owner stay, symbolic links too. Only for the holder of the definitions' lock.

    Raises InvalidInput, nothing replaced, when a file is not what it was when it was read, or cannot be written.
    """
    if changed := [Problem(CHANGED, Source(one.name)) for one in replacements if _now(one.path) != one.old]:
        raise InvalidInput(changed)
    work: list[_Work] = []
    try:
        for one in replacements:
            work.append(_prepare(one, keep=len(replacements) > 1))
        _exchange(work)
    finally:
        for each in work:
            each.temporary.unlink(missing_ok=True)
            if each.backup:
                each.backup.unlink(missing_ok=True)


CHANGED = "was changed by somebody else in the meantime, nothing was written: try again"


@dataclass(frozen=True, slots=True)
class _Work:
    name: str
    target: Path
    temporary: Path
    backup: Path | None
    existed: bool


def remove_leftovers(directories: Iterable[Path]) -> None:
    """Remove what killed writers left in these directories. Only for the holder of the definitions' lock."""
    for directory in directories:
        for ending in (_NEW, _OLD):
            for path in directory.glob(f".*{ending}"):
                try:
                    path.unlink()
                except OSError:
                    # It is read by nobody; who may not remove it may still change the files beside it.
                    continue


def _now(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def _prepare(one: Replacement, *, keep: bool) -> _Work:
    """The new content beside the file, and with `keep` the old one once more."""
    try:
        target = one.path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        like = target.stat() if one.old is not None else None
        temporary = _write(target, _NEW, one.new, like)
        backup = _write(target, _OLD, one.old, like) if keep and one.old is not None else None
    except OSError as error:
        raise _cannot(one.name, error) from None
    return _Work(one.name, target, temporary, backup, one.old is not None)


def _write(target: Path, ending: str, content: bytes, like: os.stat_result | None) -> Path:
    path = target.with_name(f".{target.name}{ending}")
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        if like is not None:
            own = os.fstat(file)
            if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
                os.fchown(file, like.st_uid, like.st_gid)
            os.fchmod(file, stat.S_IMODE(like.st_mode))
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    return path


def _exchange(work: Sequence[_Work]) -> None:
    done: list[_Work] = []
    try:
        for each in work:
            each.temporary.replace(each.target)
            done.append(each)
        for directory in {each.target.parent for each in work}:
            _sync(directory)
    except OSError as error:
        for each in reversed(done):
            if each.backup:
                each.backup.replace(each.target)
            elif not each.existed:
                each.target.unlink(missing_ok=True)
        raise _cannot(work[min(len(done), len(work) - 1)].name, error) from None


def _sync(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _cannot(name: str, error: OSError) -> InvalidInput:
    reason = reason_of(error)
    return InvalidInput(f"cannot be written, nothing was changed: {reason}", Source(name))
