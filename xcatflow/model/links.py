"""What `ip -j` says about a machine's network, as values: links with their addresses, and routes.

Source: iproute2 `ip -j -d addr`, `ip -j route` (5.x and 6.x; lists may hold empty objects).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_CENTISECONDS = 100


@dataclass(frozen=True, slots=True)
class Address:
    """A global address with its prefix, as text. `dynamic` ones run out: a client or the router's announcements renew them."""

    text: str
    family: int
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface. `kind` is empty for hardware; `master` names the bridge (or bond) it is a port of; `peer` is the other end's
    index where there is one. `stp` and `forward_delay_s` are a bridge's, `vlan` is a VLAN's number, None elsewhere; `mode` is a bond's. An
    `mtu` of 0 is not known."""

    index: int
    name: str
    kind: str = ""
    master: str = ""
    mac: str = ""
    up: bool = True
    addresses: tuple[Address, ...] = ()
    peer: int | None = None
    stp: bool | None = None
    forward_delay_s: float | None = None
    mtu: int = 0
    vlan: int | None = None
    mode: str = ""

    @property
    def announced(self) -> bool:
        """Does it hold an IPv4 address that some client has to renew?"""
        return any(address.dynamic and address.family == 4 for address in self.addresses)

    @property
    def movable(self) -> tuple[str, ...]:
        """The addresses that have to be moved when it becomes a port: announced IPv6 ones come again by themselves."""
        return tuple(address.text for address in self.addresses if address.family == 4 or not address.dynamic)


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table; `via` is empty for what is on the link itself."""

    to: str
    via: str
    link: str
    protocol: str = ""


def links(text: str) -> tuple[Link, ...]:
    """The links of `ip -j -d addr`. Raises ValueError for what is none of its output."""
    return tuple(_link(item) for item in _items(text))


def routes(text: str) -> tuple[Route, ...]:
    """The routes of `ip -j route`, those without one link of their own left out. Raises ValueError."""
    return tuple(
        Route(item["dst"], item.get("gateway", ""), item["dev"], item.get("protocol", ""))
        for item in _items(text)
        if "dev" in item
    )


def chapters(text: str) -> dict[str, str]:
    """A reply's parts, each under a line `#name`."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line.startswith("#"):
            current = found.setdefault(line[1:], [])
        else:
            current.append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def _items(text: str) -> Iterator[Mapping[str, Any]]:
    given = json.loads(text or "[]")
    if not isinstance(given, list):
        raise ValueError(f'expected a list, found "{text[:40]}"')
    yield from (item for item in given if item)


def _link(item: Mapping[str, Any]) -> Link:
    info = item.get("linkinfo") or {}
    data = info.get("info_data") or {}
    bridge = info.get("info_kind") == "bridge"
    return Link(
        index=item["ifindex"],
        name=item["ifname"],
        kind=info.get("info_kind", ""),
        master=item.get("master", ""),
        mac=item.get("address", ""),
        up="UP" in item.get("flags", ()),
        addresses=tuple(_address(it) for it in item.get("addr_info") or () if it and it.get("scope") == "global"),
        peer=item.get("link_index"),
        stp=bool(data.get("stp_state")) if bridge else None,
        forward_delay_s=data.get("forward_delay", 0) / _CENTISECONDS if bridge else None,
        mtu=item.get("mtu", 0),
        vlan=data.get("id") if info.get("info_kind") == "vlan" else None,
        mode=data.get("mode", "") if info.get("info_kind") == "bond" else "",
    )


def _address(item: Mapping[str, Any]) -> Address:
    family = 6 if item.get("family") == "inet6" else 4
    dynamic = bool(item.get("dynamic") or item.get("mngtmpaddr") or item.get("temporary"))
    return Address(f"{item['local']}/{item['prefixlen']}", family, dynamic)
