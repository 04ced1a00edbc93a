"""`deploy` of a service: limits that a container has, how many containers there are, and what is for a cluster's own scheduler.

Source: Compose Deploy Specification; docker compose 2 for what of it holds without a cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from xcatflow.errors import InvalidInput
from xcatflow.exchange.compose_flags import device_requests, restart
from xcatflow.exchange.compose_project import Service
from xcatflow.exchange.compose_said import Said
from xcatflow.exchange.compose_tree import Fields, Text, Tree, fields, size, text, whole

_LIMITS = (("cpus", "cpus"), ("memory", "mem_limit"), ("pids", "pids_limit"))
_CONDITIONS = (("any", "always"), ("none", "no"))
_LEFT: Mapping[str, str] = MappingProxyType(
    {
        "endpoint_mode": "there is no address for several containers together",
        "labels": "they are a service's, and its containers do not get them",
        "placement": "the node's dockerhost says where its container is",
        "rollback_config": "limits and retry of a workflow say how changes are made",
        "update_config": "limits and retry of a workflow say how changes are made",
    }
)


@dataclass(slots=True)
class Deploy:
    """`limits` by the name of the key that says the same outside of `deploy`; `flags` are parts of a create request."""

    limits: dict[str, Tree] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)


def replicas(tree: Fields) -> int:
    """How many containers a service has. Raises InvalidInput."""
    scale, below = tree.get("scale"), tree.get("deploy")
    deploy = fields(below).get("replicas") if below is not None else None
    if scale is not None and deploy is not None and whole(scale) != whole(deploy):
        raise InvalidInput('"scale" and "deploy" say different numbers of containers', deploy.source)
    chosen = scale if scale is not None else deploy
    count = whole(chosen) if chosen is not None else 1
    if chosen is not None and not 0 <= count <= 1000:
        raise InvalidInput(f"expected a number of containers, at most 1000, found {count}", chosen.source)
    return count


def deploy_of(service: Service, said: Said) -> Deploy:
    """What `deploy` says that containers have; the rest is told. Raises InvalidInput."""
    below = service.tree.get("deploy")
    found = Deploy()
    given = fields(below, 'the keys of "deploy"').items if below is not None else {}
    for key, value in given.items():
        if key.startswith("x-") or key == "replicas" or (isinstance(value, Text) and value.empty):
            continue
        match key:
            case "resources":
                _resources(fields(value), found, service, said)
            case "restart_policy":
                _restart(fields(value), found, service, said)
            case "mode" if text(value) == "replicated":
                continue
            case "mode":
                said.leave(
                    service.name, f'"deploy.mode: {text(value)}"', "it is one node with one container", value.source
                )
            case _:
                why = _LEFT.get(key, "it is not known here")
                said.leave(service.name, f'"deploy.{key}"', why, value.source)
    return found


def _resources(given: Fields, found: Deploy, service: Service, said: Said) -> None:
    limits, reserved = (given.get(key) for key in ("limits", "reservations"))
    for key, value in fields(limits).items.items() if limits is not None else ():
        name = dict(_LIMITS).get(key)
        if name:
            found.limits[name] = value
        else:
            said.leave(service.name, f'"deploy.resources.limits.{key}"', "it is not known here", value.source)
    host: dict[str, Any] = {}
    for key, value in fields(reserved).items.items() if reserved is not None else ():
        match key:
            case "memory":
                host["MemoryReservation"] = size(value)
            case "devices":
                host["DeviceRequests"] = device_requests(value)
            case _:
                why = "a daemon keeps no such share free"
                said.leave(service.name, f'"deploy.resources.reservations.{key}"', why, value.source)
    if host:
        found.flags["HostConfig"] = host


def _restart(given: Fields, found: Deploy, service: Service, said: Said) -> None:
    condition, attempts = given.get("condition"), given.get("max_attempts")
    written = text(condition) if condition is not None else "any"
    name = dict(_CONDITIONS).get(written, written)
    if attempts is not None and name == "on-failure":
        name += f":{whole(attempts)}"
    policy = restart(Text(name, condition.source if condition else given.source))
    found.flags.setdefault("HostConfig", {})["RestartPolicy"] = policy or {"Name": "no"}
    for key in ("delay", "window", *(["max_attempts"] if attempts is not None and ":" not in name else [])):
        value = given.get(key)
        if value is not None:
            why = "a daemon has no such setting"
            said.leave(service.name, f'"deploy.restart_policy.{key}"', why, value.source)
