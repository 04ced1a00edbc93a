"""Facts as a test gives them."""

from collections.abc import Iterable, Mapping

from xcatflow.model.facts import Known, MachineFacts


class GivenFacts:
    """Implements model.fact_names.FactSource; counts how often somebody looked."""

    def __init__(self, facts: Mapping[str, Mapping[str, str]], at: float = 0.0) -> None:
        self.facts = facts
        self.at = at
        self.looked = 0

    @classmethod
    def of_lines(cls, text: str) -> "GivenFacts":
        """From lines `NODE NAME=VALUE ...`."""
        lines = (line.split() for line in text.splitlines() if line.strip())
        return cls({name: dict(word.split("=", 1) for word in words) for name, *words in lines})

    def of(self, node: str) -> Mapping[str, str] | None:
        self.looked += 1
        return self.facts.get(node)

    def all(self) -> Mapping[str, Mapping[str, str]]:
        self.looked += 1
        return self.facts

    def known(self, nodes: Iterable[str]) -> dict[str, Known]:
        self.looked += 1
        return {node: Known(MachineFacts(self.facts[node]), self.at) for node in nodes if node in self.facts}
