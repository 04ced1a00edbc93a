"""A node's network adapters as lookups see them: `${node.nics.adapter}`, `.addresses`, `.gateway6` and `.others`.

One adapter has the node's `ip`, the others have their own addresses. Prefixes come from the network definitions: those that
`nicnetworks` names, one for each address, else those that the addresses belong to. What an adapter is connected to stands in
`nicdevices`: for a container that is a bridge of its Docker host.

Source: the attributes' descriptions in `model/descriptions_node.py`.
"""

from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.nic_addresses import nic_addresses, nic_ips, one_spelling
from xcatflow.model.nics import nic_entries

_USUAL, _SPARE = "eth1", "eth0"
"""What the adapter with the node's `ip` is called where `nicips` does not say: pipework's choice, and the one where that is taken."""

PARTS = ("adapter", "addresses", "gateway6", "others")


def nics_value(definitions: Definitions, node: str, part: str) -> str | None:
    """One part of what is known about a node's adapters; None where there is nothing. Raises InvalidInput for addresses that no network
    definition contains.

    `adapter` is the one with the node's `ip`; `addresses` are its further ones with their prefix, with commas; `gateway6` is the gateway of
    the first of them that is IPv6; `others` are the other adapters, with commas: `eth2=10.30.0.21/16|fd00:30::21/64@lan30`.
    """
    if node not in definitions.nodes:
        return None
    adapters = nic_ips(definitions, node)
    own = one_spelling(definitions.value(node, "ip") or "")
    main = next((name for name, values in adapters.items() if own and own in map(one_spelling, values)), "")
    match part:
        case "adapter":
            return main or _unnamed(adapters, node)
        case "addresses":
            return ",".join(nic_addresses(definitions, node, main, without=own)) if main else None
        case "gateway6":
            return _gateway6(definitions, adapters.get(main, ()))
        case "others":
            return ",".join(_other(definitions, node, name) for name in adapters if name != main) or None
    return None


def _unnamed(adapters: dict[str, tuple[str, ...]], node: str) -> str | None:
    """The name for the adapter that has the `ip`, where `nicips` gives that to none."""
    if _USUAL not in adapters:
        return None
    if _SPARE in adapters:
        raise InvalidInput(
            f'node "{node}" has other addresses on "{_SPARE}" and "{_USUAL}": say in "nicips" which adapter has its "ip"'
        )
    return _SPARE


def _gateway6(definitions: Definitions, values: tuple[str, ...]) -> str | None:
    networks = (definitions.network_of(value) for value in values if ":" in value)
    return next(
        (network.gateway for network in networks if network and network.gateway and ":" in network.gateway), None
    )


def _other(definitions: Definitions, node: str, name: str) -> str:
    device = dict(nic_entries(definitions.value(node, "nicdevices") or "")).get(name, "")
    listed = "|".join(nic_addresses(definitions, node, name))
    return f"{name}={listed}@{device}" if device else f"{name}={listed}"
