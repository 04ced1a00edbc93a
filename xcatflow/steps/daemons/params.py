"""What a Docker engine is to be like, and the `daemon.json` that says so.

Source: dockerd(8); the engine's manual on the drivers `json-file` and `local` (`max-size`, `max-file`), and on `default-address-pools`.
"""

import json
import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Params
from xcatflow.steps.daemons.look import tls_paths
from xcatflow.steps.given import LenientParams
from xcatflow.steps.place import AbsolutePath

SOCKET = "unix:///var/run/docker.sock"
_OURS = {
    "hosts": "tcp_port",
    "tls": "tls_directory",
    "tlsverify": "tls_directory",
    "tlscacert": "tls_directory",
    "tlscert": "tls_directory",
    "tlskey": "tls_directory",
    "bridge": "bridge",
    "live-restore": "live_restore",
}
_NAMED = {
    "storage-driver": "storage_driver",
    "data-root": "data_root",
    "log-driver": "log_driver",
    "registry-mirrors": "registry_mirrors",
    "insecure-registries": "insecure_registries",
    "default-address-pools": "default_address_pools",
    "mtu": "mtu",
}
"""Keys that have a parameter, but may be given as options as well."""
_ROTATING = ("json-file", "local")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")
_SIZE = re.compile(r"[1-9][0-9]*[kmg]?")
_MIRROR = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_REGISTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?|[0-9a-fA-F.:]+/[0-9]{1,3}")


def _listen(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f'expected an IP address to listen at such as "0.0.0.0", found "{text}"') from None


