"""What keeps two containers apart: why a new one cannot run beside the old one that it shall replace. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.ports import host_ports
from xcatflow.steps.containers.volumes import inherited, with_volumes

_ADDRESSES = ("IPv4Address", "IPv6Address", "LinkLocalIPs")


def obstacles(want: ContainerParams, old: Mapping[str, Any]) -> tuple[str, ...]:
    """Why the new container cannot run beside the old one, which is as inspected; empty when it can. Pure."""
    new = with_volumes(create_body(want, {}), inherited(want, old))
    trial = create_body(want, {}, fixed=False)
    return tuple(dict.fromkeys((*_obstacles(new, old), *_fixed(trial))))


def _obstacles(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[str]:
    host, had = new.get("HostConfig") or {}, old.get("HostConfig") or {}
    mode = str(host.get("NetworkMode") or "")
    if mode == "host" or mode.startswith("container:"):
        yield "they would share a network"
    if new.get("MacAddress"):
        yield "the MAC address is fixed"
    ends = (new.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    if set(ends) - {mode} or any(set(end or {}) - {"IPAMConfig"} for end in ends.values()):
        yield "its networks have settings of their own"
    ports = host_ports(host.get("PortBindings"))
    if ports & host_ports(had.get("PortBindings")) or (ports and ends):
        yield "they would share ports of the host"
    if host.get("VolumesFrom") or _shared(host, old):
        yield "they would share data"
    if host.get("Devices") and had.get("Devices"):
        yield "they would share devices"
    if had.get("AutoRemove"):
        yield "the old one removes itself"


def _fixed(trial: Mapping[str, Any]) -> Iterator[str]:
    """Has the request for a trial, whose address is the daemon's choice, one all the same? Flags may fix it."""
    ends = (trial.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    configs = [(end or {}).get("IPAMConfig") or {} for end in ends.values()]
    if any(config.get(key) for config in configs for key in _ADDRESSES):
        yield "the address is fixed"


def _shared(host: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Would both have the same directory or volume, one of them to write?"""
    mounted = {_place(mount): bool(mount.get("RW", True)) for mount in old.get("Mounts") or ()}
    wanted: dict[str, bool] = {}
    for bind in host.get("Binds") or ():
        source, _, rest = str(bind).partition(":")
        wanted[source] = "ro" not in rest.partition(":")[2].split(",")
    for mount in host.get("Mounts") or ():
        if mount.get("Source"):
            wanted[str(mount["Source"])] = not mount.get("ReadOnly")
    return any(
        (writes or written) and _same(source, place)
        for source, writes in wanted.items()
        for place, written in mounted.items()
    )


def _same(one: str, other: str) -> bool:
    """The same volume or directory, or one inside the other?"""
    return one == other or one.startswith(f"{other.rstrip('/')}/") or other.startswith(f"{one.rstrip('/')}/")


def _place(mount: Mapping[str, Any]) -> str:
    return str(mount.get("Name") or mount.get("Source") or "")
