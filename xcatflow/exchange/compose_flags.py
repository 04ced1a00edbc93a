"""The keys of a service that stand in a create request under a name of their own.

Source: Compose Specification, services; Engine API 1.24 to 1.47, `POST /containers/create`; docker compose 2 for which is which.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from xcatflow.errors import InvalidInput
from xcatflow.exchange.compose_tree import (
    Fields,
    Text,
    Tree,
    fields,
    flag,
    items,
    mapping,
    microseconds,
    nanoseconds,
    pairs,
    seconds,
    size,
    size_or_all,
    text,
    texts,
    whole,
    wrong,
)
from xcatflow.exchange.compose_words import words

Reader = Callable[[Tree], Any]


def entrypoint(tree: Tree) -> list[str]:
    """The words of an entrypoint; an empty word takes the image's away."""
    return words(tree) or [""]


def _healthcheck(tree: Tree) -> dict[str, Any]:
    given = fields(tree, 'a mapping with "test"')
    if (off := given.get("disable")) and flag(off):
        return {"Test": ["NONE"]}
    found: dict[str, Any] = {}
    if test := given.get("test"):
        found["Test"] = ["CMD-SHELL", test.text] if isinstance(test, Text) else texts(test)
        if not found["Test"] or found["Test"][0] not in ("NONE", "CMD", "CMD-SHELL"):
            raise InvalidInput('expected "NONE", "CMD" or "CMD-SHELL" as the first word of "test"', test.source)
    names = (
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start_period", "StartPeriod"),
        ("start_interval", "StartInterval"),
    )
    readers = {key: (name, nanoseconds) for key, name in names}
    return found | dict(_renamed(given, {**readers, "retries": ("Retries", whole)}))


def _renamed(given: Fields, readers: Mapping[str, tuple[str, Reader]]) -> Iterator[tuple[str, Any]]:
    for key, (name, read) in readers.items():
        value = given.get(key)
        if value is not None:
            yield name, read(value)


def _logging(tree: Tree) -> dict[str, Any]:
    return dict(_renamed(fields(tree), {"driver": ("Type", text), "options": ("Config", mapping)}))


def _ulimits(tree: Tree) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, value in fields(tree, "limits by their names").items.items():
        if isinstance(value, Fields):
            both = dict(_renamed(value, {"soft": ("Soft", whole), "hard": ("Hard", whole)}))
            if len(both) != 2:
                raise InvalidInput(f'expected "soft" and "hard" of the limit "{name}"', value.source)
            found.append({"Name": name, **both})
        else:
            found.append({"Name": name, "Soft": whole(value), "Hard": whole(value)})
    return found


def _extra_hosts(tree: Tree) -> list[str]:
    return [f"{name}:{value.text.strip('[]')}" for name, value, _ in pairs(tree, "=:")]


def _tmpfs(tree: Tree) -> dict[str, str]:
    return {path: options for path, _, options in (each.partition(":") for each in texts(tree))}


def _blkio(tree: Tree) -> dict[str, Any]:
    weights = ("BlkioWeightDevice", lambda listed: [_of_device(each, "weight", whole) for each in items(listed)])
    found: dict[str, tuple[str, Reader]] = {"weight": ("BlkioWeight", whole), "weight_device": weights}
    for way, name in (("read", "Read"), ("write", "Write")):
        for unit, shown, read in (("bps", "Bps", size), ("iops", "IOps", whole)):
            found[f"device_{way}_{unit}"] = (f"BlkioDevice{name}{shown}", _rates(read))
    return dict(_renamed(fields(tree), found))


def _rates(read: Reader) -> Reader:
    return lambda listed: [_of_device(each, "rate", read) for each in items(listed)]


def _of_device(tree: Tree, key: str, read: Reader) -> dict[str, Any]:
    given = fields(tree, f'a mapping with "path" and "{key}"')
    path, value = given.get("path"), given.get(key)
    if path is None or value is None:
        raise InvalidInput(f'expected "path" and "{key}" of a device', tree.source)
    return {"Path": text(path), key.capitalize(): read(value)}


