"""What differs between a machine's network and a chain of links, and what is refused. Pure."""

from collections.abc import Iterator
from ipaddress import ip_address

from xcatflow.errors import ActFailed
from xcatflow.model.change import Change, Verb
from xcatflow.model.links import Link
from xcatflow.steps.networks.bridge_look import Network
from xcatflow.steps.networks.chain import Chain, Piece
from xcatflow.steps.networks.files import mark, paths, unit, way

_GUESTS = ("veth", "tun", "tap", "macvtap")
"""Kinds of ports that belong to containers and virtual machines; ports of other kinds lead outside."""
FILTER = "packet filter"


def refuse(seen: Network, chain: Chain, *, persist: bool) -> None:
    """Raise ActFailed for what is not touched."""
    for piece in chain.made:
        _refuse_piece(seen, piece)
    for nic in chain.nics:
        _refuse_nic(seen, chain, nic)
    _refuse_loss(seen, chain)
    _refuse_mtu(seen, chain)
    _refuse_dhcp(seen, chain)
    if chain.dhcp and not persist:
        raise ActFailed('"dhcp" needs a network manager that is told about it, which "persist: none" rules out')


def _refuse_piece(seen: Network, piece: Piece) -> None:
    link = seen.find(piece.name)
    if link is None:
        return
    if link.kind != piece.kind:
        raise ActFailed(
            f'"{piece.name}" is there already and is no {piece.kind} but a {link.kind or "NIC"}: choose another name'
        )
    if piece.kind == "vlan" and link.vlan not in (None, piece.vlan):
        raise ActFailed(f'"{piece.name}" is VLAN {link.vlan} already, expected {piece.vlan}: choose another name')
    if piece.kind == "bond" and link.mode not in ("", piece.mode):
        raise ActFailed(
            f'bond "{piece.name}" has the mode {link.mode}, expected {piece.mode}: say so, or remove it by hand'
        )
    if piece.kind in ("bond", "bridge") and (piece.lower or piece.kind == "bond"):
        wrong = (it.name for it in seen.links if it.master == piece.name and it.name not in piece.lower)
        for name in wrong:
            other = seen.find(name)
            if piece.kind == "bridge" and other and other.kind in _GUESTS:
                continue
            expected = ", ".join(f'"{it}"' for it in piece.lower)
            raise ActFailed(
                f'{piece.kind} "{piece.name}" has the port "{name}", expected only {expected}: take it out by hand'
            )


def _refuse_nic(seen: Network, chain: Chain, nic: str) -> None:
    link = seen.find(nic)
    if link is None:
        others = ", ".join(it.name for it in seen.links if it.kind not in ("bridge", "dummy") and it.name != "lo")
        raise ActFailed(f'there is no NIC "{nic}" on the machine, there are: {others or "none"}')
    upper = chain.upper(nic)
    if link.master not in ("", upper.name if upper else ""):
        raise ActFailed(f'NIC "{nic}" is a port of "{link.master}" already: take it out there, or use that bridge')


def _refuse_loss(seen: Network, chain: Chain) -> None:
    """A bond that only carries a VLAN has no addresses: those that its NICs have would be nowhere."""
    for bond in chain.pieces:
        if bond.kind != "bond" or not chain.vlans(bond.name):
            continue
        for name in (bond.name, *bond.lower):
            link = seen.find(name)
            if link and link.movable:
                raise ActFailed(
                    f'"{name}" has the address {link.movable[0]}, which nothing would have below the VLAN: make the bond "{bond.name}" by '
                    f'a "network.interface" of its own, and put the VLAN on the "port" "{bond.name}"'
                )


def _refuse_mtu(seen: Network, chain: Chain) -> None:
    for piece in chain.made:
        for name in piece.lower:
            link = seen.find(name)
            if link and link.mtu and piece.mtu > link.mtu:
                raise ActFailed(
                    f'an MTU of {piece.mtu} for "{piece.name}" is larger than that of "{name}", {link.mtu}: raise it there first'
                )


def _refuse_dhcp(seen: Network, chain: Chain) -> None:
    if chain.top.kind == "nic" and not chain.dhcp:
        return
    moves = [nic for nic in chain.donors if (link := seen.find(nic)) and link.announced]
    if seen.stack in ("networkd", "netplan", "networkmanager") or (seen.stack == "ifupdown" and seen.client):
        return
    if moves:
        raise ActFailed(
            f'"{moves[0]}" has its address by DHCP, whose client would not follow to the bridge: give it a fixed address first'
        )
    if (chain.dhcp and not (top := seen.find(chain.top.name))) or (chain.dhcp and top and not top.announced):
        raise ActFailed(
            f'"dhcp" for "{chain.top.name}" needs systemd-networkd, netplan or NetworkManager to manage what it stands on, or a port whose '
            "address dhclient has got already"
        )


