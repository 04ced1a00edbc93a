"""All definitions of a site, and what each node finally has: its own value, else its groups', formulas evaluated.

Values are computed when asked for, from plain dictionaries; nothing is validated again. Everything may be read from several threads.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, partial
from ipaddress import ip_address
from types import MappingProxyType
from typing import cast

from xcatflow.errors import Problem, Source
from xcatflow.model import attributes as table
from xcatflow.model.fact_names import NO_FACTS, FactSource
from xcatflow.model.formula import Formula, FormulaError, is_formula, parse_formula
from xcatflow.model.nics import evaluate_nics, nic_entries, split_nic
from xcatflow.model.objects import NOWHERE, Definition, Group, Network, Node, Origin, OsImage, Record
from xcatflow.model.stock import XCATDEFAULTS, Objects, Stock
from xcatflow.model.values import Network4or6
from xcatflow.model.wherevals import matches

__all__ = [
    "NOWHERE",
    "XCATDEFAULTS",
    "Definition",
    "Definitions",
    "Group",
    "Network",
    "Node",
    "Origin",
    "OsImage",
    "Record",
]

_XCATDEFAULTS = Node(
    name=XCATDEFAULTS, attributes={"postscripts": "syslog,remoteshell,syncfiles", "postbootscripts": "otherpkgs"}
)
_OWN_SHELVES = ("node", "group", "osimage", "network", XCATDEFAULTS)


class Definitions:
    """A frozen registry. All mappings are in order of names."""

    def __init__(self, objects: Iterable[Definition] = (), *, stock: Stock | None = None) -> None:
        """`objects` of any types, no two of the same type with one name; or the `stock` that has them."""
        self._stock: Stock = Objects(objects) if stock is None else stock
        self.nodes = cast(Mapping[str, Node], self._stock.shelf("node"))
        self.groups = cast(Mapping[str, Group], self._stock.shelf("group"))
        self.osimages = cast(Mapping[str, OsImage], self._stock.shelf("osimage"))
        self.networks = cast(Mapping[str, Network], self._stock.shelf("network"))
        self._dynamic: dict[str, tuple[str, ...]] = {}
        self._formulas: dict[str, Formula | str] = {}
        self._warnings: dict[Problem, None] = {}
        self.facts: FactSource = NO_FACTS
        """What was found out about the nodes; whoever knows where that is kept says so here."""

    @cached_property
    def records(self) -> Mapping[tuple[str, str], Record]:
        """All other objects by (type, name)."""
        shelves = (cast(Mapping[str, Record], self.objects(name)) for name in self._stock.shelves if _is_record(name))
        return MappingProxyType({(item.kind, item.name): item for shelf in shelves for item in shelf.values()})

    @cached_property
    def site(self) -> Mapping[str, str]:
        """Cluster-wide settings."""
        clustersite = self._stock.shelf("site").get("clustersite")
        return clustersite.attributes if clustersite else MappingProxyType({})

    @cached_property
    def xcatdefaults(self) -> Node:
        """The pseudo node that has what every node's script lists begin with."""
        found = self._stock.shelf(XCATDEFAULTS).get(XCATDEFAULTS)
        return found if isinstance(found, Node) else _XCATDEFAULTS

    @cached_property
    def delimiters(self) -> Mapping[str, str]:
        """The attributes that the site's `hierarchicalattrs` gathers from all groups, with the delimiter of each."""
        entries = (entry.strip().partition(":") for entry in self.site.get("hierarchicalattrs", "").split(","))
        return {name: delimiter or "," for name, _, delimiter in entries if name and name not in table.OWN_ONLY}

    @cached_property
    def _subnets(self) -> tuple[tuple[Network4or6, Network], ...]:
        return tuple((network.subnet, network) for network in self.networks.values())

    def objects(self, objtype: str) -> Mapping[str, Definition]:
        """The objects of a type by name, in order. Groups that are only named by nodes are not among them."""
        return self._stock.shelf(objtype) if objtype != XCATDEFAULTS else MappingProxyType({})

    # --- groups ---

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of all groups, defined or only named by nodes, sorted."""
        return tuple(sorted({*self._stock.group_names, *self.groups}))

    def members(self, group: str) -> tuple[str, ...] | None:
        """The nodes of a group, sorted; None when there is no such group. Dynamic groups are evaluated."""
        defined = self.groups.get(group)
        if defined is None or not defined.dynamic:
            return self._stock.members(group)
        if group not in self._dynamic:
            terms = defined.wherevals
            self._dynamic[group] = tuple(
                node.name for node in self.nodes.values() if matches(terms, partial(self._value, node))
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
        return self._value(self.nodes[node], attribute)

    def values(self, attribute: str) -> Iterator[tuple[str, str | None]]:
        """(node, value) for every node, in order of names: quicker than to ask for one after the other where there are very many."""
        plain = attribute in table.ATTRIBUTES["node"] and attribute != "node" and attribute not in self.delimiters
        inherited: dict[str, tuple[Definition, str] | None] = {}
        for node in self.nodes.values():
            groups = node.attributes.get("groups", "")
            if not plain or node.attributes.get(attribute):
                yield node.name, self._value(node, attribute)
                continue
            # Nodes of the same groups inherit the same.
            if groups not in inherited:
                inherited[groups] = next(self.candidates(node, attribute), None)
            found = inherited[groups]
            yield node.name, self._evaluate(found[1], node, attribute, found[0]) or None if found else None

    def _value(self, own: Node, attribute: str) -> str | None:
        head, nic = self._meant(own, attribute)
        if head == "node":
            return own.name
        if head in self.delimiters:
            found = self._merge(own, head, self.delimiters[head])
        else:
            found = next((self._evaluate(raw, own, head, holder) for holder, raw in self.candidates(own, head)), "")
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
        for holder, _ in self.candidates(own, head):
            return holder.source(f"{head}.{nic}" if nic else head)
        return None

    def raw(self, node: str, attribute: str) -> tuple[Definition, str] | None:
        """The object whose value decides, and that value before evaluation; None where there is none."""
        own = self.nodes[node]
        return next(self.candidates(own, self._meant(own, attribute)[0]), None)

    def candidates(self, node: Node, attribute: str) -> Iterator[tuple[Definition, str]]:
        """The objects that have a value of `attribute` (its own name) for a node, in the order in which they are considered, each with
        that value before evaluation."""
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
        return table.chosen(name, partial(self._holds, node))[0], ""

    def holds(self, node: str, attribute: str, wanted: str) -> bool:
        """Does a condition such as (`mgt`, `docker`) hold for a node? Raises KeyError for an unknown node."""
        return self._holds(self.nodes[node], attribute, wanted)

    def _holds(self, node: Node, attribute: str, wanted: str) -> bool:
        return wanted in (self._value(node, attribute) or "").split(",")

    def _merge(self, node: Node, attribute: str, delimiter: str) -> str:
        entries: dict[str, None] = {}
        for holder, raw in self.candidates(node, attribute):
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
        """What was found by the values asked for until now: formulas that give no value."""
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


def _is_record(shelf: str) -> bool:
    return shelf not in _OWN_SHELVES


def _parsed(text: str) -> Formula | str:
    """The formula, or what is wrong with it."""
    try:
        formula = parse_formula(text)
    except FormulaError as error:
        return str(error)
    assert formula is not None
    return formula
