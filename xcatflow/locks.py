"""Lock files that say who holds them: held with `flock`, so that a lock goes with its process, however that ends."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from xcatflow.errors import InvalidInput, Locked

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1
_A_WHILE = 2.0


@contextmanager
def held(
    path: Path,
    *,
    what: str,
    holder: str,
    patience: float | None,
    busy: Callable[[str], str],
    waits: Callable[[str], None] = lambda _holder: None,
) -> Iterator[None]:
    """Hold the lock `path`, whose directory and the one above it are made for their owner only where they are not there.

    `patience` is how long to wait for it in seconds, None for ever; `waits` hears once who has it when that takes a while; `holder` is
    what others are told. Raises Locked with what `busy` says of who has it, InvalidInput naming `what` is to be locked when the file
    cannot be written.
    """
    directory = path.parent
    try:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise InvalidInput(f'cannot lock {what}: "{path}" cannot be written: {error.strerror}') from None
    with file:
        if not _taken(file, patience, waits):
            raise Locked(busy(_holder(file)))
        file.seek(0)
        file.truncate()
        json.dump({"holder": holder, "pid": os.getpid(), "since": time.strftime("%F %T")}, file)
        file.flush()
        yield


def _taken(file: IO[str], patience: float | None, waits: Callable[[str], None]) -> bool:
    if patience is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    begun, pause, told = time.monotonic(), _FIRST_PAUSE, False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waited = time.monotonic() - begun
            if waited >= patience:
                return False
        else:
            return True
        if waited >= _A_WHILE and not told:
            waits(_holder(file))
            told = True
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        found = json.load(file)
        return f"{found['holder']} (process {found['pid']}, since {found['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
