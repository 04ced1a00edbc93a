"""What each version of the Docker Engine API takes: per field of a request's body, and per endpoint, the version from which on.

A field that a daemon's version does not know is ignored by it without a word, so it is refused here before anything is sent. What an old
version says in another way is not listed: `docker_bodies` translates it.

Source: the Engine API's version history up to 1.55 (moby, api/docs/CHANGELOG.md, docs/api/version-history.md) and the references 1.21,
1.22, 1.25 and 1.38; where the history is silent, the versions that docker's own command line and SDK ask for
(cli/command/container/opts.go, cli/command/network/create.go, docker-py types/containers.py). `Runtime` is of Docker 1.12, whose API is
1.24.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

OLDEST_API = "1.21"
NEWEST_API = "1.55"

Body = Literal["create", "update", "network", "connect", "volume", "exec"]
Endpoint = Literal["update", "stats at once", "content type of logs"]


@dataclass(frozen=True, slots=True)
class Lacking:
    """A field that a version does not take: it came with `since`, or went with `until`; the other is empty. `value` says which of its
    values is meant, empty for all."""

    field: str
    since: str = ""
    until: str = ""
    value: str = ""

    def __str__(self) -> str:
        field = f'"{self.field}"' + (f" of {self.value}" if self.value else "")
        return f"{field} needs {self.since}" if self.since else f"{field} went with {self.until}"


@dataclass(frozen=True, slots=True)
class _Rule:
    """`path` is dotted; `*` stands for every key or item. Only what `counts` is of interest: an empty value means the default, which
    is what a version without the field does anyway. `shown` is how a value is told, empty where all are alike."""

    path: str
    since: str = ""
    until: str = ""
    counts: Callable[[Any], bool] = bool
    shown: str = ""


@lru_cache(maxsize=256)
def version_key(api: str) -> tuple[int, ...]:
    """An API version as numbers, to be compared. Raises ValueError when it is none."""
    return tuple(int(part) for part in api.split("."))


def speaks(api: str, since: str) -> bool:
    """Is version `api` not older than `since`?"""
    return version_key(api) >= version_key(since)


def endpoint_since(endpoint: Endpoint) -> str:
    """The version from which on daemons have an endpoint, or do what is named."""
    return _ENDPOINTS[endpoint]


def lacking(body: Mapping[str, Any], api: str, where: Body = "create") -> tuple[Lacking, ...]:
    """The fields of a body in its newest form that version `api` does not take, in the table's order."""
    found: dict[Lacking, None] = {}
    for rule in _RULES[where]:
        missing = not speaks(api, rule.since) if rule.since else speaks(api, rule.until)
        if missing:
            for field, value in _values(body, rule.path.split(".")):
                if rule.counts(value):
                    found[Lacking(field, rule.since, rule.until, rule.shown.format(value))] = None
    return tuple(found)


def fields_of(where: Body, above: str = "") -> frozenset[str]:
    """The fields directly below a dotted path (`*` for every key), empty for the body itself, that came or went with some version."""
    start = [*above.split("."), ""][: -1 if above else 0]
    paths = [rule.path.split(".") for rule in _RULES[where]]
    return frozenset(path[len(start)] for path in paths if path[: len(start)] == start and len(path) > len(start)) - {
        "*"
    }


def _values(value: Any, path: list[str], so_far: str = "") -> Iterator[tuple[str, Any]]:
    """What stands at a path, each with its place as text."""
    if not path:
        yield so_far, value
        return
    first, rest = path[0], path[1:]
    match value:
        case Mapping():
            for key in value if first == "*" else (first,) if first in value else ():
                yield from _values(value[key], rest, f"{so_far}.{key}" if so_far else str(key))
        case list() | tuple() if first == "*":
            for number, item in enumerate(value):
                yield from _values(item, rest, f"{so_far}[{number}]")


def _from(since: str, *paths: str, counts: Callable[[Any], bool] = bool, shown: str = "") -> tuple[_Rule, ...]:
    return tuple(_Rule(path, since=since, counts=counts, shown=shown) for path in paths)


def _host(since: str, *names: str) -> tuple[_Rule, ...]:
    return _from(since, *(f"HostConfig.{name}" for name in names))


def _end(since: str, *names: str) -> tuple[_Rule, ...]:
    return _from(since, *(f"NetworkingConfig.EndpointsConfig.*.{name}" for name in names))


def _until(gone: str, *paths: str) -> tuple[_Rule, ...]:
    return tuple(_Rule(path, until=gone) for path in paths)


def _is(*values: str) -> Callable[[Any], bool]:
    return lambda value: value in values


def _several(value: Any) -> bool:
    return len(value or ()) > 1


