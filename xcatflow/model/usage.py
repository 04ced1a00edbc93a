"""What a container uses, reckoned from what its daemon measured: CPU, memory, network, processes.

Source: Engine API reference, `/containers/ID/stats`; the arithmetic is that of `docker stats` (docker/cli,
`cli/command/container/stats_helpers.go`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Sample = Mapping[str, Any]
"""One answer of a daemon, as it gives it."""

_NEVER = "0001-"
"""How the time of a measurement begins that was not made: daemons answer so where the machine's control groups cannot be read."""


@dataclass(frozen=True, slots=True)
class Usage:
    """None stands for what cannot be told. `cpu_percent` is of one CPU: two busy ones are 200. `memory_bytes` is without the page cache
    that could be given back; `limit_bytes` is the container's limit, else the machine's memory; rates are bytes in a second."""

    cpu_percent: float | None = None
    memory_bytes: int | None = None
    limit_bytes: int | None = None
    pids: int | None = None
    rx_bytes_s: float | None = None
    tx_bytes_s: float | None = None


@dataclass(frozen=True, slots=True)
class NodeUse:
    """A container node as seen at one time. `state` is its container's, else `missing` (its daemon has no such container),
    `unreachable` or `waiting` (its daemon did not answer yet); `uptime` is in Docker's words (`5 minutes`), empty where it does not run;
    `problem` says why it is unreachable, or why nothing was measured; `age_s` is how long ago it was seen, in seconds."""

    node: str
    host: str
    state: str
    health: str = ""
    uptime: str = ""
    usage: Usage = Usage()
    problem: str = ""
    age_s: float = 0.0

    @property
    def bad(self) -> bool:
        """Nothing could be learnt of a container."""
        return self.state in ("missing", "unreachable", "waiting")


def usage(now: Sample, before: Sample | None = None) -> Usage:
    """What a sample tells, with rates since the sample `before` of the same container. CPU comes from the daemon's own second look where
    it took one. A container that was started again in between has no rates yet. Never raises: what a sample lacks cannot be told."""
    if not measured(now):
        return Usage()
    earlier = before if before is not None and measured(before) and now.get("id") == before.get("id") else None
    memory, own = _part(now, "memory_stats"), _own_cpu(now)
    rates = _rates(now, earlier) if earlier is not None else (None, None)
    return Usage(
        cpu_percent=_cpu_since(now, earlier) if own is None else own,
        memory_bytes=_memory(memory),
        limit_bytes=_number(memory, "limit"),
        pids=_number(_part(now, "pids_stats"), "current"),
        rx_bytes_s=rates[0],
        tx_bytes_s=rates[1],
    )


def measured(sample: Sample) -> bool:
    """Whether a sample holds any measurement: of a container that does not run daemons answer with an empty one."""
    return not str(sample.get("read") or _NEVER).startswith(_NEVER)


def uptime_of(state: str, status: str) -> str:
    """How long a container has been up, from its line in a listing: `Up 5 minutes (healthy)`; empty where it is not up."""
    if state not in ("running", "paused") or not status.startswith("Up "):
        return ""
    return status.removeprefix("Up ").partition(" (")[0]


def state_text(use: NodeUse) -> str:
    """The state with the health check's word: `running (healthy)`."""
    return f"{use.state} ({use.health})" if use.health else use.state


def _own_cpu(now: Sample) -> float | None:
    """From the two looks that the daemon took itself; None where it took one."""
    earlier = _part(now, "precpu_stats")
    return _percent(_part(now, "cpu_stats"), earlier) if _number(earlier, "system_cpu_usage") else None


def _cpu_since(now: Sample, before: Sample | None) -> float | None:
    return None if before is None else _percent(_part(now, "cpu_stats"), _part(before, "cpu_stats"))


def _percent(now: Mapping[str, Any], before: Mapping[str, Any]) -> float | None:
    """CPU time used, over that of all CPUs that went by, times the number of CPUs."""
    used, whole = (_difference(now, before, *path) for path in (("cpu_usage", "total_usage"), ("system_cpu_usage",)))
    each = _part(now, "cpu_usage").get("percpu_usage")
    cpus = _number(now, "online_cpus") or (len(each) if isinstance(each, list) else 0)
    if used is None or not whole or used < 0 or whole < 0 or not cpus:
        return None
    return used / whole * cpus * 100


def _memory(memory: Mapping[str, Any]) -> int | None:
    """The first name is that of control groups v1, the second of v2."""
    used = _number(memory, "usage")
    if used is None:
        return None
    stats = _part(memory, "stats")
    cache = next((stats[name] for name in ("total_inactive_file", "inactive_file") if name in stats), 0)
    return used - cache if isinstance(cache, int) and cache < used else used


def _rates(now: Sample, before: Sample) -> tuple[float | None, float | None]:
    """Bytes received and sent in a second, over all interfaces."""
    seconds = (_time(now) or 0) - (_time(before) or 0)
    if seconds <= 0:
        return (None, None)
    pairs = [(_sum(now, name), _sum(before, name)) for name in ("rx_bytes", "tx_bytes")]
    received, sent = (None if a is None or b is None or a < b else (a - b) / seconds for a, b in pairs)
    return (received, sent)


def _sum(sample: Sample, name: str) -> int | None:
    """Over all interfaces; None where the daemon tells of none, as without a network of the container's own."""
    numbers = [_number(end, name) for end in _part(sample, "networks").values() if isinstance(end, Mapping)]
    return sum(_known(numbers)) if numbers else None


def _known(numbers: Iterable[int | None]) -> Iterable[int]:
    return (number for number in numbers if number is not None)


def _time(sample: Sample) -> float | None:
    try:
        return datetime.fromisoformat(str(sample["read"])).timestamp()
    except (KeyError, ValueError):
        return None


def _difference(now: Mapping[str, Any], before: Mapping[str, Any], *path: str) -> int | None:
    for name in path[:-1]:
        now, before = _part(now, name), _part(before, name)
    one, other = _number(now, path[-1]), _number(before, path[-1])
    return None if one is None or other is None else one - other


def _part(mapping: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = mapping.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(mapping: Mapping[str, Any], name: str) -> int | None:
    found = mapping.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
