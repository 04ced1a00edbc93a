"""One writer of a site's definitions at a time: a lock file below the site's state directory, held with `flock`, gone with its process."""

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from xcatflow.errors import InvalidInput, Locked
from xcatflow.model.site import STATE

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1


@contextmanager
def definitions_locked(root: Path, patience: float) -> Iterator[None]:
    """Hold the lock of the definitions of the site at `root`, after waiting for it `patience` seconds at most.

    Raises Locked naming the holder when it does not come free, InvalidInput when the state directory cannot be written.
    """
    directory = root / STATE / "locks"
    # Runs have NAME.lock here, NAME being any workflow.
    path = directory / "definitions.writer"
    try:
        directory.parent.mkdir(mode=0o700, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise InvalidInput(f'cannot lock the definitions: "{path}" cannot be written: {error.strerror}') from None
    with file:
        _take(file, time.monotonic() + patience)
        yield


def _take(file: IO[str], until: float) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Locked(
                    f"the definitions are being changed by {_holder(file)}: wait for its end, then try again"
                ) from None
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    file.seek(0)
    file.truncate()
    json.dump({"holder": Path(sys.argv[0]).name or "python", "pid": os.getpid(), "since": time.strftime("%F %T")}, file)
    file.flush()


def _holder(file: IO[str]) -> str:
    file.seek(0)
    try:
        found = json.load(file)
        return f"{found['holder']} (process {found['pid']}, since {found['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
