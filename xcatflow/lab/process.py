"""Processes of our own that outlive us: known by their id and the time they were started at, since ids are used again.

Source: proc_pid_stat(5), fields 3 (state) and 22 (start time).
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_LOOK_S = 0.02


def start_time(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot; None when it is gone or only waits to be cleared away."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in ("Z", "X") else int(fields[19])


def gone(pid: int) -> bool:
    """Has the process ended? One that this process started is also cleared away."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return start_time(pid) is None


def called_with(pid: int, argument: str) -> bool:
    """Is this one of the arguments that the process was called with?"""
    try:
        return argument in Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return False


def end(pid: int, limit_s: float) -> bool:
    """Ask the process to end and wait for it; False when it did not within `limit_s` seconds."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + limit_s
    while not gone(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_S)
    return True
