"""Questions about the networks of containers as their machine sees them, and about who has an address on the machine's bridge.

They are `Question` values like those in `question`, answered over SSH by `transport/looks_links`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xcatflow.model.question import Question


@dataclass(frozen=True, slots=True)
class LinkEndFacts:
    """A network interface inside a container. `addresses` are its fixed global addresses with their prefix; `host_end` is the name
    of its other end on the machine, empty where that is not to be found there; `bridge` is what the other end is a port of, empty for
    nothing; `refused` are those of its IPv6 addresses that the kernel found in use elsewhere."""

    addresses: tuple[str, ...]
    mac: str
    mtu: int
    up: bool
    host_end: str = ""
    bridge: str = ""
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerLinkFacts:
    """A container's network as the machine sees it. `pid` is that of its main process, 0 where it does not run; `link` is the interface
    asked about, None where it is not there; `gateway` and `gateway_link` are those of its IPv4 default route, empty where it has none,
    `gateway6` and `gateway6_link` the same of IPv6 where that was asked for; `host_network` says that it has no network of its own;
    `bridges` are the machine's; `labels` are the container's; `networks` maps the Docker networks that it is on to its IPv4 address there,
    empty where it has none; `mode` is what it was made with: `none`, `default`, a Docker network."""

    pid: int
    link: LinkEndFacts | None = None
    gateway: str = ""
    gateway_link: str = ""
    host_network: bool = False
    bridges: tuple[str, ...] = ()
    gateway6: str = ""
    gateway6_link: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    mode: str = ""

    def __hash__(self) -> int:
        return hash((self.pid, self.link))


@dataclass(frozen=True, slots=True)
class ContainerLink(Question[ContainerLinkFacts | None]):
    """The interface `interface` inside the container `container`, looked at from its machine; None where there is no such container. With
    `ipv6` its IPv6 default route is looked at as well."""

    container: str
    interface: str
    ipv6: bool = False


@dataclass(frozen=True, slots=True)
class NeighbourFacts:
    """Who answers for an address: the MAC address, empty for nobody, and the name of the machine or container that has it, empty where
    that is not known here. `obstacle` says why nobody could be asked, empty when they could."""

    mac: str = ""
    name: str = ""
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Neighbour(Question[NeighbourFacts]):
    """Who answers for the IPv4 address `address` when a machine asks on its bridge `bridge`. Nobody is asked while the container
    `container` has the address itself."""

    container: str
    bridge: str
    address: str
