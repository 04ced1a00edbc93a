"""xCAT's scripts `xHRM bridgeprereq` and `confignetwork` as steps: from a script's words, and from a node's nic attributes.

Source: the attributes' descriptions in `model/descriptions_node.py`; what `xHRM` makes of its words is told in `docs/networking.md`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address, ip_interface
from typing import Any

from xcatflow.contract import Desk, Part
from xcatflow.errors import InvalidInput, did_you_mean
from xcatflow.model.nic_addresses import nic_addresses, nic_ips, one_spelling
from xcatflow.model.nics import nic_entries

_TYPES = ("ethernet", "vlan", "bond", "bridge")
_EXTRA = ("mtu", "mode", "miimon", "gateway")
_MASK = "255.255.255.0"


def xhrm_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """`bridgeprereq [PORTS:]BRIDGE [ADDRESS [MASK]]`: one bridge. Raises InvalidInput."""
    match arguments:
        case ("bridgeprereq", *rest) if len(rest) <= 3:
            described, address, mask, *_ = (*rest, "", "", "")
        case ("bridgeprereq", *_):
            raise InvalidInput(
                f'xHRM bridgeprereq takes a port and a bridge, an address and a mask, found "{" ".join(arguments[1:])}"'
            )
        case _:
            raise InvalidInput(
                f'xHRM: expected "bridgeprereq" (the others are for virtual machines), found "{" ".join(arguments)}"'
            )
    ports, colon, bridge = described.rpartition(":")
    bridge = bridge or "default"
    if bridge == "default":
        raise InvalidInput(
            'xHRM bridgeprereq: no link can be called "default": name the bridge, such as "eth0:mydocker0"'
        )
    members = tuple(ports.split("&")) if colon and ports else (_install_nic(desk),)
    members = tuple(_mac_of(desk) if name == "mac" else name for name in members)
    if "" in members:
        raise InvalidInput(f'xHRM bridgeprereq: expected ports as in "eth0&eth1:{bridge}", found "{described}"')
    given: dict[str, Any] = {"name": bridge}
    given |= {"port": members[0]} if len(members) == 1 else {"bond": {"members": list(members)}}
    if tag := re.fullmatch(r"vl(?:an)?(\d+)", bridge):
        given["vlan"] = int(tag[1])
    if address:
        given["address"] = _with_mask(address, mask)
    return (Part("bridge", "network.bridge", given),)


def _install_nic(desk: Desk) -> str:
    """Where no port is named: the NIC that the node was installed over, else the adapter that has its address."""
    for attribute in ("installnic", "primarynic"):
        if name := desk.definitions.value(desk.node, attribute):
            return name
    own = one_spelling(desk.definitions.value(desk.node, "ip") or "")
    for name, values in nic_ips(desk.definitions, desk.node).items():
        if own and own in map(one_spelling, values):
            return name
    if desk.definitions.value(desk.node, "mac"):
        return "mac"
    raise InvalidInput(
        f'xHRM bridgeprereq: node "{desk.node}" has neither "installnic" nor "primarynic", and its "nicips" no NIC with its "ip": '
        'name the port, such as "eth0:mydocker0"'
    )


def _mac_of(desk: Desk) -> str:
    value = desk.definitions.value(desk.node, "mac") or ""
    mac = re.split(r"[|!]", value)[0].strip()
    if not mac:
        raise InvalidInput(f"should configure mac in {desk.node} definition.")
    return mac.lower()


def _with_mask(address: str, mask: str) -> str:
    try:
        if "/" in address:
            return str(ip_interface(address))
        if ":" in address:
            return str(ip_interface(f"{address}/{mask or 64}"))
        return f"{ip_address(address)}/{IPv4Network(f'0.0.0.0/{mask or _MASK}').prefixlen}"
    except ValueError:
        found = f"{address} {mask}".rstrip()
        raise InvalidInput(
            f'xHRM bridgeprereq: expected an address and a mask such as "10.0.0.5 255.255.255.0", found "{found}"'
        ) from None


# --- confignetwork ---


@dataclass(frozen=True, slots=True)
class _Nic:
    """An adapter as the attributes describe it."""

    name: str
    sort: str
    lower: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    extra: Mapping[str, str] = ()  # type: ignore[assignment]


def confignetwork_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """The adapters of `nicips`, `nicnetworks`, `nictypes`, `nicdevices` and `nicextraparams`, the lowest first; `-s`: the NIC that the node
    was installed over as well. Raises InvalidInput."""
    for word in arguments:
        if word == "-r":
            raise InvalidInput(
                'confignetwork: "-r" would take away what is not defined, which nobody could undo: remove such links by hand'
            )
        if word != "-s":
            raise InvalidInput(f'confignetwork: expected nothing or "-s", found "{word}"')
    nics = {nic.name: nic for nic in _nics(desk)}
    if "-s" in arguments:
        nics = _with_install_nic(desk, nics)
    done: dict[str, Part] = {}
    for nic in _tops(nics, desk.node):
        part = _part(nic, nics, desk.node)
        if part is not None:
            done[nic.name] = part
    return tuple(done.values())


def _nics(desk: Desk) -> Iterator[_Nic]:
    said = {
        name: dict(nic_entries(desk.definitions.value(desk.node, name) or ""))
        for name in ("nictypes", "nicdevices", "nicextraparams")
    }
    names = dict.fromkeys((*nic_ips(desk.definitions, desk.node), *said["nictypes"], *said["nicdevices"]))
    for name in names:
        sort = said["nictypes"].get(name, "").lower() or ("vlan" if re.fullmatch(r".+\.\d+", name) else "ethernet")
        if sort not in _TYPES:
            raise InvalidInput(
                f'node "{desk.node}": the type "{sort}" of "{name}" in "nictypes" is not supported, expected {", ".join(_TYPES)}'
                f"{did_you_mean(sort, _TYPES)}"
            )
        lower = tuple(it for it in said["nicdevices"].get(name, "").split("|") if it)
        if not lower and sort == "vlan" and "." in name:
            lower = (name.rpartition(".")[0],)
        if not lower and sort != "ethernet":
            raise InvalidInput(f'node "{desk.node}": "nicdevices" does not say what the {sort} "{name}" is on')
        if lower and sort == "ethernet":
            raise InvalidInput(
                f'node "{desk.node}": "nicdevices" says that "{name}" is on "{lower[0]}", but "nictypes" not what it is'
            )
        extra = _extra(desk.node, name, said["nicextraparams"].get(name, ""))
        yield _Nic(name, sort, lower, tuple(nic_addresses(desk.definitions, desk.node, name)), extra)


def _extra(node: str, name: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in text.replace("|", " ").split():
        key, mark, value = word.partition("=")
        if not mark or key.lower() not in _EXTRA:
            raise InvalidInput(
                f'node "{node}": expected {", ".join(f"{it}=..." for it in _EXTRA)} in "nicextraparams" of "{name}", found "{word}"'
            )
        found[key.lower()] = value
    return found


def _with_install_nic(desk: Desk, nics: dict[str, _Nic]) -> dict[str, _Nic]:
    name, ip = _install_nic(desk), desk.definitions.value(desk.node, "ip") or ""
    if name == "mac":
        raise InvalidInput(f'confignetwork -s: say the name of the NIC of node "{desk.node}" in "installnic"')
    network = desk.definitions.network_of(ip)
    if network is None:
        raise InvalidInput(f'confignetwork -s: the address "{ip}" of node "{desk.node}" is in no network definition')
    gateway = network.gateway or ""
    old = nics.get(name, _Nic(name, "ethernet", extra={}))
    address = f"{ip}/{network.subnet.prefixlen}"
    extra = {**({"gateway": gateway} if gateway and not gateway.startswith("<") else {}), **old.extra}
    both = tuple(dict.fromkeys((address, *old.addresses)))
    others = {other: nic for other, nic in nics.items() if other != name}
    return {name: _Nic(name, old.sort, old.lower, both, extra), **others}


def _tops(nics: Mapping[str, _Nic], node: str) -> Iterator[_Nic]:
    """Adapters that are set up by a step of their own, those that others stand on first. Raises InvalidInput for circles."""
    done: list[str] = []

    def visit(name: str, way: tuple[str, ...]) -> Iterator[_Nic]:
        if name in way:
            raise InvalidInput(f'node "{node}": "nicdevices" goes in a circle: {" -> ".join((*way, name))}')
        if name in done or name not in nics:
            return
        for lower in nics[name].lower:
            yield from visit(lower, (*way, name))
        done.append(name)
        if not _absorbed(nics, nics[name]):
            yield nics[name]

    for name in nics:
        yield from visit(name, ())


def _uppers(nics: Mapping[str, _Nic], name: str) -> list[_Nic]:
    return [it for it in nics.values() if name in it.lower]


def _absorbed(nics: Mapping[str, _Nic], nic: _Nic) -> bool:
    """Is it made, and are its addresses given, by the step of what stands on it?"""
    uppers = _uppers(nics, nic.name)
    if any(it.sort in ("bridge", "bond") for it in uppers):
        return True
    return nic.sort == "bond" and len(uppers) == 1 and not nic.addresses


def _part(nic: _Nic, nics: Mapping[str, _Nic], node: str) -> Part | None:
    given: dict[str, Any] = {"name": nic.name}
    addresses, extra = list(nic.addresses), dict(nic.extra)
    below = nic
    if nic.sort == "bridge":
        below = _only(nic, nics, node)
        addresses += [it for it in below.addresses if below.sort != "vlan" or it not in addresses]
    if below.sort == "vlan":
        given["vlan"] = _number(below, node)
        if nic.sort == "bridge" and below.name != f"{below.lower[0]}.{given['vlan']}":
            raise InvalidInput(
                f'node "{node}": the VLAN "{below.name}" below "{nic.name}" has to be called "{below.lower[0]}.{given["vlan"]}"'
            )
        below = _only(below, nics, node)
    if below.sort == "bond" and (below is nic or _absorbed(nics, below)):
        bond = {**below.extra, **extra} if below is nic else below.extra
        options = {key: bond[key] for key in ("mode", "miimon") if key in bond}
        given["bond"] = {"name": below.name, "members": list(below.lower), **options}
        addresses += [
            it for member in below.lower if member in nics for it in nics[member].addresses if it not in addresses
        ]
    elif below is not nic:
        given["port"] = below.name
    if nic.sort == "bridge" and below.sort == "ethernet":
        extra = {**{key: value for key, value in below.extra.items() if key == "gateway"}, **extra}
    _heard(nic, nics, node)
    if nic.sort == "ethernet" and not addresses and not extra:
        return None
    if addresses:
        given["addresses"] = list(dict.fromkeys(addresses))
    if "mtu" in extra:
        given["mtu"] = extra["mtu"]
    if "gateway" in extra:
        given["gateway"] = extra["gateway"]
    use = "network.bridge" if nic.sort == "bridge" else "network.interface"
    return Part(f"network-{re.sub('[^a-z0-9_-]', '-', nic.name.lower())}", use, given)


def _heard(nic: _Nic, nics: Mapping[str, _Nic], node: str) -> None:
    """Raise InvalidInput where `nicextraparams` says of an adapter below this one what nobody would do: it has no step of its own."""
    todo = list(nic.lower)
    while todo:
        name = todo.pop()
        if name not in nics or not _absorbed(nics, nics[name]):
            continue
        lower = nics[name]
        todo += lower.lower
        direct = ("gateway",) if nic.sort == "bridge" and name in nic.lower else ()
        used = {"bond": ("mode", "miimon"), "ethernet": direct}.get(lower.sort, ())
        if wrong := next((key for key in lower.extra if key not in used), ""):
            raise InvalidInput(
                f'node "{node}": "{wrong}" in "nicextraparams" of "{name}" has no effect below "{nic.name}": say it of "{nic.name}", or '
                f'set "{name}" up by a network.interface in a workflow'
            )


def _only(nic: _Nic, nics: Mapping[str, _Nic], node: str) -> _Nic:
    """The one adapter that another stands on."""
    if len(nic.lower) != 1:
        raise InvalidInput(
            f'node "{node}": the {nic.sort} "{nic.name}" can be on one device, found "{"|".join(nic.lower)}": make a bond of them'
        )
    return nics.get(nic.lower[0], _Nic(nic.lower[0], "ethernet", extra={}))


def _number(nic: _Nic, node: str) -> int:
    if found := re.search(r"(\d+)\Z", nic.name):
        return int(found[1])
    raise InvalidInput(
        f'node "{node}": the name of the VLAN "{nic.name}" does not end with its number, as in "eth0.30"'
    )
