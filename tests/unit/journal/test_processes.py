"""Several processes at one journal, and processes that are killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from xcatflow.journal.store import Journal

ROOT = Path(__file__).parents[3]
WRITE = """
import sys
from pathlib import Path
from tests.unit.journal.events import ended, started, step
from xcatflow.journal.store import Journal
path, name, batches, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sys.stdin.readline()
journal = Journal(path)
journal.write([started(name)])
for number in range(batches):
    journal.write([step(f"n{number}", f"s{part}") for part in range(size)])
    print(number, flush=True)
journal.write([ended(name)])
"""


def writer(path: Path, name: str, batches: int, size: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITE, str(path), name, str(batches), str(size)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_several_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.db"
    writers = [writer(path, f"run{number}", 40, 10) for number in range(4)]
    for process in writers:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    for process in writers:
        _, complaint = process.communicate(timeout=120)
        assert (process.returncode, complaint) == (0, "")
    with Journal(path) as journal:
        assert sorted(run.id for run in journal.runs()) == ["run0", "run1", "run2", "run3"]
        assert journal.unfinished() == ()
        for run in journal.runs():
            events = list(journal.events(run.id))
            assert [(e.node, e.step) for e in events[1:-1]] == [
                (f"n{n}", f"s{s}") for n in range(40) for s in range(10)
            ]  # type: ignore[attr-defined]


@pytest.mark.parametrize("after", [0, 3, 17])
def test_kill_leaves_everything_that_was_acknowledged(tmp_path: Path, after: int) -> None:
    path = tmp_path / "journal.db"
    process = writer(path, "run", 100000, 50)
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    for _ in range(after + 1):
        assert process.stdout.readline()
    process.kill()
    acknowledged = after + 1 + len([line for line in process.stdout if line.endswith("\n")])
    process.communicate(timeout=60)
    with Journal(path) as journal:
        assert [run.id for run in journal.unfinished()] == ["run"]
        events = list(journal.events("run"))
        batches, rest = divmod(len(events) - 1, 50)
        assert rest == 0, "a batch is there as a whole or not at all"
        assert acknowledged <= batches <= acknowledged + 1
        journal.write(events[:0])
