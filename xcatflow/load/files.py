"""The files of an inventory: which there are, and what tells whether one has changed."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = (".stanza", ".yaml", ".yml")
"""What the names of files of definitions end in."""


def inventory_files(directory: Path) -> Iterator[Path]:
    """The files of definitions below `directory`, in the order in which they are read. What begins with a dot is none, and links to
    directories are not followed."""
    return (directory.joinpath(*parts) for parts in sorted(_below(directory, ())))


def _below(directory: str | Path, parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    try:
        entries = os.scandir(directory)
    except OSError:
        return
    with entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.name.endswith(SUFFIXES) and entry.is_file():
                yield (*parts, entry.name)
            elif entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path, (*parts, entry.name))


def digest(content: bytes | memoryview) -> bytes:
    """Equal only for equal contents: of the digests that nobody can forge the quickest, where the processor helps with it."""
    return hashlib.sha256(content).digest()


def digest_of(path: Path) -> bytes | None:
    """The digest of a file's content; None when it cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            return digest(file.read())
    except OSError:
        return None
