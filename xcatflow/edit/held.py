"""An inventory as somebody holds it who changes it: the definitions, and what the files themselves say of the objects that are touched."""

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from xcatflow.cache.compiled import Compiled
from xcatflow.cache.database import as_read, compiled, digests_of, empty, files_with, groups_in, objects_in
from xcatflow.cache.file import CacheFile, about
from xcatflow.cache.inventory import load_inventory
from xcatflow.cache.refresh import ReadAllError, refresh
from xcatflow.edit.change import Key
from xcatflow.edit.replace_files import CHANGED
from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.load.definitions import assemble_files
from xcatflow.load.draft import Draft
from xcatflow.load.files import digest
from xcatflow.load.inventory_file import InventoryFile, read_file
from xcatflow.model.definitions import Definition, Definitions
from xcatflow.model.site import STATE
from xcatflow.model.stock import XCATDEFAULTS, shelf_for


class Held:
    """A state of an inventory. A file is read when an object in it is touched."""

    def __init__(
        self,
        root: Path,
        database: sqlite3.Connection,
        files: Iterable[InventoryFile] = (),
        touched: Collection[str] | None = None,
    ) -> None:
        """`database` stays as it is; `files` are those that were read already. `touched` names the files in which objects may be others
        than in the state before; None for all."""
        self._root = root
        self._database = database
        self._stock = Compiled(database)
        self._digests = digests_of(database)
        self._files = {file.name: file for file in files}
        self._drafts: dict[str, Mapping[Key, Draft]] = {}
        self._touched = touched
        self.definitions = Definitions(stock=self._stock)

    @classmethod
    def load(cls, root: Path) -> "Held":
        """The inventory of the site at `root` as it is now. Raises InvalidInput with every problem."""
        database = load_inventory(root / "inventory").database
        if database is None:
            raise InvalidInput("the definitions cannot be changed: expected texts as names, found other characters")
        return cls(root, database)

    # --- objects ---

    def values(self, key: Key) -> Mapping[str, str] | None:
        """What an object has, the groups that list it among it; None where there is no such object."""
        item = self._item(key)
        return None if item is None else item.attributes

    def own(self, key: Key) -> Mapping[str, str]:
        """What an object's file says that it has. Raises KeyError; InvalidInput when the file has changed meanwhile."""
        name = self.file_of(key)
        if name not in self._drafts:
            file = self.file(name)
            assert file is not None
            self._drafts[name] = {draft.key: draft for draft in file.drafts}
        return self._drafts[name][key].values

    def file_of(self, key: Key) -> str:
        """The file that an object stands in. Raises KeyError."""
        item = self._item(key)
        if item is None:
            raise KeyError(key)
        return item.origin.file

    def groups(self) -> tuple[Key, ...]:
        """The groups, in the order in which they are read."""
        return tuple(("group", name) for name, _, _ in groups_in(self._database))

    def names(self, objtype: str) -> tuple[str, ...]:
        """The names of the objects of a type."""
        more = [XCATDEFAULTS] if objtype == "node" and self.values(("node", XCATDEFAULTS)) is not None else []
        return (*self._stock.shelf(objtype), *more)

    def members(self, group: str) -> tuple[str, ...]:
        """The nodes of a group, sorted; none where it is dynamic or there is no such group."""
        return self._stock.members(group) or ()

    def _item(self, key: Key) -> Definition | None:
        return self._stock.shelf(shelf_for(*key)).get(key[1])

    # --- files ---

    def file(self, name: str) -> InventoryFile | None:
        """A file of this state; None where there is none. Raises InvalidInput when it has changed meanwhile."""
        if name not in self._digests:
            return None
        if name not in self._files:
            file = read_file(self._root / name, name)
            if digest(file.content) != self._digests[name]:
                raise InvalidInput(Problem(CHANGED, Source(name)))
            self._files[name] = file
        return self._files[name]

    def files_with(self, objtype: str) -> list[str]:
        """The files that have objects of a type, in the order in which they are read."""
        shelves = (objtype, XCATDEFAULTS) if objtype == "node" else (objtype,)
        return files_with(self._database, shelves)

    # --- other states ---

    def after(self, files: Sequence[InventoryFile]) -> "Held":
        """The state with these files, new ones or others in their place. Raises InvalidInput with every problem."""
        database = empty()
        self._database.backup(database)
        touched: Collection[str] | None = {file.name for file in files}
        try:
            refresh(database, files, ())
        except (ReadAllError, sqlite3.Error):
            touched, database = None, self._read_all(files)
        return Held(self._root, database, (self._files | {file.name: file for file in files}).values(), touched)

    def _read_all(self, files: Iterable[InventoryFile]) -> sqlite3.Connection:
        found = {name: self.file(name) for name in self._digests} | {file.name: file for file in files}
        read = [file for _, file in sorted(found.items(), key=lambda item: as_read(item[0])) if file is not None]
        assembly, digests = assemble_files(read)
        return compiled(assembly.objects, assembly.stock, digests, about())

    def differences(self, before: "Held", wanted: Mapping[Key, Mapping[str, str]], gone: Collection[Key]) -> list[Key]:
        """The objects that are not what they were `before`, or, for those in it, what is `wanted`; those in `gone` have to be so."""
        left = {(shelf_for(*key), key[1]) for key in gone}
        found = objects_in(self._database, self._touched)
        expected: dict[Key, Mapping[str, str]] = {
            key: values for key, values in objects_in(before._database, self._touched).items() if key not in left
        }
        for key, values in wanted.items():
            shelved = (shelf_for(*key), key[1])
            expected[shelved] = values
            if shelved not in found and (there := self.values(key)) is not None:
                found[shelved] = dict(there)
        return sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))

    def keep(self) -> None:
        """Let the next reader find it compiled."""
        CacheFile(self._root / STATE).write(self._database)
