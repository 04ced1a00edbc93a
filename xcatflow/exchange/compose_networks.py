"""The networks of a compose project, and a service in them.

Source: Compose Specification, "networks" of the file and of services; Engine API, `NetworkingConfig`. One network can be asked for with all
its settings when a container is created; more of them need API 1.44, and are joined afterwards, by name.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from xcatflow.errors import InvalidInput, Source, did_you_mean
from xcatflow.exchange.brought import Remark
from xcatflow.exchange.compose_extends import keyed
from xcatflow.exchange.compose_said import Said
from xcatflow.exchange.compose_tree import Fields, Text, Tree, fields, flag, items, mapping, text, texts, whole, wrong
from xcatflow.load.draft import Draft
from xcatflow.model.definitions import Definitions

_BY_NAME = ("none", "host", "bridge")
_ORDERING = ("priority", "gw_priority")


@dataclass(frozen=True, slots=True)
class Network:
    """A network of the file. `name` is the daemon's; an `external` one is made by somebody else."""

    key: str
    name: str
    given: Fields
    external: bool = False

    @property
    def config(self) -> tuple[Fields, ...]:
        """What is said of each of its subnets; entries without one left out. Raises InvalidInput."""
        ipam = self.given.get("ipam")
        config = fields(ipam).get("config") if ipam is not None else None
        found = (fields(item, 'a mapping with "subnet"') for item in (items(config) if config is not None else ()))
        return tuple(item for item in found if item.get("subnet") is not None)

    @property
    def pools(self) -> tuple[tuple[IPv4Network | IPv6Network, str, Source], ...]:
        """Its subnets, each with its gateway (empty: the daemon's choice) and where it stands. Raises InvalidInput."""
        return tuple(map(_pool, self.config))


def _pool(given: Fields) -> tuple[IPv4Network | IPv6Network, str, Source]:
    subnet, gateway = given.items["subnet"], given.get("gateway")
    try:
        return ip_network(text(subnet)), text(gateway) if gateway else "", subnet.source
    except ValueError:
        raise wrong('a subnet such as "10.77.0.0/24"', subnet) from None


def networks_of(tree: Tree | None, project: str) -> dict[str, Network]:
    """The networks of the file by their keys, the one called `default` always among them. Raises InvalidInput."""
    given = fields(tree, "networks by their names") if tree is not None else Fields({}, Source(""))
    found = {"default": Network("default", f"{project}_default", Fields({}, Source("")))}
    for key, below in given.items.items():
        empty = isinstance(below, Text) and below.empty
        own = Fields({}, given.at(key)) if empty else fields(below, f'the settings of the network "{key}"')
        name, external = named(key, own, project)
        found[key] = Network(key, name, own, external)
    return found


def drafts_of(networks: Iterable[Network], existing: Definitions, said: Said) -> Iterator[Draft]:
    """Definitions of the networks that say their subnet; those that the site has under another name are told."""
    known = {network.subnet: name for name, network in existing.networks.items()}
    for network in networks:
        try:
            pools = network.pools
        except InvalidInput as error:
            said.problems += error.problems
            continue
        for number, (subnet, gateway, source) in enumerate(pools, start=1):
            name = network.name if number == 1 else f"{network.name}-{number}"
            if known.setdefault(subnet, name) != name:
                text = (
                    f'the subnet {subnet} of network "{network.key}" is the site\'s network "{known[subnet]}" already'
                )
                said.notes.append(Remark(text, source))
                continue
            mask = str(subnet.netmask) if subnet.version == 4 else f"/{subnet.prefixlen}"
            values = {"net": str(subnet.network_address), "mask": mask, **({"gateway": gateway} if gateway else {})}
            yield Draft("network", name, source.file, source.line, source.col, values)


def named(key: str, given: Fields, project: str) -> tuple[str, bool]:
    """The name of a network or volume in the daemon, and whether it is made by somebody else."""
    name, external = given.get("name"), given.get("external")
    if isinstance(external, Fields):
        own = external.get("name") or name
        return (text(own) if own else key), True
    if external is not None and flag(external):
        return (text(name) if name else key), True
    return (text(name) if name else f"{project}_{key}"), False


@dataclass(slots=True)
class Joined:
    """A service in its networks: `nics` the daemon's names, the main one first; `ip` and `mac` in the main one with their places; `end`
    what else is set there; `left` what cannot be asked for, each with why."""

    nics: tuple[str, ...]
    used: tuple[str, ...] = ()
    values: dict[str, tuple[str, Source]] = field(default_factory=dict)
    end: dict[str, Any] = field(default_factory=dict)
    left: list[tuple[str, str, Source]] = field(default_factory=list)


def joined(service: str, tree: Fields, networks: Mapping[str, Network]) -> Joined:
    """The networks of a service, the main one first: that of the highest priority, of such the one with a fixed address, else the first.

    Raises InvalidInput.
    """
    given = tree.get("networks")
    ends = keyed(given) if given is not None else Fields({}, tree.source)
    keys = tuple(ends.items) or ("default",)
    for key in keys:
        if key not in networks:
            message = f'the network "{key}" is not defined under "networks"{did_you_mean(key, networks)}'
            raise InvalidInput(message, ends.at(key))
    settings = {key: _settings(ends.get(key), ends.at(key)) for key in keys}
    ordered = sorted(keys, key=lambda key: _rank(settings[key]), reverse=True)
    main, *further = ordered
    found = Joined(tuple(networks[key].name for key in ordered), tuple(ordered))
    if networks[main].name in _BY_NAME:
        return found
    found.end["Aliases"] = [service]
    _main(found, settings[main])
    for key in further:
        if more := [name for name in settings[key].items if name not in _ORDERING and not name.startswith("x-")]:
            why = f'only the first network can be joined with settings of its own, which is "{networks[main].name}"'
            found.left.append((f"{', '.join(more)} in the network {networks[key].name}", why, settings[key].source))
    if further:
        why = f"as {service} it is known in {networks[main].name} only, in the others by the name of its node"
        found.left.append(("the name in further networks", why, ends.source))
    return found


def _settings(below: Tree | None, source: Source) -> Fields:
    return Fields({}, source) if below is None else fields(below, "the settings of a service in a network")


def _rank(given: Fields) -> tuple[int, int, bool]:
    gateway, connect = (whole(value) if (value := given.get(key)) else 0 for key in ("gw_priority", "priority"))
    return gateway, connect, given.get("ipv4_address") is not None


def _main(found: Joined, given: Fields) -> None:
    """Take in what a service has in its main network."""
    ipam: dict[str, Any] = {}
    for key in given.items:
        value = given.get(key)
        if value is None or key in _ORDERING or key.startswith("x-"):
            continue
        match key:
            case "ipv4_address":
                found.values["ip"] = (text(value), value.source)
            case "mac_address":
                found.values["mac"] = (text(value), value.source)
            case "aliases":
                found.end["Aliases"] = list(dict.fromkeys((*found.end["Aliases"], *texts(value))))
            case "ipv6_address":
                ipam["IPv6Address"] = text(value)
            case "link_local_ips":
                ipam["LinkLocalIPs"] = texts(value)
            case "driver_opts":
                found.end["DriverOpts"] = mapping(value)
            case _:
                found.left.append((f'"{key}" in the network {found.nics[0]}', "it is not known here", given.at(key)))
    if "ip" not in found.values and "IPv6Address" in ipam:
        found.values["ip"] = (ipam.pop("IPv6Address"), given.items["ipv6_address"].source)
    if ipam:
        found.end["IPAMConfig"] = ipam
