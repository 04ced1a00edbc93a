"""The lines of /etc/hosts for nodes: text to text, no file is touched.

Source: xCAT's manual page of makehosts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from xcatflow.commands.hosts_entries import Entry, Form, node_entries
from xcatflow.commands.output import lines_of
from xcatflow.model.definitions import Definitions
from xcatflow.model.values import is_address

LOCALHOST = "127.0.0.1 localhost"

Resolve = Callable[[str], str | None]
"""The address of a host name; None where nobody knows it."""


@dataclass(slots=True)
class Gathered:
    """Entries of nodes, and what is said about nodes that get none."""

    entries: list[Entry] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def hosts_text(
    definitions: Definitions, nodes: Sequence[str] | None = None, *, resolve: Resolve = lambda _name: None
) -> str:
    """A new file for these nodes (all when None), with the line for the machine itself first."""
    chosen = tuple(definitions.nodes) if nodes is None else nodes
    return changed(f"{LOCALHOST}\n", gathered(definitions, chosen, resolve).entries, form_of(definitions))


def form_of(
    definitions: Definitions, *, long_first: bool = False, names_last: bool = False, full_aliases: bool = False
) -> Form:
    """The form that flags and the site ask for."""
    everywhere = definitions.site.get("FQDNfirst", "").lower() in ("1", "yes", "enable")
    return Form(long_first=long_first or everywhere, names_last=names_last, full_aliases=full_aliases)


def gathered(definitions: Definitions, nodes: Iterable[str], resolve: Resolve) -> Gathered:
    """The entries of these nodes."""
    found = Gathered()
    for node in nodes:
        own, *others = node_entries(definitions, node, resolve, found.warnings.append)
        if not own.address:
            found.warnings.append(f"Ignoring node '{node}', it can not be resolved.")
        elif not is_address(own.address):
            found.warnings.append(f"Ignoring node '{node}', its ip address '{own.address}' is not valid.")
        elif own.domain:
            found.entries.append(own)
        else:
            found.warnings.append(
                f"No domain can be determined for node '{node}'. "
                "The domain of the xCAT node must be provided in an xCAT network definition or the xCAT site definition."
            )
            continue
        found.entries += [entry for entry in others if entry.domain]
    return found


def changed(text: str, entries: Sequence[Entry], form: Form) -> str:
    """The text with the lines of these entries: where they stand when there are some, else at the end."""
    lines = _Lines(text, entries)
    for entry in entries:
        lines.put(entry, form)
    return str(lines)


def without(text: str, definitions: Definitions, nodes: Iterable[str], resolve: Resolve = lambda _name: None) -> str:
    """The text without the lines of these nodes, those of their other interfaces and adapters included."""
    lines = _Lines(text)
    for node in nodes:
        for entry in node_entries(definitions, node, resolve, lambda _warning: None):
            lines.remove(entry)
    return str(lines)


class _Lines:
    """The lines of a file, found by their addresses and first names."""

    def __init__(self, text: str, entries: Iterable[Entry] = ()) -> None:
        """`entries` are all that will be put."""
        self._lines: dict[int, str] = dict(enumerate(lines_of(text)))
        self._next = len(self._lines)
        self._by_address: dict[str, set[int]] = {}
        self._by_name: dict[str, set[int]] = {}
        self._made: dict[int, Entry] = {}
        self._addresses: dict[str, set[str]] = {}
        for entry in entries:
            self._addresses.setdefault(entry.name, set()).add(entry.address)
        for at in self._lines:
            self._know(at)

    def __str__(self) -> str:
        return "".join(f"{line}\n" for _, line in sorted(self._lines.items()))

    def put(self, entry: Entry, form: Form) -> None:
        """Replace the first of the entry's lines and drop the others, or add one."""
        at_address = self._by_address.get(entry.address, set())
        places = sorted(at_address | set(self._named(entry)))
        name = ""
        if entry.keeps_name and at_address:
            first = min(at_address)
            if made := self._made.get(first):
                entry = replace(entry, name=made.name, aliases=(*made.aliases, *entry.aliases))
            else:
                name = _words(self._lines[first])[1]
        for at in places:
            self._drop(at)
        at = places[0] if places else self._next
        self._next = max(self._next, at + 1)
        self._lines[at] = entry.line(form, name)
        self._made[at] = entry
        self._know(at)

    def _named(self, entry: Entry) -> Iterator[int]:
        """The lines with its name: not those that another entry of that name has made, or will replace."""
        for name in entry.names:
            for at in self._by_name.get(name, ()):
                if at not in self._made and _words(self._lines[at])[0] not in self._addresses.get(entry.name, ()):
                    yield at

    def remove(self, entry: Entry) -> None:
        """Drop all of the entry's lines."""
        for at in self._by_address.get(entry.address, set()).union(*(self._by_name.get(n, ()) for n in entry.names)):
            self._drop(at)

    def _know(self, at: int) -> None:
        for found, key in self._keys(at):
            found.setdefault(key, set()).add(at)

    def _drop(self, at: int) -> None:
        for found, key in self._keys(at):
            found[key] = found[key] - {at}
        del self._lines[at]
        self._made.pop(at, None)

    def _keys(self, at: int) -> Iterator[tuple[dict[str, set[int]], str]]:
        """Where a line is known by its address and its first name; one without both is nobody's."""
        words = _words(self._lines[at])
        if len(words) > 1:
            yield self._by_address, words[0]
            yield self._by_name, words[1]


def _words(line: str) -> Sequence[str]:
    return line.split("#", 1)[0].split()
