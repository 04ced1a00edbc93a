"""Tasks about the lab: throw-away hosts to rehearse on."""

import os
import sys
from pathlib import Path
from shlex import quote
from time import monotonic
from typing import TYPE_CHECKING

from xcatflow.errors import InvalidInput
from xcatflow.tasks.common import say, warn
from xcatflow.tasks.face import face

if TYPE_CHECKING:
    from xcatflow.lab import LabStatus

_DIRECTORY = {"dir": "the lab's site; $XCATFLOW_SITE, else ./lab when left out"}


@face(
    help={
        "hosts": "how many hosts",
        "containers": "container nodes defined on each host",
        "registry": "an image registry too, with TLS and a password",
        **_DIRECTORY,
    }
)
def up(hosts: int = 2, containers: int = 2, registry: bool = False, dir: str = "") -> None:
    """Boot throw-away hosts (systemd, sshd) and write a ready site for them; adds what is missing."""
    from xcatflow import lab
    from xcatflow.app import Site
    from xcatflow.load.shipped import make_site

    clock = _Clock()
    root = _directory(dir)
    lab.check_numbers(hosts, containers)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f'cannot make the directory "{root}": {error.strerror}') from None
    for _ in make_site(root, inventory=False):
        pass
    found = lab.up(root, hosts=hosts, containers=containers, registry=registry, say=clock.say)
    clock.say("the lab is up")
    _tell(found)
    if problems := Site.load(root).check():
        warn(*(f"warning: {problem}" for problem in problems))
    say(f"next: xcatflow --site {quote(str(root))} plan site; xcatflow --site {quote(str(root))} chain site")


@face(help=_DIRECTORY)
def down(dir: str = "") -> None:
    """Remove the lab's hosts, disks and network, and the files that `lab.up` wrote."""
    from xcatflow import lab

    lab.down(_directory(dir), say=_Clock().say)


@face(help=_DIRECTORY)
def status(dir: str = "") -> None:
    """Tell the state of the lab's hosts."""
    from xcatflow import lab

    _tell(lab.status(_directory(dir)))


def _directory(given: str) -> Path:
    return Path(given or os.environ.get("XCATFLOW_SITE") or "lab").resolve()


def _tell(status: "LabStatus") -> None:
    if not status.exists:
        say(f"{status.directory}: there is no lab; xcatflow lab.up --dir {status.directory} makes one")
        return
    say(f"{status.directory}: lab {status.id} on {status.engine}, subnet {status.subnet or 'not chosen yet'}")
    for host in status.hosts:
        say(f"{host.name}  {host.address}  {host.state}  {'ssh answers' if host.answers else 'ssh does not answer'}")
    if status.registry:
        say(status.registry)


class _Clock:
    """Says what is done with the seconds since the start in front."""

    def __init__(self) -> None:
        self._started = monotonic()

    def say(self, line: str) -> None:
        say(f"{monotonic() - self._started:5.1f} s  {line}")
        sys.stdout.flush()
