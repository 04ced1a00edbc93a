"""The networks of a container: which attributes and flags bring another one into the same.

Source: Engine API, `NetworkSettings.Networks` and `NetworkingConfig`; a container that is created in several networks needs API 1.44.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_BY_NAME = ("none", "host", "bridge")


@dataclass(frozen=True, slots=True)
class Networking:
    """`values` are attributes, `flags` belong into `dockerflag`; `chosen` names attributes whose value was the daemon's choice; `lost`
    tells what cannot be asked for."""

    values: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Any] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


def networking_of(facts: Mapping[str, Any]) -> Networking:
    """The networking of a container as inspected."""
    config: Mapping[str, Any] = facts.get("Config") or {}
    if config.get("NetworkDisabled"):
        return Networking()
    ends: Mapping[str, Any] = (facts.get("NetworkSettings") or {}).get("Networks") or {}
    mode = str((facts.get("HostConfig") or {}).get("NetworkMode") or "default")
    if mode.startswith("container:"):
        return Networking(flags={"HostConfig": {"NetworkMode": mode}})
    name = _name(mode, ends)
    own = ends.get(name) or {}
    further = tuple(sorted(other for other in ends if other != name))
    if name in ("none", "host") and further:
        alone = f'it is in the network "{name}" and in {", ".join(further)}, which no definition can ask for'
        return Networking({"dockernics": name}, lost=(alone,))
    values, chosen = _addresses(own, config, fixed_only=name in ("none", "host"))
    values["dockernics"] = ",".join((name, *further))
    flags = _end_flags(own, facts)
    lost = tuple(
        f'what it has of its own in the network "{other}" ({", ".join(sorted(more))}) cannot be asked for'
        for other in further
        if (more := _end_flags(ends[other] or {}, facts) | _fixed(ends[other] or {}))
    )
    return Networking(
        values, {"NetworkingConfig": {"EndpointsConfig": {name: flags}}} if flags else {}, tuple(chosen), lost
    )


def _name(mode: str, ends: Mapping[str, Any]) -> str:
    """The main network by its name; the request may have named it by its id."""
    if mode == "default":
        return "bridge"
    if mode in ends or mode in _BY_NAME:
        return mode
    return next((name for name, end in ends.items() if (end or {}).get("NetworkID", "").startswith(mode)), mode)


def _addresses(
    own: Mapping[str, Any], config: Mapping[str, Any], *, fixed_only: bool
) -> tuple[dict[str, str], list[str]]:
    """Address and MAC: those asked for, else those it has just now, and which are such."""
    values: dict[str, str] = {}
    chosen: list[str] = []
    asked = (own.get("IPAMConfig") or {}).get("IPv4Address")
    for attribute, wanted, found in (
        ("ip", asked, own.get("IPAddress")),
        ("mac", config.get("MacAddress"), own.get("MacAddress")),
    ):
        if wanted:
            values[attribute] = str(wanted)
        elif found and not fixed_only:
            values[attribute] = str(found)
            chosen.append(attribute)
    return values, chosen


def _end_flags(end: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the settings of one network beside the IPv4 address and the MAC."""
    automatic = {str(facts.get("Id", ""))[:12], str(facts.get("Name", "")).removeprefix("/")}
    found: dict[str, Any] = {}
    if aliases := [alias for alias in end.get("Aliases") or () if alias not in automatic]:
        found["Aliases"] = aliases
    for name in ("Links", "DriverOpts"):
        if end.get(name):
            found[name] = end[name]
    ipam = end.get("IPAMConfig") or {}
    if more := {name: ipam[name] for name in ("IPv6Address", "LinkLocalIPs") if ipam.get(name)}:
        found["IPAMConfig"] = more
    return found


def _fixed(end: Mapping[str, Any]) -> dict[str, Any]:
    asked = (end.get("IPAMConfig") or {}).get("IPv4Address")
    return {"IPv4Address": asked} if asked else {}
