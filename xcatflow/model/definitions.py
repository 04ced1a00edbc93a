"""All definitions of a site, and what each node finally has: its own value, else its groups', formulas evaluated.

Values are computed when asked for, from plain dictionaries; nothing is validated again. Everything may be read from several threads.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from ipaddress import ip_address
from types import MappingProxyType
from typing import TypeVar

from xcatflow.errors import Problem, Source
from xcatflow.model import attributes as table
from xcatflow.model.formula import Formula, FormulaError, is_formula, parse_formula
from xcatflow.model.nics import evaluate_nics, nic_entries, split_nic
from xcatflow.model.objects import NOWHERE, Definition, Group, Network, Node, Origin, OsImage, Record
from xcatflow.model.wherevals import matches

__all__ = ["NOWHERE", "Definition", "Definitions", "Group", "Network", "Node", "Origin", "OsImage", "Record"]

D = TypeVar("D", bound=Definition)


def _by_name(objects: Iterable[D]) -> Mapping[str, D]:
    return MappingProxyType({item.name: item for item in sorted(objects, key=lambda item: item.name)})


class Definitions:
    """A frozen registry. All mappings are in order of names."""

    def __init__(self, objects: Iterable[Definition] = (), warnings: Iterable[Problem] = ()) -> None:
        """`objects` of any types, no two of the same type with one name; `warnings` of whoever read them."""
        given = tuple(objects)
        self.nodes: Mapping[str, Node] = _by_name(item for item in given if isinstance(item, Node))
        self.groups: Mapping[str, Group] = _by_name(item for item in given if isinstance(item, Group))
        self.osimages: Mapping[str, OsImage] = _by_name(item for item in given if isinstance(item, OsImage))
        self.networks: Mapping[str, Network] = _by_name(item for item in given if isinstance(item, Network))
        records = [item for item in given if isinstance(item, Record)]
        self.records: Mapping[tuple[str, str], Record] = MappingProxyType(
            {(item.kind, item.name): item for item in records}
        )
        clustersite = self.records.get(("site", "clustersite"))
        self.site: Mapping[str, str] = clustersite.attributes if clustersite else MappingProxyType({})
        self._static = self._static_members()
        self._dynamic: dict[str, tuple[str, ...]] = {}
        self._merged = self._merged_attributes()
        self._subnets = [(network.subnet, network) for network in self.networks.values()]
        self._formulas: dict[str, Formula | str] = {}
        self._warnings: dict[Problem, None] = dict.fromkeys(warnings)

    def _static_members(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {name: [] for name, group in self.groups.items() if not group.dynamic}
        for node in self.nodes.values():
            for group in node.groups:
                found.setdefault(group, []).append(node.name)
        return {name: tuple(members) for name, members in found.items()}

    def _merged_attributes(self) -> Mapping[str, str]:
        entries = (entry.strip().partition(":") for entry in self.site.get("hierarchicalattrs", "").split(","))
        return {name: delimiter or "," for name, _, delimiter in entries if name}

    # --- groups ---

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of all groups, defined or only named by nodes, sorted."""
        return tuple(sorted(self._static.keys() | self.groups.keys()))

    def members(self, group: str) -> tuple[str, ...] | None:
        """The nodes of a group, sorted; None when there is no such group. Dynamic groups are evaluated."""
        defined = self.groups.get(group)
        if defined is None or not defined.dynamic:
            return self._static.get(group)
        if group not in self._dynamic:
            self._dynamic[group] = tuple(
                node for node in self.nodes if matches(defined.wherevals, partial(self.value, node))
            )
        return self._dynamic[group]

    # --- values ---

    def canonical(self, attribute: str) -> str | None:
        """The node attribute that a name, a short name or a `table.column` alias means; None where nodes have none such. A name that
        means different attributes on different nodes (`vm.host`) comes back unchanged: `value` decides by the node."""
        return table.canonical("node", attribute)

    def value(self, node: str, attribute: str) -> str | None:
        """What a node finally has: its own value, else that of its first group with one, formulas evaluated; None where there is
        nothing. `node` is its name; `nicips.eth1` one adapter's value. Raises KeyError for an unknown node."""
        own = self.nodes[node]
        head, nic = self._meant(own, attribute)
        if head == "node":
            return node
        if head in self._merged and head not in table.OWN_ONLY:
            found = self._merge(own, head, self._merged[head])
        else:
            found = next((self._evaluate(raw, own, head, holder) for holder, raw in self._candidates(own, head)), "")
        if nic:
            found = dict(nic_entries(found)).get(nic, "")
        return found or None

    def source(self, node: str, attribute: str = "") -> Source | None:
        """Where the value that decides was written: on the node or on a group. With "" the node itself. None where there is no value.
        Raises KeyError for an unknown node."""
        own = self.nodes[node]
        head, nic = self._meant(own, attribute)
        if not head or head == "node":
            return own.source()
        for holder, _ in self._candidates(own, head):
            return holder.source(attribute if nic and attribute in holder.origin.places else head)
        return None

    def raw(self, node: str, attribute: str) -> tuple[Definition, str] | None:
        """The object whose value decides, and that value before evaluation; None where there is none."""
        own = self.nodes[node]
        return next(self._candidates(own, self._meant(own, attribute)[0]), None)

    def _candidates(self, node: Node, attribute: str) -> Iterator[tuple[Definition, str]]:
        if raw := node.attributes.get(attribute):
            yield node, raw
        if attribute in table.OWN_ONLY:
            return
        for name in node.groups:
            group = self.groups.get(name)
            if group is not None and (raw := group.attributes.get(attribute)) and not group.dynamic:
                yield group, raw

    def _meant(self, node: Node, attribute: str) -> tuple[str, str]:
        """The attribute's own name, and the adapter where one is named."""
        if attribute in table.ATTRIBUTES["node"]:
            return attribute, ""
        name = table.canonical("node", attribute) or attribute
        if name not in table.ALIASES["node"]:
            return split_nic(name)
        meant = sorted(table.ALIASES["node"][name], key=lambda pair: not pair[1].conditions)
        for found, column in meant:
            if not column.conditions or any(self._has(node, *condition) for condition in column.conditions):
                return found, ""
        return name, ""

    def _has(self, node: Node, attribute: str, wanted: str) -> bool:
        return wanted in (self.value(node.name, attribute) or "").split(",")

    def _merge(self, node: Node, attribute: str, delimiter: str) -> str:
        entries: dict[str, None] = {}
        for holder, raw in self._candidates(node, attribute):
            found = self._evaluate(raw, node, attribute, holder)
            entries.update(dict.fromkeys(entry for part in found.split(delimiter) if (entry := part.strip())))
        return delimiter.join(entries)

    def _evaluate(self, raw: str, node: Node, attribute: str, holder: Definition) -> str:
        if is_formula(raw):
            return self._compute(raw, node, attribute, holder)
        if attribute in table.NICS:
            return evaluate_nics(raw, lambda text: self._compute(text, node, attribute, holder))
        return raw

    def _compute(self, text: str, node: Node, attribute: str, holder: Definition) -> str:
        formula = self._formulas.get(text)
        if formula is None:
            formula = self._formulas[text] = _parsed(text)
        try:
            if isinstance(formula, str):
                raise FormulaError(formula)
            return formula.value(node.name)
        except FormulaError as error:
            message = f'"{attribute}" of node "{node.name}" has no value: {error} in the formula {text}'
            self._warnings[Problem(message, holder.source(attribute))] = None
            return ""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What was found while reading, and by the values asked for until now: formulas that give no value."""
        return tuple(self._warnings)

    # --- references ---

    def network_of(self, ip: str) -> Network | None:
        """The first network, in order of names, that contains the address; None where none does or `ip` is no address."""
        try:
            address = ip_address(ip)
        except ValueError:
            return None
        return next((network for subnet, network in self._subnets if address in subnet), None)

    def osimage_of(self, node: str) -> OsImage | None:
        """The osimage that a node's `provmethod` names; containers have none. Raises KeyError for an unknown node."""
        if self.value(node, "mgt") == "docker":
            return None
        return self.osimages.get(self.value(node, "provmethod") or "")


def _parsed(text: str) -> Formula | str:
    """The formula, or what is wrong with it."""
    try:
        formula = parse_formula(text)
    except FormulaError as error:
        return str(error)
    assert formula is not None
    return formula
