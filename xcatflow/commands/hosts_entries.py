"""What a node has in /etc/hosts: itself, its other interfaces, its network adapters.

Source: xCAT's manual page of makehosts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from xcatflow.model.definitions import Definitions
from xcatflow.model.nics import nic_entries
from xcatflow.model.values import is_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`long_first` puts the full name before the short one, `names_last` both behind the aliases; `full_aliases` lists aliases with the
    domain as well."""

    long_first: bool = False
    names_last: bool = False
    full_aliases: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line to be. `keeps_name`: where the address has a line already, its first name stays."""

    address: str
    name: str
    domain: str
    aliases: tuple[str, ...] = ()
    keeps_name: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The node's short and full name. A full name that an alias stands for is not among them: several nodes may share it."""
        return (self.name, f"{self.name}.{self.domain}") if self.domain else (self.name,)

    def _long_and_rest(self) -> tuple[str, tuple[str, ...]]:
        """The full name, for which the first alias with a dot may stand, and all other aliases."""
        full = f"{self.name}.{self.domain}"
        others = [alias for alias in dict.fromkeys(self.aliases) if alias not in (self.name, full)]
        long = next((alias for alias in others if "." in alias), full)
        return long, tuple(alias for alias in others if alias != long)

    def line(self, form: Form, found: str = "") -> str:
        """The line; `found` is the name that the address has had until now."""
        if found:
            short = found.removesuffix(f".{self.domain}")
            return Entry(self.address, short, self.domain, self.aliases).line(form)
        long, aliases = self._long_and_rest()
        if form.full_aliases:
            aliases = (*(f"{alias}.{self.domain}" for alias in aliases if "." not in alias), *aliases)
        if "." in self.name:
            names: tuple[str, ...] = (self.name,)
        else:
            names = (long, self.name) if form.long_first or form.names_last else (self.name, long)
        return " ".join((self.address, *((*aliases, *names) if form.names_last else (*names, *aliases))))


def node_entries(
    definitions: Definitions, node: str, resolve: Callable[[str], str | None], warn: Callable[[str], object]
) -> Iterator[Entry]:
    """The node's own entry, whose address may be empty or wrong, then all others. Where no domain can be told it is empty."""
    address = definitions.value(node, "ip") or resolve(node) or ""
    domain = domain_of(definitions, address)
    yield Entry(address, node, domain, _words(definitions.value(node, "hostnames") or ""))
    for entry in _words((definitions.value(node, "otherinterfaces") or "").replace("!", ":")):
        name, _, address = entry.partition(":")
        if not name or not is_address(address):
            warn(f"Ignoring '{entry}' of the otherinterfaces of node '{node}': expected NAME:ADDRESS.")
            continue
        yield Entry(address, node + name if name.startswith("-") else name, domain_of(definitions, address) or domain)
    for each in _adapters(definitions, node):
        yield each if each.domain else replace(each, domain=domain)


def _adapters(definitions: Definitions, node: str) -> Iterator[Entry]:
    def of(attribute: str, nic: str) -> Sequence[str]:
        text = definitions.value(node, f"{attribute}.{nic}")
        return text.split("|") if text else ()

    for nic, text in nic_entries(definitions.value(node, "nicips") or ""):
        prefixes, suffixes = of("nichostnameprefixes", nic), of("nichostnamesuffixes", nic)
        aliases, networks = of("nicaliases", nic), of("nicnetworks", nic)
        for number, address in enumerate(text.split("|")):
            if not is_address(address):
                continue
            prefix, suffix = _at(prefixes, number), _at(suffixes, number)
            if not suffix and not prefix:
                suffix = f"-{nic}"
            network = definitions.networks.get(_at(networks, number))
            domain = (network.attributes.get("domain") if network else None) or domain_of(definitions, address)
            yield Entry(address, f"{prefix}{node}{suffix}", domain, _words(_at(aliases, number)), keeps_name=True)


def _at(values: Sequence[str], number: int) -> str:
    return values[number] if number < len(values) else ""


def domain_of(definitions: Definitions, address: str) -> str:
    """The domain of an address: its network's, else the site's; empty where there is none."""
    network = definitions.network_of(address)
    own = network.attributes.get("domain", "") if network else ""
    return own or definitions.site.get("domain", "")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
