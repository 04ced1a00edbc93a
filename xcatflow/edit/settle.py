"""What has to change in the attributes written for an object so that it has other values; knows nothing of file formats.

An attribute may be written more than once, by another name (`hosts.ip`), adapter by adapter or joined, and defaults may stand behind
it. What is written is therefore changed as little as seems needed, read again by the rules of reading, and changed again where it does
not yet say what is wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from xcatflow.load.normal import meaning, own_values
from xcatflow.model.attributes import ALIASES, NICS
from xcatflow.model.nics import by_adapter, nic_entries, split_nic, with_nics

_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """An attribute as it is written. `at` is its place among those that were there, None for a new one."""

    written: str
    value: str
    at: int | None = None


def settled(
    objtype: str,
    entries: Sequence[Entry],
    wanted: Mapping[str, str],
    defaults: Mapping[str, str],
    *,
    joined: bool = False,
) -> list[Entry] | None:
    """The entries that give an object the wanted values, in order; None where that cannot be written. `defaults` are attributes as
    written in the default stanzas before it. With `joined` new attributes of network adapters are one entry, not one per adapter."""
    table = _Table(objtype, list(entries), defaults, joined=joined)
    table.respell(wanted)
    for _ in range(_ROUNDS):
        values = table.values()
        wrong = sorted(name for name in values.keys() | wanted.keys() if values.get(name, "") != wanted.get(name, ""))
        if not wrong:
            return table.entries
        for attribute in wrong:
            if attribute in NICS and objtype in ("node", "group"):
                table.set_adapters(attribute, wanted.get(attribute, ""))
            else:
                table.set(attribute, wanted.get(attribute, ""))
    return table.entries if table.values() == wanted else None


class _Table:
    """The entries of one object while they change."""

    def __init__(self, objtype: str, entries: list[Entry], defaults: Mapping[str, str], *, joined: bool) -> None:
        self.objtype = objtype
        self.entries = entries
        self.defaults = defaults
        self.joined = joined

    def written(self, entries: Sequence[Entry] | None = None) -> dict[str, str]:
        """Values by the names written, defaults first, as a reader finds them."""
        own: dict[str, str] = {}
        for entry in self.entries if entries is None else entries:
            own.pop(entry.written, None)
            own[entry.written] = entry.value
        return {name: value for name, value in self.defaults.items() if name not in own} | own

    def values(self, entries: Sequence[Entry] | None = None) -> dict[str, str]:
        return own_values(self.objtype, self.written(entries))

    def respell(self, wanted: Mapping[str, str]) -> None:
        """Names that depend on the mgt beside them (`vm.host`) become plain where that is about to change their meaning."""
        aliases = ALIASES.get(self.objtype, {})
        written = self.written()
        for index, entry in enumerate(self.entries):
            if len(aliases.get(entry.written, ())) > 1:
                now = meaning(self.objtype, entry.written, written)
                if now and now != meaning(self.objtype, entry.written, wanted):
                    self.entries[index] = replace(entry, written=now)

    def set(self, attribute: str, value: str) -> None:
        """Give an attribute its value; "" takes it away, also against a default."""
        hits = self._hits(attribute)
        if value or (self._without(hits).get(attribute) and hits):
            self._change(hits[-1], value) if hits else self._add(attribute, value)
            if not value:
                self._drop(hits[:-1])
        else:
            self._drop(hits)
            if self.values().get(attribute):
                self._add(attribute, "")

    def set_adapters(self, head: str, value: str) -> None:
        """The same for the values per network adapter."""
        before = list(self.entries)
        plain = not self.joined or bool(self._hits_below(head))
        if plain and by_adapter(value):
            self._set_each(head, dict(nic_entries(value)))
            if self.values().get(head, "") == value:
                return
            self.entries = before
        hits = self._hits_below(head)
        if hits:
            self.entries[hits[0]] = replace(self.entries[hits[0]], written=head, value=value)
            self._drop(hits[1:])
        else:
            self._add(head, value)
        # Default stanzas may have adapters of their own, which count for more than a joined value.
        have, wanted = dict(nic_entries(self.values().get(head, ""))), dict(nic_entries(value))
        for nic in have | wanted:
            if have.get(nic, "") != wanted.get(nic, ""):
                self._add(f"{head}.{nic}", wanted.get(nic, ""), behind=head)
        if not value and not self._without([i for i, entry in enumerate(self.entries) if entry.written == head]).get(
            head
        ):
            self._drop([index for index, entry in enumerate(self.entries) if entry.written == head])

    def _set_each(self, head: str, wanted: Mapping[str, str]) -> None:
        have = dict(nic_entries(self.values().get(head, "")))
        for nic in have:
            if nic not in wanted:
                self._unset_adapter(head, nic)
        for nic, value in wanted.items():
            if have.get(nic, "") == value:
                continue
            if hits := self._hits(f"{head}.{nic}"):
                self._change(hits[-1], value)
            elif (joined := self._hits(head)) and (nic in self._nics(joined[-1]) or self._hits_below(head) == joined):
                self._change(joined[-1], with_nics(self.entries[joined[-1]].value, {nic: value}))
            else:
                self._add(f"{head}.{nic}", value, behind=head)

    def _unset_adapter(self, head: str, nic: str) -> None:
        self._drop(self._hits(f"{head}.{nic}"))
        for index in self._hits(head):
            self._change(index, with_nics(self.entries[index].value, {nic: ""}))
        # An entry that says nothing any more goes, unless a default would show through.
        for index in reversed(self._hits(head)):
            if not self.entries[index].value and not self._without([index]).get(head):
                self._drop([index])
        if nic in dict(nic_entries(self.values().get(head, ""))):
            self._add(f"{head}.{nic}", "", behind=head)

    def _nics(self, index: int) -> dict[str, str]:
        return dict(nic_entries(self.entries[index].value))

    def _meanings(self) -> list[str]:
        """What each entry is about."""
        written = self.written()
        return [meaning(self.objtype, entry.written, written) or "" for entry in self.entries]

    def _hits(self, attribute: str) -> list[int]:
        """The entries about an attribute, or about one adapter of it."""
        return [index for index, found in enumerate(self._meanings()) if found == attribute]

    def _hits_below(self, head: str) -> list[int]:
        """The entries about an attribute of network adapters, whole or of one adapter."""
        return [index for index, found in enumerate(self._meanings()) if split_nic(found)[0] == head]

    def _without(self, hits: Sequence[int]) -> dict[str, str]:
        return self.values([entry for index, entry in enumerate(self.entries) if index not in hits])

    def _change(self, index: int, value: str) -> None:
        if self.entries[index].value != value:
            self.entries[index] = replace(self.entries[index], value=value)

    def _drop(self, hits: Sequence[int]) -> None:
        self.entries = [entry for index, entry in enumerate(self.entries) if index not in hits]

    def _add(self, written: str, value: str, *, behind: str = "") -> None:
        """Behind the entries of the same attribute, else at its sorted place where the others are sorted, else at the end."""
        names = [entry.written for entry in self.entries]
        place = len(names)
        hits = self._hits_below(behind) if behind else []
        if hits:
            place = hits[-1] + 1
        elif names == sorted(names):
            place = sum(name < written for name in names)
        self.entries.insert(place, Entry(written, value))
