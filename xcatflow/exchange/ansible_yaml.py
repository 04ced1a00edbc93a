"""Ansible inventories in YAML.

Source: Ansible documentation, inventory plugin `ansible.builtin.yaml`: groups at the top, `hosts`, `vars` and `children` in each; a single
text may stand for a mapping with that key and no value.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.exchange.ansible import InGroup, Inventory, Plain, Var
from xcatflow.load.yaml_text import YamlMapping, YamlNode, YamlScalar, YamlSequence, parse_yaml

_SECTIONS = ("hosts", "vars", "children")
_OWN = ("nodes", "osimages", "networks", "site")


def read_yaml(text: str, file: str) -> Inventory:
    """What the text says; what is wrong with it is among the inventory's problems. Raises InvalidInput where it is no YAML."""
    try:
        document = parse_yaml(text, Path(file), name=file)
    except InvalidInput as error:
        raise InvalidInput(_explained(problem) for problem in error.problems) from None
    reader = _Reader(file)
    reader.file(document.root)
    return reader.inventory


def _explained(problem: Problem) -> Problem:
    if '"!vault"' in problem.message:
        return Problem(
            "an encrypted value cannot be taken over: take it out, and keep it in group_vars or host_vars",
            problem.source,
        )
    return problem


class _Reader:
    def __init__(self, file: str) -> None:
        self._file = file
        self.inventory = Inventory()

    def file(self, root: YamlNode) -> None:
        match root:
            case YamlMapping(items={"plugin": YamlScalar()}):
                self._complain(
                    'this configures an inventory plugin: import the output of "ansible-inventory --list --yaml" instead',
                    root.keys["plugin"],
                )
            case YamlMapping() if any(name in root.items and not _is_group(root.items[name]) for name in _OWN):
                self._complain("these are definitions already: put the file into inventory/", root.place)
            case YamlMapping():
                for name, place, node in _entries(root):
                    self._group(name, place, node)
            case _:
                self._complain("expected groups, as in all: {hosts: {web1: }}", root.place)

    def _group(self, name: str, place: tuple[int, int], node: YamlNode) -> None:
        group = self.inventory.group(name, self._source(place))
        if not _is_empty(node) and not isinstance(node, YamlMapping):
            self._complain(f'expected hosts, vars and children in the group "{name}"', place)
            return
        for key, at, below in _entries(node):
            match key:
                case "hosts":
                    self._hosts(group, self._section(group, key, below))
                case "vars":
                    for var, where, value in _entries(self._section(group, key, below)):
                        group.vars[var] = self._var(value, where)
                case "children":
                    for child, where, value in _entries(self._section(group, key, below)):
                        group.children.setdefault(child, self._source(where))
                        self._group(child, where, value)
                case _:
                    hint = did_you_mean(key, _SECTIONS) or ": expected hosts, vars or children"
                    self._complain(f'the group "{name}" has "{key}"{hint}', at)

    def _section(self, group: InGroup, key: str, node: YamlNode) -> YamlNode:
        """The mapping below a key; a single text is one with that key."""
        match node:
            case YamlScalar() if not _is_empty(node):
                empty = YamlScalar("", True, node.place)
                return YamlMapping({node.text: empty}, {node.text: node.place}, node.place)
            case YamlSequence():
                self._complain(f'expected a mapping as "{key}" of the group "{group.name}", found a list', node.place)
        return node

    def _hosts(self, group: InGroup, node: YamlNode) -> None:
        for pattern, place, below in _entries(node):
            if not _is_empty(below) and not isinstance(below, YamlMapping):
                self._complain(f'expected the variables of host "{pattern}" as a mapping', below.place)
                continue
            given = {var: self._var(value, at) for var, at, value in _entries(below)}
            self.inventory.add_hosts(pattern, group, given, self._source(place))

    def _var(self, node: YamlNode, place: tuple[int, int]) -> Var:
        return Var(_value(node), self._source(place))

    def _source(self, place: tuple[int, int]) -> Source:
        return Source(self._file, *place)

    def _complain(self, message: str, place: tuple[int, int]) -> None:
        self.inventory.problems.append(Problem(message, self._source(place)))


def _entries(node: YamlNode) -> Iterator[tuple[str, tuple[int, int], YamlNode]]:
    if isinstance(node, YamlMapping):
        yield from ((key, node.keys[key], value) for key, value in node.items.items())


def _is_empty(node: YamlNode) -> bool:
    return isinstance(node, YamlScalar) and node.as_text == "" and node.plain


def _is_group(node: YamlNode) -> bool:
    return not isinstance(node, YamlMapping) or not node.items or node.items.keys() <= set(_SECTIONS)


def _value(node: YamlNode) -> Any:
    match node:
        case YamlMapping():
            return {key: _value(below) for key, below in node.items.items()}
        case YamlSequence():
            return [_value(below) for below in node.items]
    # What could be a number or a truth value elsewhere stays as it is written; any other text is a text, quotes or not.
    return Plain(node.text) if node.plain else node.text
