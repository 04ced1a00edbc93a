"""The tree that a medium is copied to: its directories and links, and whether a file is really one of it."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from xcatflow.media.entry import Entry
from xcatflow.media.manifest import DIRECTORY
from xcatflow.model.medium import CopyFailed

_MARKS = (DIRECTORY, ".disk/info", ".discinfo", ".treeinfo")
"""What a directory has that a medium was copied to."""


def check_ours(directory: Path) -> None:
    """Raise CopyFailed where a directory holds something that is none of a medium: it would be mixed with it."""
    if directory.is_dir() and any(directory.iterdir()):
        if not any((directory / name).exists() for name in _MARKS):
            raise CopyFailed(f'"{directory}" holds something that is of no medium: name an empty or a new directory')
    elif directory.exists() and not directory.is_dir():
        raise CopyFailed(f'"{directory}" is no directory: name another place')


def is_real(tree: Path, path: Path, real: set[Path]) -> bool:
    """Is it a file of the tree itself, not reached by a link? `real` are directories of which that is known."""
    above = path.relative_to(tree).parent
    for directory in reversed((above, *above.parents)):
        if directory not in real:
            if (tree / directory).is_symlink():
                return False
            real.add(directory)
    return not path.is_symlink() and path.is_file()


def make_directories(tree: Path, others: Iterable[Entry], files: Iterable[Entry]) -> None:
    """Make all directories that entries are, or are in. Raises OSError."""
    make_directory(tree)
    paths = {entry.path for entry in others if entry.sort == "directory"}
    for entry in files:
        paths |= {str(parent) for parent in Path(entry.path).parents if str(parent) != "."}
    for path in sorted(paths):
        make_directory(tree / path)


def make_directory(path: Path) -> None:
    """Make a directory, in the place of whatever else has its name."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


def make_links(tree: Path, others: Iterable[Entry]) -> None:
    """Make those of the entries that are links, in the place of what has their names. Raises OSError."""
    for entry in others:
        if entry.sort != "link":
            continue
        path = tree / entry.path
        with suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(entry.target)
