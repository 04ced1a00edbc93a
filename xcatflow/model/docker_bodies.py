"""Bodies of Engine API requests, from their newest form to what one version of the API wants.

Source: the Engine API's version history: a MAC belongs to a network's settings from 1.44 on, and the container-wide one is refused or
ignored then; `NanoCpus` came to create with 1.25 and to update with 1.28; networks are checked for duplicates without being asked from
1.44 on; where a container is connected is said by `NetworkMode` alone before 1.22.
"""

from collections.abc import Mapping
from typing import Any

from xcatflow.model.docker_api import speaks

_MAC_PER_NETWORK = "1.44"
_ENDPOINTS = "1.22"
_NANO_CPUS = "1.28"
"""A container made with NanoCpus refuses an update by quota, and the other way round: so both use a quota until both know NanoCpus."""
_CPU_PERIOD_US = 100_000
_NANO_PER_CPU = 10**9
_NOT_A_BRIDGE = ("none", "host")


def create_request(body: Mapping[str, Any], api: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and further query of a create request. `Platform`, which the API has in the query, is taken from the body."""
    made = _ends(place_mac(body, api), api)
    platform = str(made.pop("Platform", None) or "")
    if host := made.get("HostConfig"):
        made["HostConfig"] = _cpus(host, api)
    return made, {"platform": platform} if platform else {}


def update_request(body: Mapping[str, Any], api: str) -> dict[str, Any]:
    """Body of an update."""
    return _cpus(body, api)


def network_request(body: Mapping[str, Any], api: str) -> dict[str, Any]:
    """Body of a network's create request, which refuses a second network of the same name."""
    return dict(body) if speaks(api, _MAC_PER_NETWORK) else {"CheckDuplicate": True, **body}


def newest_form(inspected: Mapping[str, Any], api: str) -> dict[str, Any]:
    """What version `api` tells of a container, completed by what the newest form says: a quota is `NanoCpus` too."""
    host = inspected.get("HostConfig") or {}
    quota, period = host.get("CpuQuota") or 0, host.get("CpuPeriod") or 0
    if speaks(api, _NANO_CPUS) or host.get("NanoCpus") or quota <= 0 or period <= 0:
        return dict(inspected)
    return {**inspected, "HostConfig": {**host, "NanoCpus": quota * _NANO_PER_CPU // period}}


def place_mac(body: Mapping[str, Any], api: str) -> dict[str, Any]:
    """The body of a create request with its MAC where version `api` looks for it: per network from 1.44, at the top level before.

    Bodies without a MAC, and those whose network is `none`, `host` or another container's, come back as they are.
    """
    return _mac_to_network(dict(body)) if speaks(api, _MAC_PER_NETWORK) else _mac_to_top(dict(body))


def _mac_to_network(body: dict[str, Any]) -> dict[str, Any]:
    mode = str((body.get("HostConfig") or {}).get("NetworkMode") or "bridge")
    network = "bridge" if mode == "default" else mode
    if not body.get("MacAddress") or network in _NOT_A_BRIDGE or network.startswith("container:"):
        return body
    mac = body.pop("MacAddress")
    config = dict(body.get("NetworkingConfig") or {})
    ends = dict(config.get("EndpointsConfig") or {})
    ends[network] = {"MacAddress": mac, **(ends.get(network) or {})}
    return {**body, "NetworkingConfig": {**config, "EndpointsConfig": ends}}


def _mac_to_top(body: dict[str, Any]) -> dict[str, Any]:
    config = dict(body.get("NetworkingConfig") or {})
    ends = {name: dict(end or {}) for name, end in (config.get("EndpointsConfig") or {}).items()}
    macs = [mac for end in ends.values() if (mac := end.pop("MacAddress", None))]
    if not macs:
        return body
    return {"MacAddress": macs[0], **body, "NetworkingConfig": {**config, "EndpointsConfig": ends}}


def _ends(body: dict[str, Any], api: str) -> dict[str, Any]:
    """Without networks that say nothing but their name, where the version has no such settings."""
    ends = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    if speaks(api, _ENDPOINTS) or any(ends.values()):
        return body
    return {key: value for key, value in body.items() if key != "NetworkingConfig"}


def _cpus(host: Mapping[str, Any], api: str) -> dict[str, Any]:
    if speaks(api, _NANO_CPUS) or "NanoCpus" not in host:
        return dict(host)
    rest = {key: value for key, value in host.items() if key != "NanoCpus"}
    nano = int(host["NanoCpus"] or 0)
    return {**rest, "CpuPeriod": _CPU_PERIOD_US, "CpuQuota": nano * _CPU_PERIOD_US // _NANO_PER_CPU} if nano else rest
