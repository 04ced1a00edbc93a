"""Running programs: what is said when they fail."""

import sys
from pathlib import Path

import pytest

from xcatflow.errors import ActFailed
from xcatflow.lab.commands import TAIL_LINES, hint, logged, run, tail


def test_output_and_environment() -> None:
    assert run(["sh", "-c", "cat; echo $GREETING"], env={"GREETING": "hello"}) == "hello\n"


def test_a_failure_tells_status_and_words() -> None:
    with pytest.raises(ActFailed, match='"sh -c echo oh dear >&2; exit 3" failed with status 3') as caught:
        run(["sh", "-c", "echo oh dear >&2; exit 3"])
    assert caught.value.detail == "oh dear"


def test_a_missing_program_tells_its_package(tmp_path: Path) -> None:
    with pytest.raises(ActFailed, match='"no-such-program" is not installed: apt-get install no-such-program'):
        run(["no-such-program"])
    with pytest.raises(ActFailed, match='"no-such-program" is not installed'):
        logged(["no-such-program"], tmp_path / "log", timeout_s=1)
    assert hint("ssh-keygen") == "apt-get install openssh-client"


@pytest.mark.parametrize("way", ["run", "logged"])
def test_a_program_that_does_not_end(tmp_path: Path, way: str) -> None:
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(ActFailed, match=r"did not end within 0\.2 s"):
        run(sleeping, timeout_s=0.2) if way == "run" else logged(sleeping, tmp_path / "log", timeout_s=0.2)


def test_a_log_grows_and_its_end_is_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    logged(["echo", "first"], log, timeout_s=5)
    with pytest.raises(ActFailed, match=f'"sh" failed with status 1, see "{log}"') as caught:
        logged(["sh", "-c", "for n in $(seq 99); do echo $n; done; exit 1"], log, timeout_s=5)
    assert caught.value.detail.splitlines() == [str(number) for number in range(100 - TAIL_LINES, 100)]
    assert log.read_text().startswith("first\n1\n")
    assert tail(tmp_path / "no such log") == ""
