"""From an Ansible inventory to definitions: hosts become nodes, groups groups, variables attributes where they mean one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.exchange import ansible_words as words
from xcatflow.exchange.ansible import ALL, UNGROUPED, InGroup, Inventory, Var
from xcatflow.exchange.ansible_values import as_attribute, text_of
from xcatflow.exchange.brought import Brought, Expected, Remark
from xcatflow.exchange.names import Names, group_name, node_name
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import canonical
from xcatflow.model.values import is_address, split_list

_LOST = 'variable "{}" of {} {{who}} has no place in definitions'


def definitions_of(inventory: Inventory, mapped: Mapping[str, str]) -> Brought:
    """What an inventory says; `mapped` are further variables with the attribute that each means.

    Raises InvalidInput with everything that is wrong with the inventory.
    """
    for variable, attribute in mapped.items():
        if canonical("node", attribute) is None:
            hint = did_you_mean(attribute, words.ATTRIBUTE_OF.values())
            inventory.problems.append(Problem(f'nodes have no attribute "{attribute}" for "{variable}"{hint}'))
    taking = _Taking(inventory, mapped)
    memberships = inventory.memberships()
    if inventory.problems:
        raise InvalidInput(inventory.problems)
    taking.groups(memberships)
    taking.nodes(memberships)
    if inventory.problems:
        raise InvalidInput(inventory.problems)
    return taking.brought()


@dataclass(slots=True)
class _Taking:
    inventory: Inventory
    mapped: Mapping[str, str]
    names: Names = field(default_factory=lambda: Names(node_name))
    group_names: Names = field(default_factory=lambda: Names(group_name))
    drafts: list[Draft] = field(default_factory=list)
    left: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    kept_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept_hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    dynamic: set[str] = field(default_factory=set)

    def brought(self) -> Brought:
        kept: dict[str, Any] = {name: {"vars": values} for name, values in sorted(self.kept_groups.items())}
        if self.kept_hosts:
            kept = {ALL: {**kept.pop(ALL, {}), "hosts": dict(sorted(self.kept_hosts.items()))}, **kept}
        return Brought(tuple(self.drafts), tuple(self.left), tuple(self.notes), tuple(self.expected), kept=kept)

    # --- groups ---

    def groups(self, memberships: Mapping[str, tuple[str, ...]]) -> None:
        self.group_names.learn(self.inventory.groups)
        inhabited = {name for groups in memberships.values() for name in groups} | {ALL}
        for name, group in self.inventory.groups.items():
            ours = self.group_names(name)
            draft = self._draft("group", ours, group.source)
            defined = self._group_values(draft, group)
            if draft.values.get("grouptype") == "dynamic":
                self.dynamic.add(name)
            if ours != name:
                self.notes.append(Remark(f'the group "{name}" is called "{ours}" here', group.source))
            if group.children and name != ALL:
                inside = ", ".join(map(self.group_names, group.children))
                self.notes.append(
                    Remark(f'the group "{ours}" held {inside}: their hosts are in it themselves now', group.source)
                )
            if draft.values or defined or (name not in inhabited and name != UNGROUPED):
                self.drafts.append(draft)

    def _group_values(self, draft: Draft, group: InGroup) -> bool:
        """Fill in a group's values; whether it is said to be an object of its own."""
        given = dict(group.vars)
        if objects := given.pop(words.OBJECTS, None):
            self._objects(objects)
        whole = given.pop(words.GROUP, None)
        if whole is not None:
            for attribute, value in self._mapping(whole, words.GROUP).items():
                self._put(draft, attribute, value, whole.source)
        rest = self._attributes(draft, given)
        for name, var in rest.items():
            self.kept_groups.setdefault(draft.name, {})[name] = var.value
            self.left.append(Remark(_LOST.format(name, "group"), var.source, draft.name))
        return whole is not None

    def _objects(self, var: Var) -> None:
        for objtype, objects in self._mapping(var, words.OBJECTS).items():
            for name, values in self._mapping(Var(objects, var.source), objtype).items():
                draft = self._draft(objtype, name, var.source)
                for attribute, value in self._mapping(Var(values, var.source), name).items():
                    self._put(draft, attribute, value, var.source)
                self.drafts.append(draft)

    def _mapping(self, var: Var, name: str) -> Mapping[str, Any]:
        if isinstance(var.value, dict):
            return var.value
        self.inventory.problems.append(
            Problem(f'expected a mapping as "{name}", found "{text_of(var.value)[:60]}"', var.source)
        )
        return {}

    # --- nodes ---

    def nodes(self, memberships: Mapping[str, tuple[str, ...]]) -> None:
        self.names.learn(self.inventory.hosts)
        for host, given in self.inventory.hosts.items():
            source = self.inventory.places[host]
            draft = self._draft("node", self.names(host), source)
            rest = self._node_values(draft, host, dict(given))
            self._groups(draft, host, memberships[host], own=words.OWN in given)
            for name, var in rest.items():
                self.kept_hosts.setdefault(draft.name, {})[name] = var.value
                self.left.append(Remark(_LOST.format(name, "host"), var.source, draft.name))
            self.drafts.append(draft)

    def _node_values(self, draft: Draft, host: str, given: dict[str, Var]) -> dict[str, Var]:
        own = given.pop(words.OWN, None)
        if own is not None:
            return self._listed(draft, given, own)
        rest = self._attributes(draft, given)
        self._named(draft, host)
        return rest

    def _listed(self, draft: Draft, given: dict[str, Var], own: Var) -> dict[str, Var]:
        """The values of a node that says which are its own; the others are what it finally has, and must come out so."""
        effective = {
            attribute: given.pop(name)
            for name in tuple(given)
            if (attribute := words.ATTRIBUTE_OF.get(name)) is not None
        }
        entries = own.value if isinstance(own.value, list) else []
        if not isinstance(own.value, list):
            self.inventory.problems.append(
                Problem(f'expected a list as "{words.OWN}", found "{text_of(own.value)[:60]}"', own.source)
            )
        for entry in entries:
            attribute, written, text = text_of(entry).partition("=")
            if written:
                self._put(draft, attribute, text, own.source)
            elif attribute in effective:
                self._put(draft, attribute, effective[attribute].value, effective[attribute].source)
        for attribute, var in effective.items():
            if attribute not in draft.values:
                self.expected.append(Expected(draft.name, attribute, as_attribute(attribute, var.value), var.source))
        values = {attribute: as_attribute(attribute, var.value) for attribute, var in effective.items()}
        due = words.hints(draft.name, values)
        return {name: var for name, var in given.items() if due.get(name) != text_of(var.value)}

    def _named(self, draft: Draft, host: str) -> None:
        """A host that is called by its address has that address; one that gets another name keeps the old one as an alias."""
        if is_address(host):
            draft.values.setdefault("ip", host)
        if draft.name == host:
            return
        if host.startswith(f"{draft.name}.") and " " not in host and "," not in host:
            names = split_list(draft.values.get("hostnames", ""))
            draft.values["hostnames"] = ",".join(dict.fromkeys((*names, host)))
            text = 'hosts with a domain have their short names here, and the whole ones in "hostnames": {who}'
            self.notes.append(Remark(text, draft.source(), host))
        else:
            self.notes.append(Remark(f'the host "{host}" is called "{draft.name}" here', draft.source()))

    def _groups(self, draft: Draft, host: str, member: tuple[str, ...], *, own: bool) -> None:
        """The `groups` of a node: those that hold it, in the order of its own list, then as Ansible ranks them, `all` last."""
        holding = [self.group_names(name) for name in member if name not in self.dynamic]
        written = draft.values.get("groups", "")
        listed = split_list(written)
        implied = {ALL, UNGROUPED} if own else {ALL}
        order = [name for name in listed if name in holding or name in implied]
        order += [name for name in holding if name not in order]
        if not own:
            # What Ansible calls `ungrouped` matters only where it hands something down.
            is_object = any(draft.objtype == "group" and draft.name == UNGROUPED for draft in self.drafts)
            alone = [UNGROUPED] if is_object and not member else []
            order += [name for name in (*alone, ALL) if name not in order]
        if tuple(order) != listed:
            draft.values["groups"] = ",".join(order)
            draft.places.setdefault("groups", _place(self.inventory.places[host]))

    # --- variables ---

    def _attributes(self, draft: Draft, given: Mapping[str, Var]) -> dict[str, Var]:
        """Put what variables say into the draft; those that say nothing of it come back."""
        rest: dict[str, Var] = {}
        spoken: dict[str, Var] = {}
        for name, var in given.items():
            attribute = self.mapped.get(name) or words.ATTRIBUTE_OF.get(name)
            if attribute is not None:
                self._put(draft, attribute, var.value, var.source)
            else:
                (spoken if name.startswith("ansible_") else rest)[name] = var
        return rest | dict(self._connection(draft, spoken))

    def _connection(self, draft: Draft, given: Mapping[str, Var]) -> Iterator[tuple[str, Var]]:
        """Take what Ansible's own variables say; yields those that say something else."""
        docker = words.is_docker(text_of(given["ansible_connection"].value)) if "ansible_connection" in given else False
        values = {name: text_of(var.value) for name, var in given.items()}
        if docker:
            draft.values.setdefault("mgt", "docker")
        tls = values.get("ansible_docker_tls", values.get("ansible_docker_validate_certs", "false")).lower() == "true"
        for name, var in given.items():
            found = ""
            match name:
                case "ansible_host" | "ansible_ssh_host":
                    found = "ip" if is_address(values[name]) else ""
                    if docker and values[name] == draft.name:
                        continue
                case "ansible_connection" if docker:
                    continue
                case "ansible_docker_host" if values[name] == draft.name:
                    continue
                case "ansible_docker_docker_host":
                    found, values[name] = "dockerhost", words.daemon_at(values[name], tls=tls)
                case "ansible_docker_extra_args":
                    found, values[name] = "dockerhost", words.daemon_of(values[name])
            if not found or not values[name] or draft.values.setdefault(found, values[name]) != values[name]:
                yield name, var
            else:
                draft.places.setdefault(found, _place(var.source))

    def _put(self, draft: Draft, attribute: str, value: Any, source: Source) -> None:
        draft.values[attribute] = as_attribute(attribute, value)
        draft.places[attribute] = _place(source)

    def _draft(self, objtype: str, name: str, source: Source) -> Draft:
        return Draft(objtype, name, source.file, source.line, source.col)


def _place(source: Source) -> tuple[int, int]:
    return source.line, source.col
