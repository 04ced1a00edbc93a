"""What `docker.network` may be told.

Source: Engine API, `/networks/create`; options of Docker's drivers: `com.docker.network.bridge.name`, `parent`, `macvlan_mode`,
`ipvlan_mode`; a `parent` named like `eth0.10` makes the drivers put up the VLAN interface themselves.
"""

import re
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from xcatflow.steps.given import LenientParams

BRIDGE_NAME = "com.docker.network.bridge.name"
INHIBIT_IPV4 = "com.docker.network.bridge.inhibit_ipv4"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LINK = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
_MODES = {"macvlan": ("bridge", "private", "vepa", "passthru"), "ipvlan": ("l2", "l3", "l3s")}


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f'expected the name of a Docker network (letters, digits, "_", "." and "-"), found "{text}"')
    return text


def _bridge(text: str) -> str:
    if text and not _LINK.fullmatch(text):
        raise ValueError(f'expected the name of a Linux bridge (at most 15 characters), found "{text}"')
    return text


def _parent(text: str) -> str:
    if text and not _LINK.fullmatch(text):
        raise ValueError(f'expected the name of a NIC such as "eth0" or "eth0.10", found "{text}"')
    return text


def _subnet(text: str) -> str:
    try:
        if text and "/" not in text:
            raise ValueError
        return str(ip_network(text)) if text else ""
    except ValueError:
        raise ValueError(
            f'expected a subnet with its prefix such as "10.77.0.0/24", found "{text}"{_hint(text)}'
        ) from None


def _hint(text: str) -> str:
    try:
        return f', did you mean "{ip_network(text, strict=False)}"?' if "/" in text else ""
    except ValueError:
        return ""


def _address(text: str) -> str:
    try:
        return str(ip_address(text)) if text else ""
    except ValueError:
        raise ValueError(f'expected an IP address, found "{text}"') from None


Subnet = Annotated[str, AfterValidator(_subnet)]
IpAddress = Annotated[str, AfterValidator(_address)]


class Pool(LenientParams):
    """One subnet of a network."""

    subnet: Subnet = Field("", description="The subnet, IPv4 or IPv6. An entry without one counts as left out.")
    gateway: IpAddress = Field("", description="The containers' gateway. Left out: Docker's choice.")
    range: Subnet = Field("", description="The part of it that containers without a fixed address get theirs from.")
    reserved: dict[str, IpAddress] = Field(
        default_factory=dict, description="Addresses that no container gets, by any names: those of other machines."
    )

    @model_validator(mode="after")
    def _within(self) -> "Pool":
        for name, needs in (("gateway", self.gateway), ("range", self.range)):
            if needs and not self.subnet:
                raise ValueError(f'a "{name}" needs a "subnet"')
        whole = ip_network(self.subnet) if self.subnet else None
        if whole and self.gateway and ip_address(self.gateway) not in whole:
            raise ValueError(f'the gateway "{self.gateway}" is outside of the subnet "{self.subnet}"')
        part = ip_network(self.range) if self.range else None
        if whole and part and not (part.version == whole.version and part.subnet_of(whole)):  # type: ignore[arg-type]
            raise ValueError(f'the range "{self.range}" is outside of the subnet "{self.subnet}"')
        for name, address in self.reserved.items():
            if not whole or ip_address(address) not in whole:
                raise ValueError(f'the reserved address "{address}" ({name}) is outside of the subnet "{self.subnet}"')
        return self

    @property
    def version(self) -> int:
        """4 or 6."""
        return ip_network(self.subnet).version


