"""`dockerflag`: a JSON object that is merged into the request by which a container is created.

Source: Engine API 1.24 to 1.45, `POST /containers/create`; API 1.21 for the limits that once stood at the top level.
"""

from collections.abc import Mapping
from typing import Any

from xcatflow.errors import did_you_mean
from xcatflow.model.values import read_dockerflag

_TOP_LEVEL = (
    "ArgsEscaped AttachStderr AttachStdin AttachStdout Cmd Domainname Entrypoint Env ExposedPorts Healthcheck HostConfig Hostname "
    "Image Labels MacAddress NetworkDisabled NetworkingConfig OnBuild OpenStdin Shell StdinOnce StopSignal StopTimeout Tty User "
    "Volumes WorkingDir"
)
_HOST_CONFIG = (
    "Annotations AutoRemove Binds BlkioDeviceReadBps BlkioDeviceReadIOps BlkioDeviceWriteBps BlkioDeviceWriteIOps BlkioWeight "
    "BlkioWeightDevice CapAdd CapDrop Cgroup CgroupParent CgroupnsMode ConsoleSize ContainerIDFile CpuCount CpuPercent CpuPeriod "
    "CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpuShares CpusetCpus CpusetMems DeviceCgroupRules DeviceRequests Devices Dns "
    "DnsOptions DnsSearch ExtraHosts GroupAdd IOMaximumBandwidth IOMaximumIOps Init IpcMode Isolation KernelMemory KernelMemoryTCP "
    "Links LogConfig MaskedPaths Memory MemoryReservation MemorySwap MemorySwappiness Mounts NanoCpus NetworkMode OomKillDisable "
    "OomScoreAdj PidMode PidsLimit PortBindings Privileged PublishAllPorts ReadonlyPaths ReadonlyRootfs RestartPolicy Runtime "
    "SecurityOpt ShmSize StorageOpt Sysctls Tmpfs UTSMode Ulimits UsernsMode VolumeDriver VolumesFrom"
)
TOP_LEVEL = frozenset(_TOP_LEVEL.split())
HOST_CONFIG = frozenset(_HOST_CONFIG.split())
HISTORIC = ("CpuShares", "CpusetCpus", "CpusetMems", "Memory", "MemorySwap")
"""Limits of old flags that stood at the top level; the API reads them below `HostConfig` only."""

OWN_LABELS = "xcatflow."
_OBJECTS = ("HostConfig", "NetworkingConfig", "Labels")


def read_flags(value: object) -> object:
    """The object of a text; what is no text stays for the model to judge. Raises ValueError naming the position."""
    return dict(read_dockerflag(value)) if isinstance(value, str) else value


def check_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags with historic limits where the API looks for them. Raises ValueError for keys that the API does not know."""
    for key in flags:
        if key not in TOP_LEVEL and key not in HISTORIC:
            raise ValueError(f'a create request has no "{key}"{_hint(key)}')
    for key in _OBJECTS:
        if key in flags and not isinstance(flags[key], dict):
            raise ValueError(f'expected an object as "{key}", found {flags[key]!r}')
    check_labels(flags.get("Labels", {}))
    moved = {key: flags[key] for key in HISTORIC if key in flags}
    rest = {key: value for key, value in flags.items() if key not in moved}
    return {**rest, "HostConfig": {**moved, **rest.get("HostConfig", {})}} if moved else rest


def _hint(key: str) -> str:
    if key in HOST_CONFIG:
        return f': it belongs into "HostConfig": {{"{key}": ...}}'
    if near := did_you_mean(key, TOP_LEVEL):
        return near
    below = did_you_mean(key, HOST_CONFIG)
    return f'{below[:-1]} in "HostConfig"?' if below else ": see POST /containers/create of the Engine API"


def check_labels(labels: dict[str, Any]) -> dict[str, Any]:
    """Labels that are the user's. Raises ValueError for those by which xcatflow knows its containers."""
    if taken := [key for key in labels if key.startswith(OWN_LABELS)]:
        raise ValueError(f'labels that begin with "{OWN_LABELS}" are kept for xcatflow, found "{taken[0]}"')
    return labels


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid on `base`: objects merge, everything else replaces. Neither is changed, and no object of theirs is in the result."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping):
            value = merged(below if isinstance(below, Mapping) else {}, value)
        result[key] = value
    return result
