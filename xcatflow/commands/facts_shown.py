"""How facts are shown: lines of `name=value`, and plain data."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from xcatflow.model.fact_names import FACTS
from xcatflow.model.facts import Disk, Known, MachineFacts, Nic, age

GATHERED = "gathered"
CONTAINER = ("state", "status", "image", "command", "id", "address")
"""What is told about a container, from its daemon."""

_KINDS = {True: "rotating", False: "flash", None: ""}


def lines(known: Known, names: Sequence[str]) -> list[str]:
    """The facts of a machine, all that are there, or those asked for."""
    if names:
        return [f"{name}={_value(known, name)}" for name in names]
    shown = [name for name in FACTS if name in known.facts.values and name not in ("nics", "disks")]
    return [
        f"{GATHERED}={_when(known)}",
        *(f"{name}={known.facts.values[name]}" for name in shown),
        *(f"disk {disk.name}={_disk(disk)}" for disk in known.facts.disks),
        *(f"nic {nic.name}={_nic(nic)}" for nic in known.facts.nics),
    ]


def plain(node: str, known: Known, names: Sequence[str]) -> dict[str, Any]:
    """The same as plain data; the age in seconds."""
    head = {"node": node, GATHERED: _utc(known.at), "age_s": max(0, int(time.time() - known.at))}
    found = known.facts.plain()
    return {**head, **({name: found.get(name) for name in names if name != GATHERED} if names else found)}


def container_lines(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """What a daemon says about a container, a row of `docker.containers`."""
    found = container(row)
    return [f"{name}={found.get(name) or ''}" for name in names or CONTAINER if names or found[name]]


def container_plain(node: str, row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The same as plain data."""
    found = container(row)
    return {"node": node, **{name: found.get(name) for name in names or CONTAINER}}


def container(row: Mapping[str, Any]) -> dict[str, str | None]:
    """The facts of a container."""
    addresses = ",".join(address for address in row["addresses"].values() if address)
    return {**{name: row[name] for name in CONTAINER[:-1]}, "address": addresses or None}


def gathered_now(outputs: Mapping[str, str], at: float) -> Known:
    """What a step of kind `host.facts` found out."""
    values = {name: value for name, value in outputs.items() if name != "details"}
    return Known(MachineFacts.of(values, outputs.get("details", "")), at)


def rows_of(outputs: Mapping[str, str]) -> Mapping[str, Any]:
    """The one container that a step of kind `docker.containers` tells about."""
    found: Sequence[Mapping[str, Any]] = json.loads(outputs["containers"])
    return found[0]


def _value(known: Known, name: str) -> str:
    return _when(known) if name == GATHERED else known.facts.values.get(name, "")


def _when(known: Known) -> str:
    return f"{_utc(known.at)} ({age(time.time() - known.at)} ago)"


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _disk(disk: Disk) -> str:
    words = (f"{disk.size_bytes / 1e9:.1f} GB", disk.model, _KINDS[disk.rotational], _on(disk.mounted))
    return ", ".join(word for word in words if word)


def _on(mounted: tuple[str, ...]) -> str:
    return f"on {' '.join(mounted)}" if mounted else ""


def _nic(nic: Nic) -> str:
    speed = f"{nic.speed_mbit} Mbit/s" if nic.speed_mbit else ""
    kind = "" if nic.kind == "ethernet" else nic.kind
    words = (nic.state, nic.mac, kind, speed, nic.driver, " ".join(nic.addresses or ()))
    return ", ".join(word for word in words if word)
