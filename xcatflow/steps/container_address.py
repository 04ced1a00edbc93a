"""`container.address`: a running container answers at its fixed address, on a bridge of its machine or in a network of Docker.

On a bridge the address is put in from outside, for containers whose networking is off: they need no tools, and Docker knows nothing of
it. It goes when the container stops, so it is put in again after each start.

Source: pipework, whose interfaces have the same names and are taken over; ip-link(8) on veth, ip-address(8), ip-route(8), arping(8).
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import (
    Answers,
    Container,
    ContainerFacts,
    ContainerLink,
    ContainerLinkFacts,
    LinkEndFacts,
    Question,
)
from xcatflow.steps.container_link import Way, apply_link, host_end, remove_link
from xcatflow.steps.container_network import connect, reconnect
from xcatflow.steps.given import LenientParams

Seen = ContainerLinkFacts | ContainerFacts
_ALIVE = ("running", "paused")
_FOR_BRIDGES = ("bridge", "interface", "gateway", "mac", "mtu")


def _container(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f'expected the name of a container, found "{name}"')
    return name


def _link_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}", name) or name in ("all", "default"):
        raise ValueError(f'expected the name of a network interface (at most 15 characters), found "{name}"')
    return name


def _address(text: str) -> str:
    try:
        return text if "/" not in text and IPv4Interface(text) else str(IPv4Interface(text))
    except ValueError:
        raise ValueError(f'expected an IPv4 address with its prefix such as "10.20.0.21/16", found "{text}"') from None


def _gateway(text: str) -> str:
    try:
        if "/" in text:
            raise ValueError
        return str(IPv4Interface(text).ip)
    except ValueError:
        raise ValueError(f'expected an IPv4 address such as "10.20.0.1", found "{text}"') from None


def _mac(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", text.lower()):
        raise ValueError(f'expected the MAC address of one interface such as "02:00:0a:14:00:15", found "{text}"')
    return text.lower()


class AddressParams(LenientParams):
    """One container and its address. What is given as empty text counts as left out."""

    container: Annotated[str, AfterValidator(_container)] = Field(description="The container.")
    address: Annotated[str, AfterValidator(_address)] = Field(
        description="Its IPv4 address, with the prefix where it is put on a bridge: `10.20.0.21/16`."
    )
    bridge: Annotated[str, AfterValidator(_link_name)] = Field(
        "mydocker0",
        description="The machine's bridge that the container is put on; for containers with networking off.",
    )
    network: str = Field(
        "", description="In place of a bridge: the network of Docker that the container is connected to."
    )
    interface: Annotated[str, AfterValidator(_link_name)] = Field(
        "eth1", description="The container's interface that the address is on."
    )
    gateway: Annotated[str, AfterValidator(_gateway)] | None = Field(
        None,
        description="The container's default gateway, inside its network or not. Left out: its routes stay as they are.",
    )
    mac: Annotated[str, AfterValidator(_mac)] | None = Field(
        None, description="The interface's MAC address. Left out: any."
    )
    mtu: int | None = Field(None, ge=68, le=65535, description="The interface's MTU in bytes. Left out: the bridge's.")

    @model_validator(mode="after")
    def _one_form(self) -> "AddressParams":
        if self.network:
            if given := [name for name in _FOR_BRIDGES if name in self.model_fields_set]:
                raise ValueError(
                    f'expected either "network" or "{given[0]}", found both: a network of Docker has its own'
                )
        elif "/" not in self.address:
            raise ValueError(f'expected an address with its prefix such as "{self.address}/24", found "{self.address}"')
        if self.gateway == self.ip:
            raise ValueError(f'the container and its gateway cannot both have the address "{self.ip}"')
        return self

    @property
    def ip(self) -> str:
        """The address without its prefix."""
        return self.address.partition("/")[0]


class ContainerAddress(Step[AddressParams, Seen]):
    """Put in from the machine; what is there already is repaired, not made anew."""

    kind = "container.address"
    follows = ("docker.container",)
    params: ClassVar[type[Params]] = AddressParams

    def ask(self, want: AddressParams) -> tuple[Question[Any], ...]:
        if want.network:
            return (Container(want.container),)
        return (ContainerLink(want.container, want.interface),)

    def seen(self, answers: Answers, want: AddressParams) -> Seen | None:
        if want.network:
            return answers[Container(want.container)]
        return answers[ContainerLink(want.container, want.interface)]

    def plan(self, seen: Seen | None, want: AddressParams) -> tuple[Change, ...]:
        match seen:
            case None:
                raise ActFailed(f'there is no container "{want.container}": make it first (workflow create-instance)')
            case ContainerLinkFacts():
                _refuse(seen, want)
                return tuple(_on_bridge(seen, want))
            case ContainerFacts():
                return tuple(_in_network(seen, want))

    def apply(self, at: Target, want: AddressParams, seen: Seen | None, change: Change) -> None:
        if isinstance(seen, ContainerLinkFacts):
            has = seen.link.addresses if seen.link else ()
            apply_link(at, want.container, want.interface, seen.pid, _way(want), has=has)
        elif change.verb is Verb.ATTACH:
            connect(at, want.container, want.network, want.ip)
        else:
            reconnect(at, want.container, want.network, old=change.before or "", new=want.ip)

    def undo(self, at: Target, want: AddressParams, seen: Seen | None, change: Change) -> None:
        match seen, change.verb:
            case ContainerLinkFacts(), Verb.ATTACH:
                remove_link(at, want.container, want.interface, seen.pid)
            case ContainerLinkFacts(link=link), _ if link and link.bridge:
                way = _former(seen, link, want)
                apply_link(at, want.container, want.interface, seen.pid, way, has=(want.address,))
            case ContainerLinkFacts(), _:
                raise CannotUndo(f'"{want.interface}" of container "{want.container}" was on no bridge before')
            case _, Verb.ATTACH:
                at.docker.disconnect_network(want.network, want.container)
            case _:
                reconnect(at, want.container, want.network, old=want.ip, new=change.before or "")

    def outputs(self, seen: Seen | None, want: AddressParams) -> dict[str, str]:
        return {"address": want.ip}


def _way(want: AddressParams) -> Way:
    inside = want.gateway is None or IPv4Address(want.gateway) in IPv4Interface(want.address).network
    default = f"via {want.gateway} dev {want.interface}" if want.gateway else ""
    far = "" if inside else want.gateway or ""
    return Way(want.bridge, (want.address,), default, far, want.mac or "", want.mtu)


def _former(seen: ContainerLinkFacts, link: LinkEndFacts, want: AddressParams) -> Way:
    """What is put back; a default route that was not asked for was not changed."""
    default = f"via {seen.gateway} dev {seen.gateway_link}" if seen.gateway else "none"
    return Way(link.bridge, link.addresses, default if want.gateway else "", mac=link.mac, mtu=link.mtu)


def _refuse(seen: ContainerLinkFacts, want: AddressParams) -> None:
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
    if seen.link and seen.link.host_end != host_end(want.interface, seen.pid):
        other = f'"{seen.link.host_end}"' if seen.link.host_end else "not on the machine"
        raise ActFailed(
            f'"{want.interface}" of container "{want.container}" is somebody else\'s (its other end is {other}): '
            'name another "interface"'
        )


def _on_bridge(seen: ContainerLinkFacts, want: AddressParams) -> Iterator[Change]:
    what = f"container {want.container}"
    wanted = {"address": want.address, "gateway": want.gateway, "bridge": want.bridge, "mac": want.mac}
    wanted["mtu"] = str(want.mtu) if want.mtu else None
    if seen.link is None:
        via = f" via {want.gateway}" if want.gateway else ""
        yield Change(Verb.ATTACH, what, want.interface, None, f"{want.address}{via} on {want.bridge}")
        return
    link = seen.link
    gateway = seen.gateway if seen.gateway_link == want.interface else f"{seen.gateway} ({seen.gateway_link})"
    now = {
        "address": ", ".join(link.addresses),
        "gateway": gateway if seen.gateway else "",
        "bridge": link.bridge,
        "mac": link.mac,
        "mtu": str(link.mtu),
    }
    wrong = [name for name, value in wanted.items() if value and now[name] != value]
    before = [f"{name} {now[name] or 'none'}" for name in wrong]
    after = [f"{name} {wanted[name]}" for name in wrong]
    if not link.up:
        before, after = [*before, "down"], [*after, "up"]
    if before:
        yield Change(Verb.UPDATE, what, want.interface, ", ".join(before), ", ".join(after))


def _in_network(seen: ContainerFacts, want: AddressParams) -> Iterator[Change]:
    if seen.state not in _ALIVE:
        raise ActFailed(
            f'container "{want.container}" is not running ({seen.state}): start it first (workflow create-instance)'
        )
    now = seen.addresses.get(want.network)
    what, field = f"container {want.container}", f"network {want.network}"
    if now is None:
        yield Change(Verb.ATTACH, what, field, None, want.ip)
    elif now != want.ip:
        yield Change(Verb.UPDATE, what, field, now, want.ip)
