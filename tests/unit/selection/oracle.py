"""Noderanges made together with what they mean, by the plainest reckoning: sets, and counting. Knows nothing of how they are read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from random import Random

from xcatflow.model.fact_names import NO_FACTS, FactSource

PREFIXES = ("n", "web", "r1s", "x-", "a-b", "r2s")
SUFFIXES = ("", "", "-ib", "b", "-u.x")
GROUPS = ("web", "n5", "r1", "r2", "r3", "my-group", "os.x", "spare")


@dataclass(frozen=True)
class Made:
    """An inventory: nodes with their groups in a mapping by group, and the site's `excludenodes`."""

    nodes: Mapping[str, None]
    grouped: Mapping[str, tuple[str, ...]]
    site: Mapping[str, str] = field(default_factory=dict)
    facts: FactSource = NO_FACTS

    @property
    def group_names(self) -> tuple[str, ...]:
        return tuple(sorted(self.grouped))

    def members(self, group: str) -> tuple[str, ...] | None:
        return self.grouped.get(group)

    def values(self, attribute: str) -> Iterable[tuple[str, str | None]]:
        return ((node, None) for node in self.nodes)

    def canonical(self, attribute: str) -> str | None:
        return attribute


@dataclass(frozen=True)
class Meant:
    """A text, the nodes it means, and the names in it that mean nothing."""

    text: str
    nodes: frozenset[str]
    unknown: frozenset[str] = frozenset()


def numbers(first: str, last: str) -> list[str]:
    """From the one to the other, as wide as the first where that has a leading zero."""
    width = len(first) if first[0] == "0" and len(first) > 1 else 1
    return [f"{number:0{width}d}" for number in range(int(first), int(last) + 1)]


def named(text: str, names: list[str], inventory: Made) -> Meant:
    """What a text means that stands for these names."""
    nodes: set[str] = set()
    unknown: set[str] = set()
    for name in names:
        if name in inventory.nodes:
            nodes.add(name)
        elif name in inventory.grouped:
            nodes |= set(inventory.grouped[name])
        else:
            unknown.add(name)
    return Meant(text, frozenset(nodes), frozenset(unknown))


class Maker:
    """Makes things up, the same ones for the same `seed`. Hypothesis draws seed and `size` only: drawing everything would take a hundred
    times as long, and this finds more."""

    def __init__(self, seed: int, size: int) -> None:
        self._dice = Random(seed)
        self._size = size

    def inventory(self) -> Made:
        """Nodes with numbers that lie close together, padded or not, in some groups; a group may be called like a node."""
        dice = self._dice
        count = dice.randrange(10 * self._size + 1)
        nodes = sorted({f"{self._prefix()}{self._number(12)}{dice.choice(SUFFIXES[:4])}" for _ in range(count)})
        groups = {name: tuple(node for node in nodes if dice.random() < 0.4) for name in dice.sample(GROUPS, 4)}
        excluded = dice.sample(nodes, 1) if nodes and dice.random() < 0.2 else []
        site = {"excludenodes": ",".join(excluded)}
        return Made(dict.fromkeys(nodes), {**groups, "all": tuple(nodes)}, site)

    def atom(self, inventory: Made) -> Meant:
        """A name, or a form that stands for several."""
        dice, prefix, suffix = self._dice, self._prefix(), self._dice.choice(SUFFIXES)
        match dice.randrange(7):
            case 0 if inventory.nodes:
                return named(name := dice.choice(sorted(inventory.nodes)), [name], inventory)
            case 1 | 2:
                left, right = self._span()
                text = f"{prefix}{left}{suffix}{dice.choice('-:')}{prefix}{right}{suffix}"
                return named(text, [f"{prefix}{number}{suffix}" for number in numbers(left, right)], inventory)
            case 3 | 4:
                return self._brackets(inventory)
            case 5:
                first, more = self._number(12), dice.randrange(6)
                names = [f"{prefix}{number}{suffix}" for number in numbers(first, str(int(first) + more))]
                return named(f"{prefix}{first}{suffix}+{more}", names, inventory)
        return named(name := dice.choice(inventory.group_names), [name], inventory)

    def noderange(self, inventory: Made, depth: int | None = None) -> Meant:
        """A list of items, each excluded or not and each of several factors, nested some levels deep."""
        dice, depth = self._dice, self._size - 1 if depth is None else depth
        texts: list[str] = []
        chosen: set[str] = set()
        excluded: set[str] = set()
        unknown: set[str] = set()
        for _ in range(dice.randint(1, 1 + self._size)):
            factors = [self._factor(inventory, depth) for _ in range(dice.choice((1, 1, 2, 3)))]
            minus, blank = dice.random() < 0.3, dice.choice(("", "", " "))
            texts.append(f"{blank}{'-' if minus else ''}{f'{blank}@{blank}'.join(one.text for one in factors)}{blank}")
            (excluded if minus else chosen).update(frozenset.intersection(*(one.nodes for one in factors)))
            unknown |= {name for one in factors for name in one.unknown}
        return Meant(",".join(texts), frozenset(chosen - excluded), frozenset(unknown))

    def shuffled(self, items: list[str]) -> list[str]:
        """The same in another order."""
        return self._dice.sample(items, len(items))

    def _factor(self, inventory: Made, depth: int) -> Meant:
        if depth <= 0 or self._dice.random() < 0.7:
            return self.atom(inventory)
        inner = self.noderange(inventory, depth - 1)
        return Meant(f"({inner.text})", inner.nodes, inner.unknown)

    def _brackets(self, inventory: Made) -> Meant:
        """One or two groups of elements between texts."""
        dice, text, choices = self._dice, "", []
        for _ in range(dice.randint(1, 2)):
            written: list[str] = []
            found: list[str] = []
            for _ in range(dice.randint(1, 3)):
                left, right = self._span()
                several = dice.random() < 0.5
                written.append(f"{left}{dice.choice('-:')}{right}" if several else left)
                found += numbers(left, right) if several else [left]
            choices += [[prefix := self._prefix()], found]
            text += f"{prefix}[{','.join(written)}]"
        suffix = dice.choice(SUFFIXES)
        return named(text + suffix, ["".join(parts) for parts in product(*choices, [suffix])], inventory)

    def _prefix(self) -> str:
        return self._dice.choice(PREFIXES)

    def _number(self, most: int) -> str:
        return f"{self._dice.randint(0, most):0{self._dice.choice((1, 1, 2, 3))}d}"

    def _span(self) -> tuple[str, str]:
        """The two ends of a range of numbers, as they are written."""
        left = self._number(13)
        last = int(left) + self._dice.randrange(7)
        if left[0] == "0" and len(left) > 1:
            return left, f"{last:0{len(left)}d}"
        return left, self._dice.choice((f"{last}", f"0{last}"))
