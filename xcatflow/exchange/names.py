"""Names from elsewhere as names of nodes and groups: what is legal stays, the rest is made legal, and no two become one."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from xcatflow.load.stanza import name_problem as stanza_problem
from xcatflow.model.names import name_problem
from xcatflow.model.values import is_address

_NOT_NODE = re.compile(r"[^A-Za-z0-9_-]+")
_NOT_GROUP = re.compile(r"[^A-Za-z0-9_.-]+")


def node_name(foreign: str) -> str:
    """A legal node name for a host of this name: the short name of a host with a domain, other signs as dashes."""
    if not name_problem("node", foreign):
        return _no_defaults(foreign)
    short = foreign if is_address(foreign) else foreign.partition(".")[0]
    return _no_defaults(_NOT_NODE.sub("-", short).strip("-") or "node")


def group_name(foreign: str) -> str:
    """A legal group name: other signs as underscores, and nothing that a noderange reads as something else."""
    if not name_problem("group", foreign):
        return _no_defaults(foreign)
    plain = _NOT_GROUP.sub("_", foreign).lstrip("_-") or "group"
    if name_problem("group", plain):
        plain = plain.replace("-", "_")
    return f"g{plain}" if name_problem("group", plain) else _no_defaults(plain)


def _no_defaults(name: str) -> str:
    """In a stanza file `default-node` is no object."""
    return name.replace("-", "_", 1) if stanza_problem(name) else name


@dataclass(slots=True)
class Names:
    """Gives every foreign name its own legal one, the same each time."""

    make: Callable[[str], str]
    given: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def learn(self, foreign: Iterable[str]) -> None:
        """Give names to all of these: those that are legal keep theirs, whoever comes first."""
        for name in sorted(foreign, key=lambda name: self.make(name) != name):
            self(name)

    def __call__(self, foreign: str) -> str:
        if foreign not in self.given:
            wanted = name = self.make(foreign)
            number = 2
            while name in self.taken:
                name = f"{wanted}_{number}"
                number += 1
            self.given[foreign] = name
            self.taken.add(name)
        return self.given[foreign]
