"""Which of the nodes named are containers, on which daemon, and which are Docker hosts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xcatflow.commands.talk import Talk
from xcatflow.model.definitions import Definitions
from xcatflow.model.endpoint import machine_of, parse_endpoint

DOCKER = "docker"


@dataclass(frozen=True, slots=True)
class Found:
    """Containers and Docker hosts by name, in the order given, with the endpoints of their daemons."""

    instances: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)


def instances(talk: Talk, definitions: Definitions, nodes: Sequence[str], command: str) -> dict[str, str]:
    """The nodes that are containers, with the endpoints of their daemons. Tells which are none, or have no Docker host."""
    found: dict[str, str] = {}
    for node in nodes:
        mgt = definitions.value(node, "mgt")
        if mgt == DOCKER:
            _add(talk, definitions, node, found)
        else:
            talk.error(f"{command} is for nodes with mgt=docker, found {_said(mgt)}", node=node)
    return found


def instances_and_hosts(talk: Talk, definitions: Definitions, nodes: Sequence[str], command: str) -> Found:
    """The nodes that are containers, and those that are Docker hosts: others name them as theirs, or they are in the group
    `dockerhost`. Tells which are neither."""
    instances: dict[str, str] = {}
    hosts: dict[str, str] = {}
    named: Mapping[str, tuple[str, ...]] | None = None
    for node in nodes:
        mgt = definitions.value(node, "mgt")
        if mgt == DOCKER:
            _add(talk, definitions, node, instances)
            continue
        named = daemons_by_host(definitions) if named is None else named
        if node in named or "dockerhost" in (definitions.value(node, "groups") or "").split(","):
            endpoints = named.get(node) or (node,)
            hosts[node] = endpoints[0]
            if len(endpoints) > 1:
                talk.warn(
                    f"nodes name several daemons on it, {endpoints[0]} is asked: {', '.join(endpoints)}", node=node
                )
        else:
            talk.error(f"{command} is for nodes with mgt=docker and for Docker hosts, found {_said(mgt)}", node=node)
    return Found(instances, hosts)


def daemons_by_host(definitions: Definitions) -> Mapping[str, tuple[str, ...]]:
    """The machines that nodes name as their Docker hosts, with the endpoints they name, each daemon once."""
    found: dict[str, dict[str, str]] = {}
    for endpoint in sorted({definitions.value(node, "dockerhost") or "" for node in definitions.nodes}):
        if machine := machine_of(endpoint):
            found.setdefault(machine, {}).setdefault(str(parse_endpoint(endpoint)), endpoint)
    return {machine: tuple(endpoints.values()) for machine, endpoints in found.items()}


def _add(talk: Talk, definitions: Definitions, node: str, found: dict[str, str]) -> None:
    if endpoint := definitions.value(node, "dockerhost"):
        found[node] = endpoint
    else:
        talk.error(f"Docker host not set correct for {node}", node=node)


def _said(mgt: str | None) -> str:
    return f"mgt={mgt}" if mgt else "no mgt"
