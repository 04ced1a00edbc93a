"""One file of definitions, read: its bytes, and what they say by themselves."""

from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import InvalidInput, Problem
from xcatflow.load.definitions import parse_inventory
from xcatflow.load.draft import Draft
from xcatflow.load.text import decoded, read_content


@dataclass(frozen=True, slots=True)
class InventoryFile:
    """A file as it was read; `name` is the file's in messages. `drafts` and `problems` come from its bytes alone."""

    path: Path
    name: str
    content: bytes
    drafts: tuple[Draft, ...]
    problems: tuple[Problem, ...]


def read_file(path: Path, name: str) -> InventoryFile:
    """The file as it is now."""
    try:
        return parsed(path, name, read_content(path, name))
    except InvalidInput as error:
        return InventoryFile(path, name, b"", (), error.problems)


def parsed(path: Path, name: str, content: bytes) -> InventoryFile:
    """The file with this content."""
    try:
        drafts, problems = parse_inventory(decoded(content, name), path, name)
    except InvalidInput as error:
        return InventoryFile(path, name, content, (), error.problems)
    return InventoryFile(path, name, content, drafts, problems)
