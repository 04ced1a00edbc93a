"""Definitions over the database of a compiled inventory: looking up one of a hundred thousand nodes makes one object."""

import sqlite3
import threading
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from xcatflow.cache.database import attributes_in, files_of, forms_of, places_in, split
from xcatflow.model.objects import Definition, Origin, make
from xcatflow.model.stock import XCATDEFAULTS

_OBJECTS = "SELECT name, form, content, places, file, line, col FROM object"
_AT_ONCE = 1000
"""Rows read in one go, so that nobody else waits long."""

_KEPT = 4096
"""Objects kept at most, and names of which it is known that there is none."""

_MANY = 500
"""Names asked for one by one, after which all are read at once."""


@dataclass(slots=True, eq=False)
class _Places(Mapping[str, tuple[int, int]]):
    """The places of an object's attributes, read when somebody asks: few do."""

    text: str
    attributes: tuple[str, ...]
    _read: Mapping[str, tuple[int, int]] | None = field(default=None, init=False)

    def _all(self) -> Mapping[str, tuple[int, int]]:
        if self._read is None:
            self._read = places_in(self.text, self.attributes)
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
        self.files = files_of(database)
        self.forms = forms_of(database)

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
        return split(rows[0][0]) if rows else None


_Row = tuple[str, int, str, str, int, int, int]
"""Name, form, content, places, number of the file, line and column."""


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
        name, form, content, places, file, line, col = row
        names = self._stock.forms[form]
        values = MappingProxyType(attributes_in(content, names))
        origin = Origin(self._stock.files[file], line, col, _Places(places, names))
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
