"""Changing a site's definitions: one writer at a time, all files or none, every file whole, nothing written that is not valid.

with editing(root) as held:
    held.write([Write("node", "c21", {"ip": "10.20.0.21"})])
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.load.change import ObjectChange
from xcatflow.load.definitions import Assembly, assemble, inventory_files, parse_inventory
from xcatflow.load.draft import Draft
from xcatflow.load.edit_plan import Plan, changes, planned
from xcatflow.load.locking import definitions_locked
from xcatflow.load.placing import named_file, place_of
from xcatflow.load.replace_files import Replacement, remove_leftovers, replace_files
from xcatflow.load.stanza_edit import edited_stanzas
from xcatflow.load.text import decoded, shown_name
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Edit

PATIENCE = 60.0
"""Seconds to wait for another writer."""

_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class InventoryFile:
    """A file as it was read. `drafts` and `problems` come from its bytes alone."""

    path: Path
    name: str
    content: bytes
    drafts: tuple[Draft, ...]
    problems: tuple[Problem, ...]


@contextmanager
def editing(root: Path, *, patience: float = PATIENCE) -> Iterator["Editing"]:
    """The definitions of the site at `root`, held against other writers until the context ends.

    Raises Locked naming the holder when they do not come free within `patience` seconds, InvalidInput when the site's state directory
    cannot be written.
    """
    with definitions_locked(root, patience):
        held = Editing(root)
        try:
            yield held
        finally:
            held.close()


class Editing:
    """Definitions that nobody else changes."""

    def __init__(self, root: Path) -> None:
        """Reads every file. Only for the holder of the lock: others get an `Editing` from `editing`."""
        self._root = root
        self._inventory = root / "inventory"
        paths = tuple(inventory_files(self._inventory))
        linked = {path.resolve().parent for path in paths if path.is_symlink()}
        remove_leftovers({self._inventory, *(path.parent for path in paths), *linked})
        self._files: dict[str, InventoryFile] = {}
        for path in paths:
            file = _read(path, root)
            self._files[file.name] = file
        self._assembly: Assembly | None = None
        self._open = True

    @property
    def definitions(self) -> Definitions:
        """All definitions, as they are after the last write. Raises InvalidInput with every problem."""
        return self._assembled().definitions

    def write(self, edits: Sequence[Edit], *, file: str = "") -> None:
        """Carry out edits, all or none; `definitions` are the new ones then. A NIC attribute may be given whole (`nicips`) or adapter by
        adapter (`nicips.eth1`). Who is in a group, the nodes' `groups` say; lists of members in files follow them.

        New objects go to the end of `file` (relative to the site), without one to the last file that has an object of their type,
        else to `inventory/TYPEs.stanza` (`nodes`, `groups`, `osimages`, `policies`, ...; `site`), made with the usual first line.

        Raises InvalidInput, nothing written, when what comes out is not valid, a file was changed meanwhile or cannot be written.
        """
        if not self._open:
            raise RuntimeError("the definitions are not held any more")
        old = self._assembled()
        plan = planned(old.parts, edits)
        files = dict(self._files)
        replacements: list[Replacement] = []
        for name, todo in self._by_file(changes(plan), file).items():
            known = self._files.get(name)
            before = known.content if known else b""
            path = known.path if known else self._root / name
            new_file = _edited(path, before, todo, name)
            if known is None or new_file.content != before:
                replacements.append(Replacement(path, name, known.content if known else None, new_file.content))
                files[name] = new_file
        if not replacements:
            return
        files = {name: files[name] for name in sorted(files, key=lambda name: files[name].path)}
        new = _assemble(files, old, {one.name for one in replacements})
        _verify(plan, old, new, {one.name for one in replacements})
        replace_files(replacements)
        self._files, self._assembly = files, new

    def close(self) -> None:
        """Let nothing be written any more."""
        self._open = False

    def _assembled(self) -> Assembly:
        if self._assembly is None:
            self._assembly = _assemble(self._files, None, set())
        return self._assembly

    def _by_file(self, todo: Iterable[ObjectChange], file: str) -> dict[str, list[ObjectChange]]:
        """The changes by the file they belong to."""
        parts = self._assembled().parts
        found: dict[str, list[ObjectChange]] = {}
        chosen = named_file(self._root, file) if file else ""
        places: dict[str, str] = {}
        for change in todo:
            if change.old:
                name = parts[change.objtype, change.old][0].file
            elif chosen:
                name = chosen
            else:
                if change.objtype not in places:
                    places[change.objtype] = place_of(change.objtype, self._files.values())
                name = places[change.objtype]
            found.setdefault(name, []).append(change)
        return found


def _read(path: Path, root: Path) -> InventoryFile:
    name = shown_name(path, root)
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return InventoryFile(path, name, b"", (), (Problem(f"cannot be read: {reason}", Source(name)),))
    return _parsed(path, name, content)


def _parsed(path: Path, name: str, content: bytes) -> InventoryFile:
    try:
        drafts, problems = parse_inventory(decoded(content, name), path, name)
    except InvalidInput as error:
        return InventoryFile(path, name, content, (), error.problems)
    return InventoryFile(path, name, content, drafts, problems)


def _assemble(files: Mapping[str, InventoryFile], earlier: Assembly | None, changed: Iterable[str]) -> Assembly:
    """Definitions of files. What is wrong in changed files is said without a line: nobody has seen that text."""
    drafts = [draft for file in files.values() for draft in file.drafts]
    problems = [problem for file in files.values() for problem in file.problems]
    try:
        return assemble(drafts, problems, earlier)
    except InvalidInput as error:
        unseen = set(changed)
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
        from xcatflow.load.yaml_edit import edited_yaml

        text, drafts = edited_yaml(text, path, todo, name)
        problems = ()
    try:
        return InventoryFile(path, name, (mark + text).encode(), drafts, problems)
    except UnicodeEncodeError as error:
        raise InvalidInput(f"expected text, found {error.object[error.start : error.end]!a}", Source(name)) from None


def _verify(plan: Plan, old: Assembly, new: Assembly, files: Iterable[str]) -> None:
    """Raise unless the new texts say what was wanted, and nothing else: the last guard before anything is written."""
    wanted = {key: part[1].values for key, part in old.parts.items() if key not in plan.gone} | plan.values
    wrong = [key for key, values in wanted.items() if key not in new.parts or new.parts[key][1].values != values]
    wrong += [key for key in new.parts if key not in wanted]
    if wrong:
        names = ", ".join(f'{objtype} "{name}"' for objtype, name in wrong[:3])
        raise InvalidInput(f"cannot change {names} in {', '.join(sorted(files))}, nothing was written: edit it by hand")
