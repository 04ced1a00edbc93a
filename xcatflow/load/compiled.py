"""Definitions compiled into an SQLite database in memory: objects by name, the nodes of each group, and which files they were made of.

Looking up one of a hundred thousand nodes makes one object. The database is what the cache keeps in its file.
"""

import json
import os
import sqlite3
import threading
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from xcatflow.errors import Problem
from xcatflow.model.objects import Definition, Origin, make
from xcatflow.model.stock import XCATDEFAULTS, Stock, shelf_of

FORMAT = "1"
"""Changes with the tables below."""

_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE file (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, digest BLOB NOT NULL);
CREATE TABLE object (
    shelf TEXT NOT NULL, name TEXT NOT NULL, file INTEGER NOT NULL, line INTEGER NOT NULL, col INTEGER NOT NULL,
    place INTEGER NOT NULL, attributes TEXT NOT NULL, places TEXT NOT NULL,
    PRIMARY KEY (shelf, name)
) WITHOUT ROWID;
CREATE TABLE members (name TEXT PRIMARY KEY, nodes TEXT NOT NULL);
"""
_OBJECTS = "SELECT name, attributes, places, file, line, col FROM object"
_AT_ONCE = 1000
"""Rows read in one go, so that nobody else waits long."""

_KEPT = 4096
"""Objects kept at most, and names of which it is known that there is none."""

_MANY = 500
"""Names asked for one by one, after which all are read at once."""


def compiled(
    objects: Iterable[Definition], stock: Stock, digests: Mapping[str, bytes], about: Mapping[str, str]
) -> sqlite3.Connection:
    """A database of objects, those of one file in the order in which they stand there, and of `stock`, which has the same ones;
    `digests` has their files by name, `about` says what else the database is to be known by. Raises ValueError for texts that a
    database cannot hold."""
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.executescript(_SCHEMA)
    database.execute("BEGIN")
    database.executemany("INSERT INTO about VALUES (?, ?)", about.items())
    put_files(database, digests)
    put_objects(database, objects)
    members = ((name, "\n".join(stock.members(name) or ())) for name in stock.group_names)
    database.executemany("INSERT INTO members VALUES (?, ?)", members)
    database.execute("COMMIT")
    return database


def put_files(database: sqlite3.Connection, digests: Mapping[str, bytes]) -> None:
    """Note files, or that they have changed."""
    database.executemany(
        "INSERT INTO file (name, digest) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET digest = excluded.digest",
        ((os.fsencode(name), digest) for name, digest in digests.items()),
    )


def file_numbers(database: sqlite3.Connection) -> dict[str, int]:
    """The files by name. They are kept as the bytes that they are: names of files need not be texts."""
    return {os.fsdecode(name): number for name, number in database.execute("SELECT name, number FROM file")}


def digests_of(database: sqlite3.Connection) -> dict[str, bytes]:
    """The digests of the files that the database was made of."""
    return {os.fsdecode(name): digest for name, digest in database.execute("SELECT name, digest FROM file")}


def put_objects(database: sqlite3.Connection, objects: Iterable[Definition]) -> None:
    """Add objects; their files are noted already."""
    numbers = file_numbers(database)
    rows = (_row(item, numbers[item.origin.file], place) for place, item in enumerate(objects))
    database.executemany("INSERT INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decoded = json.JSONDecoder().raw_decode


def _row(item: Definition, file: int, place: int) -> tuple[str, str, int, int, int, int, str, str]:
    origin, attributes = item.origin, dict(item.attributes)
    places: object = origin.places
    if list(origin.places) == list(attributes):
        # The usual case: half the text.
        places = [number for at in origin.places.values() for number in at]
    return shelf_of(item), item.name, file, origin.line, origin.col, place, _encoded(attributes), _encoded(places)


@dataclass(slots=True, eq=False)
class _Places(Mapping[str, tuple[int, int]]):
    """The places of an object's attributes, read when somebody asks: few do."""

    text: str
    attributes: Mapping[str, str]
    _read: Mapping[str, tuple[int, int]] | None = field(default=None, init=False)

    def _all(self) -> Mapping[str, tuple[int, int]]:
        if self._read is None:
            found = _decoded(self.text)[0]
            if isinstance(found, list):
                self._read = dict(zip(self.attributes, zip(found[::2], found[1::2], strict=True), strict=True))
            else:
                self._read = {attribute: (line, col) for attribute, (line, col) in found.items()}
        return self._read

    def __getitem__(self, attribute: str) -> tuple[int, int]:
        return self._all()[attribute]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class Compiled:
    """A stock over such a database, which stays as it is from now on."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._shelves: dict[str, Shelf] = {}
        self.files = {number: name for name, number in file_numbers(database).items()}
        self.warnings: tuple[Problem, ...] = ()

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """The answer of the database."""
        with self._lock:
            return self._database.execute(question, values).fetchall()

    @property
    def shelves(self) -> tuple[str, ...]:
        found: list[str] = []
        while rows := self.rows("SELECT min(shelf) FROM object WHERE shelf > ?", found[-1] if found else ""):
            if rows[0][0] is None:
                break
            found.append(rows[0][0])
        return tuple(found)

    def shelf(self, name: str) -> Mapping[str, Definition]:
        return self._shelves.setdefault(name, Shelf(self, name))

    @property
    def group_names(self) -> tuple[str, ...]:
        return tuple(name for (name,) in self.rows("SELECT name FROM members ORDER BY name"))

    def members(self, group: str) -> tuple[str, ...] | None:
        rows = self.rows("SELECT nodes FROM members WHERE name = ?", group)
        return split_names(rows[0][0]) if rows else None


def split_names(text: str) -> tuple[str, ...]:
    """Names as a group's row holds them."""
    return tuple(text.split("\n")) if text else ()


