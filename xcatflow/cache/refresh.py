"""A compiled inventory brought up to date when some of its files have changed: only these are read, only what they can affect is checked.

What comes out is what reading everything would give, complaints included. Where a change reaches further than that (an object defined
twice, groups that list their members themselves) everything has to be read.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from xcatflow.cache.compiled import Compiled
from xcatflow.cache.database import Key, as_read, files_of, groups_in, move_members, objects_in, put_files, put_objects
from xcatflow.errors import InvalidInput, Problem
from xcatflow.load.definitions import build_object, enlisted, flaws, in_order, listed_members
from xcatflow.load.draft import Draft
from xcatflow.load.files import digest
from xcatflow.load.inventory_file import InventoryFile
from xcatflow.model.cross_checks import check_definitions
from xcatflow.model.definitions import XCATDEFAULTS, Definition, Definitions, Group
from xcatflow.model.stock import Stock, shelf_for, shelf_of
from xcatflow.model.values import split_list

_Rosters = tuple[tuple[str, tuple[str, ...]], ...]
"""Groups with the members that they list themselves, in the order in which they are read."""

_Attributes = Mapping[Key, Mapping[str, str]]
"""What the objects of the files have, by shelf and name."""


class ReadAllError(Exception):
    """The change reaches further than its files."""


def refresh(database: sqlite3.Connection, files: Sequence[InventoryFile], gone: Collection[str]) -> None:
    """Bring `database` up to date with `files`, those that are new or have changed, and without those in `gone`.

    Raises InvalidInput with every problem, or ReadAllError; the database is of no use then.
    """
    touched = {file.name for file in files} | set(gone)
    old = objects_in(database, touched)
    drafts = tuple(draft for file in files for draft in file.drafts)
    problems = [problem for file in files for problem in file.problems]
    _refuse_twice(database, drafts, old)
    rosters = _rosters(database, drafts, touched)
    _refuse_lost(rosters, drafts, old)
    new = tuple(_built(drafts, rosters, problems))
    if problems:
        raise InvalidInput(in_order(problems))
    _replace(database, files, gone, new)
    stock = Compiled(database)
    now = {(shelf_of(item), item.name): item.attributes for item in new}
    _move_members(database, stock, old, now)
    if errors := check_definitions(Definitions(stock=stock), _affected(stock, old, now)):
        raise InvalidInput(in_order(errors))


def _refuse_twice(database: sqlite3.Connection, drafts: Iterable[Draft], old: Collection[Key]) -> None:
    seen: set[Key] = set()
    for draft in drafts:
        key = (shelf_for(draft.objtype, draft.name), draft.name)
        there = key not in old and database.execute("SELECT 1 FROM object WHERE shelf = ? AND name = ?", key).fetchone()
        if there or key in seen:
            raise ReadAllError
        seen.add(key)


def _rosters(database: sqlite3.Connection, drafts: Iterable[Draft], touched: Collection[str]) -> _Rosters:
    """The groups that list their members. Raises ReadAllError where these are not the same as before."""
    before = [(file, name, listed) for name, values, file in groups_in(database) if (listed := listed_members(values))]
    now = [one for one in before if one[0] not in touched] + [
        (draft.file, draft.name, listed)
        for draft in drafts
        if draft.objtype == "group" and (listed := listed_members(draft.values))
    ]
    # Sorting keeps those of one file in their order.
    rosters = tuple((name, listed) for _, name, listed in sorted(now, key=lambda one: as_read(one[0])))
    if rosters != tuple((name, listed) for _, name, listed in before):
        raise ReadAllError
    return rosters


def _refuse_lost(rosters: _Rosters, drafts: Iterable[Draft], old: Iterable[Key]) -> None:
    """Nodes that a group lists have to stay."""
    lost = {name for shelf, name in old if shelf in ("node", XCATDEFAULTS)}
    lost -= {draft.name for draft in drafts if draft.objtype == "node"}
    if lost and any(not lost.isdisjoint(listed) for _, listed in rosters):
        raise ReadAllError


def _built(drafts: Iterable[Draft], rosters: _Rosters, problems: list[Problem]) -> Iterator[Definition]:
    listing: dict[str, list[str]] = {}
    for group, listed in rosters:
        for name in listed:
            listing.setdefault(name, []).append(group)
    for draft in drafts:
        groups = listing.get(draft.name, ()) if draft.objtype == "node" else ()
        match build_object(enlisted(draft, groups) if groups else draft):
            case Definition() as made:
                problems += flaws(made, draft)
                yield made
            case wrong:
                problems += wrong


def _replace(
    database: sqlite3.Connection, files: Iterable[InventoryFile], gone: Iterable[str], new: Iterable[Definition]
) -> None:
    """Put the new objects in the place of those that stood in the files."""
    database.execute("BEGIN")
    put_files(database, {file.name: digest(file.content) for file in files})
    numbers = {name: number for number, name in files_of(database).items()}
    left = [(numbers[name],) for name in gone]
    database.executemany("DELETE FROM object WHERE file = ?", [*((numbers[file.name],) for file in files), *left])
    database.executemany("DELETE FROM file WHERE number = ?", left)
    put_objects(database, new)
    database.execute("COMMIT")


def _move_members(database: sqlite3.Connection, stock: Stock, old: _Attributes, now: _Attributes) -> None:
    """Let the nodes of each group follow."""
    leaving: dict[str, set[str]] = {}
    coming: dict[str, set[str]] = {}
    for moves, objects in ((leaving, old), (coming, now)):
        for (shelf, name), attributes in objects.items():
            if shelf == "node":
                for group in split_list(attributes.get("groups", "")):
                    moves.setdefault(group, set()).add(name)
    defined = {name for shelf, name in (*old, *now) if shelf == "group"}
    groups = dict.fromkeys((*leaving, *coming, *defined))
    for group in groups:
        left, came = leaving.get(group, set()), coming.get(group, set())
        if left != came or group in defined:
            there = stock.shelf("group").get(group)
            static = isinstance(there, Group) and not there.dynamic
            move_members(database, group, left - came, came - left, static=static)


def _affected(stock: Stock, old: _Attributes, now: _Attributes) -> Iterable[str] | None:
    """The nodes that may break a rule now: those that are new, and those whose groups have changed. None for all, where the site's own
    attributes have."""
    changed = [key for key in {**old, **now} if old.get(key) != now.get(key)]
    if any(shelf == "site" for shelf, _ in changed):
        return None
    nodes = {name for shelf, name in now if shelf == "node"}
    for shelf, name in changed:
        if shelf == "group":
            nodes.update(stock.members(name) or ())
    return sorted(nodes)
