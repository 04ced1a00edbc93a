"""What a network step is about: a link, and what it stands on. A bridge stands on a NIC, a VLAN, or a bond of several NICs.

Pure values; what they look like on a machine is said in `network_live.py`, in a stack's files in `stack_*.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

Kind = Literal["nic", "bond", "vlan", "bridge"]

Stack = Literal["networkmanager", "netplan", "networkd", "ifupdown", "ifcfg", "none"]
STACKS: tuple[Stack, ...] = get_args(Stack)
WAYS: dict[str, str] = {
    "networkmanager": "by NetworkManager",
    "netplan": "by netplan",
    "networkd": "by systemd-networkd",
    "ifupdown": "by ifupdown",
    "ifcfg": "by network-scripts",
    "none": "by a systemd unit",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One link. `lower` are the links that it stands on: a bridge's and a bond's ports, a VLAN's parent. `vlan` is the VLAN's number,
    `mode` and `miimon_ms` are a bond's; `mtu` is 0 for "as it comes"."""

    name: str
    kind: Kind
    lower: tuple[str, ...] = ()
    vlan: int = 0
    mode: str = ""
    miimon_ms: int = 0
    mtu: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """Links that stand on each other, the lowest first, and what the topmost gets besides what it takes over: addresses with prefix,
    default gateways, and whether it asks for an address by DHCP."""

    pieces: tuple[Piece, ...]
    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    dhcp: bool = False

    @property
    def top(self) -> Piece:
        return self.pieces[-1]

    @property
    def made(self) -> tuple[Piece, ...]:
        """The links that are made: all but NICs."""
        return tuple(piece for piece in self.pieces if piece.kind != "nic")

    @property
    def nics(self) -> tuple[str, ...]:
        """The links that have to be there, each once."""
        known = {piece.name for piece in self.made}
        below = (name for piece in self.pieces for name in ((piece.name,) if piece.kind == "nic" else piece.lower))
        return tuple(dict.fromkeys(name for name in below if name not in known))

    @property
    def links(self) -> tuple[str, ...]:
        """All that a change may touch, topmost first."""
        return (*(piece.name for piece in reversed(self.made)), *self.nics)

    @property
    def donors(self) -> tuple[str, ...]:
        """The NICs whose addresses and routes end up on the topmost link, and whose configuration it inherits. A VLAN takes nothing from
        its parent."""
        return self._donors(self.top)

    def _donors(self, piece: Piece) -> tuple[str, ...]:
        if piece.kind == "nic":
            return (piece.name,)
        if piece.kind == "vlan":
            return ()
        known = {each.name: each for each in self.made}
        found = (self._donors(known[name]) if name in known else (name,) for name in piece.lower)
        return tuple(name for names in found for name in names)

    @property
    def parents(self) -> tuple[str, ...]:
        """The NICs that carry a VLAN."""
        return tuple(name for name in self.nics if self.vlans(name))

    def upper(self, name: str) -> Piece | None:
        """The bridge or bond that a link is a port of."""
        return next((it for it in self.pieces if name in it.lower and it.kind in ("bridge", "bond")), None)

    def vlans(self, parent: str) -> tuple[Piece, ...]:
        """The VLANs on a link."""
        return tuple(it for it in self.pieces if it.kind == "vlan" and parent in it.lower)

    def found(self, name_of: Callable[[str], str | None]) -> "Chain":
        """The same chain with NICs by name that were given by MAC."""
        names = {mac: name for mac in self.nics if ":" in mac and (name := name_of(mac))}
        if not names:
            return self
        pieces = tuple(replace(it, lower=tuple(names.get(name, name) for name in it.lower)) for it in self.pieces)
        return replace(self, pieces=pieces)

    @property
    def own(self) -> str:
        """What files of its own are called after."""
        return f"{'bridge' if self.top.kind == 'bridge' else 'link'}-{self.top.name}"

    @property
    def words(self) -> str:
        """The same for a shell: a line for each link that is made or set."""
        lines = (f"{it.kind} {it.name} {it.mtu} {_how(it)} {' '.join(it.lower)}".rstrip() for it in self.pieces)
        return "\n".join(lines)


def _how(piece: Piece) -> str:
    match piece.kind:
        case "bond":
            return f"{piece.mode}/{piece.miimon_ms}"
        case "vlan":
            return str(piece.vlan)
        case _:
            return "-"
