"""Is there room for what shall be copied?"""

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from xcatflow.errors import reason_of
from xcatflow.model.medium import CopyFailed

_MB = 1_000_000


def check_space(directory: Path, sizes: Sequence[int]) -> None:
    """Raise CopyFailed where files of these sizes have no room below a directory."""
    try:
        found = os.statvfs(directory)
    except OSError as error:
        raise CopyFailed(f'cannot look at "{directory}": {reason_of(error)}', error.errno or 1) from None
    block = found.f_frsize or 4096
    need = sum(-(-size // block) * block for size in sizes)
    free = found.f_bavail * block
    # Some file systems have no fixed number of files, and say 0.
    short_of_files = found.f_files and found.f_favail < len(sizes)
    if need > free or short_of_files:
        what = (
            f"{len(sizes)} files are to be written, {found.f_favail} can be"
            if short_of_files
            else f"{_mb(need)} MB are needed, {_mb(free)} MB are free"
        )
        raise CopyFailed(f'no room in "{directory.parent}": {what}: make room, or name another place', errno.ENOSPC)


def _mb(size: int) -> str:
    return f"{size / _MB:.1f}"
