"""Tasks about the lab: throw-away hosts to rehearse on."""

import os
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from xcatflow.lab import LabStatus
from xcatflow.load.shipped import make_site
from xcatflow.tasks.common import say, told

_DIRECTORY = {"dir": "the lab's site; $XCATFLOW_SITE, else ./lab when left out"}


@task(
    help={
        "hosts": "how many hosts",
        "containers": "container nodes defined on each host",
        **_DIRECTORY,
    }
)
@told
def up(_context: Context, hosts: int = 2, containers: int = 2, dir: str = "") -> None:
    """Boot throw-away hosts (systemd, sshd) and write a ready site for them; adds what is missing."""
    from xcatflow import lab

    root = _directory(dir)
    root.mkdir(parents=True, exist_ok=True)
    for _ in make_site(root, inventory=False):
        pass
    _tell(lab.up(root, hosts=hosts, containers=containers, say=say))
    say(f"next: xcatflow --site {root} plan site; xcatflow --site {root} chain site")


@task(help=_DIRECTORY)
@told
def down(_context: Context, dir: str = "") -> None:
    """Remove the lab's hosts, disks and network, and the files that `lab.up` wrote."""
    from xcatflow import lab

    lab.down(_directory(dir), say=say)


@task(help=_DIRECTORY)
@told
def status(_context: Context, dir: str = "") -> None:
    """Tell the state of the lab's hosts."""
    from xcatflow import lab

    _tell(lab.status(_directory(dir)))


def _directory(given: str) -> Path:
    return Path(given or os.environ.get("XCATFLOW_SITE") or "lab").resolve()


def _tell(status: LabStatus) -> None:
    for host in status.hosts:
        say(f"{host.name}  {host.address}  {host.state}  {'ssh answers' if host.answers else 'ssh does not answer'}")
