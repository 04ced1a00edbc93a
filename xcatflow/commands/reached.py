"""Where nodes are to be reached from here: their own `ip`, else what their names resolve to."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from xcatflow.machine.addresses import addresses_of
from xcatflow.model.definitions import Definitions


def addresses(definitions: Definitions, nodes: Iterable[str]) -> Mapping[str, str]:
    """The nodes' addresses as numbers; those that have none are left out."""
    own = {node: definitions.value(node, "ip") or node for node in nodes}
    return numbers(own)


def numbers(hosts: Mapping[str, str]) -> dict[str, str]:
    """Addresses by name, from addresses and names of hosts; what does not resolve is left out."""
    found = {name: host for name, host in hosts.items() if _is_number(host)}
    others = {name: host for name, host in hosts.items() if name not in found}
    known = addresses_of(sorted(set(others.values())))
    return found | {name: known[host] for name, host in others.items() if host in known}


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
