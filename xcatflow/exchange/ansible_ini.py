"""Ansible inventories in INI form.

Source: Ansible documentation, inventory plugin `ansible.builtin.ini`: `[group]`, `[group:children]`, `[group:vars]`; lines of hosts are
split as a shell does, with comments; values are Python literals where they can be read as such, else texts.
"""

import ast
import re
import shlex
import warnings
from typing import Any

from xcatflow.errors import Problem, Source
from xcatflow.exchange.ansible import ALL, UNGROUPED, Inventory, Plain, Var

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")


def read_ini(text: str, file: str) -> Inventory:
    """What the text says; what is wrong with it is among the inventory's problems."""
    reader = _Reader(file)
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        reader.line(line.strip(), Source(file, number))
    reader.close()
    return reader.inventory


class _Reader:
    def __init__(self, file: str) -> None:
        self.inventory = Inventory()
        self._group = self.inventory.group(UNGROUPED, Source(file))
        self._section = "hosts"
        self._declared = {UNGROUPED, ALL}

    def line(self, line: str, source: Source) -> None:
        if not line or line[0] in "#;":
            return
        if found := _SECTION.fullmatch(line):
            self._open(found[1], found[2] or "hosts", source)
        elif line[0] == "[" and line[-1] == "]":
            self._complain(f'expected "[group]", "[group:children]" or "[group:vars]", found "{line}"', source)
        elif self._section == "hosts":
            self._host(line, source)
        elif self._section == "vars":
            self._variable(line, source)
        elif self._section == "children":
            self._child(line, source)

    def close(self) -> None:
        """Every group that was named has to have a section of its own."""
        for name, group in self.inventory.groups.items():
            if name not in self._declared:
                self._complain(f'there is no section "[{name}]" or "[{name}:children]" for this group', group.source)

    def _open(self, name: str, section: str, source: Source) -> None:
        self._section = section
        if section not in ("hosts", "vars", "children"):
            self._complain(f'expected "children" or "vars" behind the colon, found "{section}"', source)
            return
        self._group = self.inventory.group(name, source)
        if section != "vars":
            self._declared.add(name)

    def _host(self, line: str, source: Source) -> None:
        try:
            pattern, *words = shlex.split(line, comments=True)
        except ValueError as error:
            self._complain(f"the line cannot be read as a shell would: {str(error).lower()}", source)
            return
        given: dict[str, Var] = {}
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                self._complain(f'expected "name=value" behind host "{pattern}", found "{word}"', source)
                return
            given[name] = Var(_value(value), source)
        self.inventory.add_hosts(pattern, self._group, given, source)

    def _variable(self, line: str, source: Source) -> None:
        name, equals, value = line.partition("=")
        if not equals:
            self._complain(f'expected "name=value", found "{line}"', source)
            return
        self._group.vars[name.strip()] = Var(_value(value.strip()), source)

    def _child(self, line: str, source: Source) -> None:
        found = _GROUP.fullmatch(line)
        if not found:
            self._complain(f'expected the name of a group, found "{line}"', source)
            return
        self._group.children.setdefault(found[1], source)
        self.inventory.group(found[1], source)

    def _complain(self, message: str, source: Source) -> None:
        self.inventory.problems.append(Problem(message, source))


def _value(text: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return text
    return _inner(value) if isinstance(value, str | list | tuple | set | dict) else Plain(text)


def _inner(value: Any) -> Any:
    match value:
        case str():
            return value
        case dict():
            return {str(key): _inner(below) for key, below in value.items()}
        case list() | tuple():
            return [_inner(below) for below in value]
        case set():
            return [_inner(below) for below in sorted(value, key=repr)]
        case None:
            return Plain("null")
        case bool():
            return Plain(str(value).lower())
    return Plain(str(value))
