"""One file of definitions, read: its bytes, and what they say by themselves."""

from dataclasses import dataclass
from pathlib import Path

from xcatflow.errors import InvalidInput, Problem
from xcatflow.load.draft import Draft
from xcatflow.load.normal import normalised
from xcatflow.load.stanza import parse_stanzas
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
    content = b""
    try:
        content = read_content(path, name)
        drafts, problems = parse_inventory(decoded(content, name), path, name)
    except InvalidInput as error:
        drafts, problems = (), error.problems
    return InventoryFile(path, name, content, drafts, problems)


def parse_inventory(text: str, path: Path, name: str) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    """The objects in the text of one file, with their own attribute names, and what is wrong with it; `name` is the file's in messages.
    Depends on nothing but the text. Raises InvalidInput where it is no YAML."""
    drafts, problems = _parse(text, path, name)
    drafts, more = normalised(drafts)
    return drafts, (*problems, *more)


def _parse(text: str, path: Path, name: str) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    if path.suffix == ".stanza":
        return parse_stanzas(text, name)
    # Only sites with YAML files pay for the YAML library.
    from xcatflow.load.yaml_definitions import parse_definitions
    from xcatflow.load.yaml_text import parse_yaml

    return parse_definitions(parse_yaml(text, path, name=name))
