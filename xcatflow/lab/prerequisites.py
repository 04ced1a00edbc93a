"""What a machine must have before a lab can run on it, said before anything is tried."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import ActFailed
from xcatflow.lab import apt, busybox, capabilities
from xcatflow.lab.commands import hint


@dataclass(frozen=True, slots=True)
class Machine:
    """What can be found out about a machine; tests put their own in place."""

    root: Callable[[], bool] = lambda: os.geteuid() == 0
    linux: Callable[[], bool] = lambda: Path("/proc/self/status").exists()
    engine: Callable[[], str | None] = lambda: _engine()
    program: Callable[[str], str | None] = lambda name: _program(name)
    busybox: Callable[[], Path | None] = busybox.find
    lacking: Callable[[], tuple[str, ...]] = capabilities.missing
    debian: Callable[[], bool] = lambda: _debian()


def missing_prerequisites(machine: Machine | None = None) -> tuple[str, ...]:
    """What is missing to run a lab, one line each, with what to do about it; empty when all is there."""
    here = machine or Machine()
    if not here.linux():
        return ("Linux: a lab's hosts are Linux containers",)
    found: list[str] = []
    engine = here.engine()
    if not here.root():
        found.append(
            "root: building the host image needs it"
            + ("" if engine else ", and so does starting a Docker engine; none is running")
        )
    if engine is None:
        wanted = ("dockerd", "iptables")
        found += [
            f"{name} (no Docker engine is running, so one is started): {hint(name)}"
            for name in wanted
            if not here.program(name)
        ]
    found += [f"{name}: {hint(name)}" for name in ("debootstrap", "ssh-keygen") if not here.program(name)]
    if not here.program("apt-get"):
        found.append("apt-get: hosts are made of Debian packages, as apt on this machine knows them")
    elif not here.debian():
        found.append("a source of Debian packages in apt's configuration: hosts are made of them")
    if here.busybox() is None:
        found.append(f"a static busybox: {hint('busybox')}")
    if vital := sorted(capabilities.NEEDED.intersection(here.lacking())):
        found.append(f"the capability {', '.join(vital)}: give it to the container that this runs in")
    return tuple(found)


def _debian() -> bool:
    try:
        return bool(apt.machine_archives())
    except ActFailed:
        return False


def _engine() -> str | None:
    from xcatflow.lab.engine import running_engine

    return running_engine()


def _program(name: str) -> str | None:
    """Where a program is; those for administrators are not on everybody's PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
