"""The private engine's record, and telling its process from others."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.target import tools
from xcatflow.errors import ActFailed
from xcatflow.lab import daemon
from xcatflow.lab.places import Places

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    found = Places(cache=tmp_path / "cache", run=tmp_path / "run")
    found.data.mkdir(parents=True)
    found.run.mkdir()
    return found


def note(places: Places, pid: int, started: int, *labs: str) -> daemon.Record:
    labels = ", ".join(f'"{lab}"' for lab in labs)
    places.record.write_text(f'{{"pid": {pid}, "started": {started}, "labs": [{labels}], "switched": false}}')
    record = daemon.read(places)
    assert record
    return record


@pytest.fixture
def process(places: Places) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is called as the engine is."""
    idle = [sys.executable, "-c", "import time; time.sleep(600)", *daemon.arguments(places)[1:]]
    with subprocess.Popen(idle) as process:
        yield process
        process.kill()


def started(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_no_record(places: Places) -> None:
    assert daemon.read(places) is None
    assert not daemon.running(places)
    assert not daemon.uses(places, "a")
    daemon.leave(places, "a", others=False)
    assert places.run.is_dir()


def test_alive(places: Places, process: "subprocess.Popen[bytes]") -> None:
    record = note(places, process.pid, started(process.pid), "a")
    assert daemon.alive(places, record)
    assert daemon.running(places)
    assert daemon.uses(places, "a")
    assert not daemon.uses(places, "b")


def test_an_id_that_is_used_again_is_not_ours(places: Places, process: "subprocess.Popen[bytes]") -> None:
    assert not daemon.alive(places, note(places, process.pid, started(process.pid) - 1))
    other = replace(places, cache=places.cache / "other")
    assert not daemon.alive(other, daemon.Record(process.pid, started(process.pid)))


def test_a_process_that_ended(places: Places, process: "subprocess.Popen[bytes]") -> None:
    record = note(places, process.pid, started(process.pid))
    process.kill()
    Path(f"/proc/{process.pid}").exists()  # it waits to be cleared away until the fixture ends
    while daemon.alive(places, record):
        pass
    assert not daemon.running(places)


def test_the_last_lab_ends_the_engine(places: Places, process: "subprocess.Popen[bytes]") -> None:
    note(places, process.pid, started(process.pid), "a", "b")
    daemon.leave(places, "a", others=False)
    record = daemon.read(places)
    assert record
    assert record.labs == ("b",)
    daemon.leave(places, "b", others=True)
    assert daemon.running(places), "hosts of another lab run on it"
    daemon.leave(places, "b", others=False)
    assert not daemon.running(places)
    assert not places.run.exists()
    assert places.data.exists()


def test_an_engine_that_does_not_start(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tools(
        tmp_path / "bin", dockerd='echo "level=info starting"; echo "failed to start daemon: no disk" >&2; exit 1'
    )
    monkeypatch.setenv("PATH", f"{path}:/usr/bin:/bin")
    with pytest.raises(ActFailed, match=r"engine ended at once, see .*engine.log\": failed to start daemon: no disk"):
        daemon.join(places, "a")
    daemon.leave(places, "a", others=False)
    assert not places.run.exists()


def test_no_engine_to_be_started(places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ActFailed, match=r"neither a running one nor dockerd: apt-get install docker\.io"):
        daemon.join(places, "a")


def test_the_engine_does_not_reflect_what_hosts_send(places: Places) -> None:
    """Without its proxies dockerd has a bridge's ports send frames back: bridges on hosts then lose their own containers."""
    assert not [word for word in daemon.arguments(places) if "userland-proxy" in word]
