"""Values per network adapter: stored as `eth0!10.0.0.7,eth1!10.1.0.7|10.1.0.8`, written as `nicips.eth0=10.0.0.7`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from xcatflow.model.attributes import NICS
from xcatflow.model.formula import is_formula

_ADAPTER = re.compile(r"[A-Za-z0-9_.:@-]+")


def split_nic(attribute: str) -> tuple[str, str]:
    """`nicips.eth1` as (`nicips`, `eth1`); the second part is empty for any other attribute."""
    head, dot, nic = attribute.partition(".")
    return (head, nic) if dot and head in NICS else (attribute, "")


def nic_entries(stored: str) -> Iterator[tuple[str, str]]:
    """(adapter, value) pairs of a stored value."""
    for entry in stored.split(","):
        nic, mark, value = entry.strip().partition("!")
        if mark and nic:
            yield nic, value


def nic_values(stored: str) -> Iterator[tuple[str, str]]:
    """The same, an adapter with several values joined with | once for each."""
    for nic, joined in nic_entries(stored):
        yield from ((nic, value) for value in joined.split("|") if value)


def join_nics(entries: Iterable[tuple[str, str]]) -> str:
    """The stored form; adapters without value are left out."""
    return ",".join(f"{nic}!{value}" for nic, value in entries if value)


def with_nics(stored: str, given: Mapping[str, str]) -> str:
    """The stored value with these values of single adapters; an empty one takes an adapter's away."""
    return join_nics((dict(nic_entries(stored)) | dict(given)).items())


def fill(values: dict[str, str], given: Mapping[str, str]) -> None:
    """Set values of an object; those of single adapters (`nicips.eth1`) change the stored value, empty ones are taken away."""
    adapters: dict[str, dict[str, str]] = {}
    for attribute, value in given.items():
        head, nic = split_nic(attribute)
        if nic:
            adapters.setdefault(head, {})[nic] = value
        else:
            values[attribute] = value
    for head, each in adapters.items():
        values[head] = with_nics(values.get(head, ""), each)
    for attribute in [attribute for attribute, value in values.items() if not value]:
        del values[attribute]


def adapters_of(stored: str) -> dict[str, str] | None:
    """The values of a stored value by adapter; None where they do not say the same."""
    entries = dict(nic_entries(stored))
    return entries if join_nics(entries.items()) == stored else None


def by_adapter(stored: str) -> bool:
    """Can a stored value be written adapter by adapter, and comes out the same?"""
    entries = adapters_of(stored)
    return entries is not None and all(_ADAPTER.fullmatch(nic) for nic in entries)


def evaluate_nics(stored: str, evaluate: Callable[[str], str]) -> str:
    """The stored value with the formulas of single adapters evaluated; an adapter whose formula gives nothing is left out."""
    if "|" not in stored and "/" not in stored:
        return stored
    return join_nics((nic, evaluate(value) if is_formula(value) else value) for nic, value in nic_entries(stored))
