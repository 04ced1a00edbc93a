"""What `network.bridge` and `network.interface` may be told alike, and the chain of links that this means."""

import re
from ipaddress import ip_address, ip_interface
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.contract import Params
from xcatflow.model.duration import Duration
from xcatflow.steps.networks.chain import Chain, Piece

_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_Mode = Literal["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"]


def _link_name(name: str) -> str:
    if name and (not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}", name) or name in ("all", "default")):
        raise ValueError(f'expected the name of a network interface (at most 15 characters), found "{name}"')
    return name


def _interface(text: str) -> str:
    try:
        if text and ("/" not in text or "%" in text):  # a zone would be words for `ip`, and lines in files
            raise ValueError
        return str(ip_interface(text)) if text else ""
    except ValueError:
        raise ValueError(f'expected an address with its prefix such as "10.0.0.5/24", found "{text}"') from None


def _address(text: str) -> str:
    try:
        if "%" in text:
            raise ValueError
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise ValueError(f'expected an IP address, found "{text}"') from None


def _nic(text: str) -> str:
    return text.lower() if _MAC.fullmatch(text) else _link_name(text)


LinkName = Annotated[str, AfterValidator(_link_name)]
NicName = Annotated[str, AfterValidator(_nic)]
"""A NIC by name, or by its MAC."""
Interface = Annotated[str, AfterValidator(_interface)]
Address = Annotated[str, AfterValidator(_address)]


def _named(port: str) -> str:
    """What a VLAN's name is made of. Raises ValueError for a NIC that is known by its MAC only."""
    if ":" in port:
        raise ValueError(f'a "vlan" is called after its port: say the name of the NIC "{port}"')
    return port


class BondParams(Params):
    """Several NICs that act as one."""

    members: tuple[LinkName, ...] = Field(min_length=1, description="The NICs.")
    name: LinkName = Field("bond0", min_length=1, description="The bond.")
    mode: _Mode = Field("802.3ad", description="How it shares the work; `802.3ad` needs a switch that does LACP.")
    miimon: int = Field(100, ge=0, le=10_000, description="How often the NICs' links are looked at, in milliseconds.")

    @property
    def piece(self) -> Piece:
        return Piece(self.name, "bond", self.members, mode=self.mode, miimon_ms=self.miimon)


class ChainParams(Params):
    """A link, what it stands on, its addresses, and how the change is kept from locking anybody out."""

    name: LinkName = Field("", description="The link.")
    port: NicName = Field("", description="The NIC that it stands on.")
    bond: BondParams | None = Field(
        None,
        description="Several NICs in place of one `port`: they become a bond, which takes over their addresses and routes.",
    )
    vlan: int | None = Field(None, ge=1, le=4094, description="A VLAN's number: what comes and goes has this tag.")
    mtu: int | None = Field(
        None,
        ge=68,
        le=65_535,
        description="The largest packet, in bytes; no larger than that of what it stands on. Left out: as it comes.",
    )
    address: Interface = Field(
        "", description="An address with prefix that it has besides those it takes over, such as `10.0.0.5/24`."
    )
    addresses: tuple[Interface, ...] = Field((), description="Further ones, IPv4 or IPv6.")
    gateway: Address = Field(
        "", description="The default gateway. Left out: the NIC's default route is taken over as it is."
    )
    gateway6: Address = Field("", description="That of IPv6.")
    dhcp: bool = Field(
        False,
        description="It asks for an IPv4 address by DHCP, even where its port did not; a port that did passes that on in any case.",
    )
    persist: Literal["auto", "none"] = Field(
        "auto",
        description="`auto` keeps it over reboots, by files of what manages the NIC (NetworkManager, netplan, systemd-networkd, ifupdown, "
        "network-scripts), else by a systemd unit; `none` leaves that to you.",
    )
    confirm_within: Duration = Field(
        60.0,
        ge=2,
        le=3600,
        json_schema_extra={"default": "60 s"},
        description="How long the machine waits for us to confirm the change over a new connection; then it undoes it by itself.",
    )
    check: tuple[Address, ...] = Field(
        (),
        description="Addresses that the machine has to reach (ping) for the change to stay. Left out: its default gateways, as far as they "
        "answered before or are new.",
    )

    @model_validator(mode="after")
    def _sound(self) -> "ChainParams":
        if self.port and self.bond:
            raise ValueError('"port" and "bond" exclude each other: name all NICs in "bond"')
        own = "" if self.bond and self.bond.name == self.name and not self.vlan else self.name
        names = [own, *(self.bond.members if self.bond else ()), self.bond.name if self.bond else "", self.port]
        given = [name for name in names if name]
        for name in given:
            if given.count(name) > 1:
                raise ValueError(f'a link cannot stand on itself: "{name}" is named twice')
        for gateway, version in ((self.gateway6, 6), (self.gateway, 4)):
            if gateway and ip_address(gateway).version != version and (version == 6 or self.gateway6):
                raise ValueError(f'expected an IPv{version} gateway, found "{gateway}"')
        return self

    @property
    def below(self) -> str:
        """What it stands on, without a VLAN between; empty for nothing."""
        return self.bond.name if self.bond else self.port

    @property
    def chain(self) -> Chain:
        """The links."""
        raise NotImplementedError

    def _chain(self, *pieces: Piece) -> Chain:
        bond = (self.bond.piece,) if self.bond else ()
        own = tuple(dict.fromkeys(it for it in (self.address, *self.addresses) if it))
        gateways = tuple(it for it in (self.gateway, self.gateway6) if it)
        return Chain((*(piece for piece in bond if piece.name != pieces[-1].name), *pieces), own, gateways, self.dhcp)


