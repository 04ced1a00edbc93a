"""The journal's tables, how they came to be, and what is asked of them."""

import json
from typing import Any

from xcatflow.journal.rows import text
from xcatflow.model.event import RunEnded, RunStarted
from xcatflow.model.run import RunRecord

APPLICATION_ID = 0x78636174
"""Tells our files from other programs' databases."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started REAL NOT NULL, ended REAL, mode TEXT NOT NULL, what TEXT NOT NULL,
            noderange TEXT NOT NULL, "commit" TEXT NOT NULL, dirty INTEGER NOT NULL, user TEXT NOT NULL, exit_code INTEGER,
            counts TEXT NOT NULL DEFAULT '{}')""",
        """CREATE TABLE events (
            run INTEGER NOT NULL REFERENCES runs(key) ON DELETE CASCADE, seq INTEGER NOT NULL, at REAL NOT NULL, name TEXT NOT NULL,
            node TEXT, step TEXT, data TEXT NOT NULL, PRIMARY KEY (run, seq)) WITHOUT ROWID""",
        "CREATE INDEX runs_started ON runs (started)",
    ),
)
"""What leads from one version of the schema to the next; how many there are is the version that this code knows."""

NEWEST_FIRST = "ORDER BY started DESC, key DESC"
RUNS = 'SELECT id, started, mode, what, noderange, ended, "commit", dirty, user, exit_code, counts FROM runs'
BEGIN = 'INSERT INTO runs (id, started, mode, what, noderange, "commit", dirty, user) VALUES (?, ?, ?, ?, ?, ?, ?, ?)'
END = "UPDATE runs SET ended = ?, exit_code = ?, counts = ? WHERE key = ?"
ADD = "INSERT INTO events (run, seq, at, name, node, step, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
PAGE = "SELECT seq, at, name, node, step, data FROM events WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?"
_KEPT = f"SELECT key, started FROM runs WHERE mode != 'look' {NEWEST_FIRST} LIMIT ?1"
FORGET = f"""DELETE FROM runs WHERE key NOT IN (SELECT key FROM ({_KEPT})) AND key IS NOT ?2
    AND (mode != 'look' OR started < coalesce((SELECT min(started) FROM ({_KEPT})), 1e99))
    AND (ended IS NOT NULL OR started < (SELECT max(started) FROM runs) - {7 * 86400})"""
"""Runs that only looked go with what was done before the oldest run that is kept."""


def begin_args(event: RunStarted) -> tuple[Any, ...]:
    """What BEGIN takes."""
    what, noderange, user = text(event.what), text(event.noderange), text(event.user)
    return (event.run, event.at, event.mode, what, noderange, event.commit, event.dirty, user)


def end_args(event: RunEnded, key: int) -> tuple[Any, ...]:
    """What END takes."""
    return (event.at, int(event.exit_code), json.dumps(event.counts), key)


def record_of(row: tuple[Any, ...]) -> RunRecord:
    """The run in a row that RUNS gave."""
    run, started, mode, what, noderange, ended, commit, dirty, user, exit_code, counts = row
    return RunRecord(
        run, started, mode, what, noderange, ended, commit, bool(dirty), user, exit_code, counts=json.loads(counts)
    )
