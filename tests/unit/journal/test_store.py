import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.journal.events import AT, ended, started, step, whole
from xcatflow.errors import InvalidInput, XcatflowError
from xcatflow.journal.store import Journal
from xcatflow.model.event import Noted
from xcatflow.model.run import RunRecord

WEEK_S = 7 * 86400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


def filled(path: Path, *ids: str) -> Journal:
    journal = Journal(path)
    for number, run in enumerate(ids):
        journal.write(whole(run, AT + number))
    return journal


def test_nothing_is_made_before_the_first_event(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([])
        assert (journal.runs(), journal.unfinished(), journal.prune(3)) == ((), (), 0)
        with pytest.raises(InvalidInput, match="found none"):
            journal.find("last")
        with pytest.raises(InvalidInput, match='expected the id of a run, found "x"'):
            journal.events("x")
    assert not path.parent.exists()


def test_what_was_written_is_there_for_others(path: Path) -> None:
    events = whole("r1", nodes=3000)
    with Journal(path) as journal:
        for start in range(0, len(events), 700):
            journal.write(events[start : start + 700])
        assert list(journal.events("r1")) == events
        with Journal(path) as other:
            assert list(other.events("r1")) == events
            assert other.runs() == (
                RunRecord("r1", AT, "apply", "site", "all", AT + 1, "1a2b", True, "root", 0, counts={"ok": 1}),
            )


def test_a_run_without_its_end_is_unfinished(path: Path) -> None:
    with filled(path, "r1") as journal:
        journal.write([started("r2"), step("n1")])
        assert [run.id for run in journal.unfinished()] == ["r2"]
        assert (journal.unfinished()[0].ended, journal.unfinished()[0].exit_code) == (None, None)
        journal.write([ended("r2")])
        assert journal.unfinished() == ()
        assert len(list(journal.events("r2"))) == 3


def test_runs_newest_first(path: Path) -> None:
    with filled(path, "r1", "r2", "r3") as journal:
        journal.write([started("r4", AT - 5, what="other")])
        assert [run.id for run in journal.runs()] == ["r3", "r2", "r1", "r4"]
        assert [run.id for run in journal.runs(2)] == ["r3", "r2"]
        assert [run.id for run in journal.runs(what="other")] == ["r4"]
        assert journal.find("last").id == "r3"


def test_find(path: Path) -> None:
    with filled(path, "20260101-aaaa", "20260101-aabb", "20260102-cccc") as journal:
        assert journal.find("20260102").id == "20260102-cccc"
        assert journal.find("20260101-AAB").id == "20260101-aabb"
        with pytest.raises(
            InvalidInput, match=r'found "20260101" for several \(20260101-aabb, 20260101-aaaa\): give more'
        ):
            journal.find("20260101")
        with pytest.raises(InvalidInput, match=r'found "20260102-ccdc", did you mean "20260102-cccc"\?'):
            journal.find("20260102-ccdc")
        with pytest.raises(InvalidInput, match='found ""'):
            journal.find("")
        with pytest.raises(InvalidInput, match='found "%"'):
            journal.find("%")


def test_many_matches_are_not_all_named(path: Path) -> None:
    with filled(path, *(f"a{number}" for number in range(9))) as journal, pytest.raises(InvalidInput) as caught:
        journal.find("a")
    assert "(a8, a7, a6, …)" in str(caught.value)


def test_events_need_a_run(path: Path) -> None:
    with Journal(path) as journal, pytest.raises(ValueError, match='"noted" belongs to no run'):
        journal.write([Noted(at=1, level="info", text="t")])


def test_a_batch_is_all_or_nothing(path: Path) -> None:
    with filled(path, "r1") as journal:
        with pytest.raises(XcatflowError, match="the run is recorded already"):
            journal.write([step("late"), started("r1")])
        journal.write([Noted(at=1, level="info", text="after")])
        told = list(journal.events("r1"))
    assert told[:-1] == whole("r1")
    assert told[-1].name == "noted"


def test_bytes_that_are_no_text(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([started("r1", what="a\udcff"), step("n1", message="b\udcff")])
        assert journal.runs()[0].what == "a\\udcff"
        assert [event.name for event in journal.events("r1")] == ["run-started", "step-ended"]


def test_writing_goes_on_after_closing(path: Path) -> None:
    journal = filled(path, "r1")
    journal.close()
    journal.close()
    journal.write(whole("r2", AT + 5))
    assert [run.id for run in journal.runs()] == ["r2", "r1"]
    journal.close()


def test_prune(path: Path) -> None:
    with filled(path, *(f"r{number}" for number in range(6))) as journal:
        assert journal.prune(4) == 2
        assert [run.id for run in journal.runs()] == ["r5", "r4", "r3", "r2"]
        with sqlite3.connect(path) as db:
            assert db.execute("SELECT count(DISTINCT run) FROM events").fetchone() == (4,)
        db.close()
        assert journal.prune(4) == 0
        with pytest.raises(InvalidInput, match="found -1"):
            journal.prune(-1)


def test_prune_keeps_what_may_be_at_work_or_resumed(path: Path) -> None:
    with Journal(path) as journal:
        journal.write([started("old", AT - 2 * WEEK_S)])
        journal.write([started("killed", AT - 100)])
        journal.write(whole("r1"))
        journal.write([started("mine", AT - WEEK_S * 3), step("n1")])
        assert journal.prune(0) == 2
        assert [run.id for run in journal.runs()] == ["killed", "mine"]


def test_pruning_gives_space_back(path: Path) -> None:
    with Journal(path) as journal:
        journal.write(whole("big", nodes=20000))
        journal.write(whole("small", AT + 5))
    before = path.stat().st_size
    with Journal(path) as journal:
        assert journal.prune(1) == 1
    assert path.stat().st_size < before / 4


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            b"this is no database at all, only text\n" * 99,
            "found a damaged file (file is not a database): move it away",
        ),
        (b"SQLite format 3\0" + b"\xff" * 4096, "found a damaged file"),
    ],
)
@pytest.mark.parametrize("act", ["runs", "write"])
def test_a_damaged_file(path: Path, content: bytes, complaint: str, act: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with Journal(path) as journal, pytest.raises(InvalidInput) as caught:
        journal.runs() if act == "runs" else journal.write(whole("r1"))
    assert str(caught.value).startswith(f"{path}: expected a journal")
    assert complaint in str(caught.value)
    assert path.read_bytes() == content


def _alter(path: Path, *statements: str) -> None:
    path.parent.mkdir(exist_ok=True)
    db = sqlite3.connect(path)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_a_newer_journal(path: Path) -> None:
    filled(path, "r1").close()
    _alter(path, "PRAGMA user_version = 9")
    with Journal(path) as journal, pytest.raises(InvalidInput) as caught:
        journal.write(whole("r2"))
    assert str(caught.value) == (
        f"{path}: expected a journal of version 1 or older, found version 9 made by a newer xcatflow: update this one"
    )


@pytest.mark.parametrize("statement", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 99"])
def test_another_programs_database(path: Path, statement: str) -> None:
    _alter(path, statement)
    before = path.read_bytes()
    with Journal(path) as journal, pytest.raises(InvalidInput, match="found another program's database"):
        journal.write(whole("r1"))
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_journal(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with Journal(path) as journal:
        assert journal.runs() == ()
        journal.write(whole("r1"))
        assert len(journal.runs()) == 1


def test_an_older_journal_is_brought_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path, "r1").close()
    from xcatflow.journal import store

    monkeypatch.setattr(store, "MIGRATIONS", (*store.MIGRATIONS, ("ALTER TABLE runs ADD COLUMN more TEXT",)))
    with Journal(path) as journal:
        assert [run.id for run in journal.runs()] == ["r1"]
    with Journal(path) as journal:
        journal.write(whole("r2", AT + 5))
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    assert db.execute("SELECT more FROM runs").fetchall() == [(None,), (None,)]
    db.close()


def test_an_event_of_a_later_version(path: Path) -> None:
    filled(path, "r1").close()
    _alter(path, "UPDATE events SET name = 'later' WHERE seq = 2")
    with Journal(path) as journal, pytest.raises(InvalidInput, match=r'event 2 \("later"\) cannot be read'):
        list(journal.events("r1"))


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with Journal(tmp_path / "state" / "journal.db") as journal, pytest.raises(XcatflowError, match="cannot be written"):
        journal.write(whole("r1"))


def test_a_journal_kept_busy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xcatflow.journal import store

    filled(path, "r1").close()
    monkeypatch.setattr(store, "_BUSY_S", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Journal(path) as journal:
        with pytest.raises(XcatflowError, match="keeps the journal busy"):
            journal.write(whole("r2"))
        assert [run.id for run in journal.runs()] == ["r1"]
        holder.execute("ROLLBACK")
        journal.write(whole("r2", AT + 5))
    holder.close()


def as_reader(path: Path, *, directory: int = 0o555) -> list[str]:
    """What an account that may only read finds and is told when it writes: another account where we are root, ourselves where modes
    bind us."""
    for parent in path.parents[1:]:
        parent.chmod(0o755)
        if parent.name.startswith("pytest-of"):
            break
    path.chmod(0o444)
    path.parent.chmod(directory)
    out, into = os.pipe()
    child = os.fork()
    if not child:
        try:
            _become_reader()
            os.write(into, "\n".join(_read_and_write(path)).encode())
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out) as answer:
        told = answer.read().split("\n")
    os.waitpid(child, 0)
    path.parent.chmod(0o755)
    return told


def _become_reader() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)


def _read_and_write(path: Path) -> list[str]:
    told = []
    with Journal(path) as journal:
        try:
            told.append(" ".join(f"{run.id}:{len(list(journal.events(run.id)))}" for run in journal.runs()))
            journal.write(whole("new"))
        except XcatflowError as error:
            told.append(str(error))
    return told


def test_a_site_that_may_only_be_read(path: Path) -> None:
    filled(path, "r1", "r2").close()
    read, refused = as_reader(path)
    assert read == "r2:7 r1:7"
    assert refused.startswith(f"{path}: the journal cannot be written: ")


def test_a_directory_that_may_not_be_looked_at(path: Path) -> None:
    filled(path, "r1").close()
    assert as_reader(path, directory=0o000)[0].startswith(f"{path}: the journal cannot be read: ")


WRITE = """
import sys
from pathlib import Path
from tests.unit.journal.events import whole
from xcatflow.journal.store import Journal
journal = Journal(Path(sys.argv[1]))
journal.write(whole("r1"))
print("written", flush=True)
sys.stdin.readline()
"""


def test_reading_while_another_account_writes(path: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WRITE, str(path)]
    writer = subprocess.Popen(command, cwd=Path(__file__).parents[3], stdin=pipe, stdout=pipe, text=True)
    assert writer.stdout
    assert writer.stdout.readline() == "written\n"
    for side in ("-wal", "-shm"):
        Path(f"{path}{side}").chmod(0o644)
    assert as_reader(path)[0] == "r1:7"
    writer.communicate("\n", timeout=60)
    assert as_reader(path)[0] == "r1:7"


def test_what_a_killed_run_left_is_not_passed_over(path: Path) -> None:
    filled(path, "r1").close()
    log = Path(f"{path}-wal")
    log.write_bytes(b"what a killed process wrote last")
    assert as_reader(path) == [
        f"{log}: holds what a killed run wrote last: read the journal once as an account that may write it"
    ]


def test_an_older_journal_that_may_only_be_read(path: Path) -> None:
    from xcatflow.journal import store

    filled(path, "r1").close()
    journal = Journal(path)
    journal._writable = False
    original, store.MIGRATIONS = store.MIGRATIONS, (*store.MIGRATIONS, ())
    try:
        with pytest.raises(InvalidInput, match="made by an older xcatflow"):
            journal._connect_read_only()
    finally:
        store.MIGRATIONS = original


def test_an_empty_file_that_may_only_be_read(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert as_reader(path)[0] == ""
