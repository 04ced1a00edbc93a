"""The workflow that makes the networks and volumes of a compose project, which its containers need and no definition makes.

Source: Compose Specification, "networks" and "volumes" of the file.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xcatflow.errors import InvalidInput, Source
from xcatflow.exchange.brought import Remark
from xcatflow.exchange.compose_networks import Network
from xcatflow.exchange.compose_project import Project, Volume
from xcatflow.exchange.compose_said import Said
from xcatflow.exchange.compose_tree import Fields, flag, mapping, text
from xcatflow.exchange.names import Names
from xcatflow.exchange.yaml_out import quoted, yaml_lines

_HEAD = """\
# yaml-language-server: $schema=schema/workflow.json
#
# The networks and volumes of the compose project {project}, as `xcatflow import` found them. Its services are nodes, which
# create-instance makes containers of; run this before.
schema: 1
name: {name}
summary: {summary}
nodes: {nodes}

steps:
"""
_OF_NETWORK = ("driver", "driver_opts", "external", "internal", "ipam", "labels", "name")
_OF_POOL = ("gateway", "ip_range", "aux_addresses")
_OF_VOLUME = ("driver", "driver_opts", "external", "labels", "name")


def workflow_of(project: Project, networks: Iterable[str]) -> Mapping[str, str]:
    """The workflow's text by its name; nothing where nothing is to be made. What has no place in it is told."""
    steps: list[str] = []
    ids = Names(_word)
    for network in _ours(project.networks, networks):
        steps += _step(ids(f"network-{network.key}"), "docker.network", _network(network, project.said))
    for volume in _ours(project.volumes, project.mounted):
        steps += _step(ids(f"volume-{volume.key}"), "docker.volume", _volume(volume, project.said))
    if not steps:
        return {}
    name = f"prepare-{project.name}"
    summary = quoted(f"The networks and volumes of the compose project {project.name} are on its Docker hosts")
    head = _HEAD.format(project=project.name, name=name, summary=summary, nodes=quoted(project.group))
    return {name: head + "".join(f"{line}\n" for line in steps)}


def _ours(known: Mapping[str, Any], keys: Iterable[str]) -> Iterator[Any]:
    """Those of these keys that the project makes."""
    used = frozenset(keys)
    yield from (one for key, one in known.items() if key in used and not one.external)


def _step(id: str, kind: str, params: Mapping[str, Any]) -> list[str]:
    step: Mapping[str, Any] = {"id": id, "use": kind, "at": "${node.dockerhost}", "with": _literal(params)}
    first, *rest = yaml_lines(step)
    return [f"  - {first}", *(f"    {line}" for line in rest)]


def _word(text: str) -> str:
    """An id: other signs as dashes."""
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text)


def _literal(value: Any) -> Any:
    """The same where `${` is no lookup."""
    match value:
        case str():
            return value.replace("${", "$${")
        case Mapping():
            return {key: _literal(below) for key, below in value.items()}
    return value


def _network(network: Network, said: Said) -> dict[str, Any]:
    given = network.given
    found: dict[str, Any] = {"name": network.name, **_driver(given, "options")}
    what = f'of network "{network.key}"'
    try:
        pools = [_pool(item) for item in network.config]
        if (internal := given.get("internal")) and flag(internal):
            found["internal"] = True
        if labels := given.get("labels"):
            found["labels"] = mapping(labels)
    except InvalidInput as error:
        said.problems += error.problems
        return found
    match pools:
        case []:
            pass
        case [pool] if pool.keys() <= {"subnet", "gateway"}:
            found |= pool
        case _:
            found["subnets"] = pools
    six = any(":" in pool["subnet"] for pool in pools)
    told = [
        name for name, needless in (("enable_ipv6", six), ("attachable", False)) if needless or _is_off(given, name)
    ]
    _unknown(given, (*_OF_NETWORK, *told), what, said)
    ipam = given.get("ipam")
    if isinstance(ipam, Fields):
        _unknown(ipam, ("config", "driver"), what, said)
        for item in getattr(ipam.get("config"), "items", ()):
            if isinstance(item, Fields):
                _unknown(item, ("subnet", *_OF_POOL), what, said)
    return found


def _is_off(given: Fields, key: str) -> bool:
    value = given.get(key)
    return value is None or not flag(value)


def _pool(item: Fields) -> dict[str, Any]:
    """A subnet as docker.network is told it."""
    found: dict[str, Any] = {}
    for key, name in (("subnet", "subnet"), ("gateway", "gateway"), ("ip_range", "range")):
        if value := item.get(key):
            found[name] = text(value)
    if reserved := item.get("aux_addresses"):
        found["reserved"] = mapping(reserved)
    return found


def _volume(volume: Volume, said: Said) -> dict[str, Any]:
    found: dict[str, Any] = {"name": volume.name, **_driver(volume.given, "options")}
    if labels := volume.given.get("labels"):
        found["labels"] = mapping(labels)
    _unknown(volume.given, _OF_VOLUME, f'of volume "{volume.key}"', said)
    return found


def _driver(given: Fields, options: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if driver := given.get("driver"):
        found["driver"] = text(driver)
    if opts := given.get("driver_opts"):
        found[options] = mapping(opts)
    return found


def _unknown(given: Fields, known: Iterable[str], what: str, said: Said) -> None:
    for key in given.items:
        if key not in known and not key.startswith("x-") and given.get(key) is not None:
            source: Source = given.at(key)
            said.left.append(Remark(f'"{key}" {what}: there is no such setting here', source))
