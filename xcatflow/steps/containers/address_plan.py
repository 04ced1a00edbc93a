"""What is to be done so that a container has its address on a bridge, and what is refused. Pure.

Source: pipework on the names of interfaces; RFC 5227 on addresses that somebody else answers for.
"""

from collections.abc import Iterator

from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.container_links import ContainerLinkFacts, LinkEndFacts, NeighbourFacts
from xcatflow.steps.containers.address_params import AddressParams
from xcatflow.steps.containers.link import host_end

_NODE = "xcatflow.node"
"""The label that names the node a container was made for; one that stands aside for a while keeps it."""


def ours(seen: ContainerLinkFacts, want: AddressParams) -> bool:
    """May the container be touched?"""
    return want.adopt or seen.labels.get(_NODE) == want.container


def refuse(seen: ContainerLinkFacts, want: AddressParams) -> None:
    """Raise ActFailed for what this step will not touch."""
    if seen.pid == 0:
        raise ActFailed(
            f'container "{want.container}" is not running, and has a network only while it runs: start it first (workflow create-instance)'
        )
    if seen.host_network:
        raise ActFailed(
            f'container "{want.container}" uses the network of its machine: only one with a network of its own can have an address'
        )
    if want.bridge not in seen.bridges:
        there = ", ".join(seen.bridges) or "none"
        raise ActFailed(
            f'there is no bridge "{want.bridge}" on the machine, there are: {there}; make it with network.bridge'
        )
    if seen.link and not _made_here(seen.link, seen.pid, want):
        other = f'"{seen.link.host_end}"' if seen.link.host_end else "not on the machine"
        raise ActFailed(
            f'"{want.interface}" of container "{want.container}" is somebody else\'s (its other end is {other}): '
            'name another "interface"'
        )


def refuse_neighbour(seen: ContainerLinkFacts, neighbour: NeighbourFacts, want: AddressParams) -> None:
    """Raise ActFailed where somebody else has the address."""
    mine = {address.partition("/")[0] for address in seen.link.addresses} if seen.link else set()
    told = neighbour_told(neighbour, want.container)
    if told and want.ip not in mine:
        raise ActFailed(
            f"{in_use(want.ip, want.container, want.bridge, told)}; where a router answers for everybody, say "
            '"probe: false"'
        )
    wanted = {address.partition("/")[0] for address in want.all}
    if seen.link and (refused := [address for address in seen.link.refused if address in wanted]):
        raise ActFailed(in_use(refused[0], want.container, want.bridge, "a machine that the kernel found"))


def in_use(address: str, container: str, bridge: str, told: str) -> str:
    """What is said about an address that somebody else has."""
    return (
        f'the address {address} of container "{container}" is in use on "{bridge}" already, by {told}: '
        "give one of them another address"
    )


def neighbour_told(neighbour: NeighbourFacts, container: str) -> str:
    """Who answers, as words; empty for nobody, and for the container's own predecessor or successor."""
    if not neighbour.mac or neighbour.name.startswith(f'container "{container}.xcatflow-'):
        return ""
    return f"{neighbour.name} (MAC {neighbour.mac})" if neighbour.name else f"the machine with the MAC {neighbour.mac}"


def to_do(seen: ContainerLinkFacts, want: AddressParams, neighbour: NeighbourFacts) -> Iterator[Change]:
    """The one change that makes or repairs the interface; none where it is right."""
    what, link = f"container {want.container}", seen.link
    if link is None:
        via = "".join(f" via {gateway}" for gateway in (want.gateway, want.gateway6) if gateway)
        why = f"whether it is free could not be asked: {neighbour.obstacle}" if neighbour.obstacle else ""
        yield Change(Verb.ATTACH, what, want.interface, None, f"{', '.join(want.all)}{via} on {want.bridge}", why)
        return
    wanted, now = _wanted(want), _now(seen, link, want)
    wrong = [name for name, value in wanted.items() if value and now[name] != value]
    before = [f"{name} {now[name] or 'none'}" for name in wrong]
    after = [f"{name} {wanted[name]}" for name in wrong]
    if not link.up:
        before, after = [*before, "down"], [*after, "up"]
    if before:
        yield Change(Verb.UPDATE, what, want.interface, ", ".join(before), ", ".join(after))


def removal(seen: ContainerLinkFacts | None, want: AddressParams) -> Iterator[Change]:
    """The change that takes the interface away; none where it is gone, or not ours."""
    if seen and seen.link and ours(seen, want) and _made_here(seen.link, seen.pid, want):
        now = ", ".join(seen.link.addresses) or "no address"
        yield Change(Verb.REMOVE, f"container {want.container}", want.interface, now)


def _made_here(link: LinkEndFacts, pid: int, want: AddressParams) -> bool:
    return link.host_end == host_end(want.interface, pid)


def _wanted(want: AddressParams) -> dict[str, str | None]:
    mtu = str(want.mtu) if want.mtu else None
    return {
        "address": ", ".join(sorted(want.all, key=_family)),
        "gateway": want.gateway,
        "gateway6": want.gateway6,
        "bridge": want.bridge,
        "mac": want.mac,
        "mtu": mtu,
    }


def _now(seen: ContainerLinkFacts, link: LinkEndFacts, want: AddressParams) -> dict[str, str]:
    return {
        "address": ", ".join(_in_order(link.addresses, want.all)),
        "gateway": _through(seen.gateway, seen.gateway_link, want.interface),
        "gateway6": _through(seen.gateway6, seen.gateway6_link, want.interface),
        "bridge": link.bridge,
        "mac": link.mac,
        "mtu": str(link.mtu),
    }


def _through(gateway: str, link: str, interface: str) -> str:
    """A gateway, with its link where that is another one."""
    return f"{gateway} ({link})" if gateway and link != interface else gateway


def _in_order(there: tuple[str, ...], wanted: tuple[str, ...]) -> list[str]:
    """The addresses that are there, those that are wanted in the order in which they are: the kernel has an order of its own."""
    order = {address: number for number, address in enumerate(wanted)}
    return sorted(there, key=lambda address: (_family(address), order.get(address, len(order))))


def _family(address: str) -> int:
    return 6 if ":" in address else 4
