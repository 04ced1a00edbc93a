"""The documentation's example package adds a kind like any other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.example import EXAMPLES, installed


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return installed(tmp_path_factory.mktemp("installed"))


def xcatflow(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "xcatflow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_kind_is_listed_explained_and_in_the_schema(environment: dict[str, str]) -> None:
    assert "hostname.set" in xcatflow(environment, "kinds")
    assert "The host's name." in xcatflow(environment, "kinds", "hostname.set")
    assert "hostname.set" in json.dumps(json.loads(xcatflow(environment, "schema")))


def test_a_workflow_may_use_it_and_its_mistakes_are_told(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "workflows").mkdir()
    (tmp_path / "inventory" / "n.stanza").write_text("n1:\n    objtype=node\n    groups=all\n")
    workflow = tmp_path / "workflows" / "names.yaml"
    workflow.write_text(
        "schema: 1\nname: names\nsummary: s\nnodes: all\nsteps:\n"
        '  - id: name\n    use: hostname.set\n    with: {name: "${node.name}"}\n'
    )
    assert "no problem found" in xcatflow({**environment, "XCATFLOW_SITE": str(tmp_path)}, "check")
    workflow.write_text(workflow.read_text().replace("{name:", "{nmae:"))
    done = subprocess.run(
        [sys.executable, "-m", "xcatflow", "--site", str(tmp_path), "check"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert 'names.yaml:8:12: unknown parameter "nmae" of hostname.set, did you mean "name"?' in done.stderr


def test_ten_lines_are_ten_lines() -> None:
    code = (EXAMPLES / "ten_lines.py").read_text().split("\n\n")[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
