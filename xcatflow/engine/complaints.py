"""What is wrong with the input of many nodes, told once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xcatflow.errors import Problem, Source
from xcatflow.model.fold import fold


@dataclass(slots=True)
class Complaints:
    """Problems by place and text, with the nodes that have them: a thousand nodes with one mistake are one message."""

    found: dict[tuple[Source | None, str], list[str]] = field(default_factory=dict)

    def add(self, node: str, problem: Problem) -> None:
        self.found.setdefault((problem.source, problem.message), []).append(node)

    def by_node(self) -> Mapping[str, tuple[Problem, ...]]:
        """The problems of each node that has any."""
        found: dict[str, list[Problem]] = {}
        for (source, message), nodes in self.found.items():
            for node in nodes:
                found.setdefault(node, []).append(
                    Problem(message.replace(", on {nodes}", "").replace("{nodes}", node), source)
                )
        return {node: tuple(problems) for node, problems in found.items()}

    def problems(self, place: Callable[[str], Source | None]) -> tuple[Problem, ...]:
        """One problem each, `{nodes}` filled in; `place` tells where a node is defined."""
        return tuple(
            Problem(message.replace("{nodes}", _named(nodes, place(nodes[0]))), source)
            for (source, message), nodes in self.found.items()
        )


def _named(nodes: list[str], place: Source | None) -> str:
    first = f" ({'the first ' if len(nodes) > 1 else ''}at {place})" if place and place.file else ""
    return f'node{"s" if len(nodes) > 1 else ""} "{fold(nodes)}"{first}'
