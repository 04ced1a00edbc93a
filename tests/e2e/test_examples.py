"""The documentation's examples on real hosts: the library in ten lines, and a kind of another package."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ssh
from tests.fakes.example import EXAMPLES, installed

pytestmark = pytest.mark.lab

WORKFLOW = """\
schema: 1
name: names
summary: Hosts are called what they are
steps:
  - {id: name, use: hostname.set, with: {name: "${node.name}-renamed"}}
"""


def test_ten_lines_and_a_kind_of_somebody_elses(lab_site: Path, tmp_path: Path) -> None:
    environment = installed(tmp_path / "installed")
    workflow = lab_site / "workflows" / "names.yaml"
    workflow.write_text(WORKFLOW)
    try:
        said = [
            subprocess.run(
                [sys.executable, EXAMPLES / "ten_lines.py", lab_site, "names", "host01"],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            ).stdout.splitlines()
            for _ in range(2)
        ]
        assert ssh(lab_site, "host01", "hostname; cat /etc/hostname").split() == ["host01-renamed"] * 2
    finally:
        workflow.unlink()
        ssh(lab_site, "host01", "echo host01 >/etc/hostname; hostname host01")
    assert said[0] == [
        "1 nodes",
        "1 changes pending",
        "host01 name changed update hostname: host01 -> host01-renamed ",
        "exit code 0",
    ]
    assert said[1] == ["1 nodes", "0 changes pending", "exit code 0"]
