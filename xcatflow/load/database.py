"""The SQLite database that an inventory is compiled into: objects by name, the nodes of each group, and the files it was made of.

It is in memory; what the cache keeps in its file is the same, byte for byte.
"""

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping

from xcatflow.model.objects import Definition
from xcatflow.model.stock import Stock, shelf_of

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

Key = tuple[str, str]
"""Shelf and name."""


def empty() -> sqlite3.Connection:
    """A database without tables, to be filled with the image of another one."""
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def compiled(
    objects: Iterable[Definition], stock: Stock, digests: Mapping[str, bytes], about: Mapping[str, str]
) -> sqlite3.Connection:
    """A database of objects, those of one file in the order in which they stand there, and of `stock`, which has the same ones;
    `digests` has their files by name, `about` says what else the database is to be known by. Raises UnicodeEncodeError for names that are
    no texts."""
    database = empty()
    database.executescript(_SCHEMA)
    database.execute("BEGIN")
    database.executemany("INSERT INTO about VALUES (?, ?)", about.items())
    put_files(database, digests)
    put_objects(database, objects)
    members = ((name, joined(stock.members(name) or ())) for name in stock.group_names)
    database.executemany("INSERT INTO members VALUES (?, ?)", members)
    database.execute("COMMIT")
    return database


# --- files ---


def put_files(database: sqlite3.Connection, digests: Mapping[str, bytes]) -> None:
    """Note files, or that they have changed."""
    database.executemany(
        "INSERT INTO file (name, digest) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET digest = excluded.digest",
        ((os.fsencode(name), digest) for name, digest in digests.items()),
    )


def digests_of(database: sqlite3.Connection) -> dict[str, bytes]:
    """The files that the database was made of, with their digests. They are kept as the bytes that their names are: these need not be
    texts."""
    return {os.fsdecode(name): digest for name, digest in database.execute("SELECT name, digest FROM file")}


def files_of(database: sqlite3.Connection) -> dict[int, str]:
    """The files by the numbers that objects have for them."""
    return {number: os.fsdecode(name) for number, name in database.execute("SELECT number, name FROM file")}


def files_with(database: sqlite3.Connection, shelves: Collection[str]) -> list[str]:
    """The files with objects of these shelves, in the order in which they are read."""
    marks = ",".join("?" * len(shelves))
    names = files_of(database)
    rows = database.execute(f"SELECT DISTINCT file FROM object WHERE shelf IN ({marks})", tuple(shelves))
    return sorted((names[number] for (number,) in rows), key=as_read)


def as_read(name: str) -> list[str]:
    """What the names of files are sorted by, so that they come in the order in which they are read."""
    return name.split("/")


# --- objects ---


def put_objects(database: sqlite3.Connection, objects: Iterable[Definition]) -> None:
    """Add objects; their files are noted already."""
    numbers = {name: number for number, name in files_of(database).items()}
    rows = (_row(item, numbers[item.origin.file], place) for place, item in enumerate(objects))
    database.executemany("INSERT INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)


_encoded = json.JSONEncoder(separators=(",", ":")).encode
_decoded = json.JSONDecoder().raw_decode


def _row(item: Definition, file: int, place: int) -> tuple[str, str, int, int, int, int, str, str]:
    origin, attributes = item.origin, dict(item.attributes)
    places: object = origin.places
    if list(origin.places) == list(attributes):
        # The usual case: half the text.
        places = [number for at in origin.places.values() for number in at]
    return shelf_of(item), item.name, file, origin.line, origin.col, place, _encoded(attributes), _encoded(places)


def attributes_in(text: str) -> dict[str, str]:
    """The attributes in an object's row."""
    found: dict[str, str] = _decoded(text)[0]
    return found


def places_in(text: str, attributes: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The places in the row of an object with these attributes."""
    found = _decoded(text)[0]
    if isinstance(found, list):
        return dict(zip(attributes, zip(found[::2], found[1::2], strict=True), strict=True))
    return {attribute: (line, col) for attribute, (line, col) in found.items()}


def objects_in(database: sqlite3.Connection, files: Collection[str] | None = None) -> dict[Key, dict[str, str]]:
    """The attributes of all objects, or of those that stand in these files."""
    question, numbers = "SELECT shelf, name, attributes FROM object", []
    if files is not None:
        numbers = [number for number, name in files_of(database).items() if name in files]
        question += f" WHERE file IN ({','.join('?' * len(numbers))})"
    return {(shelf, name): attributes_in(text) for shelf, name, text in database.execute(question, numbers)}


def groups_in(database: sqlite3.Connection) -> list[tuple[str, dict[str, str], str]]:
    """Name, attributes and file of all groups, in the order in which they are read."""
    files = files_of(database)
    rows = database.execute("SELECT name, attributes, file, place FROM object WHERE shelf = 'group'").fetchall()
    rows.sort(key=lambda row: (as_read(files[row[2]]), row[3]))
    return [(name, attributes_in(text), files[number]) for name, text, number, _ in rows]


# --- the nodes of groups ---


def joined(names: Iterable[str]) -> str:
    """The nodes of a group, as its row holds them."""
    return "\n".join(names)


def split(text: str) -> tuple[str, ...]:
    """The nodes in a group's row."""
    return tuple(text.split("\n")) if text else ()


def move_members(database: sqlite3.Connection, group: str, left: Collection[str], came: Collection[str]) -> None:
    """Let nodes leave a group and others come; a group that nobody is in and nobody defines is none."""
    row = database.execute("SELECT nodes FROM members WHERE name = ?", (group,)).fetchone()
    names = split(row[0]) if row else ()
    if left or came:
        names = tuple(sorted({*names} - {*left} | {*came}))
    found = database.execute("SELECT attributes FROM object WHERE shelf = 'group' AND name = ?", (group,)).fetchone()
    static = found is not None and attributes_in(found[0]).get("grouptype") != "dynamic"
    if names or static:
        database.execute("INSERT OR REPLACE INTO members VALUES (?, ?)", (group, joined(names)))
    else:
        database.execute("DELETE FROM members WHERE name = ?", (group,))
