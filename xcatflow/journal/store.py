"""The journal: events of runs in an SQLite database.

Every batch of events is one transaction. With a write-ahead log and `synchronous=NORMAL` what was committed survives the death of the
process at any moment; only a power failure may take the last moments, never the file. Several processes may have a journal open.

Source: SQLite documentation, "Write-Ahead Logging", "PRAGMA statements", "Uniform Resource Identifiers".
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from xcatflow.errors import InvalidInput, Source, XcatflowError, did_you_mean
from xcatflow.journal.rows import event_of, row_of, text
from xcatflow.journal.schema import (
    ADD,
    APPLICATION_ID,
    BEGIN,
    END,
    FORGET,
    MIGRATIONS,
    NEWEST_FIRST,
    PAGE,
    RUNS,
    begin_args,
    end_args,
    record_of,
)
from xcatflow.model.event import Event, RunEnded, RunStarted
from xcatflow.model.run import RunRecord

T = TypeVar("T")

LAST = "last"
_BUSY_S = 15.0
_PAGE = 1000


class Journal:
    """The journal in the file `path`. The file is made with the first event; until then there simply are no runs.

    Safe to use from several threads. Everything raises InvalidInput when the file is damaged, no journal, or made by a newer version,
    and XcatflowError when it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._writable = False
        self._run: int | None = None
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            if self._db is not None:
                with suppress(sqlite3.Error):
                    self._db.close()
            self._db, self._run = None, None

    # --- writing ---

    def write(self, events: Sequence[Event]) -> None:
        """Record `events` in one transaction; when this returns, they survive the end of the process. Those after a RunStarted belong
        to its run. All or nothing: after an error none of them is recorded. Raises ValueError when no run was started."""
        if events:
            with self._lock:
                self._run, self._next = self._transaction(lambda db: self._insert(db, events))

    def prune(self, keep: int) -> int:
        """Forget all but the newest `keep` runs that did more than look, and looks before these; tells how many went. The run being
        written stays, and so do runs that never ended until they are a week older than the newest one: they may be at work, or wait to be
        resumed."""
        if keep < 0:
            raise InvalidInput(f"expected a number of runs to keep, found {keep}")
        with self._lock:
            with self._translated():
                if not self._path.exists():
                    return 0
            gone = self._transaction(lambda db: db.execute(FORGET, (keep, self._run)).rowcount)
            if gone:
                with self._translated():
                    self._open(writing=True).executescript("PRAGMA incremental_vacuum")
            return gone

    def _insert(self, db: sqlite3.Connection, events: Sequence[Event]) -> tuple[int, int]:
        run, number, rows = self._run, self._next, []
        for event in events:
            if isinstance(event, RunStarted):
                run, number = db.execute(BEGIN, begin_args(event)).lastrowid, 0
            if run is None:
                raise ValueError(f'event "{event.name}" belongs to no run: "{RunStarted.name}" comes first')
            rows.append((run, number, *row_of(event)))
            number += 1
            if isinstance(event, RunEnded):
                db.execute(END, end_args(event, run))
        db.executemany(ADD, rows)
        assert run is not None
        return run, number

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._translated():
            db = self._open(writing=True)
            return _transaction(db, work)

    # --- reading ---

    def runs(self, limit: int | None = None, *, what: str = "") -> tuple[RunRecord, ...]:
        """The newest `limit` runs (all of them when None), newest first; `what` asks for those of one workflow or chain."""
        where, args = ("WHERE what = ?", (text(what),)) if what else ("", ())
        rows = self._rows(f"{RUNS} {where} {NEWEST_FIRST} LIMIT ?", (*args, -1 if limit is None else limit))
        return tuple(record_of(row) for row in rows)

    def unfinished(self) -> tuple[RunRecord, ...]:
        """Runs whose end is not recorded, newest first: at work right now, or killed."""
        return tuple(record_of(row) for row in self._rows(f"{RUNS} WHERE ended IS NULL {NEWEST_FIRST}"))

    def find(self, prefix: str) -> RunRecord:
        """The run whose id begins with `prefix`, or for `last` the newest one that did more than look. Raises InvalidInput when there is
        none or several."""
        if prefix == LAST:
            for row in self._rows(f"{RUNS} WHERE mode != 'look' {NEWEST_FIRST} LIMIT 1", ()):
                return record_of(row)
            raise InvalidInput(f'expected a recorded run, found none in "{self._path}": nothing was run here yet')
        wanted = prefix.lower()
        query = f"{RUNS} WHERE substr(id, 1, ?) = ? {NEWEST_FIRST} LIMIT 4"
        match self._rows(query, (len(wanted), wanted)) if wanted else []:
            case [row]:
                return record_of(row)
            case []:
                known = [str(row[0]) for row in self._rows("SELECT id FROM runs")]
                raise InvalidInput(
                    f'expected the id of a run or "{LAST}", found "{prefix}"{did_you_mean(prefix, known)}'
                )
            case rows:
                some = ", ".join(str(row[0]) for row in rows[:3]) + (", …" if len(rows) > 3 else "")
                raise InvalidInput(
                    f'expected the id of one run, found "{prefix}" for several ({some}): give more of it'
                )

    def events(self, run_id: str) -> Iterator[Event]:
        """The events of the run with exactly this id, in their order, read in pages. Raises InvalidInput when there is no such run."""
        found = self._rows("SELECT key FROM runs WHERE id = ?", (run_id,))
        if not found:
            raise InvalidInput(f'expected the id of a run, found "{run_id}"')
        return self._stream(found[0][0])

    def _stream(self, run: int) -> Iterator[Event]:
        last = -1
        while page := self._rows(PAGE, (run, last, _PAGE)):
            for last, *row in page:
                try:
                    event = event_of((row[0], row[1], row[2], row[3], row[4]))
                except (KeyError, TypeError, ValueError) as error:
                    raise InvalidInput(f'event {last} ("{row[1]}") cannot be read: {error}', self._place) from error
                yield event

    def _rows(self, query: str, args: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._translated():
            if self._db is None and not self._path.exists():
                return []
            db = self._open(writing=False)
            if not self._writable and _version(db) == 0:
                return []
            return _patiently(lambda: db.execute(query, args).fetchall())

    # --- opening ---

    @property
    def _place(self) -> Source:
        return Source(str(self._path))

    def _open(self, *, writing: bool) -> sqlite3.Connection:
        if self._db is None or (writing and not self._writable):
            if self._db is not None:
                self._db.close()
                self._db = None
            self._writable = writing or (os.access(self._path, os.W_OK) and os.access(self._path.parent, os.W_OK))
            self._db = self._connect() if self._writable else self._connect_read_only()
        return self._db

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # diffs of private files are in it
        db = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _patiently(lambda: self._prepare(db))
        except BaseException:
            db.close()
            raise
        return db

    def _connect_read_only(self) -> sqlite3.Connection:
        """A write-ahead log cannot be read without writing beside it, unless nobody is at work; then the file alone is all there is."""
        log = Path(f"{self._path}-wal")
        quiet = not log.exists() or log.stat().st_size == 0
        uri = f"{self._path.resolve().as_uri()}?mode=ro{'&immutable=1' if quiet else ''}"
        db = sqlite3.connect(uri, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, uri=True)
        by_whom = "read the journal once as an account that may write it"
        try:
            if 0 < self._check(db) < len(MIGRATIONS):
                raise InvalidInput(f"made by an older xcatflow: {by_whom}", self._place)
        except BaseException as error:
            db.close()
            if isinstance(error, sqlite3.OperationalError) and not quiet:
                raise XcatflowError(f"{log}: holds what a killed run wrote last: {by_whom}") from error
            raise
        return db

    def _prepare(self, db: sqlite3.Connection) -> None:
        if self._check(db) == 0:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        if _version(db) < len(MIGRATIONS):
            _transaction(db, _migrate)

    def _check(self, db: sqlite3.Connection) -> int:
        """The schema's version, 0 for an empty file. Raises InvalidInput for what we must not touch."""
        db.execute("BEGIN")  # what is read belongs together, even while another process makes the tables
        try:
            version = _version(db)
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        if (application or tables) and application != APPLICATION_ID:
            raise InvalidInput("expected a journal, found another program's database: move it away", self._place)
        if version > len(MIGRATIONS):
            found = f"found version {version} made by a newer xcatflow: update this one"
            raise InvalidInput(f"expected a journal of version {len(MIGRATIONS)} or older, {found}", self._place)
        return version

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise XcatflowError(f"{self._path}: the run is recorded already ({error})") from error
        except (sqlite3.Error, OSError) as error:
            match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
                case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                    what = f"expected a journal, found a damaged file ({error}): move it away, the next run makes a new one"
                    raise InvalidInput(what, self._place) from error
                case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                    what = f"another process keeps the journal busy for more than {_BUSY_S:.0f} s: try again"
                case _:
                    what = f"the journal cannot be {'written' if self._writable else 'read'}: {error}"
            raise XcatflowError(f"{self._path}: {what}") from error


def _transaction(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """`work` in a transaction that is the only writing one from its beginning, so that it never has to be given up half way."""
    _patiently(lambda: db.execute("BEGIN IMMEDIATE"))
    try:
        result = work(db)
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    return result


def _patiently(work: Callable[[], T]) -> T:
    """`work`, repeated while the database is busy: SQLite's own timeout does not cover the change to a write-ahead log."""
    deadline, wait_s = time.monotonic() + _BUSY_S, 0.005
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, 0.2)


def _migrate(db: sqlite3.Connection) -> None:
    for statements in MIGRATIONS[_version(db) :]:
        for statement in statements:
            db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
