"""A text file of the machine (`/etc/hosts`, `known_hosts`) changed under a lock, with a copy of what it held before."""

import errno
import fcntl
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from xcatflow.errors import InvalidInput, reason_of


class TextFile:
    """Holds the lock of the file's directory while it is used; `text` is what the file holds, empty where there is none.

    Raises InvalidInput where the file cannot be read or written.
    """

    def __init__(self, path: Path, *, backup: Path, mode: int = 0o644, directory_mode: int | None = None) -> None:
        """`backup` gets what was there before a write; `mode` is for a new file, `directory_mode` for its directory: without it that has
        to be there."""
        self._path = path.resolve()
        self._backup = backup
        self._mode = mode
        self._directory_mode = directory_mode
        self._lock = -1
        self.text = ""

    def __enter__(self) -> Self:
        try:
            if self._directory_mode is not None:
                self._path.parent.mkdir(mode=self._directory_mode, parents=True, exist_ok=True)
            self._lock = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self.text = self._path.read_text(errors="surrogateescape") if self._path.exists() else ""
        except OSError as error:
            self._close()
            raise InvalidInput(f'cannot read "{self._path}": {reason_of(error)}') from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1

    def write(self, text: str) -> None:
        """Replace the content as a whole; mode and owner stay."""
        try:
            if self._path.exists():
                shutil.copy2(self._path, self._backup)
            self._replace(text.encode(errors="surrogateescape"))
        except OSError as error:
            raise InvalidInput(f'cannot write "{self._path}": {reason_of(error)}') from None
        self.text = text

    def _replace(self, content: bytes) -> None:
        new = self._path.with_name(f".{self._path.name}.xcatflow-new")
        try:
            with new.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if self._path.exists():
                before, now = self._path.stat(), new.stat()
                if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
                    os.chown(new, before.st_uid, before.st_gid)
                shutil.copymode(self._path, new)
            else:
                new.chmod(self._mode)
            new.replace(self._path)
        except OSError as error:
            # In a container the file may be mounted by itself: it can be written, not replaced.
            if error.errno != errno.EBUSY:
                raise
            self._path.write_bytes(content)
        finally:
            new.unlink(missing_ok=True)
