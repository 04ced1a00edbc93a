"""What was found out about one machine. Pure.

A fact is text, as attributes are, and absence is a value: a machine without an engine has no `engine_version`. Facts are what a machine
was when it was asked; what a definition says is what it shall be, and no fact ever takes its place.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from xcatflow.model.fact_names import FACTS, NUMBERS


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk: size in bytes, whether it rotates (None where it does not tell), and where it, its partitions or volumes on it are mounted
    (`[SWAP]` for swap)."""

    name: str
    size_bytes: int
    model: str = ""
    rotational: bool | None = None
    mounted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Nic:
    """A network interface: `kind` is ethernet, bridge, bond, vlan, ...; `state` the kernel's operstate; `speed_mbit` None where it has
    none; `addresses` the global ones with their prefix, None where the machine has no `ip` to tell them."""

    name: str
    mac: str = ""
    kind: str = "ethernet"
    state: str = ""
    mtu: int = 0
    speed_mbit: int | None = None
    driver: str = ""
    addresses: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The facts of one machine. `values` has those that are there, by name."""

    values: Mapping[str, str] = field(default_factory=dict)
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()

    def __hash__(self) -> int:
        return hash((tuple(self.values.items()), self.disks, self.nics))

    @property
    def details(self) -> str:
        """Disks and NICs as JSON."""
        return json.dumps({"disks": [_plain(it) for it in self.disks], "nics": [_plain(it) for it in self.nics]})

    @classmethod
    def of(cls, values: Mapping[str, str], details: str) -> "MachineFacts":
        """The facts from their values and details. Raises ValueError, KeyError or TypeError for what is none."""
        found = json.loads(details or "{}")
        disks = tuple(Disk(**{**it, "mounted": tuple(it["mounted"])}) for it in found.get("disks", ()))
        nics = tuple(Nic(**{**it, "addresses": _tuple(it["addresses"])}) for it in found.get("nics", ()))
        return cls(values, disks, nics)

    def plain(self) -> dict[str, Any]:
        """All of it as plain data, every fact named: those that are absent are null, numbers are numbers."""
        found: dict[str, Any] = {}
        for name in FACTS:
            value = self.values.get(name)
            found[name] = int(value) if value and name in NUMBERS else value
        return {**found, "disks": [_plain(it) for it in self.disks], "nics": [_plain(it) for it in self.nics]}


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out about a node, and when: seconds since the epoch, by the clock of the machine that xcatflow runs on."""

    facts: MachineFacts
    at: float


def age(seconds: float) -> str:
    """How long ago, in one unit: `12 s`, `3 min`, `5 h`, `2 days`."""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size * (2 if unit == "days" else 1):
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def _plain(item: Disk | Nic) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in _fields(item)}


def _fields(item: Disk | Nic) -> Iterator[tuple[str, Any]]:
    for name in item.__slots__:
        yield name, getattr(item, name)


def _tuple(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
