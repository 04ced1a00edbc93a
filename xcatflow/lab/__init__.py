"""Throw-away hosts to rehearse on: real systemd, real sshd, on Docker where the machine has it, on an engine of our own otherwise.

`up` makes what is missing and changes nothing else; `down` leaves nothing. A lab belongs to the site in whose directory it is.
"""

from collections.abc import Callable
from pathlib import Path

from xcatflow.lab.prerequisites import missing_prerequisites
from xcatflow.lab.state import HostStatus, LabStatus

__all__ = ["HostStatus", "LabStatus", "check_numbers", "down", "missing_prerequisites", "status", "up"]


def check_numbers(hosts: int, containers: int) -> None:
    """Raises InvalidInput when no lab has so many hosts, or so many containers on each."""
    from xcatflow.lab.life import check_numbers as check

    check(hosts, containers)


def up(
    directory: Path, *, hosts: int = 2, containers: int = 2, registry: bool = False, say: Callable[[str], None]
) -> LabStatus:
    """Bring a lab up in the site at `directory`, with `hosts` hosts and `containers` container nodes defined on each, and with an image
    registry of its own where `registry` says so.

    What is there stays as it is; hosts that are missing or stopped are made or started, more of them are added. `say` hears of progress,
    one line each. Raises InvalidInput (nothing was touched), ActFailed or Unreachable, and Locked while another process works on the lab.
    """
    from xcatflow.lab.life import bring_up

    return bring_up(directory, hosts, containers, say, registry=registry)


def down(directory: Path, *, say: Callable[[str], None]) -> None:
    """Take the site's lab down: hosts with their disks, registry, network, the files it wrote, and the private engine when no lab uses it
    any more.

    Well when there is none. Raises ActFailed or Unreachable, naming what is left, and Locked.
    """
    from xcatflow.lab.life import take_down

    take_down(directory, say)


def status(directory: Path) -> LabStatus:
    """The site's lab as it is now. Raises InvalidInput when its state file cannot be used."""
    from xcatflow.lab.life import look

    return look(directory)
