"""Groups that nobody defines and that look misspelt, and conditions of dynamic groups that no node can satisfy.

A group exists as soon as one node names it, so that a misspelt one is no error; what is told here is worth a second look.
"""

from collections.abc import Iterable, Iterator

from xcatflow.model.alike import one_slip_apart
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import Findings, Lost

_SHORTEST = 3
_MANY = 2


def check(found: Findings, definitions: Definitions, lost: Lost) -> None:
    """Find groups that look misspelt."""
    lonely = [name for name in definitions.group_names if _lonely(definitions, name) and not lost(name)]
    if not lonely:
        return
    known = _Slips(name for name in definitions.group_names if _known(definitions, name))
    for name in lonely:
        if meant := known.like(name):
            (node,) = definitions.members(name) or ()
            there = definitions.groups.get(meant)
            is_at = f" ({there.source()})" if there and there.origin.file else ""
            found.warn(
                f'"groups" of node "{node}": no other node is in "{name}", and nobody defines it; '
                f'did you mean "{meant}"{is_at}?',
                definitions.nodes[node].source("groups"),
            )


def _lonely(definitions: Definitions, name: str) -> bool:
    return name not in definitions.groups and len(definitions.members(name) or ()) == 1 and len(name) >= _SHORTEST


def _known(definitions: Definitions, name: str) -> bool:
    return name in definitions.groups or len(definitions.members(name) or ()) >= _MANY


class _Slips:
    """Names by what is left of them without one of their letters: two names that are one slip apart meet there."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_rest: dict[str, list[str]] = {}
        for name in names:
            for rest in _rests(name):
                self._by_rest.setdefault(rest, []).append(name)

    def like(self, name: str) -> str:
        """The first name that `name` may be a misspelling of; empty where there is none. Names that differ in their last letter are two
        of a series (`row-a`, `row-b`)."""
        close = {other for rest in _rests(name) for other in self._by_rest.get(rest, ())}
        return next((other for other in sorted(close) if one_slip_apart(name, other) and name[:-1] != other[:-1]), "")


def _rests(name: str) -> Iterator[str]:
    yield name
    yield from (name[:at] + name[at + 1 :] for at in range(len(name)))
