"""Locks of a site: one run of a chain or workflow at a time. A lock goes with its process, however that ends."""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from xcatflow.errors import InvalidInput, Locked


@contextmanager
def locked(directory: Path, names: Sequence[str], *, holder: str, wait: bool = False) -> Iterator[None]:
    """Hold the locks `names` (taken in sorted order, so that two runs never wait for each other); `holder` is what others are told.

    Raises Locked naming the holder when one is taken and `wait` is off, InvalidInput when the directory cannot be written.
    """
    try:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f'the site\'s state directory "{directory}" cannot be written: {error.strerror}') from None
    with ExitStack() as stack:
        for name in sorted(set(names)):
            path = directory / f"{name}.lock"
            try:
                file = stack.enter_context(path.open("a+"))
            except OSError as error:
                raise InvalidInput(f'cannot lock "{name}": "{path}" cannot be written: {error.strerror}') from None
            _take(file, name, holder, wait=wait)
        yield


def _take(file: IO[str], name: str, holder: str, *, wait: bool) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not wait:
            raise Locked(f'"{name}" is being run by {_holder(file)}: wait for its end, or use --wait') from None
        fcntl.flock(file, fcntl.LOCK_EX)
    file.seek(0)
    file.truncate()
    json.dump({"holder": holder, "pid": os.getpid(), "since": time.strftime("%F %T")}, file)
    file.flush()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        found = json.load(file)
        return f"{found['holder']} (process {found['pid']}, since {found['since']})"
    except (ValueError, KeyError):
        return "another process"