_BLKIO = (
    "BlkioWeightDevice",
    "BlkioDeviceReadBps",
    "BlkioDeviceWriteBps",
    "BlkioDeviceReadIOps",
    "BlkioDeviceWriteIOps",
)

_CREATE = (
    *_host("1.22", "Tmpfs", "ShmSize", "OomScoreAdj", *_BLKIO),
    *_end("1.22", "IPAMConfig", "Links", "Aliases"),
    *_host("1.23", "PidsLimit", "UsernsMode"),
    *_host("1.24", "Sysctls", "StorageOpt", "Runtime", "IOMaximumBandwidth", "IOMaximumIOps"),
    *_from("1.24", "HostConfig.PidMode", counts=lambda value: str(value).startswith("container:"), shown='"{}"'),
    *_from("1.24", "Healthcheck"),
    *_end("1.24", "IPAMConfig.LinkLocalIPs"),
    *_host("1.25", "AutoRemove", "Mounts", "Init", "CpuRealtimePeriod", "CpuRealtimeRuntime", "CpuCount", "CpuPercent"),
    *_from("1.25", "StopTimeout"),
    *_host("1.28", "DeviceCgroupRules", "Mounts.*.Consistency"),
    *_from("1.29", "Healthcheck.StartPeriod"),
    *_from("1.32", "HostConfig.IpcMode", counts=_is("private", "shareable", "none"), shown='"{}"'),
    *_end("1.32", "DriverOpts"),
    *_from("1.38", "HostConfig.MaskedPaths", "HostConfig.ReadonlyPaths", counts=lambda value: value is not None),
    *_host("1.40", "DeviceRequests", "KernelMemoryTCP", "Mounts.*.BindOptions.NonRecursive"),
    *_host("1.41", "CgroupnsMode"),
    *_from("1.41", "Platform"),
    *_host("1.42", "ConsoleSize", "Mounts.*.BindOptions.CreateMountpoint"),
    *_host("1.43", "Annotations"),
    *_from("1.44", "Healthcheck.StartInterval"),
    *_from("1.44", "NetworkingConfig.EndpointsConfig", counts=_several, shown="several networks"),
    *_host("1.44", "Mounts.*.BindOptions.ReadOnlyNonRecursive", "Mounts.*.BindOptions.ReadOnlyForceRecursive"),
    *_host("1.45", "Mounts.*.VolumeOptions.Subpath"),
    *_host("1.46", "Mounts.*.TmpfsOptions.Options"),
    *_from("1.48", "HostConfig.Mounts.*.Type", counts=_is("image"), shown='"{}"'),
    *_end("1.48", "GwPriority"),
    *_host("1.56", "Umask"),
    *_until("1.42", "HostConfig.KernelMemory"),
    *_until("1.52", "HostConfig.KernelMemoryTCP"),
)
_UPDATE = (
    *_from("1.23", "RestartPolicy"),
    *_from("1.25", "CpuRealtimePeriod", "CpuRealtimeRuntime"),
    *_from("1.40", "PidsLimit", "KernelMemoryTCP", counts=lambda value: value is not None),
    *_from("1.55", *_BLKIO, counts=lambda value: value is not None),
    *_until("1.42", "KernelMemory"),
    *_until("1.52", "KernelMemoryTCP"),
)
_NETWORK = (
    *_from("1.22", "Internal", "IPAM.Options"),
    *_from("1.23", "Labels", "EnableIPv6"),
    *_from("1.25", "Attachable"),
    *_from("1.29", "Ingress"),
    *_from("1.30", "Scope", "ConfigOnly", "ConfigFrom"),
    *_from("1.48", "EnableIPv4", counts=lambda value: value is False),
)
_CONNECT = (
    *_from("1.22", "EndpointConfig.IPAMConfig", "EndpointConfig.Links", "EndpointConfig.Aliases"),
    *_from("1.24", "EndpointConfig.IPAMConfig.LinkLocalIPs"),
    *_from("1.32", "EndpointConfig.DriverOpts"),
    *_from("1.48", "EndpointConfig.GwPriority"),
    *_from("1.54", "EndpointConfig.MacAddress"),  # taken from 1.44 on, but without effect before 1.54
)
_RULES: Mapping[Body, tuple[_Rule, ...]] = {
    "create": _CREATE,
    "update": _UPDATE,
    "network": _NETWORK,
    "connect": _CONNECT,
    "volume": (*_from("1.23", "Labels"), *_from("1.42", "ClusterVolumeSpec")),
    "exec": (*_from("1.25", "Env"), *_from("1.35", "WorkingDir"), *_from("1.42", "ConsoleSize")),
}
_ENDPOINTS: Mapping[Endpoint, str] = {
    "update": "1.22",
    "stats at once": "1.41",
    "content type of logs": "1.42",
}
