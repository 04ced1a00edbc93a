"""What of a container can be changed while it stays: its limits and restart policy, as wanted and as its daemon has them.

Source: Engine API, `POST /containers/NAME/update`; what an engine 20.10 makes of it: zero and empty values are taken for not given, so that
most limits can be changed and not taken away; a limit of memory must not be above that of memory and swap together, which is twice as
much where nothing is said; where the kernel keeps no account of swap it becomes -1; quotas and `NanoCpus` shut each other out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from xcatflow.model.docker_api import endpoint_since, lacking, speaks
from xcatflow.steps.containers.forms import size_text

_BYTES = ("Memory", "MemorySwap", "MemoryReservation")
_NUMBERS = (
    "NanoCpus",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "BlkioWeight",
    "PidsLimit",
)
_TEXTS = ("CpusetCpus", "CpusetMems")
_QUOTA = ("CpuPeriod", "CpuQuota")
_POLICY = "RestartPolicy"
LIMITS = (*_BYTES, *_NUMBERS, *_TEXTS, _POLICY)
"""Keys of `HostConfig` that an update takes."""

_SPOKEN = {"NanoCpus": "cpus", "CpusetCpus": "cpus", "Memory": "memory", _POLICY: "restart"}
_ENDED_BY_ZERO = ("PidsLimit", _POLICY)
_PERIOD_US = 100_000
_NANO = 10**9
_UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that differs: `field` is what the step's parameters call it, `before` and `after` are texts, None for no limit. `obstacle`
    says why it cannot be changed in place; empty when it can."""

    key: str
    field: str
    before: str | None
    after: str | None
    obstacle: str = ""


def differing(wanted: Mapping[str, Any], has: Mapping[str, Any], api: str) -> tuple[Limit, ...]:
    """What differs between two `HostConfig`s, the wanted one as it is sent and the daemon's; `api` is the version that would be used."""
    new, old = _effective(wanted, wanted), _effective(has, wanted)
    follows = not wanted.get("MemorySwap") and new["Memory"] != old["Memory"]
    if follows or (not wanted.get("MemorySwap") and old["MemorySwap"] == _UNLIMITED):
        # It goes with the memory; -1 is where no swap is accounted for, or was set so by hand: there is no telling.
        old["MemorySwap"] = new["MemorySwap"]
    return tuple(_limit(key, old[key], new[key], has, api) for key in new if new[key] != old[key])


def update_body(wanted: Mapping[str, Any], keys: tuple[str, ...], has: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an update that makes these limits what is wanted; `has` is the daemon's `HostConfig`."""
    values = _effective(wanted, wanted)
    if {"Memory", "MemorySwap"} & set(keys):
        keys = tuple(dict.fromkeys((*keys, "Memory", "MemorySwap")))
    return dict(pair for key in keys for pair in _sent(key, values[key], has))


def quota_asked(config: Mapping[str, Any]) -> bool:
    """Are CPUs limited by a quota in it, and not by their number?"""
    return any(config.get(key) for key in _QUOTA)


def as_number(config: Mapping[str, Any]) -> dict[str, Any]:
    """A `HostConfig` with a number of CPUs for what it may have as a quota."""
    return {**{key: value for key, value in config.items() if key not in _QUOTA}, "NanoCpus": _number(config)}


def _number(config: Mapping[str, Any]) -> int:
    nano, quota = int(config.get("NanoCpus") or 0), int(config.get("CpuQuota") or 0)
    return nano or max(quota, 0) * _NANO // int(config.get("CpuPeriod") or _PERIOD_US)


def _sent(key: str, value: Any, has: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if key == "NanoCpus" and any(has.get(name) for name in _QUOTA):
        yield from (("CpuPeriod", _PERIOD_US), ("CpuQuota", value * _PERIOD_US // _NANO))
    elif key == _POLICY:
        name, _, count = value.partition(":")
        yield key, {"Name": name, "MaximumRetryCount": int(count or 0)}
    else:
        yield key, value


def _effective(config: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Every limit as one value, none as 0 or an empty text. CPU quotas are compared as such only where they are asked for, and are a number
    of CPUs otherwise."""
    found: dict[str, Any] = {key: config.get(key) or 0 for key in (*_BYTES, *_NUMBERS)}
    found |= {key: config.get(key) or "" for key in _TEXTS}
    found["PidsLimit"] = max(0, found["PidsLimit"])
    if quota_asked(wanted):
        del found["NanoCpus"]
    else:
        found["NanoCpus"] = _number(config)
        del found["CpuPeriod"], found["CpuQuota"]
    if not found["MemorySwap"]:
        found["MemorySwap"] = 2 * found["Memory"]
    policy = config.get(_POLICY) or {}
    name, count = policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0
    found[_POLICY] = f"{name}:{count}" if count and name == "on-failure" else name
    return found


def _limit(key: str, old: Any, new: Any, has: Mapping[str, Any], api: str) -> Limit:
    field = _SPOKEN.get(key, f"dockerflag.HostConfig.{key}")
    return Limit(key, field, _shown(key, old), _shown(key, new), _obstacle(key, field, new, has, api))


def _obstacle(key: str, field: str, new: Any, has: Mapping[str, Any], api: str) -> str:
    if not speaks(api, endpoint_since("update")):
        return f"changing {field} in place needs API {endpoint_since('update')}, the daemon is spoken to with {api}"
    if missing := lacking({key: new}, api, "update"):
        return f"changing {field} in place needs API {missing[0].since}, the daemon is spoken to with {api}"
    if not new and key not in _ENDED_BY_ZERO:
        return f"a limit of {field} can be changed in place, but not taken away"
    if key in _QUOTA and has.get("NanoCpus"):
        return "a number of CPUs cannot become a quota in place"
    return ""


def _shown(key: str, value: Any) -> str | None:
    match key:
        case "RestartPolicy":
            return None if value == "no" else str(value)
        case _ if not value:
            return None
        case "NanoCpus":
            return f"{Decimal(value) / _NANO:f}".rstrip("0").rstrip(".") if value % _NANO else str(value // _NANO)
        case "CpusetCpus":
            return f"cpuset:{value}"
        case _ if key in _BYTES and value > 0:
            return size_text(value)
        case _:
            return str(value)
