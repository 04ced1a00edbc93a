"""From definitions to an Ansible inventory, such that reading it back gives the same definitions.

Hosts have what nodes finally have, as Ansible's own rules of inheritance differ; `ansible_words` says in which variables.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xcatflow.exchange import ansible_words as words
from xcatflow.exchange.merge import key_of, objects_of
from xcatflow.model.definitions import Definitions, Node
from xcatflow.model.explain import valued


@dataclass(frozen=True, slots=True)
class OutGroup:
    """A group's members and variables; `remark` is to be told about it."""

    hosts: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Out:
    """An inventory to be written. `hosts` have their variables; the group `all` holds every host."""

    hosts: Mapping[str, Mapping[str, Any]]
    groups: Mapping[str, OutGroup]
    vars: Mapping[str, Any] = field(default_factory=dict)


def inventory_of(definitions: Definitions, nodes: Iterable[str], *, whole: bool) -> Out:
    """The inventory of these nodes, with their groups; the `whole` one has groups without members and all other objects as well."""
    chosen = set(nodes)
    hosts = {name: _host(definitions, definitions.nodes[name]) for name in definitions.nodes if name in chosen}
    groups: dict[str, OutGroup] = {}
    for name in definitions.group_names:
        group = definitions.groups.get(name)
        members = tuple(node for node in definitions.members(name) or () if node in chosen)
        if members or (group is not None and whole):
            values = {words.GROUP: dict(group.attributes)} if group is not None else {}
            remark = (
                f"{group.attributes['wherevals']}: its members when this was written" if group and group.dynamic else ""
            )
            groups[name] = OutGroup(members, values, remark)
    others: dict[str, dict[str, Any]] = {}
    for item in objects_of(definitions) if whole else ():
        objtype, name = key_of(item)
        if objtype != "group" and name not in hosts:
            others.setdefault(objtype, {})[name] = dict(item.attributes)
    return Out(hosts, groups, {words.OBJECTS: others} if others else {})


def _host(definitions: Definitions, node: Node) -> Mapping[str, Any]:
    written = valued(definitions, node.name)
    values = {name: value for name in written if (value := definitions.value(node.name, name))}
    own = [name if values.get(name) == raw else f"{name}={raw}" for name, raw in sorted(node.attributes.items())]
    return {
        **words.hints(node.name, values),
        **{words.variable(name): value for name, value in values.items()},
        words.OWN: own,
    }


def templated(out: Out) -> tuple[str, ...]:
    """Hosts and groups with values that Ansible takes for templates when it uses them."""
    found = [name for name, values in out.hosts.items() if _has_template(values)]
    return (*found, *(name for name, group in out.groups.items() if _has_template(group.vars)))


def _has_template(value: Any) -> bool:
    match value:
        case str():
            return any(mark in value for mark in ("{{", "{%", "{#"))
        case Mapping():
            return any(_has_template(below) for below in value.values())
        case list():
            return any(_has_template(below) for below in value)
    return False
