"""Wrong input, on real hosts: six clear messages, and nothing touched where it can be known beforehand."""

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.test_site import Cli

pytestmark = pytest.mark.lab


@pytest.fixture
def copy(lab_site: Path, tmp_path: Path) -> Cli:
    """A copy of the lab's site to spoil, with a chain that has made it once: here, where the process that runs these tests has not run
    those of test_site.py before."""
    if not (lab_site / ".xcatflow" / "pki").exists():
        Cli(lab_site)("chain", "site")
    site = tmp_path / "site"
    shutil.copytree(lab_site, site, ignore=shutil.ignore_patterns("*.sqlite*", "locks"))
    config = site / "ssh" / "config"
    config.write_text(config.read_text().replace(str(lab_site), str(site)))
    return Cli(site)


def spoil(path: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, path.read_text(), flags=re.MULTILINE)
    assert count, f"{pattern} is not in {path}"
    path.write_text(text)


def test_a_wrong_host_key(copy: Cli) -> None:
    known = copy.site / "ssh" / "known_hosts"
    lines = known.read_text().splitlines()
    keys = [line.split()[-1] for line in lines if "host01" in line or "host02" in line]
    spoil(known, re.escape(next(line.split()[-1] for line in lines if "host01" in line)), keys[-1])
    done = copy("plan", "provision-dockerhost", "-n", "host01", code=1)
    assert "host key" in done.stdout
    assert "ssh/known_hosts" in done.stdout


def test_a_wrong_ca(copy: Cli) -> None:
    shutil.rmtree(copy.site / ".xcatflow" / "pki")
    copy("plan", "site", code=None)  # a plan makes no CA
    assert not (copy.site / ".xcatflow" / "pki").exists()
    done = copy("apply", "create-instance", "-n", "host01c01", code=1)
    assert "certificate" in done.stdout
    assert "host01" in done.stdout


def test_a_misspelt_key(copy: Cli) -> None:
    spoil(
        copy.site / "workflows" / "create-instance.yaml",
        "    with:\n      name: \\$\\{node.name",
        "    wiht:\n      name: ${node.name",
    )
    done = copy("apply", "create-instance", code=2)
    assert re.search(r'workflows/create-instance.yaml:\d+:\d+: unknown key "wiht", did you mean "with"\?', done.stderr)


def test_a_node_without_dockerhost(copy: Cli) -> None:
    spoil(copy.site / "inventory" / "lab.stanza", r"(host01c01:\n(?:    .*\n)*?)    dockerhost=.*\n", r"\1")
    done = copy("apply", "create-instance", code=2)
    assert '"dockerhost" is not set on node "host01c01" (at inventory/lab.stanza:' in done.stderr


def test_two_nodes_with_one_address(copy: Cli) -> None:
    stanza = copy.site / "inventory" / "lab.stanza"
    addresses = re.findall(r"^    ip=(\S+)$", stanza.read_text(), re.MULTILINE)
    spoil(stanza, rf"^    ip={re.escape(addresses[-1])}$", f"    ip={addresses[-2]}")
    done = copy("chain", "site", code=2)
    assert addresses[-2] in done.stderr
    assert done.stderr.count("inventory/lab.stanza:") >= 2


def test_an_image_that_does_not_exist(copy: Cli) -> None:
    spoil(copy.site / "inventory" / "lab.stanza", "provmethod=busybox!", "provmethod=busyboxx!")
    done = copy("apply", "create-instance", "-n", "host01c01", code=1)
    assert "busyboxx" in done.stdout
    assert "images/" in done.stdout
    assert "host01c01" in copy.ssh("host01", "docker ps --format '{{.Names}}'")
