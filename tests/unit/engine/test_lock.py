"""Locks of a site."""

import subprocess
import sys
from pathlib import Path

import pytest

from xcatflow.engine.lock import locked
from xcatflow.errors import InvalidInput, Locked


def test_a_lock_names_its_holder_and_goes_with_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from xcatflow.engine.lock import locked\n"
        "with locked(Path(sys.argv[1]), ['a', 'b'], holder='run one'): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert other.stdout
    assert other.stdout.readline() == b"held\n"
    with (
        pytest.raises(Locked, match=rf'"b" is being run by run one \(process {other.pid}, since '),
        locked(tmp_path, ["c", "b"], holder="run two"),
    ):
        raise AssertionError
    other.kill()
    other.wait(10)
    other.stdout.close()
    with locked(tmp_path, ["a", "b"], holder="run two"), locked(tmp_path, ["c"], holder="run three"):
        pass


def test_the_state_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    with locked(tmp_path / "state" / "locks", ["a"], holder="run"):
        assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_a_lock_that_cannot_be_written_is_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "a.lock").mkdir()
    with (
        pytest.raises(InvalidInput, match=r'cannot lock "a": "\S+/a.lock" cannot be written: Is a directory'),
        locked(tmp_path, ["a"], holder="run"),
    ):
        raise AssertionError
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            InvalidInput, match=r'cannot lock "a": .*/file/x/a.lock" cannot be written: (Not a directory|File exists)'
        ),
        locked(tmp_path / "file" / "x", ["a"], holder="run"),
    ):
        raise AssertionError