def device_requests(tree: Tree) -> list[dict[str, Any]]:
    """Devices of a kind, as `gpus` and `deploy.resources.reservations.devices` ask for them."""
    if isinstance(tree, Text) and tree.text == "all":
        return [{"Count": -1, "Capabilities": [["gpu"]]}]
    readers: dict[str, tuple[str, Reader]] = {
        "driver": ("Driver", text),
        "count": ("Count", lambda value: -1 if text(value) == "all" else whole(value)),
        "device_ids": ("DeviceIDs", texts),
        "capabilities": ("Capabilities", lambda value: [texts(value)]),
        "options": ("Options", mapping),
    }
    found: list[dict[str, Any]] = []
    for each in items(tree):
        made = dict(_renamed(fields(each, "a device request"), readers))
        if "Count" in made and "DeviceIDs" in made:
            raise InvalidInput('"count" and "device_ids" exclude each other', each.source)
        every = {} if "Count" in made or "DeviceIDs" in made else {"Count": -1}
        found.append({"Capabilities": [["gpu"]], **every, **made})
    return found


def restart(tree: Tree) -> dict[str, Any]:
    """A restart policy such as `on-failure:3`; empty for none."""
    name, colon, count = text(tree).partition(":")
    if name not in ("no", "always", "unless-stopped", "on-failure", "") or (colon and name != "on-failure"):
        raise wrong('"no", "always", "unless-stopped", "on-failure" or "on-failure:N"', tree)
    if colon and not re.fullmatch("[0-9]{1,9}", count):
        raise wrong('a number behind "on-failure:"', tree)
    if name in ("no", ""):
        return {}
    return {"Name": name, **({"MaximumRetryCount": int(count)} if colon else {})}


TOP_LEVEL: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        "domainname": ("Domainname", text),
        "entrypoint": ("Entrypoint", entrypoint),
        "healthcheck": ("Healthcheck", _healthcheck),
        "hostname": ("Hostname", text),
        "stdin_open": ("OpenStdin", flag),
        "stop_grace_period": ("StopTimeout", seconds),
        "stop_signal": ("StopSignal", text),
        "tty": ("Tty", flag),
        "user": ("User", text),
        "working_dir": ("WorkingDir", text),
    }
)
HOST: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        "annotations": ("Annotations", mapping),
        "cap_add": ("CapAdd", texts),
        "cap_drop": ("CapDrop", texts),
        "cgroup": ("CgroupnsMode", text),
        "cgroup_parent": ("CgroupParent", text),
        "cpu_count": ("CpuCount", whole),
        "cpu_percent": ("CpuPercent", whole),
        "cpu_period": ("CpuPeriod", microseconds),
        "cpu_quota": ("CpuQuota", microseconds),
        "cpu_rt_period": ("CpuRealtimePeriod", microseconds),
        "cpu_rt_runtime": ("CpuRealtimeRuntime", microseconds),
        "cpu_shares": ("CpuShares", whole),
        "device_cgroup_rules": ("DeviceCgroupRules", texts),
        "dns": ("Dns", texts),
        "dns_opt": ("DnsOptions", texts),
        "dns_search": ("DnsSearch", texts),
        "extra_hosts": ("ExtraHosts", _extra_hosts),
        "gpus": ("DeviceRequests", device_requests),
        "group_add": ("GroupAdd", texts),
        "init": ("Init", flag),
        "isolation": ("Isolation", text),
        "logging": ("LogConfig", _logging),
        "mem_reservation": ("MemoryReservation", size),
        "mem_swappiness": ("MemorySwappiness", whole),
        "memswap_limit": ("MemorySwap", size_or_all),
        "oom_kill_disable": ("OomKillDisable", flag),
        "oom_score_adj": ("OomScoreAdj", whole),
        "privileged": ("Privileged", flag),
        "read_only": ("ReadonlyRootfs", flag),
        "restart": ("RestartPolicy", restart),
        "runtime": ("Runtime", text),
        "shm_size": ("ShmSize", size),
        "storage_opt": ("StorageOpt", mapping),
        "sysctls": ("Sysctls", mapping),
        "tmpfs": ("Tmpfs", _tmpfs),
        "ulimits": ("Ulimits", _ulimits),
        "userns_mode": ("UsernsMode", text),
        "uts": ("UTSMode", text),
    }
)
_ZERO_COUNTS = ("Init", "MemorySwappiness", "StopTimeout")
"""Values that say something when they are zero or false."""


def flags_of(key: str, tree: Tree) -> dict[str, Any]:
    """What a key of a service says in a create request; empty for a key that is not of this sort, or says nothing. Raises InvalidInput."""
    if key == "blkio_config":
        return {"HostConfig": _blkio(tree)}
    for table in (TOP_LEVEL, HOST):
        if key in table:
            name, read = table[key]
            value = read(tree)
            if not value and name not in _ZERO_COUNTS:
                return {}
            return {name: value} if table is TOP_LEVEL else {"HostConfig": {name: value}}
    return {}
