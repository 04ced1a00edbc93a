"""What a check finds: errors and warnings at their places, the same complaint about many nodes as one."""

from dataclasses import dataclass, field
from typing import Literal

from xcatflow.errors import Problem, Source
from xcatflow.model.fold import fold

Severity = Literal["error", "warning"]

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and whether it can be worked with all the same."""

    severity: Severity
    problem: Problem

    def __str__(self) -> str:
        return f"{self.severity}: {self.problem}"


@dataclass(slots=True)
class Findings:
    """Collects findings."""

    _found: dict[Finding, None] = field(default_factory=dict)
    _folded: dict[tuple[Severity, str, str], list[tuple[Source, str, str]]] = field(default_factory=dict)

    def error(self, message: str, source: Source | None) -> None:
        self.add("error", Problem(message, source))

    def warn(self, message: str, source: Source | None) -> None:
        self.add("warning", Problem(message, source))

    def add(self, severity: Severity, *problems: Problem) -> None:
        self._found.update(dict.fromkeys(Finding(severity, problem) for problem in problems))

    def on_node(
        self, severity: Severity, node: str, source: Source | None, before: str, after: str, example: str = ""
    ) -> None:
        """A complaint `before` node "x" `after example` about one node, told once for all nodes with the same `before` and `after`, with
        the example of the first."""
        self._folded.setdefault((severity, before, after), []).append((source or Source(""), node, example))

    @property
    def all(self) -> tuple[Finding, ...]:
        """What was found, in order of files and lines."""
        folded = (
            Finding(severity, _together(before, after, entries))
            for (severity, before, after), entries in self._folded.items()
        )
        return tuple(sorted({**self._found, **dict.fromkeys(folded)}, key=_place))

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(each.problem for each in self.all if each.severity == "error")


def named(nodes: list[str]) -> str:
    """`node "web1"`, `41 nodes "web[1-41]"`."""
    if len(nodes) == 1:
        return f'node "{nodes[0]}"'
    return f'{len(nodes)} nodes "{fold(nodes, limit_chars=_LONGEST)}"'


@dataclass(frozen=True, slots=True)
class Lost:
    """Objects that stand in a file and are not among the definitions, since they could not be read: those of these names, or, where a
    whole file could not be read, of any. Nobody complains that they are missing."""

    names: frozenset[str] = frozenset()
    any: bool = False

    def __call__(self, name: str) -> bool:
        """May there be an object of this name?"""
        return self.any or name in self.names

    def __bool__(self) -> bool:
        return self.any or bool(self.names)


NOTHING_LOST = Lost()


def _together(before: str, after: str, entries: list[tuple[Source, str, str]]) -> Problem:
    first, _, example = min(entries, key=lambda entry: entry[0])
    nodes = list(dict.fromkeys(node for _, node, _ in entries))
    return Problem(f"{before}{named(nodes)}{after}{example}", first if first.file else None)


def _place(found: Finding) -> tuple[Source, str, str]:
    return found.problem.source or Source(""), found.severity, found.problem.message
