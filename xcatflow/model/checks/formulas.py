"""Formulas that are not well formed, and those that give no value for a node that they are for."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from xcatflow.model import attributes as table
from xcatflow.model.definitions import Definition, Definitions, Node
from xcatflow.model.findings import Findings
from xcatflow.model.formula import Formula, FormulaError, is_formula, parse_formula
from xcatflow.model.nics import nic_entries


def check(found: Findings, definitions: Definitions) -> None:
    """Find formulas without a value."""
    _Check(found, definitions).run()


@dataclass(slots=True)
class _Check:
    found: Findings
    definitions: Definitions
    formulas: dict[str, Formula] = field(default_factory=dict)
    """Compiled ones; those that are not well formed are told where they stand, and not evaluated."""

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
            self.found.warn(message, holder.source(attribute))
            return False
        if formula:
            self.formulas[text] = formula
        return formula is not None

    def _inherited(self, node: Node, groups: dict[str, tuple[tuple[str, str], ...]]) -> None:
        decided = set(node.attributes)
        for name in node.groups:
            if name not in groups:
                continue
            group = self.definitions.groups[name]
            heads = ((attribute.partition(".")[0], attribute, text) for attribute, text in groups[name])
            asked = tuple(
                (a, text) for head, a, text in heads if head not in decided or head in self.definitions.delimiters
            )
            if asked:
                self._evaluate(node, group, asked)
            decided.update(group.attributes)

    def _evaluate(self, node: Node, holder: Definition, formulas: tuple[tuple[str, str], ...]) -> None:
        for attribute, text in formulas:
            try:
                self.formulas[text].value(node.name)
            except FormulaError as error:
                after = f": the formula {text} gives no value: {error}"
                self.found.on_node("warning", node.name, holder.source(attribute), f'"{attribute}" of ', after)
