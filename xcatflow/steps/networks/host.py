"""A network of Docker on a bridge that the host has already: what an engine would do to the bridge's addresses, and how it is kept from it.

An engine takes the bridge's address for its own to choose: the network's gateway is put on the bridge in place of the host's address in
the same subnet, or, without one, of the first it finds; routes go with it. On a bridge over the host's NIC that cuts the host off, and
gives it an address that the router has. The way out that all engines know: the host's own address is the network's gateway, so that
nothing changes, and the address that containers get as their gateway is reserved under a name that the driver looks for.

Source: moby, libnetwork's bridge driver (setupBridgeIPv4, DefaultGatewayIPv4), tried with an engine 20.10; its option `inhibit_ipv4` came
with engine 20.10 (API 1.41), older ones take no notice of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_interface, ip_network
from typing import Any

from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.links import Link, links
from xcatflow.model.question import DaemonFacts, Reply, Shell
from xcatflow.steps.daemons.network_params import INHIBIT_IPV4, NetworkParams, Pool

DEFAULT_GATEWAY = {4: "DefaultGatewayIPv4", 6: "DefaultGatewayIPv6"}
"""The reserved names under which the bridge driver looks for the containers' gateway."""

_GUESTS = ("veth", "tun", "tap", "macvtap")
_INHIBITS_SINCE = (1, 41)


@dataclass(frozen=True, slots=True)
class HostBridge:
    """A bridge that is there while the network is not: its fixed addresses with their prefix, its port that leads outside (empty for
    none), and whether the engine can be told to leave IPv4 alone."""

    name: str
    addresses: tuple[str, ...] = ()
    port: str = ""
    inhibits: bool = True


def question() -> Shell:
    """The host's links."""
    return Shell("ip -j -d addr")


def read_links(reply: Reply, bridge: str) -> tuple[Link, ...]:
    """The links, among which a bridge is looked for. Raises CannotTell."""
    try:
        if reply.code:
            raise ValueError
        return links(reply.text)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise CannotTell(f'cannot look at the bridge "{bridge}": {reply.complaint or reply.text[:80]}') from None


def host_bridge(reply: Reply, daemon: DaemonFacts | None, name: str) -> HostBridge | None:
    """The bridge of this name; None where there is none. Raises CannotTell, and ActFailed for a link that is no bridge."""
    found = read_links(reply, name)
    link = next((it for it in found if it.name == name), None)
    if link is None:
        return None
    if link.kind != "bridge":
        raise ActFailed(f'"{name}" on the machine is no bridge but a {link.kind or "NIC"}: choose another "bridge"')
    port = next((it.name for it in found if it.master == name and it.kind not in _GUESTS), "")
    used = tuple(int(part) for part in daemon.api.split(".")) if daemon else _INHIBITS_SINCE
    return HostBridge(name, _fixed(link), port, used >= _INHIBITS_SINCE)


def ipam(want: NetworkParams, bridge: HostBridge | None) -> list[dict[str, Any]]:
    """The subnets as the create request names them. Raises ActFailed where the host would lose an address of the bridge."""
    if bridge and not want.pools and (bridge.addresses or bridge.port):
        raise ActFailed(
            f'the bridge "{bridge.name}" is there already, with {_told(bridge)}: say its "subnet", or the daemon gives it another address'
        )
    if bridge:
        return [_on_bridge(pool, bridge, inhibited=_inhibits(want, bridge)) for pool in want.pools]
    return [_pool(pool, pool.gateway, pool.reserved) for pool in want.pools]


def gateway_of(subnet: str, gateway: str, reserved: dict[str, str]) -> str:
    """The gateway that containers get, of a pool as a daemon lists it; empty where it does not name one."""
    whole = ip_network(subnet)
    other = reserved.get(DEFAULT_GATEWAY[whole.version], "")
    return other or gateway.partition("/")[0]


def _inhibits(want: NetworkParams, bridge: HostBridge) -> bool:
    wanted = want.all_options.get(INHIBIT_IPV4, "").lower() in ("true", "1")
    if wanted and not bridge.inhibits:
        raise ActFailed(
            f'the option "{INHIBIT_IPV4}" needs API 1.41 (Docker 20.10): older engines take no notice of it'
        )
    return wanted


def _on_bridge(pool: Pool, bridge: HostBridge, *, inhibited: bool) -> dict[str, Any]:
    whole = ip_network(pool.subnet)
    if inhibited and pool.version == 4:
        return _pool(pool, pool.gateway, pool.reserved)
    inside = [ip_interface(it) for it in bridge.addresses if ip_interface(it).ip in whole]
    own = next((it for it in inside if it.network == whole), None)
    if own is None:
        _refuse(pool, bridge, [str(it) for it in inside])
        return _pool(pool, pool.gateway, pool.reserved)
    mine = str(own.ip)
    others = {DEFAULT_GATEWAY[pool.version]: pool.gateway} if pool.gateway not in ("", mine) else {}
    return _pool(pool, mine, {**{name: it for name, it in pool.reserved.items() if it != mine}, **others})


def _refuse(pool: Pool, bridge: HostBridge, inside: list[str]) -> None:
    """Raise ActFailed where the engine would take an address off the bridge, or put one on it that may be another machine's."""
    if inside:
        raise ActFailed(
            f'the bridge "{bridge.name}" has the address {inside[0]}, which the daemon would replace by one of {pool.subnet}: '
            "say the subnet with the same prefix"
        )
    there = any(ip_interface(it).version == pool.version for it in bridge.addresses)
    if there or bridge.port:
        raise ActFailed(
            f'the bridge "{bridge.name}" is there already, with {_told(bridge)} and no address in {pool.subnet}: the daemon would give it '
            f"{'the gateway ' + pool.gateway if pool.gateway else 'the first address of the subnet'}, which may be another machine's; give "
            'the bridge an address of its own in that subnet first (network.bridge, "address")'
        )


def _pool(pool: Pool, gateway: str, reserved: dict[str, str]) -> dict[str, Any]:
    given = {"Subnet": pool.subnet, "IPRange": pool.range, "Gateway": gateway, "AuxiliaryAddresses": reserved}
    return {key: value for key, value in given.items() if value}


def _fixed(link: Link) -> tuple[str, ...]:
    return tuple(address.text for address in link.addresses if not address.dynamic)


def _told(bridge: HostBridge) -> str:
    return " and ".join(_parts(bridge))


def _parts(bridge: HostBridge) -> Iterator[str]:
    if bridge.addresses:
        yield f"the address {', '.join(bridge.addresses)}"
    if bridge.port:
        yield f'the port "{bridge.port}"'