_Row = tuple[str, str, str, int, int, int]
"""Name, attributes, places, number of the file, line and column."""


class Shelf(Mapping[str, Definition]):
    """The objects of a type, made when they are asked for. The last ones are kept; where names are asked for in their order, those that
    will be next are read ahead."""

    def __init__(self, stock: Compiled, name: str) -> None:
        self._stock = stock
        self._name = name
        self._kept: dict[str, Definition] = {}
        self._absent: set[str] = set()
        self._ahead: dict[str, _Row] = {}
        self._step = 1
        self._last = ""
        self._asked = 0
        self._names: tuple[str, ...] | None = None
        self._all: frozenset[str] | None = None

    def __getitem__(self, name: str) -> Definition:
        found = self._kept.get(name)
        if found is None:
            if name in self._absent:
                raise KeyError(name)
            row = self._ahead.get(name) or self._read(name)
            if len(self._kept) + len(self._absent) >= _KEPT:
                self._kept, self._absent = {}, set()
            if row is None:
                self._absent.add(name)
                raise KeyError(name)
            # Whoever comes first, when two threads ask.
            found = self._kept.setdefault(name, self._made(row))
        return found

    def _read(self, name: str) -> _Row | None:
        """The row of an object, and where names come in their order the rows of those behind it."""
        self._step = min(self._step * 2, _AT_ONCE) if name > self._last else 1
        rows = self._rows_from(name, self._step)
        ahead = {row[0]: row for row in rows}
        self._ahead = ahead
        self._last = rows[-1][0] if rows else name
        return ahead.get(name)

    def _rows_from(self, name: str, number: int) -> list[_Row]:
        question = f"{_OBJECTS} WHERE shelf = ? AND name >= ? ORDER BY name LIMIT {number}"
        return self._stock.rows(question, self._name, name)

    def _made(self, row: _Row) -> Definition:
        name, attributes, places, file, line, col = row
        values = MappingProxyType(_decoded(attributes)[0])
        origin = Origin(self._stock.files[file], line, col, _Places(places, values))
        return make("node" if self._name == XCATDEFAULTS else self._name, name, values, origin)

    def __contains__(self, name: object) -> bool:
        if name in self._kept:
            return True
        if self._all is None:
            self._asked += 1
            if self._asked <= _MANY:
                return bool(self._stock.rows("SELECT 1 FROM object WHERE shelf = ? AND name = ?", self._name, name))
            self._all = frozenset(self)
        return name in self._all

    def __iter__(self) -> Iterator[str]:
        if self._names is None:
            rows = self._stock.rows("SELECT name FROM object WHERE shelf = ? ORDER BY name", self._name)
            self._names = tuple(name for (name,) in rows)
        return iter(self._names)

    def __len__(self) -> int:
        if self._names is not None:
            return len(self._names)
        ((count,),) = self._stock.rows("SELECT count(*) FROM object WHERE shelf = ?", self._name)
        return int(count)

    def each(self) -> Iterator[Definition]:
        """All objects in order of names, none of them kept."""
        rows = self._rows_from("", _AT_ONCE)
        while rows:
            last = rows[-1][0]
            for row in rows:
                yield self._kept.get(row[0]) or self._made(row)
            rows = self._rows_from(f"{last}\0", _AT_ONCE)

    def values(self) -> ValuesView[Definition]:
        return _Values(self)

    def items(self) -> ItemsView[str, Definition]:
        return _Items(self)


class _Values(ValuesView[Definition]):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self._shelf = shelf

    def __iter__(self) -> Iterator[Definition]:
        return self._shelf.each()


class _Items(ItemsView[str, Definition]):
    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf)
        self._shelf = shelf

    def __iter__(self) -> Iterator[tuple[str, Definition]]:
        return ((item.name, item) for item in self._shelf.each())
