"""Which file a new object goes to."""

import os
from functools import cache
from pathlib import Path

from xcatflow.edit.held import Held
from xcatflow.errors import InvalidInput
from xcatflow.load.files import SUFFIXES
from xcatflow.load.sections import section_of
from xcatflow.model.values import split_list


class Places:
    """Finds where new objects go. What was found is kept: very many may be made together."""

    def __init__(self, state: Held) -> None:
        self._state = state
        self._of_group = cache(self._beside_members)
        self._of_type = cache(self._last_with)

    def of(self, objtype: str, groups: str) -> str:
        """Where the last node of the first of a node's `groups` stands that has any; else the last of the files that have an object of
        this type; without one the stanza file called like the type."""
        found = (self._of_group(group) for group in split_list(groups)) if objtype == "node" else ()
        return next(filter(None, found), "") or self._of_type(objtype)

    def _beside_members(self, group: str) -> str:
        members = self._state.members(group)
        return self._state.file_of(("node", members[-1])) if members else ""

    def _last_with(self, objtype: str) -> str:
        files = self._state.files_with(objtype)
        return files[-1] if files else f"inventory/{section_of(objtype) or f'{objtype}s'}.stanza"


def named_file(root: Path, file: str) -> str:
    """The name of the file that is meant by `file`: relative to the site at `root`, below its inventory. Raises InvalidInput."""
    path = Path(os.path.normpath(root / file))
    inventory = root / "inventory"
    hidden = path.is_relative_to(inventory) and any(part.startswith(".") for part in path.relative_to(inventory).parts)
    linked = any(
        parent.is_symlink() for parent in path.parents if parent.is_relative_to(inventory) and parent != inventory
    )
    if not path.is_relative_to(inventory) or path.suffix not in SUFFIXES or hidden or linked:
        raise InvalidInput(
            f'expected a file of definitions such as inventory/nodes.stanza or inventory/nodes.yaml, found "{file}"'
        )
    return str(path.relative_to(root))
