"""What `container.address` may be told."""

from ipaddress import ip_address, ip_interface
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from xcatflow.steps.containers import address_forms as forms
from xcatflow.steps.containers.link import Way
from xcatflow.steps.given import LenientParams

_FOR_BRIDGES = ("nic", "addresses", "bridge", "interface", "gateway", "gateway6", "mac", "mtu")
_OF_NO_OWN = ("", "none", "host", "bridge", "default")


class AddressParams(LenientParams):
    """One interface of a container and its addresses. What is given as empty text counts as left out."""

    container: forms.ContainerName = Field(description="The container.")
    address: forms.Address = Field(
        "",
        description="Its address, with the prefix where it is put on a bridge: `10.20.0.21/16`. Needed unless `nic` says it.",
    )
    addresses: Annotated[
        tuple[forms.Interface, ...],
        BeforeValidator(forms.listed, json_schema_input_type=str | list[str]),
    ] = Field(
        (),
        description="Further addresses of the interface, IPv4 or IPv6, each with its prefix: a list, or text with commas.",
    )
    nic: str = Field(
        "",
        description="In place of `interface`, `address`, `addresses` and `bridge`: an adapter as `${node.nics.others}` lists them, "
        "`eth2=10.30.0.21/16|fd00:30::21/64@lan30`; what stands before the `@` is enough.",
    )
    bridge: forms.LinkName = Field(
        "mydocker0",
        description="The machine's bridge that the container is put on; for containers with networking off.",
    )
    network: str = Field(
        "", description="In place of a bridge: the network of Docker that the container is connected to."
    )
    networks: Annotated[tuple[str, ...], BeforeValidator(forms.listed, json_schema_input_type=str | list[str])] = Field(
        (),
        description="What the container is connected to by Docker (`dockernics`). Where the first is a network of Docker's, the address is "
        "Docker's business, and nothing is done.",
    )
    interface: forms.LinkName = Field("eth1", description="The container's interface that the address is on.")
    gateway: forms.Gateway | None = Field(
        None,
        description="The container's default gateway, inside its network or not; one of IPv6 counts as `gateway6`. Left out: its routes "
        "stay as they are.",
    )
    gateway6: forms.Gateway6 | None = Field(None, description="The same for IPv6.")
    mac: forms.Mac | None = Field(None, description="The interface's MAC address. Left out: any.")
    mtu: int | None = Field(None, ge=68, le=65535, description="The interface's MTU in bytes. Left out: the bridge's.")
    keep: bool = Field(
        True,
        description="Keep the address over restarts of the container, the daemon and the machine: by a record and a small service on the "
        "machine, which goes with the last record. `false` for machines without systemd.",
    )
    probe: bool = Field(
        True,
        description="Ask on the bridge, before it is put in, whether another machine has the IPv4 address (`arping`).",
    )
    adopt: bool = Field(False, description="Also give it to a container of this name that xcatflow did not make.")
    state: Literal["present", "absent"] = Field(
        "present", description="`absent` takes the interface and its record away."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_either_family(cls, data: Any) -> Any:
        """A node whose own address is IPv6 has the IPv6 gateway as its network's gateway."""
        if not isinstance(data, dict) or ":" not in str(data.get("gateway") or ""):
            return data
        return {**data, "gateway": "", "gateway6": data.get("gateway6") or data["gateway"]}

    @model_validator(mode="before")
    @classmethod
    def _of_nic(cls, data: Any) -> Any:
        """`nic` taken apart."""
        if not isinstance(data, dict) or not data.get("nic"):
            return data
        if given := [name for name in ("interface", "address", "addresses") if data.get(name)]:
            raise ValueError(f'expected either "nic" or "{given[0]}", found both')
        name, equals, rest = str(data["nic"]).partition("=")
        listed, _, bridge = rest.partition("@")
        if not equals:
            raise ValueError(f'expected an adapter such as "eth2=10.30.0.21/16@lan30", found "{data["nic"]}"')
        first, *more = listed.split("|")
        return {
            **data,
            "interface": name,
            "address": first,
            "addresses": more,
            **({"bridge": bridge} if bridge else {}),
        }

    @model_validator(mode="after")
    def _one_form(self) -> "AddressParams":
        if not self.address:
            raise ValueError('"address" is missing: the address of the container, with its prefix')
        if self.network:
            if given := [name for name in _FOR_BRIDGES if name in self.model_fields_set]:
                raise ValueError(
                    f'expected either "network" or "{given[0]}", found both: a network of Docker has its own'
                )
        elif "/" not in self.address:
            raise ValueError(f'expected an address with its prefix such as "{self.address}/24", found "{self.address}"')
        for name, gateway, version in (("gateway", self.gateway, 4), ("gateway6", self.gateway6, 6)):
            if gateway and gateway in [address.partition("/")[0] for address in self.all]:
                raise ValueError(f'the container and its gateway cannot both have the address "{gateway}"')
            if gateway and not self.of_family(version):
                raise ValueError(f'a "{name}" needs an IPv{version} address, found {", ".join(self.all)}')
        return self

    @property
    def all(self) -> tuple[str, ...]:
        """Every address of the interface, each once."""
        return tuple(dict.fromkeys((self.address, *self.addresses)))

    @property
    def ip(self) -> str:
        """The address without its prefix."""
        return self.address.partition("/")[0]

    @property
    def leaves_to_docker(self) -> bool:
        """Do the params say that the container is on a network of Docker's?"""
        first = next(iter(self.networks), "")
        return not self.network and first not in _OF_NO_OWN and not first.startswith("container:")

    @property
    def way(self) -> Way:
        """The interface on its bridge."""
        defaults, fars = {}, {}
        for version, gateway in ((4, self.gateway), (6, self.gateway6)):
            defaults[version] = f"via {gateway} dev {self.interface}" if gateway else ""
            fars[version] = gateway if gateway and not self._reaches(gateway) else ""
        return Way(
            self.bridge, self.all, defaults[4], fars[4] or "", self.mac or "", self.mtu, defaults[6], fars[6] or ""
        )

    @property
    def kept_way(self) -> Way | None:
        """What shall be on record; None for nothing."""
        wanted = self.keep and self.state == "present" and not self.network and not self.leaves_to_docker
        return self.way if wanted else None

    def of_family(self, version: int) -> tuple[str, ...]:
        """The interface's addresses of one version of IP."""
        return tuple(address for address in self.all if ip_interface(address).version == version)

    def _reaches(self, gateway: str) -> bool:
        """Is it in one of the interface's own networks, or on the link itself?"""
        found = ip_address(gateway)
        return found.is_link_local or any(found in ip_interface(it).network for it in self.of_family(found.version))