class NetworkParams(LenientParams):
    """One network of a daemon."""

    name: Annotated[str, AfterValidator(_name)] = Field(description="The network.")
    driver: str = Field(
        "bridge",
        min_length=1,
        description="Docker's network driver: `bridge`, `macvlan`, `ipvlan`, or one of a plugin.",
    )
    subnet: Subnet = Field(
        "",
        description="The subnet, such as `10.77.0.0/24`; fixed addresses of containers need one. Left out: the daemon chooses.",
    )
    gateway: IpAddress = Field(
        "",
        description="The containers' gateway. Left out: the first address of the subnet, or the machine's own on the `bridge`.",
    )
    subnets: tuple[Pool, ...] = Field(
        (),
        description="More subnets, or in place of `subnet` and `gateway` all of them: IPv6 beside IPv4, ranges, reserved addresses.",
    )
    bridge: Annotated[str, AfterValidator(_bridge)] = Field(
        "",
        description="The Linux bridge on the host, for the driver `bridge`; one that is there is used. Left out: Docker names it.",
    )
    parent: Annotated[str, AfterValidator(_parent)] = Field(
        "",
        description="The host's NIC, for the drivers `macvlan` and `ipvlan`; `eth0.10` is VLAN 10 on `eth0`, made where it is missing.",
    )
    mode: str = Field(
        "",
        description="For `macvlan`: `bridge`, `private`, `vepa`, `passthru`; for `ipvlan`: `l2`, `l3`, `l3s`. Left out: the first.",
    )
    internal: bool = Field(False, description="Without a way outside.")
    options: dict[str, str] = Field(default_factory=dict, description="Further options of the driver.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of the network.")
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` removes it; no container may use it then."
    )

    @model_validator(mode="before")
    @classmethod
    def _without_empty_subnets(cls, data: Any) -> Any:
        """Entries of `subnets` whose subnet is empty text count as left out: that is what `${...:-}` leaves."""
        if not isinstance(data, dict) or not isinstance(data.get("subnets"), list | tuple):
            return data
        kept = [it for it in data["subnets"] if not (isinstance(it, dict) and it.get("subnet") == "")]
        return {**data, "subnets": kept}

    @model_validator(mode="after")
    def _fits(self) -> "NetworkParams":
        Pool(subnet=self.subnet, gateway=self.gateway)
        for option, value, drivers in (
            ("bridge", self.bridge, ("bridge",)),
            ("parent", self.parent, tuple(_MODES)),
            ("mode", self.mode, tuple(_MODES)),
        ):
            if value and self.driver not in drivers:
                raise ValueError(
                    f'"{option}" is for the driver "{" or ".join(drivers)}", found the driver "{self.driver}"'
                )
        if self.mode and self.mode not in _MODES[self.driver]:
            raise ValueError(
                f'a "mode" of {self.driver} is one of {", ".join(_MODES[self.driver])}, found "{self.mode}"'
            )
        for name, option, value in self._named:
            if value and self.options.get(option, value) != value:
                raise ValueError(f'"{name}" says "{value}", and "options" say "{self.options[option]}"')
        self._check_pools()
        return self

    def _check_pools(self) -> None:
        subnets = [pool.subnet for pool in self.pools]
        if len(set(subnets)) < len(subnets):
            raise ValueError(f"every subnet once, found {', '.join(subnets)}")
        if self.driver == "bridge":
            for version in (4, 6):
                if len(found := [pool.subnet for pool in self.pools if pool.version == version]) > 1:
                    raise ValueError(
                        f'the driver "bridge" takes one subnet of IPv{version}, found {", ".join(found)}: make a network for each'
                    )
        for pool in self.pools:
            if pool.gateway and pool.gateway in pool.reserved.values():
                raise ValueError(
                    f'the gateway "{pool.gateway}" is reserved by being the gateway: leave it out of "reserved"'
                )

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Every subnet."""
        first = (Pool(subnet=self.subnet, gateway=self.gateway),) if self.subnet else ()
        return (*first, *(pool for pool in self.subnets if pool.subnet))

    @property
    def all_options(self) -> dict[str, str]:
        """The driver's options, with what has a parameter of its own among them."""
        return {**{option: value for _, option, value in self._named if value}, **self.options}

    @property
    def _named(self) -> tuple[tuple[str, str, str], ...]:
        return (
            ("bridge", BRIDGE_NAME, self.bridge),
            ("parent", "parent", self.parent),
            ("mode", f"{self.driver}_mode", self.mode),
        )
