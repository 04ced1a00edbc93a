"""What was found out about machines, kept between runs: one row for each node in an SQLite database of the site.

It is read when a noderange or a lookup names a fact, and not before. Several processes may write at the same time: what was gathered last
stays. The file holds nothing that could not be gathered again.

Source: SQLite documentation, "UPSERT", "Transaction" (IMMEDIATE), "Uniform Resource Identifiers".
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xcatflow.errors import InvalidInput, Source

if TYPE_CHECKING:
    from xcatflow.model.event import Event
    from xcatflow.model.facts import Known

KIND = "host.facts"
"""The kind of step whose outputs are facts."""

_BUSY_S = 15.0
_FEW = 16
"""So many nodes are looked up one by one; who asks for more gets all at once."""
_TABLE = "CREATE TABLE IF NOT EXISTS facts (node TEXT PRIMARY KEY, at REAL NOT NULL, facts TEXT NOT NULL, details TEXT NOT NULL)"
_PUT = """INSERT INTO facts (node, at, facts, details) VALUES (?, ?, ?, ?) ON CONFLICT (node) DO UPDATE
    SET at = excluded.at, facts = excluded.facts, details = excluded.details WHERE excluded.at >= facts.at"""


class FactStore:
    """The facts in the file `path`, which is made with the first of them. Implements model.facts.FactSource; safe to use from several
    threads. What it was asked it remembers: a run sees the facts as they were when it began.

    Everything raises InvalidInput where the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._nodes: dict[str, Mapping[str, str] | None] = {}
        self._all: Mapping[str, Mapping[str, str]] | None = None

    # --- looking up ---

    def of(self, node: str) -> Mapping[str, str] | None:
        with self._guard:
            if self._all is None and node not in self._nodes and len(self._nodes) < _FEW:
                rows = self._rows("SELECT facts FROM facts WHERE node = ?", (node,))
                self._nodes[node] = _read(rows[0][0]) if rows else None
            if self._all is None and node in self._nodes:
                return self._nodes[node]
        return self.all().get(node)

    def all(self) -> Mapping[str, Mapping[str, str]]:
        with self._guard:
            if self._all is None:
                rows = self._rows("SELECT node, facts FROM facts")
                self._all = {node: _read(text) for node, text in rows}
            return self._all

    def known(self, nodes: Iterable[str]) -> "dict[str, Known]":
        from xcatflow.model.facts import Known, MachineFacts

        wanted = list(nodes)
        found: dict[str, Known] = {}
        for some in (wanted[at : at + 500] for at in range(0, len(wanted), 500)):
            marks = ",".join("?" * len(some))
            for node, at, facts, details in self._rows(f"SELECT * FROM facts WHERE node IN ({marks})", tuple(some)):
                found[node] = Known(MachineFacts.of(_read(facts), details), float(at))
        return found

    # --- keeping ---

    def hear(self, events: "Sequence[Event]") -> None:
        """Listens to a run: keeps what its steps found out about the machines they looked at."""
        from xcatflow.model.event import Outcome, StepEnded

        self.put(
            (event.target or event.node, event.at, event.outputs)
            for event in events
            if isinstance(event, StepEnded) and event.kind == KIND and event.outcome is Outcome.OK
        )

    def put(self, found: Iterable[tuple[str, float, Mapping[str, str]]]) -> None:
        """Keep (node, time, outputs of the step), all in one transaction."""
        rows = [
            (node, at, _text({name: value for name, value in outputs.items() if name != "details"}), details)
            for node, at, outputs in found
            if (details := outputs.get("details"))
        ]
        if not rows:
            return
        with self._translated():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with closing(self._connect("rwc")) as database, database:
                database.execute("BEGIN IMMEDIATE")
                database.execute(_TABLE)
                database.executemany(_PUT, rows)

    def _rows(self, query: str, values: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        with self._translated():
            if not self._path.exists():
                return []
            with closing(self._connect("ro")) as database:
                return database.execute(query, values).fetchall()

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.resolve().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_S, isolation_level=None
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, KeyError, TypeError, OSError) as error:
            raise InvalidInput(
                f"the facts of machines cannot be used: {error}: remove the file and gather them again (xcatflow facts)",
                Source(str(self._path)),
            ) from None


def _read(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


def _text(values: Mapping[str, str]) -> str:
    return json.dumps(values, separators=(",", ":"))
