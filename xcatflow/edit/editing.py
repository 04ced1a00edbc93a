"""Changing a site's definitions: one writer at a time, all files or none, every file whole, nothing written that is not valid.

with editing(root) as held:
    held.write([Write("node", "c21", {"ip": "10.20.0.21"})])
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xcatflow import locks
from xcatflow.edit.change import ObjectChange
from xcatflow.edit.held import Held
from xcatflow.edit.placing import Places, named_file
from xcatflow.edit.plan import Plan, changes, planned
from xcatflow.edit.replace_files import Replacement, remove_leftovers, replace_files
from xcatflow.edit.stanza_edit import edited_stanzas
from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.load.files import inventory_files
from xcatflow.load.inventory_file import InventoryFile, parse_inventory
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Edit
from xcatflow.model.site import STATE

PATIENCE = 60.0
"""Seconds to wait for another writer."""

_MARK = "\ufeff"
_BUSY = "the definitions are being changed by {}"


@contextmanager
def editing(
    root: Path, *, patience: float = PATIENCE, waits: Callable[[str], None] = lambda _text: None
) -> Iterator["Editing"]:
    """The definitions of the site at `root`, held against other writers until the context ends.

    `waits` is told when that takes a while. Raises Locked naming the holder when they do not come free within `patience` seconds,
    InvalidInput when the site's state directory cannot be written.
    """
    # Runs have NAME.lock beside it, NAME being any workflow.
    lock = locks.held(
        root / STATE / "locks" / "definitions.writer",
        what="the definitions",
        holder=Path(sys.argv[0]).name or "python",
        patience=patience,
        busy=f"{_BUSY}: wait for its end, then try again".format,
        waits=lambda holder: waits(f"{_BUSY}: waiting for its end".format(holder)),
    )
    with lock:
        held = Editing(root)
        try:
            yield held
        finally:
            held.close()


class Editing:
    """Definitions that nobody else changes."""

    def __init__(self, root: Path) -> None:
        """Looks at every file. Only for the holder of the lock: others get an `Editing` from `editing`."""
        self._root = root
        self._inventory = root / "inventory"
        paths = tuple(inventory_files(self._inventory))
        linked = {path.resolve().parent for path in paths if path.is_symlink()}
        remove_leftovers({self._inventory, *(path.parent for path in paths), *linked})
        self._held: Held | InvalidInput
        try:
            self._held = Held.load(root)
        except InvalidInput as error:
            self._held = error
        self._open = True

    @property
    def definitions(self) -> Definitions:
        """All definitions, as they are after the last write. Raises InvalidInput with every problem."""
        return self._state().definitions

    def write(self, edits: Sequence[Edit], *, file: str = "") -> None:
        """Carry out edits, all or none; `definitions` are the new ones then. A NIC attribute may be given whole (`nicips`) or adapter by
        adapter (`nicips.eth1`). Who is in a group, the nodes' `groups` say; lists of members in files follow them.

        New objects go to the end of `file` (relative to the site). Without one a node goes to the file where the last node of its first
        group stands that has any, anything else, and a node without such a group, to the last file that has an object of its type, else
        to `inventory/TYPEs.stanza` (`nodes`, `groups`, `osimages`, `policies`, ...; `site`), made with the usual first line.

        Raises InvalidInput, nothing written, when what comes out is not valid, a file was changed meanwhile or cannot be written.
        """
        if not self._open:
            raise RuntimeError("the definitions are not held any more")
        old = self._state()
        plan = planned(old, edits)
        replacements: list[Replacement] = []
        files: list[InventoryFile] = []
        for name, todo in self._by_file(changes(plan), file).items():
            known = old.file(name)
            before = known.content if known else b""
            path = known.path if known else self._root / name
            new_file = _edited(path, before, todo, name)
            if known is None or new_file.content != before:
                replacements.append(Replacement(path, name, known.content if known else None, new_file.content))
                files.append(new_file)
        if not replacements:
            return
        new = _after(old, files)
        _verify(plan, old, new, [file.name for file in files])
        replace_files(replacements)
        new.keep()
        self._held = new

    def close(self) -> None:
        """Let nothing be written any more."""
        self._open = False

    def _state(self) -> Held:
        if isinstance(self._held, InvalidInput):
            raise self._held
        return self._held

    def _by_file(self, todo: Iterable[ObjectChange], file: str) -> dict[str, list[ObjectChange]]:
        """The changes by the file they belong to."""
        state = self._state()
        found: dict[str, list[ObjectChange]] = {}
        chosen = named_file(self._root, file) if file else ""
        places = Places(state)
        for change in todo:
            if change.old:
                name = state.file_of((change.objtype, change.old))
            else:
                name = chosen or places.of(change.objtype, change.values.get("groups", ""))
            found.setdefault(name, []).append(change)
        return found


def _after(state: Held, files: Sequence[InventoryFile]) -> Held:
    """The state with these files. What is wrong in them is said without a line: nobody has seen that text."""
    try:
        return state.after(files)
    except InvalidInput as error:
        unseen = {file.name for file in files}
        raise InvalidInput(
            dict.fromkeys(
                Problem(problem.message, Source(problem.source.file))
                if problem.source and problem.source.file in unseen
                else problem
                for problem in error.problems
            )
        ) from None


def _edited(path: Path, content: bytes, todo: Sequence[ObjectChange], name: str) -> InventoryFile:
    """The file after the changes, read again."""
    text = content.decode()
    mark = _MARK if text.startswith(_MARK) else ""
    text = text.removeprefix(_MARK)
    if path.suffix == ".stanza":
        text = edited_stanzas(text, todo, name)
        drafts, problems = parse_inventory(text, path, name)
    else:
        # Only sites with YAML files pay for the YAML library.
        from xcatflow.edit.yaml_edit import edited_yaml

        text, drafts = edited_yaml(text, path, todo, name)
        problems = ()
    try:
        return InventoryFile(path, name, (mark + text).encode(), drafts, problems)
    except UnicodeEncodeError as error:
        raise InvalidInput(f"expected text, found {error.object[error.start : error.end]!a}", Source(name)) from None


def _verify(plan: Plan, old: Held, new: Held, files: Iterable[str]) -> None:
    """Raise unless the new texts say what was wanted, and nothing else: the last guard before anything is written."""
    if wrong := new.differences(old, plan.values, plan.gone):
        names = ", ".join(f'{objtype} "{name}"' for objtype, name in wrong[:3])
        raise InvalidInput(f"cannot change {names} in {', '.join(sorted(files))}, nothing was written: edit it by hand")
