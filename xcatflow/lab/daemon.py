"""A Docker engine of our own, for machines that run none: started for the first lab, shared by all labs of the user, ended with the last.

It leaves the machine's packet filter and its `docker0` alone, so that nothing of it stays behind. A process is ended only by its id, and
only when its start time and its arguments are those we noted: ids are used again.

Source: dockerd(8).
"""

import json
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from xcatflow.errors import ActFailed, Unreachable
from xcatflow.lab import mounts, process
from xcatflow.lab.commands import hint, tail
from xcatflow.lab.forwarding import forwarding, switch_forwarding
from xcatflow.lab.places import Places

START_S = 30
STOP_S = 30
HELPER_S = 10


@dataclass(frozen=True, slots=True)
class Record:
    """The private engine's process, the labs that use it, and whether it was us who switched packet forwarding on."""

    pid: int
    started: int
    labs: tuple[str, ...] = ()
    switched: bool = False


def join(places: Places, lab: str) -> None:
    """See to it that the private engine runs, and note that `lab` uses it. The caller holds the lock. Raises ActFailed."""
    record = read(places)
    if record is None or not alive(places, record):
        kept = record or Record(0, 0)
        pid = _start(places)
        record = replace(kept, pid=pid, started=process.start_time(pid) or 0)
        _write(places, record)
        _await_answer(places, record)
    if not forwarding():
        switch_forwarding(on=True)
        record = replace(record, switched=True)
    _write(places, replace(record, labs=tuple(sorted({*record.labs, lab}))))


def leave(places: Places, lab: str, *, others: bool) -> None:
    """Note that `lab` uses the private engine no longer; the last one ends it. `others` says that hosts of other labs run on it.

    The caller holds the lock. Raises ActFailed when the engine does not end.
    """
    record = read(places)
    if record is None:
        return
    left = tuple(user for user in record.labs if user != lab)
    if left or others:
        _write(places, replace(record, labs=left))
        return
    if alive(places, record):
        _stop(places, record)
    if record.switched:
        switch_forwarding(on=False)
    for directory in (places.run, places.data):
        mounts.unmount(directory)
    shutil.rmtree(places.run)


def running(places: Places) -> bool:
    """Does the private engine run?"""
    record = read(places)
    return record is not None and alive(places, record)


def uses(places: Places, lab: str) -> bool:
    """Is that lab among those that the private engine was started for?"""
    record = read(places)
    return record is not None and lab in record.labs


def read(places: Places) -> Record | None:
    """What was noted about the private engine; None when none was started since the machine booted."""
    try:
        data = json.loads(places.record.read_text())
    except FileNotFoundError:
        return None
    return Record(**{**data, "labs": tuple(data["labs"])})


def alive(places: Places, record: Record) -> bool:
    """Is the noted process still there, and still the one we started?"""
    return process.start_time(record.pid) == record.started and process.called_with(
        record.pid, f"--data-root={places.data}"
    )


def arguments(places: Places) -> tuple[str, ...]:
    """How the private engine is called."""
    return (
        "dockerd",
        f"--data-root={places.data}",
        f"--exec-root={places.run / 'exec'}",
        f"--pidfile={places.run / 'docker.pid'}",
        f"--host=unix://{places.socket}",
        f"--config-file={places.run / 'daemon.json'}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
    )


def _start(places: Places) -> int:
    if not shutil.which("dockerd"):
        raise ActFailed(
            f"a lab needs a Docker engine, and there is neither a running one nor dockerd: {hint('dockerd')}"
        )
    places.data.mkdir(parents=True, exist_ok=True)
    places.run.mkdir(mode=0o700, exist_ok=True)
    (places.run / "daemon.json").write_text("{}\n")
    (places.run / "docker.pid").unlink(missing_ok=True)
    _forget_helper(places)
    with places.log.open("wb") as log:
        started = subprocess.Popen(
            arguments(places),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
        )
    return started.pid


def _await_answer(places: Places, record: Record) -> None:
    from xcatflow.lab.engine import Engine

    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.gone(record.pid):
            said = tail(places.log)
            last = said.rpartition("\n")[2] or "without a word"
            raise ActFailed(f'the lab\'s Docker engine ended at once, see "{places.log}": {last}', said)
        if places.socket.exists():
            with suppress(Unreachable):
                Engine(str(places.socket), timeout_s=5).close()
                return
        time.sleep(0.05)
    _stop(places, record)
    raise ActFailed(f'the lab\'s Docker engine did not answer within {START_S} s, see "{places.log}"', tail(places.log))


def _forget_helper(places: Places) -> None:
    """The containerd of an engine that was killed ends by itself; a new engine that finds its id in use waits for it in vain."""
    noted = places.run / "exec" / "containerd" / "containerd.pid"
    deadline = time.monotonic() + HELPER_S
    with suppress(OSError, ValueError):
        pid = int(noted.read_text())
        while str(places.run) in Path(f"/proc/{pid}/cmdline").read_text() and time.monotonic() < deadline:
            time.sleep(0.05)
    noted.unlink(missing_ok=True)


def _stop(places: Places, record: Record) -> None:
    if not process.end(record.pid, STOP_S):
        raise ActFailed(
            f'the lab\'s Docker engine, process {record.pid}, did not end within {STOP_S} s, see "{places.log}"',
            tail(places.log),
        )


def _write(places: Places, record: Record) -> None:
    fresh = places.record.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record)) + "\n")
    fresh.replace(places.record)