def _options(options: dict[str, Any]) -> dict[str, Any]:
    for key in options:
        if ours := _OURS.get(key):
            raise ValueError(f'"{key}" is set by the parameter "{ours}"')
    try:
        json.dumps(options, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected what JSON can say, found something else: {error}") from None
    return options


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise ValueError(f'expected the name of a driver such as "overlay2", found "{text}"')
    return text


def _size(text: str) -> str:
    if not _SIZE.fullmatch(text):
        raise ValueError(f'expected a size such as "10m" (k, m or g), found "{text}"')
    return text


def _listed(value: object) -> object:
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


def _mirrors(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _MIRROR.fullmatch(value):
            raise ValueError(f'expected a mirror such as "https://mirror.example", found "{value}"')
    return values


def _registries(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _REGISTRY.fullmatch(value):
            raise ValueError(f'expected a registry such as "host:5000" or a subnet, found "{value}"')
    return values


_List = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class AddressPool(Params):
    """Where the engine takes the subnets of networks from that name none."""

    base: str = Field(description="The addresses to divide, such as `10.99.0.0/16`.")
    size: int = Field(ge=1, le=128, description="The prefix length of each subnet, such as 24.")

    @model_validator(mode="after")
    def _fits(self) -> "AddressPool":
        try:
            base = ip_network(self.base)
        except ValueError as error:
            raise ValueError(f'expected a subnet such as "10.99.0.0/16": {error}') from None
        if not base.prefixlen <= self.size <= base.max_prefixlen:
            raise ValueError(f"size {self.size} is no part of {self.base}: expected {base.prefixlen} or more")
        return self


class DaemonParams(LenientParams):
    """The engine as wanted; what `daemon.json` says besides stays."""

    tcp_port: int = Field(2376, ge=1, le=65535, description="The TCP port of its API; it speaks TLS only.")
    listen: Annotated[str, AfterValidator(_listen)] = Field("0.0.0.0", description="The address it listens at.")
    tls_directory: AbsolutePath = Field(
        "/etc/docker/tls", description="Where `ca.pem`, `cert.pem` and `key.pem` are (tls.host_certificate)."
    )
    bridge: str = Field(
        "", description="The bridge that containers are put on by default. Left out: what the engine does by itself."
    )
    bridges: _List = Field((), description="Bridges that have to be on the machine: a list, or text with commas.")
    live_restore: bool = Field(True, description="Leave containers running while the engine is restarted.")
    storage_driver: Annotated[str, AfterValidator(_word)] = Field(
        "", description="How layers of images are kept, such as `overlay2`. Left out: as it is."
    )
    data_root: AbsolutePath = Field("", description="Where images, containers and volumes are. Left out: as it is.")
    log_driver: Annotated[str, AfterValidator(_word)] = Field(
        "", description="Where output of containers goes, of those made from then on. Left out: as it is."
    )
    log_max_size: Annotated[str, AfterValidator(_size)] = Field(
        "", description="The size at which a container's log file is rotated, such as `10m` (drivers json-file, local)."
    )
    log_max_files: int | None = Field(
        None, ge=1, description="How many log files are kept of each container; needs `log_max_size`."
    )
    registry_mirrors: Annotated[_List, AfterValidator(_mirrors)] = Field(
        (), description="Mirrors of Docker Hub: a list, or text with commas."
    )
    insecure_registries: Annotated[_List, AfterValidator(_registries)] = Field(
        (), description="Registries without a certificate that can be checked: a list, or text with commas."
    )
    default_address_pools: tuple[AddressPool, ...] = Field(
        (), description="Where subnets of networks come from that name none."
    )
    mtu: int | None = Field(None, ge=68, le=65535, description="The MTU of the engine's default network.")
    allow_data_loss: bool = Field(
        False,
        description="Change `storage_driver` or `data_root` of an engine that has containers: they are stopped, and it knows them no more.",
    )
    options: Annotated[dict[str, Any], AfterValidator(_options)] = Field(
        default_factory=dict,
        description="More for `daemon.json`, merged at all depths; an empty value (null) takes a key out.",
    )

    @model_validator(mode="after")
    def _fits(self) -> "DaemonParams":
        for key, name in _NAMED.items():
            if key in self.options and name in self.model_fields_set:
                raise ValueError(f'"{key}" is given twice: by the parameter "{name}", and as an option')
        if self.log_max_files and not self.log_max_size:
            raise ValueError('"log_max_files" needs "log_max_size": without one a log is never rotated')
        if self.log_max_size and self.log_driver not in ("", *_ROTATING):
            raise ValueError(f'"log_max_size" goes with {" and ".join(_ROTATING)}, found "{self.log_driver}"')
        return self

    @property
    def needed_bridges(self) -> tuple[str, ...]:
        """Every bridge that has to be there."""
        return tuple(dict.fromkeys((*self.bridges, *((self.bridge,) if self.bridge else ()))))

    @property
    def config(self) -> dict[str, Any]:
        """What `daemon.json` has to say."""
        ca, certificate, key = tls_paths(self.tls_directory)
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        return {
            "hosts": [SOCKET, f"tcp://{host}:{self.tcp_port}"],
            "tls": True,
            "tlsverify": True,
            "tlscacert": ca,
            "tlscert": certificate,
            "tlskey": key,
            "live-restore": self.live_restore,
            **({"bridge": self.bridge} if self.bridge else {}),
            **self.options,
            **self._named,
        }

    @property
    def _named(self) -> Mapping[str, Any]:
        rotation = {"max-size": self.log_max_size, "max-file": self.log_max_files and str(self.log_max_files)}
        named: dict[str, Any] = {
            "storage-driver": self.storage_driver,
            "data-root": self.data_root,
            "log-driver": self.log_driver,
            "log-opts": {key: value for key, value in rotation.items() if value},
            "registry-mirrors": list(self.registry_mirrors),
            "insecure-registries": list(self.insecure_registries),
            "default-address-pools": [pool.model_dump() for pool in self.default_address_pools],
            "mtu": self.mtu,
        }
        found = {key: value for key, value in named.items() if value}
        if "log-opts" in found and isinstance(more := self.options.get("log-opts"), Mapping):
            found["log-opts"] = {**found["log-opts"], **more}
        return found
