"""The file that keeps a compiled inventory: a whole SQLite database behind a seal, replaced as a whole and read as a whole.

Who reads has one state, whatever others write meanwhile; two who write at once leave one of the two. A file that is not whole is no file.
Nothing here ever fails: a cache that cannot be read or written is not there.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from xcatflow import __version__
from xcatflow.cache.database import FORMAT, empty
from xcatflow.load.files import digest

_SEAL = len(digest(b""))
_NEW = ".new"
_FORGOTTEN_S = 3600.0
_ROOMS = ("model", "load", "cache")


class CacheFile:
    """The compiled inventory of the site whose state is in `state`."""

    def __init__(self, state: Path) -> None:
        self._path = state / "cache" / "inventory.sqlite"

    def read(self) -> sqlite3.Connection | None:
        """The database as it was written by these very rules; None where there is none such."""
        try:
            content = memoryview(self._path.read_bytes())
        except OSError:
            return None
        image, seal = content[_SEAL:], content[:_SEAL]
        if not image or digest(image) != seal:
            return None
        database = empty()
        try:
            database.deserialize(image)
            if dict(database.execute("SELECT key, value FROM about")) == about():
                return database
        except (sqlite3.Error, AttributeError):
            pass
        database.close()
        return None

    def write(self, database: sqlite3.Connection) -> None:
        """Keep a database, if that is possible."""
        # Only who writes pays for it.
        from tempfile import NamedTemporaryFile

        try:
            image = database.serialize()
            file = NamedTemporaryFile(dir=_private(self._path.parent), suffix=_NEW, delete=False)  # noqa: SIM115
        except (OSError, AttributeError):
            return
        new = Path(file.name)
        with suppress(OSError):
            try:
                with file:
                    file.write(digest(image))
                    file.write(image)
                new.replace(self._path)
                _tidy(new.parent)
            finally:
                new.unlink(missing_ok=True)


def _private(directory: Path) -> Path:
    """The directory, made for its owner only and kept out of git."""
    if not directory.is_dir():
        # Each by itself: parents that are made on the way would be open to everybody.
        directory.parent.mkdir(mode=0o700, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        (directory / ".gitignore").write_text("*\n")
    return directory


def _tidy(directory: Path) -> None:
    """Remove what processes that were ended left behind."""
    for path in directory.glob(f"*{_NEW}"):
        if path.stat().st_mtime < time.time() - _FORGOTTEN_S:
            path.unlink()


def about() -> dict[str, str]:
    """What decides, besides the files, what an inventory means: the rules, as the files of this package that hold them."""
    package = Path(__file__).parents[1]
    rules = sorted(rule for room in _ROOMS for rule in _rules(package / room))
    return {"format": FORMAT, "version": __version__, "python": sys.version, "rules": "\n".join(rules)}


def _rules(directory: Path) -> Iterator[str]:
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                stat = entry.stat()
                yield f"{entry.path} {stat.st_size} {stat.st_mtime_ns}"