def differences(seen: Network, chain: Chain, *, persist: bool) -> tuple[Change, ...]:
    """The changes, those of the network first: they are made in one act."""
    kept = tuple(_kept(seen, chain)) if persist else ()
    return (
        *(change for piece in chain.pieces for change in _piece(seen, chain, piece)),
        *_top(seen, chain),
        *kept,
        *_filter(seen, chain),
    )


def _piece(seen: Network, chain: Chain, piece: Piece) -> Iterator[Change]:
    what, link = f"{piece.kind} {piece.name}", seen.find(piece.name)
    if link is None and piece.kind != "nic":
        after = f"number {piece.vlan} on {piece.lower[0]}" if piece.kind == "vlan" else None
        yield Change(Verb.CREATE, what, after=after)
    attached = False
    if piece.kind in ("bond", "bridge"):
        for name in piece.lower:
            port = seen.find(name)
            if port is None or port.master != piece.name or (name in chain.donors and port.movable):
                moved = ", ".join(dict.fromkeys(_moved(seen, port))) if port and name in chain.donors else ""
                why = f"its addresses and routes move along: {moved}" if moved else ""
                yield Change(Verb.ATTACH, what, "port", None, name, why)
                attached = True
    if link and not link.up and not attached:
        yield Change(Verb.UPDATE, what, "link", "down", "up")
    if piece.mtu and link and link.mtu != piece.mtu:
        yield Change(Verb.UPDATE, what, "mtu", str(link.mtu), str(piece.mtu))


def _top(seen: Network, chain: Chain) -> Iterator[Change]:
    what, top = f"{chain.top.kind} {chain.top.name}", seen.find(chain.top.name)
    there = [address.text for address in top.addresses] if top else []
    moving = {address.text for nic in chain.donors if (link := seen.find(nic)) for address in link.addresses}
    for wanted in chain.addresses:
        if wanted not in there and wanted not in moving:
            before = next((it for it in there if it.split("/")[0] == wanted.split("/")[0]), None)
            yield Change(Verb.UPDATE, what, "address", before, wanted)
    for gateway in chain.gateways:
        if (now := _gateway(seen, chain, gateway)) != gateway:
            yield Change(Verb.UPDATE, what, "gateway", now, gateway)
    if (
        chain.dhcp
        and not (top and top.announced)
        and not any((link := seen.find(nic)) and link.announced for nic in chain.donors)
    ):
        yield Change(Verb.UPDATE, what, "address", None, "by DHCP")
    if chain.top.kind != "bridge" or top is None:
        return
    if top.stp:
        yield Change(Verb.UPDATE, what, "spanning tree", "on", "off")
    elif (
        top.forward_delay_s and seen.stack != "networkmanager"
    ):  # which sets none without a spanning tree; nobody waits then
        yield Change(Verb.UPDATE, what, "forward delay", f"{top.forward_delay_s:g} s", "0 s")


def _moved(seen: Network, port: Link) -> Iterator[str]:
    yield from port.movable
    over = [it for it in seen.routes if it.link == port.name and it.protocol not in ("kernel", "ra")]
    yield from (f"{it.to} via {it.via}" if it.via else it.to for it in over)


def _gateway(seen: Network, chain: Chain, gateway: str) -> str | None:
    family = ip_address(gateway).version
    over = (it for it in seen.routes if it.to == "default" and it.via and it.link in (chain.top.name, *chain.donors))
    return next((it.via for it in over if ip_address(it.via).version == family), None)


def _kept(seen: Network, chain: Chain) -> Iterator[Change]:
    wanted, marks, sign = paths(seen.stack, chain), dict(seen.marks), mark(seen.stack, chain)
    started = any(path.endswith(f"/{unit(chain)}") for path in wanted)
    if all(marks.get(path) == sign for path in wanted) and (seen.enabled or not started):
        return
    old = any(path in marks for path in wanted)
    yield Change(
        Verb.UPDATE if old else Verb.CREATE, f"file {wanted[0]}", "at boot", "other" if old else None, way(seen.stack)
    )


def _filter(seen: Network, chain: Chain) -> Iterator[Change]:
    if chain.top.kind == "bridge" and seen.filter == "closed":
        what = f"bridge {chain.top.name}"
        yield Change(Verb.UPDATE, what, FILTER, "closed", "open", "Docker closes it for what it does not know")
