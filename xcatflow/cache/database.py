"""The SQLite database that an inventory is compiled into: objects by name, the nodes of each group, and the files it was made of.

It is in memory; what the cache keeps in its file is the same, byte for byte.
"""

import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Mapping

from xcatflow.model.objects import Definition
from xcatflow.model.stock import Stock, shelf_of

FORMAT = "2"
"""Changes with the tables below."""

_SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE file (number INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, digest BLOB NOT NULL);
CREATE TABLE form (number INTEGER PRIMARY KEY, attributes TEXT NOT NULL UNIQUE);
CREATE TABLE object (
    shelf TEXT NOT NULL, name TEXT NOT NULL, file INTEGER NOT NULL, line INTEGER NOT NULL, col INTEGER NOT NULL,
    place INTEGER NOT NULL, form INTEGER NOT NULL, content TEXT NOT NULL, places TEXT NOT NULL,
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


Forms = Mapping[int, tuple[str, ...]]
"""The attributes that objects have, by number. Most objects have the same ones as others: the names stand here once, and the values in
the objects' rows, in the same order."""


def put_objects(database: sqlite3.Connection, objects: Iterable[Definition]) -> None:
    """Add objects; their files are noted already."""
    files = {name: number for number, name in files_of(database).items()}
    forms = {names: number for number, names in forms_of(database).items()}
    rows: list[tuple[str | int, ...]] = []
    for place, item in enumerate(objects):
        attributes, origin = item.attributes, item.origin
        names = tuple(attributes)
        if names not in forms:
            forms[names] = len(forms) + 1
            database.execute("INSERT INTO form VALUES (?, ?)", (forms[names], _encoded(names)))
        content, places = _encoded(tuple(attributes.values())), _encoded(_few(origin.places, names))
        where = (files[origin.file], origin.line, origin.col, place)
        rows.append((shelf_of(item), item.name, *where, forms[names], content, places))
    database.executemany("INSERT INTO object VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


_encoded = json.JSONEncoder(separators=(",", ":")).encode
_decoded = json.JSONDecoder().raw_decode


def _few(places: Mapping[str, tuple[int, int]], names: tuple[str, ...]) -> object:
    """The places of attributes in few numbers: those of the first one, where the others stand below it; else all, without the names
    where they are those of the attributes."""
    if tuple(places) != names:
        return dict(places)
    if len(names) > 2:
        line, col = places[names[0]]
        if all(at == (line + below, col) for below, at in enumerate(places.values())):
            return line, col
    return [number for at in places.values() for number in at]


def forms_of(database: sqlite3.Connection) -> Forms:
    """All forms."""
    return {
        number: tuple(_decoded(text)[0]) for number, text in database.execute("SELECT number, attributes FROM form")
    }


def attributes_in(content: str, names: Iterable[str]) -> dict[str, str]:
    """The attributes of an object that has these ones, from its row."""
    return dict(zip(names, _decoded(content)[0], strict=True))


def places_in(text: str, names: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """The places of its attributes, from its row."""
    found = _decoded(text)[0]
    if isinstance(found, dict):
        return {attribute: (line, col) for attribute, (line, col) in found.items()}
    if len(found) == 2 < len(names):
        return {name: (found[0] + below, found[1]) for below, name in enumerate(names)}
    return dict(zip(names, zip(found[::2], found[1::2], strict=True), strict=True))


def objects_in(database: sqlite3.Connection, files: Collection[str] | None = None) -> dict[Key, dict[str, str]]:
    """The attributes of all objects, or of those that stand in these files."""
    question, numbers, forms = "SELECT shelf, name, content, form FROM object", [], forms_of(database)
    if files is not None:
        numbers = [number for number, name in files_of(database).items() if name in files]
        question += f" WHERE file IN ({','.join('?' * len(numbers))})"
    rows = database.execute(question, numbers)
    return {(shelf, name): attributes_in(content, forms[form]) for shelf, name, content, form in rows}


def groups_in(database: sqlite3.Connection) -> list[tuple[str, dict[str, str], str]]:
    """Name, attributes and file of all groups, in the order in which they are read."""
    files, forms = files_of(database), forms_of(database)
    rows = database.execute("SELECT name, content, form, file, place FROM object WHERE shelf = 'group'").fetchall()
    rows.sort(key=lambda row: (as_read(files[row[3]]), row[4]))
    return [(name, attributes_in(content, forms[form]), files[number]) for name, content, form, number, _ in rows]


# --- the nodes of groups ---


def joined(names: Iterable[str]) -> str:
    """The nodes of a group, as its row holds them."""
    return "\n".join(names)


def split(text: str) -> tuple[str, ...]:
    """The nodes in a group's row."""
    return tuple(text.split("\n")) if text else ()


def move_members(
    database: sqlite3.Connection, group: str, left: Collection[str], came: Collection[str], *, static: bool
) -> None:
    """Let nodes leave a group and others come. A group that nobody is in is none, unless it is defined as a `static` one."""
    row = database.execute("SELECT nodes FROM members WHERE name = ?", (group,)).fetchone()
    names = split(row[0]) if row else ()
    if left or came:
        names = tuple(sorted({*names} - {*left} | {*came}))
    if names or static:
        database.execute("INSERT OR REPLACE INTO members VALUES (?, ?)", (group, joined(names)))
    else:
        database.execute("DELETE FROM members WHERE name = ?", (group,))
