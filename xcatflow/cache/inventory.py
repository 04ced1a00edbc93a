"""The definitions of a site by way of the cache: whatever it holds, what comes out is what the files say now.

Every file is read and its digest compared, each time. What is needed to read definitions anew is imported when that has to be done.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xcatflow.cache.compiled import Compiled
from xcatflow.cache.database import compiled, digests_of
from xcatflow.cache.file import CacheFile, about
from xcatflow.load.files import digest_of, inventory_files
from xcatflow.load.text import shown_name
from xcatflow.model.definitions import Definitions
from xcatflow.model.site import STATE


@dataclass(frozen=True, slots=True)
class Inventory:
    """The definitions of a site. `database` is the compiled form they come from or gave, None where they cannot be compiled."""

    directory: Path
    definitions: Definitions
    database: sqlite3.Connection | None


def load_inventory(directory: Path) -> Inventory:
    """All definitions below `directory`, that of the site; messages name files relative to the site.

    Raises InvalidInput with every problem found.
    """
    cache = CacheFile(directory.parent / STATE)
    database = cache.read()
    if database is not None:
        from_cache = _up_to_date(directory, database, cache)
        if from_cache is not None:
            return from_cache
    return _read_all(directory, cache)


def _up_to_date(directory: Path, database: sqlite3.Connection, cache: CacheFile) -> Inventory | None:
    """What the cache holds, refreshed where files have changed; None where everything has to be read."""
    paths = {shown_name(path, directory.parent): path for path in inventory_files(directory)}
    digests = {name: digest_of(path) for name, path in paths.items()}
    known = digests_of(database)
    if digests != known:
        changed = {name: paths[name] for name, now in digests.items() if now != known.get(name)}
        if not _refreshed(database, changed, known.keys() - digests.keys()):
            return None
        cache.write(database)
    return Inventory(directory, Definitions(stock=Compiled(database)), database)


def _refreshed(database: sqlite3.Connection, changed: Mapping[str, Path], gone: set[str]) -> bool:
    from xcatflow.cache.refresh import ReadAllError, refresh
    from xcatflow.load.inventory_file import read_file

    try:
        refresh(database, [read_file(path, name) for name, path in changed.items()], gone)
    except (ReadAllError, sqlite3.Error, UnicodeEncodeError):
        return False
    return True


def _read_all(directory: Path, cache: CacheFile) -> Inventory:
    from xcatflow.load.definitions import read_all

    assembly, digests = read_all(directory)
    try:
        database = compiled(assembly.objects, assembly.stock, digests, about())
    except (sqlite3.Error, UnicodeEncodeError):
        return Inventory(directory, assembly.definitions, None)
    cache.write(database)
    return Inventory(directory, assembly.definitions, database)
