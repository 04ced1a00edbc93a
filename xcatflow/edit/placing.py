"""Which file a new object goes to."""

import os
from collections.abc import Sequence
from pathlib import Path

from xcatflow.errors import InvalidInput

_SUFFIXES = (".stanza", ".yaml", ".yml")


def place_of(objtype: str, files: Sequence[str]) -> str:
    """The last of the files that have an object of this type; without one the stanza file called like the type."""
    if files:
        return files[-1]
    match objtype:
        case "site":
            plural = "site"
        case "policy":
            plural = "policies"
        case _:
            plural = f"{objtype}s"
    return f"inventory/{plural}.stanza"


def named_file(root: Path, file: str) -> str:
    """The name of the file that is meant by `file`: relative to the site at `root`, below its inventory. Raises InvalidInput."""
    path = Path(os.path.normpath(root / file))
    inventory = root / "inventory"
    hidden = path.is_relative_to(inventory) and any(part.startswith(".") for part in path.relative_to(inventory).parts)
    linked = any(
        parent.is_symlink() for parent in path.parents if parent.is_relative_to(inventory) and parent != inventory
    )
    if not path.is_relative_to(inventory) or path.suffix not in _SUFFIXES or hidden or linked:
        raise InvalidInput(
            f'expected a file of definitions such as inventory/nodes.stanza or inventory/nodes.yaml, found "{file}"'
        )
    return str(path.relative_to(root))
