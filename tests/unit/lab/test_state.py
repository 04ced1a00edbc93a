"""The lab's file, its id, and its lock."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.lab.labs import EMPTY, SMALL
from xcatflow.errors import InvalidInput, Locked
from xcatflow.lab.state import STATE, HostStatus, LabStatus, lab_id, load, locked, save


@pytest.mark.parametrize("lab", [EMPTY, SMALL, replace(SMALL, private=False, files=("ssh/config",))])
def test_what_is_saved_is_loaded(tmp_path: Path, lab: object) -> None:
    save(tmp_path, lab)  # type: ignore[arg-type]
    assert load(tmp_path) == lab
    assert [path.name for path in (tmp_path / ".xcatflow").iterdir()] == ["lab.json"]


def test_no_file_is_no_lab(tmp_path: Path) -> None:
    assert load(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', "null", '{"format": 1, "hosts": [], "nodes": [], "files": [], "x": 1}']
)
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    save(tmp_path, EMPTY)
    (tmp_path / STATE).write_text(text)
    with pytest.raises(InvalidInput, match=r'lab.json" is no lab file .*: remove it and run lab.down'):
        load(tmp_path)


def test_a_file_of_another_version(tmp_path: Path) -> None:
    save(tmp_path, EMPTY)
    (tmp_path / STATE).write_text(json.dumps({**json.loads((tmp_path / STATE).read_text()), "format": 2}))
    with pytest.raises(InvalidInput, match="written by another version"):
        load(tmp_path)


def test_the_id_is_the_directorys(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert lab_id(tmp_path) == lab_id(tmp_path / "link") == lab_id(tmp_path / "x" / "..")
    assert lab_id(tmp_path) != lab_id(tmp_path / "other")
    assert len(EMPTY.bridge) <= 15, "the kernel's limit"


def test_names_of_one_lab_are_told_from_those_of_another() -> None:
    other = replace(SMALL, id="deadbeef")
    assert SMALL.container("host01") == "xcatflow-0123abcd-host01"
    assert {SMALL.network, SMALL.bridge, SMALL.container("host01")}.isdisjoint(
        {other.network, other.bridge, other.container("host01")}
    )
    assert SMALL.gateway == "10.77.3.1"


def test_ready_is_when_every_host_answers(tmp_path: Path) -> None:
    up, silent = HostStatus("host01", "a", "running", True), HostStatus("host02", "b", "running", False)
    assert LabStatus(tmp_path, True, hosts=(up,)).ready
    assert not LabStatus(tmp_path, True, hosts=(up, silent)).ready
    assert not LabStatus(tmp_path, False).ready


def test_who_is_locked_out_is_told(tmp_path: Path) -> None:
    path = tmp_path / "dir" / "lock"
    with locked(path, what="the lab", wait=False):
        code = f"""
from pathlib import Path
from xcatflow.lab.state import locked
with locked(Path({str(path)!r}), what="the lab", wait=False): print("inside")
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert "the lab is being worked on by another process" in done.stderr
        with pytest.raises(Locked), locked(path, what="the lab", wait=False):
            raise AssertionError("the same process is no better")
    with locked(path, what="the lab", wait=False):
        pass


def test_a_lock_whose_file_was_removed_is_not_held_by_two(tmp_path: Path) -> None:
    """Who waits for the lock of a file that is removed meanwhile must not go on with the removed one."""
    path, inside, most = tmp_path / "lock", [0], [0]

    def work() -> None:
        for _ in range(20):
            with locked(path, what="it", wait=True):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.001)
                inside[0] -= 1
                path.unlink()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1]
