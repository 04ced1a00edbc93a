"""Files that hold private keys: never readable by others, never half written, never made by two processes at once."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xcatflow.errors import InvalidInput, Locked, reason_of

_PATIENCE_S = 20.0
_POLL_S = 0.02


def write_atomically(path: Path, text: str, *, mode: int) -> None:
    """Put `text` at `path` in one step, with `mode` from the first moment on. Raises InvalidInput when that is not possible."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InvalidInput(f'cannot write "{path}": {reason_of(error)}') from error


def read_private(path: Path) -> bytes:
    """A private key's file. Raises InvalidInput when it cannot be read, or when others may read it as well."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise InvalidInput(
                    f'private key "{path}" is open to others; replace it if it may have leaked, then: chmod 600 "{path}"'
                )
            return file.read()
    except OSError as error:
        raise InvalidInput(f'cannot read private key "{path}": {reason_of(error)}') from error


@contextmanager
def exclusive(directory: Path, *, patience_s: float = _PATIENCE_S) -> Iterator[None]:
    """Be the only one, among threads and processes, that is in here for `directory`.

    Raises Locked after `patience_s` seconds, InvalidInput when the directory cannot be written.
    """
    path = directory / ".lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise InvalidInput(f'cannot write in "{directory}": {reason_of(error)}') from error
    try:
        deadline = time.monotonic() + patience_s
        while not _taken(handle):
            if time.monotonic() > deadline:
                raise Locked(
                    f'somebody else has held "{path}" for {patience_s:g} s; is a process hanging that has it open?'
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(handle)


@contextmanager
def same_directory(directory: Path) -> Iterator[Path]:
    """The directory as it is now, by a path that goes on meaning it, also when its owner puts a link in its place. Raises OSError."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        held = Path(f"/proc/self/fd/{handle}")
        yield held if held.is_dir() else directory
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