class BridgeParams(ChainParams):
    """One bridge with at most one way outside."""

    name: LinkName = Field("mydocker0", min_length=1, description="The bridge.")
    port: NicName = Field(
        "",
        description="The NIC that becomes its port, by name or MAC; all the NIC's global addresses and routes move to the bridge. "
        "Left out: a bridge of the machine's own, without a way outside.",
    )

    @model_validator(mode="after")
    def _different(self) -> "BridgeParams":
        if self.bond and self.bond.name == self.name:
            raise ValueError(f'a bridge and its bond cannot both be called "{self.name}"')
        if self.vlan and not self.below:
            raise ValueError('a "vlan" needs a "port" or a "bond" that it is on')
        if self.vlan:
            _link_name(f"{_named(self.below)}.{self.vlan}")
        return self

    @property
    def chain(self) -> Chain:
        way: tuple[Piece, ...] = ()
        port = self.below
        if self.vlan:
            port = f"{self.below}.{self.vlan}"
            way = (Piece(port, "vlan", (self.below,), vlan=self.vlan),)
        return self._chain(*way, Piece(self.name, "bridge", (port,) if port else (), mtu=self.mtu or 0))


class InterfaceParams(ChainParams):
    """A NIC, a bond or a VLAN with addresses of its own."""

    name: LinkName = Field(
        "", description="The NIC; the VLAN or bond that is made (left out: `PORT.NUMBER`, and the name in `bond`)."
    )
    port: LinkName = Field("", description="The NIC that the VLAN is on.")

    @model_validator(mode="after")
    def _different(self) -> "InterfaceParams":
        if not self.vlan and self.port:
            raise ValueError('"port" needs a "vlan": for a NIC itself, say its "name"')
        if self.vlan and not self.below:
            raise ValueError('a "vlan" needs a "port" or a "bond" that it is on')
        if not (self.vlan or self.bond or self.name):
            raise ValueError('expected the "name" of a NIC, a "vlan" or a "bond"')
        if self.bond and not self.vlan and self.name not in ("", self.bond.name):
            raise ValueError(f'the bond is called "{self.bond.name}" in "bond" and "{self.name}" in "name"')
        _link_name(self.chain.top.name)
        return self

    @property
    def chain(self) -> Chain:
        mtu = self.mtu or 0
        if self.vlan:
            name = self.name or f"{self.below}.{self.vlan}"
            return self._chain(Piece(name, "vlan", (self.below,), vlan=self.vlan, mtu=mtu))
        if self.bond:
            bond = self.bond.piece
            return self._chain(Piece(bond.name, "bond", bond.lower, mode=bond.mode, miimon_ms=bond.miimon_ms, mtu=mtu))
        return self._chain(Piece(self.name, "nic", mtu=mtu))
