"""An Ansible inventory as it is written: groups with their hosts, children and variables; and the order in which groups win.

Source: Ansible documentation, "How to build your inventory" and "Using variables in inventory": variables of a host beat those of its
groups, deeper groups beat shallower ones, a higher `ansible_group_priority` beats a lower one, then the last in the alphabet wins.
"""

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from xcatflow.errors import Problem, Source

ALL = "all"
UNGROUPED = "ungrouped"

_RANGE = re.compile(r"\[([^\[\]]*)\]")
_PORT = re.compile(r"(?P<bracketed>\[[^\[\]]*:[^\[\]]*:[^\[\]]*\])?(?P<host>.*?):(?P<port>[0-9]+)")
_ADDRESS = re.compile(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*")
_MOST_HOSTS = 100_000


@dataclass(frozen=True, slots=True)
class Plain:
    """A scalar that stood without quotes in YAML, or meant no text in an INI file: what it means is its reader's business."""

    text: str


@dataclass(frozen=True, slots=True)
class Var:
    """A variable's value: a text, a Plain, or lists and mappings of them."""

    value: Any
    source: Source


@dataclass(slots=True)
class InGroup:
    """A group. `hosts` and `children` have the place where each was first named."""

    name: str
    source: Source
    hosts: dict[str, Source] = field(default_factory=dict)
    children: dict[str, Source] = field(default_factory=dict)
    vars: dict[str, Var] = field(default_factory=dict)


@dataclass(slots=True)
class Inventory:
    """Everything a file says. `hosts` have their variables, `places` where each host was first named."""

    groups: dict[str, InGroup] = field(default_factory=dict)
    hosts: dict[str, dict[str, Var]] = field(default_factory=dict)
    places: dict[str, Source] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def group(self, name: str, source: Source) -> InGroup:
        """The group of this name, made where there is none."""
        return self.groups.setdefault(name, InGroup(name, source))

    def add_hosts(self, pattern: str, group: InGroup, given: dict[str, Var], source: Source) -> None:
        """Put the hosts that a pattern means into a group, with variables; what is wrong with the pattern becomes a problem."""
        try:
            names, port = hosts_of(pattern)
        except ValueError as error:
            self.problems.append(Problem(f'host "{pattern}": {error}', source))
            return
        for name in names:
            group.hosts.setdefault(name, source)
            self.places.setdefault(name, source)
            own = self.hosts.setdefault(name, {})
            own.update({"ansible_port": Var(Plain(port), source)} if port else {})
            own.update(given)

    def memberships(self) -> dict[str, tuple[str, ...]]:
        """The groups of every host, also those that hold its groups, the one that wins first; `all` and `ungrouped` left out."""
        parents: dict[str, list[str]] = {name: [] for name in self.groups}
        for name, group in self.groups.items():
            for child in group.children:
                parents[child].append(name)
        depths: dict[str, int] = {}
        for name in self.groups:
            self._depth(name, parents, depths, ())
        rank = {name: (depths[name], self._priority(name), name) for name in self.groups}
        found: dict[str, set[str]] = {name: set() for name in self.hosts}
        for name, group in self.groups.items():
            above = _above(name, parents) - {ALL, UNGROUPED}
            for host in group.hosts:
                found[host] |= above
        return {host: tuple(sorted(groups, key=rank.__getitem__, reverse=True)) for host, groups in found.items()}

    def _depth(self, name: str, parents: Mapping[str, list[str]], depths: dict[str, int], way: tuple[str, ...]) -> int:
        """How far a group is from `all`, by the longest way; `way` are the groups that asked."""
        if name in way:
            loop = " > ".join((*way[way.index(name) :], name))
            self.problems.append(Problem(f'the group "{name}" is inside itself: {loop}', self.groups[name].source))
            return 0
        if name not in depths:
            above = [self._depth(parent, parents, depths, (*way, name)) for parent in parents[name] if parent != ALL]
            depths[name] = 0 if name == ALL else 1 + max(above, default=0)
        return depths[name]

    def _priority(self, name: str) -> int:
        given = self.groups[name].vars.get("ansible_group_priority")
        text = getattr(given.value, "text", given.value) if given else "1"
        try:
            return int(text)
        except (TypeError, ValueError):
            return 1


def _above(name: str, parents: Mapping[str, list[str]]) -> set[str]:
    """A group and all that hold it."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parents[one]
    return found


def hosts_of(pattern: str) -> tuple[tuple[str, ...], str]:
    """The hosts that `web[01:10:2].example.com:2222` means, and the port. Raises ValueError."""
    host, port = pattern, ""
    if not _ADDRESS.fullmatch(pattern) and (found := _PORT.fullmatch(pattern)):
        host, port = (found["bracketed"] or "")[1:-1] + found["host"], found["port"]
    names = tuple(islice(_expand(host), _MOST_HOSTS + 1))
    if len(names) > _MOST_HOSTS:
        raise ValueError(f"it means more than {_MOST_HOSTS} hosts")
    if not names or not all(names):
        raise ValueError("expected a name")
    return names, port


def _expand(text: str) -> Iterator[str]:
    found = _RANGE.search(text)
    if not found:
        if "[" in text or "]" in text:
            raise ValueError("expected ranges such as [01:10] or [a:f]")
        yield text
        return
    head, tail = text[: found.start()], text[found.end() :]
    for one in _range(found[1]):
        yield from (f"{head}{one}{rest}" for rest in _expand(tail))


def _range(text: str) -> Iterator[str]:
    parts = text.split(":")
    if len(parts) not in (2, 3) or not parts[1]:
        raise ValueError(f'expected a range such as [01:10] or [01:10:2], found "[{text}]"')
    first, last, step = parts[0] or "0", parts[1], parts[2] if len(parts) == 3 else "1"
    if not step.isascii() or not step.isdigit() or int(step) == 0:
        raise ValueError(f'expected a step such as 2, found "{step}"')
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        if first > last and letters.index(first) > letters.index(last):
            raise ValueError(f'the range "[{text}]" ends before it begins')
        yield from letters[letters.index(first) : letters.index(last) + 1 : int(step)]
        return
    if not (first + last).isascii() or not (first + last).isdigit():
        raise ValueError(f'expected numbers or letters in a range, found "[{text}]"')
    width = len(first) if first[0] == "0" and len(first) > 1 else 0
    if width and width != len(last):
        raise ValueError(f'both ends of the range "[{text}]" need the same number of digits')
    for number in range(int(first), int(last) + 1, int(step)):
        yield str(number).zfill(width)
