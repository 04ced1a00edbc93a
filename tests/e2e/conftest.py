"""Real hosts for the tests: one lab for all files of a test run, and labs of a test's own.

Where no lab can run these tests are skipped and it is said why; with CI=true in the environment that is a failure.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xcatflow import lab
from xcatflow.lab.engine import Engine
from xcatflow.lab.state import load
from xcatflow.load.shipped import make_site

HOSTS = 2
IMAGE = """\
schema: 1
name: image
summary: The lab's image on every host
nodes: docker
steps:
  - {id: image, use: docker.image, at: "${node.dockerhost}", with: {name: busybox}}
"""


@pytest.fixture(scope="session")
def lab_possible() -> None:
    """Ends the test here when this machine cannot run a lab."""
    if lacking := lab.missing_prerequisites():
        reason = f"no lab can run here, it lacks: {'; '.join(lacking)}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def lab_site(lab_possible: None) -> Iterator[Path]:
    """A site with a lab of two hosts, shared by all files; what one test does to the hosts the next one finds."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=HOSTS, say=print)
        yield site


@pytest.fixture(scope="session")
def docker_lab(lab_possible: None) -> Iterator[Path]:
    """A site with a lab of two Docker hosts, on each of them places for five containers, and the lab's image; for files that leave no
    container behind."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=HOSTS, containers=5, say=print)
        (site / "workflows" / "image.yaml").write_text(IMAGE)
        command = [sys.executable, "-m", "xcatflow", "--site", str(site), "apply"]
        for workflow in ("provision-dockerhost", "image"):
            done = subprocess.run([*command, workflow], capture_output=True, text=True, timeout=600, check=False)
            assert done.returncode == 0, f"{workflow}: {done.stdout}\n{done.stderr}"
        yield site


@pytest.fixture
def lab_host_off(lab_site: Path) -> Iterator[str]:
    """The second host is without power; afterwards it has booted again."""
    with power_cut(lab_site, "host02"):
        yield "host02"
    lab.up(lab_site, hosts=HOSTS, say=print)
    said = ssh(lab_site, "host02", "systemctl is-system-running --wait; systemctl --failed --no-legend --plain")
    assert said.strip() == "running"


@pytest.fixture
def own_site(lab_possible: None) -> Iterator[Path]:
    """An empty directory for a lab of the test's own."""
    with directory() as site:
        yield site


@contextmanager
def directory() -> Iterator[Path]:
    """A directory with a short path. A lab in it is taken down in the end."""
    site = Path(tempfile.mkdtemp(prefix="xl-"))
    try:
        yield site
    finally:
        lab.down(site, say=print)
        shutil.rmtree(site)


@contextmanager
def power_cut(site: Path, host: str) -> Iterator[None]:
    """End a host's container behind everybody's back."""
    state = load(site)
    assert state
    with Engine(state.socket) as engine:
        engine.kill(state.container(host))
    yield


def ssh(site: Path, host: str, command: str, stdin: bytes = b"") -> str:
    """What a command on a host of the site's lab prints, with OpenSSH's own client."""
    done = subprocess.run(
        ["ssh", "-F", str(site / "ssh" / "config"), "-o", "ConnectTimeout=5", host, command],
        input=stdin,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{host}: {command}: {done.stderr.decode()}"
    return done.stdout.decode()
