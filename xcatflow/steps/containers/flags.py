"""`dockerflag`: a JSON object that is merged into the request by which a container is created.

Source: Engine API 1.21 to 1.55, `POST /containers/create`; API 1.21 for the limits that once stood at the top level. `Platform`, which the
API has in the query, is written like a field.
"""

from collections.abc import Mapping
from typing import Any

from xcatflow.errors import did_you_mean
from xcatflow.model.docker_api import fields_of
from xcatflow.model.values import read_dockerflag

_TOP_LEVEL = (
    "ArgsEscaped AttachStderr AttachStdin AttachStdout Cmd Domainname Entrypoint Env ExposedPorts HostConfig Hostname Image Labels "
    "MacAddress NetworkDisabled NetworkingConfig OnBuild OpenStdin Shell StdinOnce StopSignal Tty User Volumes WorkingDir"
)
_HOST_CONFIG = (
    "Binds BlkioWeight CapAdd CapDrop Cgroup CgroupParent ContainerIDFile CpuPeriod CpuQuota CpuShares CpusetCpus CpusetMems "
    "Devices Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Isolation Links LogConfig Memory MemoryReservation MemorySwap "
    "MemorySwappiness NanoCpus NetworkMode OomKillDisable PidMode PortBindings Privileged PublishAllPorts ReadonlyRootfs "
    "RestartPolicy SecurityOpt UTSMode Ulimits VolumeDriver VolumesFrom"
)
_END = "DNSNames EndpointID Gateway GlobalIPv6Address GlobalIPv6PrefixLen IPAddress IPPrefixLen IPv6Gateway MacAddress NetworkID"
_ENDS = "NetworkingConfig.EndpointsConfig"


def _known(always: str, above: str = "") -> frozenset[str]:
    """Fields that every version has, and those that came or went with some version."""
    return frozenset(always.split()) | fields_of("create", above)


TOP_LEVEL = _known(_TOP_LEVEL)
HOST_CONFIG = _known(_HOST_CONFIG, "HostConfig")
_BELOW: Mapping[str, frozenset[str]] = {
    "HostConfig": HOST_CONFIG,
    "Healthcheck": _known("Interval Retries Test Timeout", "Healthcheck"),
    "NetworkingConfig": frozenset({"EndpointsConfig"}),
    f"{_ENDS}.*": _known(_END, f"{_ENDS}.*"),
    f"{_ENDS}.*.IPAMConfig": _known("IPv4Address IPv6Address", f"{_ENDS}.*.IPAMConfig"),
}
"""Objects whose fields are known, by the dotted path to them."""
HISTORIC = ("CpuShares", "CpusetCpus", "CpusetMems", "Memory", "MemorySwap")
"""Limits of old flags that stood at the top level; the API reads them below `HostConfig` only."""

OWN_LABELS = "xcatflow."
_NEVER_NULL = ("HostConfig", "NetworkingConfig")
_SEE = ": see POST /containers/create of the Engine API"


def read_flags(value: object) -> object:
    """The object of a text; what is no text stays for the model to judge. Raises ValueError naming the position."""
    return dict(read_dockerflag(value)) if isinstance(value, str) else value


def check_flags(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags with historic limits where the API looks for them. Raises ValueError for keys that the API does not know."""
    for key in flags:
        if key not in TOP_LEVEL and key not in HISTORIC:
            raise ValueError(f'a create request has no "{key}"{_hint(key)}')
    _object("Labels", flags.get("Labels", {}))
    for name in ("HostConfig", "Healthcheck", "NetworkingConfig"):
        if name in flags:
            _check_below(name, name, flags[name])
    check_labels(flags.get("Labels", {}))
    moved = {key: flags[key] for key in HISTORIC if key in flags}
    rest = {key: value for key, value in flags.items() if key not in moved}
    return {**rest, "HostConfig": {**moved, **rest.get("HostConfig", {})}} if moved else rest


def _check_below(path: str, pattern: str, value: Any) -> None:
    """Raise ValueError for what is no object, or has a field that no version of the API knows. `pattern` is the path with `*` for names."""
    if value is None and path not in _NEVER_NULL:
        return
    fields = _object(path, value)
    if pattern == _ENDS:
        for name, end in fields.items():
            _check_below(f"{path}.{name}", f"{_ENDS}.*", end)
        return
    for key, below in fields.items():
        if key not in _BELOW[pattern]:
            raise ValueError(f'a create request has no "{path}.{key}"{_hint_below(key, _BELOW[pattern])}')
        if f"{pattern}.{key}" in (_ENDS, *_BELOW):
            _check_below(f"{path}.{key}", f"{pattern}.{key}", below)


def _object(path: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f'expected an object as "{path}", found {value!r}')
    return value


def _hint_below(key: str, known: frozenset[str]) -> str:
    if near := did_you_mean(key, known):
        return near
    return ": it belongs to the top level" if key in TOP_LEVEL else _SEE


def _hint(key: str) -> str:
    if key in HOST_CONFIG:
        return f': it belongs into "HostConfig": {{"{key}": ...}}'
    if near := did_you_mean(key, TOP_LEVEL):
        return near
    below = did_you_mean(key, HOST_CONFIG)
    return f'{below[:-1]} in "HostConfig"?' if below else _SEE


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
