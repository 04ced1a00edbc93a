"""The addresses of a node's network adapters, with the prefixes that their networks give them.

Prefixes come from the network definitions: those that `nicnetworks` names, one for each address, else those that the addresses belong to.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions, Network
from xcatflow.model.nics import nic_entries
from xcatflow.model.values import same_ip


def nic_ips(definitions: Definitions, node: str) -> dict[str, tuple[str, ...]]:
    """Adapters with the addresses of each, those without any left out."""
    found = {}
    for name, value in nic_entries(definitions.value(node, "nicips") or ""):
        if values := tuple(it.strip() for it in value.split("|") if it.strip()):
            found[name] = values
    return found


def nic_addresses(definitions: Definitions, node: str, name: str, *, without: str = "") -> Iterator[str]:
    """An adapter's addresses with their prefix, in one spelling other than `without`. Raises InvalidInput for one that no network
    definition contains."""
    named = dict(nic_entries(definitions.value(node, "nicnetworks") or "")).get(name, "").split("|")
    for number, value in enumerate(nic_ips(definitions, node).get(name, ())):
        if one_spelling(value) != without:
            yield f"{value}/{_prefix(definitions, node, name, value, named[number] if number < len(named) else '')}"


def _prefix(definitions: Definitions, node: str, name: str, value: str, network: str) -> int:
    """The prefix length that an address has: by its own network where that is named, by any that contains it otherwise."""
    found = definitions.networks.get(network) or definitions.network_of(value)
    if found is None or not _within(found, value):
        where = f'the network "{network}" does not contain it' if found else "no network contains it"
        raise InvalidInput(
            f'the address "{value}" of "{name}" of node "{node}" has no mask: {where}; define its network, or name it in "nicnetworks"'
        )
    return found.subnet.prefixlen


def _within(network: Network, value: str) -> bool:
    try:
        return ip_address(value) in network.subnet
    except ValueError:
        return False


def one_spelling(text: str) -> str:
    """One spelling for every spelling of an address; what is none stays as it is."""
    try:
        return same_ip(text)
    except ValueError:
        return text
