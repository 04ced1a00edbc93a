"""Networks: those that overlap, gateways outside; and a quick way from an address to its networks."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from xcatflow.model.definitions import Definitions, Network
from xcatflow.model.findings import Findings

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Subnets:
    """The networks by IP version, number of host bits (the narrowest first) and number."""

    levels: dict[int, dict[int, dict[int, Network]]]

    @classmethod
    def of(cls, definitions: Definitions) -> "Subnets":
        found: dict[int, dict[int, dict[int, Network]]] = {4: {}, 6: {}}
        for network in definitions.networks.values():
            subnet = network.subnet
            bits = subnet.max_prefixlen - subnet.prefixlen
            found[subnet.version].setdefault(bits, {}).setdefault(int(subnet.network_address) >> bits, network)
        return cls({version: dict(sorted(levels.items())) for version, levels in found.items()})

    def around(self, address: Address) -> Iterator[Network]:
        """The networks that an address lies in, the narrowest first."""
        number = int(address)
        for bits, networks in self.levels[address.version].items():
            if network := networks.get(number >> bits):
                yield network


def check(found: Findings, definitions: Definitions) -> None:
    """Find what is wrong with networks among themselves."""
    subnets = Subnets.of(definitions)
    for network in definitions.networks.values():
        _overlap(found, network, subnets)
        _gateway(found, network)


def _overlap(found: Findings, network: Network, subnets: Subnets) -> None:
    for wider in subnets.around(network.subnet.network_address):
        if wider.subnet.prefixlen < network.subnet.prefixlen:
            first = min(wider.name, network.name)
            message = f'network "{network.name}" ({network.subnet}) lies inside network "{wider.name}"'
            found.warn(
                f'{message} ({wider.subnet}, {wider.source()}): addresses in both count as "{first}", the first by name',
                network.source("net"),
            )
            return


def _gateway(found: Findings, network: Network) -> None:
    if not network.gateway or network.gateway == "<xcatmaster>":
        return
    address, subnet = ip_address(network.gateway), network.subnet
    if address not in subnet:
        message = f'"gateway" of network "{network.name}": {address} lies outside {subnet}, where nodes cannot reach it'
        found.warn(message, network.source("gateway"))
    elif problem := end_of(address, network):
        found.error(f'"gateway" of network "{network.name}": {address} is {problem}', network.source("gateway"))


def end_of(address: Address, network: Network) -> str:
    """What of its network an address is that no node can have; empty where it is none of that."""
    subnet = network.subnet
    if subnet.version == 6 or subnet.prefixlen > 30:
        return ""
    if address == subnet.network_address:
        return f'the address of network "{network.name}" itself ({subnet})'
    if address == subnet.broadcast_address:
        return f'the broadcast address of network "{network.name}" ({subnet})'
    return ""
