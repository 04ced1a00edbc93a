"""The definitions as they will be: what is there, with what was decided so far."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xcatflow.model.definitions import XCATDEFAULTS, Definition, Definitions, Group, Node
from xcatflow.model.edit import Write
from xcatflow.model.values import split_list

Key = tuple[str, str]


@dataclass(slots=True)
class _Written:
    """`values` is what the object will have, `changed` what of it is to be written."""

    values: dict[str, str]
    changed: dict[str, str] = field(default_factory=dict)
    replace: bool = False


def is_dynamic(definitions: Definitions, group: str) -> bool:
    """Is this a group that finds its members by itself?"""
    defined = definitions.groups.get(group)
    return defined is not None and defined.dynamic


class Planned:
    """Objects by type and name, with their own values as they are stored."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._written: dict[Key, _Written] = {}
        self._seen: Definitions | None = None

    # --- what there is ---

    def exists(self, objtype: str, name: str) -> bool:
        """Is it defined? A group that is only named by nodes is not."""
        return (objtype, name) in self._written or self._old(objtype, name) is not None

    def own(self, objtype: str, name: str) -> Mapping[str, str]:
        """Its own values, none where it is not defined."""
        if found := self._written.get((objtype, name)):
            return found.values
        old = self._old(objtype, name)
        return old.attributes if old else {}

    def _old(self, objtype: str, name: str) -> Definition | None:
        if (objtype, name) == ("node", XCATDEFAULTS):
            return self.definitions.xcatdefaults
        return self.definitions.objects(objtype).get(name)

    def value(self, objtype: str, name: str, attribute: str) -> str:
        """What it finally has, a node also by its groups; empty where there is nothing."""
        if objtype != "node" or name == XCATDEFAULTS:
            return self.own(objtype, name).get(attribute, "")
        if (objtype, name) in self._written:
            return self._as_decided.value(name, attribute) or ""
        return (self.definitions.value(name, attribute) or "") if name in self.definitions.nodes else ""

    @property
    def _as_decided(self) -> Definitions:
        """The nodes that change, with all groups."""
        if self._seen is None:
            groups = {name: group.attributes for name, group in self.definitions.groups.items()}
            made: list[Definition] = []
            for (objtype, name), written in self._written.items():
                if objtype == "group":
                    groups[name] = written.values
                elif objtype == "node":
                    made.append(Node(name, written.values))
            made += [Group(name, values) for name, values in groups.items()]
            made += self.definitions.objects("site").values()
            self._seen = Definitions(made)
        return self._seen

    # --- what is decided ---

    def put(self, objtype: str, name: str, values: Mapping[str, str], *, replace: bool = False) -> None:
        """Give an object values, an empty one takes one away; with `replace` it keeps no other."""
        key = (objtype, name)
        self._seen = None
        if replace:
            self._written[key] = _Written({}, replace=True)
        written = self._written.setdefault(key, _Written(self._begun(objtype, name)))
        if not replace and name == XCATDEFAULTS and not self.definitions.xcatdefaults.origin.file:
            # Once it is written down, what it does not say is not there.
            written.changed = dict(written.values) | written.changed
        written.changed.update(values)
        for attribute, value in values.items():
            written.values.pop(attribute, None)
            if value:
                written.values[attribute] = value

    def _begun(self, objtype: str, name: str) -> dict[str, str]:
        old = self._old(objtype, name)
        return dict(old.attributes) if old else {}

    def undo(self, objtype: str, name: str, attribute: str = "") -> None:
        """Take back what was decided about an attribute, or about the whole object."""
        self._seen = None
        written = self._written[objtype, name]
        if not attribute:
            del self._written[objtype, name]
            return
        written.changed.pop(attribute, None)
        written.values.pop(attribute, None)
        if not written.replace and (old := self._begun(objtype, name).get(attribute)):
            written.values[attribute] = old

    def touched(self) -> Mapping[Key, Mapping[str, str]]:
        """The values of all objects that something was decided about."""
        return {key: written.values for key, written in self._written.items()}

    def edits(self) -> tuple[Write, ...]:
        """What is to be written, nodes first: groups speak of them."""
        return tuple(sorted(self._writes(), key=lambda write: write.objtype != "node"))

    def _writes(self) -> Iterator[Write]:
        for (objtype, name), written in self._written.items():
            if written.replace:
                yield Write(objtype, name, dict(written.values), replace=True)
            elif written.changed or self._old(objtype, name) is None:
                yield Write(objtype, name, dict(written.changed))

    # --- membership ---

    def groups_of(self, node: str) -> tuple[str, ...]:
        """The groups that a node names."""
        return split_list(self.own("node", node).get("groups", ""))

    def members(self, group: str) -> tuple[str, ...]:
        """The nodes that name a group, sorted."""
        before = () if is_dynamic(self.definitions, group) else self.definitions.members(group) or ()
        named = {name for name in before if ("node", name) not in self._written}
        named |= {name for kind, name in self._written if kind == "node" and group in self.groups_of(name)}
        return tuple(sorted(named))

    def enroll(self, node: str, group: str) -> None:
        """Put a node into a group, behind its other ones."""
        if group not in (groups := self.groups_of(node)):
            self.put("node", node, {"groups": ",".join((*groups, group))})

    def leave(self, node: str, group: str) -> None:
        """Take a node out of a group."""
        left = ",".join(other for other in self.groups_of(node) if other != group)
        self.put("node", node, {"groups": left})
