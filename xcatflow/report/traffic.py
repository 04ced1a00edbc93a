"""What a workflow sent, in words."""

from collections.abc import Mapping
from typing import Any

from xcatflow.model.fold import fold
from xcatflow.report.text import count

_WORDS = (
    ("ssh_connections", "ssh connection"),
    ("ssh_round_trips", "ssh round trip"),
    ("docker_container_lists", "container list"),
    ("docker_requests", "docker request"),
)


def traffic_lines(traffic: Mapping[str, Any]) -> list[str]:
    """`traffic: 2 ssh connections, …`, then one indented line for the targets that were asked equally often. Nothing for nothing."""
    if not (total := _counters(traffic)):
        return []
    alike: dict[str, list[str]] = {}
    for target, counters in traffic.get("per_target", {}).items():
        if said := _counters(counters):
            alike.setdefault(said, []).append(target)
    each = [f"  {fold(names)}: {said}{' each' if len(names) > 1 else ''}" for said, names in alike.items()]
    return [f"traffic: {total}", *each]


def _counters(counters: Mapping[str, Any]) -> str:
    return ", ".join(count(counters[name], word) for name, word in _WORDS if counters.get(name))
