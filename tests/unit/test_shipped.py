"""The site that comes with xcatflow: it is well, its schemas are those of this version, and a wheel carries all of it."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from xcatflow.app import Site
from xcatflow.load.shipped import shipped
from xcatflow.load.yaml_text import read_yaml
from xcatflow.model.schema import SORTS

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "workflows" / "schema"
WORKFLOWS = sorted((ROOT / "workflows").glob("*.yaml"))
CHAINS = sorted((ROOT / "workflows" / "chains").glob("*.yaml"))


def xcatflow(*words: str, cwd: Path, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "xcatflow", *words],
        cwd=cwd,
        env={**os.environ, "XCATFLOW_SITE": "", **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_shipped_site_is_well() -> None:
    site = Site.load(ROOT)
    assert site.check() == ()
    assert site.warnings() == ()
    assert set(site.workflows()) == {
        "configure-ip",
        "create-instance",
        "provision-dockerhost",
        "renew-certificates",
        "upgrade-engine",
    }
    assert site.chains() == ("site",)


@pytest.mark.parametrize("sort", SORTS)
def test_the_schemas_are_those_of_this_version(sort: str) -> None:
    there = (SCHEMAS / f"{sort}.json").read_text()
    assert there == xcatflow("schema", sort, cwd=ROOT), (
        "make the schemas again, in the root of the source tree: xcatflow schema --write"
    )


@pytest.mark.parametrize("path", [*WORKFLOWS, *CHAINS], ids=lambda path: path.stem)
def test_shipped_files_are_well_by_the_schema_that_editors_use(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    schema = json.loads((path.parent / first.removeprefix(prefix)).read_text())
    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(read_yaml(path, root=ROOT).value)) == []


WRONG = [
    ("workflow", {"steps": [{"id": "a", "use": "wait.port", "wiht": {}}]}, "'wiht' was unexpected"),
    (
        "workflow",
        {"steps": [{"id": "a", "use": "wait.port", "with": {"host": "h", "prot": 1}}]},
        "'prot' was unexpected",
    ),
    ("workflow", {"steps": [{"id": "a", "use": "wait.port", "with": {"host": "h"}}]}, "'port' is a required property"),
    ("workflow", {"steps": [{"id": "a", "use": "wait.prt", "with": {}}]}, "'wait.prt' is not valid"),
    ("block", {"steps": []}, "[] should be non-empty"),
    ("chain", {"workflows": [{"workflow": "w"}], "overlap": "never"}, "'never' is not one of"),
]


@pytest.mark.parametrize(("sort", "content", "complaint"), WRONG)
def test_the_schemas_find_what_is_wrong(sort: str, content: dict[str, object], complaint: str) -> None:
    schema = json.loads((SCHEMAS / f"{sort}.json").read_text())
    head = {} if sort == "block" else {"name": "n", "summary": "s"}
    (error, *_) = Draft202012Validator(schema).iter_errors({"schema": 1, **head, **content})
    assert complaint in error.message


def test_a_wheel_carries_the_site_and_makes_one(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "lib")
    assert not [name for name in names if name.startswith(("tests/", "bench/")) or "__pycache__" in name]
    assert {"xcatflow/py.typed", "xcatflow/shipped/tasks.py"} <= set(names)
    where = "from xcatflow.load.shipped import shipped; print(shipped())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", where],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path}/lib/xcatflow/shipped\n"
    new = tmp_path / "new"
    xcatflow("init", str(new), cwd=tmp_path, PYTHONPATH=str(tmp_path / "lib"))
    for directory in ("workflows", "inventory", "tasks.py"):
        path = ROOT / directory
        for file in [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]:
            name = file.relative_to(ROOT)
            assert f"xcatflow/shipped/{name}" in names
            assert (new / name).read_bytes() == file.read_bytes()
    assert "no problem found" in xcatflow("check", cwd=new, PYTHONPATH=str(tmp_path / "lib"))


def test_in_a_source_tree_the_site_is_the_trees_own() -> None:
    assert shipped() == ROOT
