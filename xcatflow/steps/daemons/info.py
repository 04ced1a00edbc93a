"""What a running Docker engine says of itself at its socket on its machine: settings, and which containers run.

The socket is asked only while the engine runs, since systemd starts it for whoever connects.

Source: `docker info` and `docker ps`, which print what the Engine API's `/info` and `/containers/json` say.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

INFO_S = 10

# `engine` prints the chapters #info and #running; what cannot be had leaves them empty.
ASK_ENGINE = f"""\
engine() {{
  s=/var/run/docker.sock
  if command -v docker >/dev/null; then
    echo '#info'; timeout {INFO_S} docker -H "unix://$s" info -f '{{{{json .}}}}' 2>/dev/null; echo
    echo '#running'; timeout {INFO_S} docker -H "unix://$s" ps --no-trunc --format '{{{{.Names}}}} {{{{.Ports}}}}' 2>/dev/null
  elif command -v curl >/dev/null; then
    echo '#info'; curl -sf -m {INFO_S} --unix-socket "$s" http://localhost/info; echo
    echo '#running'; curl -sf -m {INFO_S} --unix-socket "$s" http://localhost/containers/json; echo
  fi
}}
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A container that runs; `published` tells whether it has ports of the machine."""

    name: str
    published: bool = False


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """A running engine. `containers` counts those that do not run as well, `running` are sorted by name; `swarm` tells whether it is
    part of one."""

    version: str
    live_restore: bool = False
    swarm: bool = False
    storage_driver: str = ""
    data_root: str = ""
    containers: int = 0
    running: tuple[Running, ...] = ()


def read_info(parts: Mapping[str, str]) -> EngineInfo | None:
    """What `engine` printed, by chapter; None where the engine did not answer."""
    try:
        info = json.loads(parts.get("info", "") or "{}")
        running = tuple(sorted(_running(parts.get("running", "")), key=lambda each: each.name))
    except ValueError:
        return None
    # A client that cannot reach its engine prints what it knows of itself.
    if not isinstance(info, dict) or not info.get("ServerVersion"):
        return None
    swarm = (info.get("Swarm") or {}).get("LocalNodeState", "inactive")
    return EngineInfo(
        version=info["ServerVersion"],
        live_restore=info.get("LiveRestoreEnabled") is True,
        swarm=swarm not in ("", "inactive"),
        storage_driver=info.get("Driver", ""),
        data_root=info.get("DockerRootDir", ""),
        containers=info.get("Containers", 0),
        running=running,
    )


def named(names: tuple[str, ...], most: int = 4) -> str:
    """Names in a sentence, of many the first ones."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left} more" if left > 0 else "")


def counted(number: int) -> str:
    """A number of containers in words."""
    return "1 container" if number == 1 else f"{number} containers"


def _running(text: str) -> Iterator[Running]:
    if text.startswith("["):
        for item in json.loads(text):
            yield Running(item["Names"][0].lstrip("/"), any("PublicPort" in port for port in _ports(item)))
        return
    for line in text.splitlines():
        name, _, ports = line.partition(" ")
        yield Running(name, "->" in ports)


def _ports(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return item.get("Ports") or []
