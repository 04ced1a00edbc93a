"""What a machine lacks, line by line."""

from dataclasses import replace
from pathlib import Path

import pytest

from xcatflow.lab.prerequisites import Machine, missing_prerequisites

GOOD = Machine(
    root=lambda: True,
    linux=lambda: True,
    engine=lambda: None,
    program=lambda name: f"/bin/{name}",
    busybox=lambda: Path("/bin/busybox"),
    lacking=lambda: ("SYS_RESOURCE", "SYSLOG"),
    debian=lambda: True,
)


def test_nothing() -> None:
    assert missing_prerequisites(GOOD) == ()


@pytest.mark.parametrize(
    ("machine", "lines"),
    [
        (replace(GOOD, linux=lambda: False), ["Linux: a lab's hosts are Linux containers"]),
        (
            replace(GOOD, root=lambda: False),
            ["root: building the host image needs it, and so does starting a Docker engine; none is running"],
        ),
        (replace(GOOD, root=lambda: False, engine=lambda: "/x"), ["root: building the host image needs it"]),
        (
            replace(GOOD, program=lambda name: None if name in ("dockerd", "ssh-keygen") else name),
            [
                "dockerd (no Docker engine is running, so one is started): apt-get install docker.io",
                "ssh-keygen: apt-get install openssh-client",
            ],
        ),
        (replace(GOOD, engine=lambda: "/x", program=lambda name: None if name == "dockerd" else name), []),
        (
            replace(GOOD, program=lambda name: None if name == "debootstrap" else name),
            ["debootstrap: apt-get install debootstrap"],
        ),
        (
            replace(GOOD, program=lambda name: None if name == "apt-get" else name),
            ["apt-get: hosts are made of Debian packages, as apt on this machine knows them"],
        ),
        (
            replace(GOOD, debian=lambda: False),
            ["a source of Debian packages in apt's configuration: hosts are made of them"],
        ),
        (replace(GOOD, busybox=lambda: None), ["a static busybox: apt-get install busybox-static"]),
        (
            replace(GOOD, lacking=lambda: ("NET_ADMIN", "SYSLOG", "MKNOD")),
            ["the capability MKNOD, NET_ADMIN: give it to the container that this runs in"],
        ),
    ],
)
def test_each(machine: Machine, lines: list[str]) -> None:
    assert list(missing_prerequisites(machine)) == lines


def test_this_machine_can_be_asked() -> None:
    assert all(": " in line for line in missing_prerequisites())
