"""What is shown of objects: of nodes what they finally have, of groups what is written and who is in them, of others their values."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from types import MappingProxyType

from xcatflow.commands.columns import meant
from xcatflow.commands.targets import exists
from xcatflow.model.attributes import ATTRIBUTES, DOCKER_ONLY, NICS, SCRIPTS
from xcatflow.model.definitions import XCATDEFAULTS, Definition, Definitions, Node, Record
from xcatflow.model.formula import is_formula
from xcatflow.model.nics import nic_entries, split_nic

_POLICY = Record("1", MappingProxyType({"name": "root", "rule": "allow"}), kind="policy")
"""The one rule that every site has."""

_MACHINES_ONLY = frozenset(("vmhost", "vmcpus", "vmmemory", "vmothersetting", "vmnics"))
"""The attributes of virtual machines that xCAT stored where it stored those of containers: a node shows those of its sort only."""

_ONE_SORT_ONLY = _MACHINES_ONLY | DOCKER_ONLY


@dataclass(frozen=True, slots=True)
class Shown:
    """How objects are looked at. `raw`: a node's own values, not evaluated. `merged`: script lists with what every node's begin with, and
    the members of dynamic groups instead of the word."""

    definitions: Definitions
    raw: bool = False
    merged: bool = True
    _inherited: dict[str, Mapping[str, str]] = field(default_factory=dict, repr=False, compare=False)
    """What nodes inherit, by their list of groups: very many nodes share few lists."""

    def names(self, objtype: str) -> Collection[str]:
        """The names of all objects of a type, in order."""
        return self.definitions.group_names if objtype == "group" else self._objects(objtype)

    def exists(self, objtype: str, name: str) -> bool:
        """Is there such an object?"""
        match objtype:
            case "node" if name == XCATDEFAULTS:
                return True
            case "policy":
                return name in self._objects(objtype)
        return exists(self.definitions, objtype, name)

    def values(self, objtype: str, name: str) -> dict[str, str]:
        """Every attribute that has a value, in order of names."""
        match objtype:
            case "node":
                return self._node(name)
            case "group":
                return self._group(name)
        return dict(sorted(self._objects(objtype)[name].attributes.items()))

    def lookup(self, objtype: str, name: str) -> Callable[[str], str]:
        """What gives one attribute of an object after the other, empty where it has no value."""
        if objtype == "node" and name != XCATDEFAULTS and not self.raw:
            return partial(self._value, name)
        return partial(_one, self.values(objtype, name))

    def meant(self, objtype: str, name: str, attribute: str) -> str:
        """The attribute that a name means for an object: some (`vm.host`) mean different ones on different objects."""
        if "." not in attribute:
            return attribute
        return meant(objtype, attribute, self.lookup(objtype, name)) or attribute

    def _objects(self, objtype: str) -> Mapping[str, Definition]:
        found = self.definitions.objects(objtype)
        if objtype == "policy" and _POLICY.name not in found:
            return dict(sorted({_POLICY.name: _POLICY, **found}.items()))
        return found

    # --- nodes ---

    def _node(self, name: str) -> dict[str, str]:
        definitions = self.definitions
        node = definitions.xcatdefaults if name == XCATDEFAULTS else definitions.nodes[name]
        own = node.attributes
        if self.raw or name == XCATDEFAULTS:
            return dict(sorted(own.items()))
        inherited = self._inheritable(own.get("groups", ""))
        names = own.keys() | inherited.keys()
        if self.merged:
            names.update(SCRIPTS)
        if names & _ONE_SORT_ONLY:
            names -= _foreign(self._finally(name, own, inherited, "mgt"))
        found = (
            (attribute, self._begun(attribute, self._finally(name, own, inherited, attribute)))
            for attribute in sorted(names)
        )
        return {attribute: value for attribute, value in found if value}

    def _finally(self, name: str, own: Mapping[str, str], inherited: Mapping[str, str], attribute: str) -> str:
        """What a node has; it is computed only where that is not what is written."""
        raw = own.get(attribute) or inherited.get(attribute)
        if not raw:
            return ""
        if is_formula(raw) or attribute in NICS or self.definitions.site.get("hierarchicalattrs"):
            return self.definitions.value(name, attribute) or ""
        return raw

    def _inheritable(self, groups: str) -> Mapping[str, str]:
        """What nodes with this list of groups inherit unless they have own values: attributes with values before evaluation."""
        found = self._inherited.get(groups)
        if found is None:
            nobody = Node("", {"groups": groups})
            defined = (self.definitions.groups.get(name) for name in nobody.groups)
            held = {name for group in defined if group is not None and not group.dynamic for name in group.attributes}
            first = (
                (name, raw)
                for name in held & ATTRIBUTES["node"].keys()
                for _, raw in islice(self.definitions.candidates(nobody, name), 1)
            )
            found = self._inherited[groups] = dict(first)
        return found

    def _value(self, name: str, attribute: str) -> str:
        if attribute in _ONE_SORT_ONLY and attribute in _foreign(self.definitions.value(name, "mgt") or ""):
            return ""
        return self._begun(attribute, self.definitions.value(name, attribute) or "")

    def _begun(self, attribute: str, value: str) -> str:
        """A list of scripts with what every node's begins with, where that is to be shown."""
        if attribute not in SCRIPTS or not self.merged:
            return value
        begin = self.definitions.xcatdefaults.attributes.get(attribute, "")
        return ",".join(part for part in (begin, value) if part)

    def silent(self, name: str) -> dict[str, str]:
        """A node's own values that come to nothing, as they are written: they stop what its groups would hand down."""
        if self.raw or name == XCATDEFAULTS:
            return {}
        own = self.definitions.nodes[name].attributes
        odd = {attribute: raw for attribute, raw in own.items() if raw and (is_formula(raw) or attribute in NICS)}
        if odd.keys() & _ONE_SORT_ONLY:
            foreign = _foreign(self.definitions.value(name, "mgt") or "")
            odd = {attribute: raw for attribute, raw in odd.items() if attribute not in foreign}
        return {attribute: raw for attribute, raw in odd.items() if not self.definitions.value(name, attribute)}

    # --- groups ---

    def _group(self, name: str) -> dict[str, str]:
        group = self.definitions.groups.get(name)
        dynamic = group is not None and group.dynamic
        found = dict(group.attributes) if group is not None else {}
        found["grouptype"] = "dynamic" if dynamic else "static"
        word = dynamic and not self.merged
        found["members"] = "dynamic" if word else ",".join(self.definitions.members(name) or ())
        return dict(sorted((attribute, value) for attribute, value in found.items() if value))


def _foreign(mgt: str) -> frozenset[str]:
    """What is for the other sort of node."""
    return _MACHINES_ONLY if mgt == "docker" else DOCKER_ONLY


def _one(values: Mapping[str, str], attribute: str) -> str:
    """One of an object's values, or that of one adapter."""
    head, nic = split_nic(attribute)
    if nic and attribute not in values:
        return dict(nic_entries(values.get(head, ""))).get(nic, "")
    return values.get(attribute, "")
