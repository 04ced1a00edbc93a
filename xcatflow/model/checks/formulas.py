"""Formulas that are not well formed, and those that give no value for a node that they are for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xcatflow.errors import Source
from xcatflow.model import attributes as table
from xcatflow.model.definitions import Definition, Definitions, Group, Node
from xcatflow.model.findings import Findings
from xcatflow.model.formula import Formula, FormulaError, is_formula, parse_formula
from xcatflow.model.meaning import delimiters
from xcatflow.model.nics import nic_entries


def check(found: Findings, definitions: Definitions) -> None:
    """Find formulas without a value."""
    _Check(found, definitions).run()


@dataclass(slots=True)
class _Check:
    found: Findings
    definitions: Definitions
    formulas: dict[str, Formula | None] = field(default_factory=dict)
    """Compiled ones; None for those that are not well formed, which are told once, where they stand."""

    merged: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.merged = delimiters(self.definitions)

    def run(self) -> None:
        groups = {name: tuple(self._in(group)) for name, group in self.definitions.groups.items() if not group.dynamic}
        with_formulas = frozenset(name for name, formulas in groups.items() if formulas)
        for node in self.definitions.nodes.values():
            own = tuple(self._in(node))
            if own:
                self._evaluate(node, node, own)
            if not with_formulas.isdisjoint(node.groups):
                self._inherited(node, groups)

    def _in(self, holder: Definition) -> Iterator[tuple[str, str]]:
        """(attribute, formula) for every well-formed formula of an object, those of single adapters included."""
        for attribute, text in holder.attributes.items():
            if text[0] not in "|/" and attribute not in table.NICS:
                continue
            if is_formula(text):
                if attribute != "wherevals" and self._compiled(holder, attribute, text):
                    yield attribute, text
            elif attribute in table.NICS:
                for nic, one in nic_entries(text):
                    if is_formula(one) and self._compiled(holder, f"{attribute}.{nic}", one):
                        yield f"{attribute}.{nic}", one

    def _compiled(self, holder: Definition, attribute: str, text: str) -> bool:
        try:
            formula = self.formulas.get(text) or parse_formula(text)
        except FormulaError as error:
            message = f'"{attribute}" of {holder.objtype} "{holder.name}": {error} in the formula {text}'
            self.found.warn(message, _place(holder, attribute))
            return False
        self.formulas[text] = formula
        return True

    def _inherited(self, node: Node, groups: dict[str, tuple[tuple[str, str], ...]]) -> None:
        decided = set(node.attributes)
        for name in node.groups:
            group = self.definitions.groups.get(name)
            if not isinstance(group, Group) or group.dynamic:
                continue
            heads = ((attribute.partition(".")[0], attribute, text) for attribute, text in groups[name])
            asked = tuple((a, text) for head, a, text in heads if head not in decided or head in self.merged)
            if asked:
                self._evaluate(node, group, asked)
            decided.update(group.attributes)

    def _evaluate(self, node: Node, holder: Definition, formulas: tuple[tuple[str, str], ...]) -> None:
        for attribute, text in formulas:
            formula = self.formulas[text]
            try:
                if formula:
                    formula.value(node.name)
            except FormulaError as error:
                after = f": the formula {text} gives no value: {error}"
                self.found.on_node("warning", node.name, _place(holder, attribute), f'"{attribute}" of ', after)


def _place(holder: Definition, attribute: str) -> Source:
    return holder.source(attribute if attribute in holder.origin.places else attribute.partition(".")[0])
