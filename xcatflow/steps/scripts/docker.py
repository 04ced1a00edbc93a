"""xCAT's script `setupdockerhost` as steps: a certificate, the engine with its TLS port, where it is asked for a network, and the proof
that all is there.

Its two versions are told apart by their arguments: bridges that have to be there (`-b=br0`), or a network of Docker that is made
(`mynet0=10.0.0.0/24@10.0.0.1:eth0`). Beside them may stand `port=PORT`, `bridge=BRIDGE` and `other_authority=replace`.

Source: xCAT's setupdockerhost of both versions. The first writes `-b` into the engine's options, so that bridge is its default network's;
without `-b` xcatflow only looks that `mydocker0` (or `bridge=`) is there, and leaves it to networks of Docker (create-instance).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

from xcatflow.contract import Desk, Part
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.endpoint import PLAIN_PORT, machine_of, parse_endpoint
from xcatflow.steps.certificates.roles import names_of
from xcatflow.steps.daemons.shutdown import shutdown_parts

_BRIDGE = "mydocker0"
_FORMAT = "netname=net/mask@gateway[:nicname]"
_NETWORK = re.compile(
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]{0,14})=(?P<net>[0-9.]+/[0-9.]+)@(?P<gateway>[0-9.]+)(:(?P<nic>[^\s:/]{1,15}))?"
)
_FORMS = f"-b=bridge, {_FORMAT}, port=PORT, bridge=BRIDGE, other_authority=replace"
_WORDS = ("port", "bridge", "other_authority")
_HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4"


@dataclass(frozen=True, slots=True)
class _Network:
    """A network of Docker on a bridge of its name, `nic` (empty: none) a port of it."""

    name: str
    subnet: IPv4Network
    gateway: IPv4Address
    nic: str


@dataclass(frozen=True, slots=True)
class _Asked:
    bridges: tuple[str, ...] = ()
    network: _Network | None = None
    port: int = 0
    bridge: str = _BRIDGE
    other_authority: str = ""


def setupdockerhost_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """The steps that the script stands for. Raises InvalidInput."""
    asked = _asked(arguments)
    port = asked.port or daemon_port(desk, desk.node)
    return tuple(_parts(asked, desk, port))


def daemon_port(desk: Desk, host: str) -> int:
    """The TCP port of a host's daemon, as nodes name it in `dockerhost`; xCAT's 2375 where none does. Raises InvalidInput where they do not
    agree."""
    endpoints = desk.once("endpoints of Docker hosts", lambda: _endpoints(desk.definitions)).get(host, ())
    ports = sorted({parse_endpoint(each).port for each in endpoints})
    if len(ports) > 1:
        told = ", ".join(map(str, ports))
        raise InvalidInput(f'nodes name several ports of "{host}" as their dockerhost ({told}): say port=PORT')
    return ports[0] if ports else PLAIN_PORT


def _endpoints(definitions: Definitions) -> dict[str, set[str]]:
    """How nodes name each machine in `dockerhost`."""
    found: dict[str, set[str]] = {}
    for each in {definitions.value(node, "dockerhost") or "" for node in definitions.nodes}:
        found.setdefault(machine_of(each), set()).add(each)
    return found


def _asked(arguments: tuple[str, ...]) -> _Asked:
    bridges: tuple[str, ...] = ()
    network: _Network | None = None
    given: dict[str, str] = {}
    for word in arguments:
        name, found, value = word.partition("=")
        if name in ("-b", "--bridge") and found:
            bridges = tuple(filter(None, value.split(",")))
            if not bridges:
                raise InvalidInput(f'"{word}" names no bridge: expected -b={_BRIDGE}')
        elif name in _WORDS and found and "@" not in value:
            given[name] = value
        elif network or word.startswith("-"):
            raise InvalidInput(f'unexpected "{word}": expected {_FORMS}')
        else:
            network = _network(word)
    if bridges and network:
        raise InvalidInput(f'-b={",".join(bridges)} and the network "{network.name}" exclude each other: give one')
    port = given.get("port", "")
    if port and not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        raise InvalidInput(f'port: expected a number from 1 to 65535, found "{port}"')
    authority = given.get("other_authority", "")
    if authority not in ("", "refuse", "replace"):
        raise InvalidInput(f'other_authority: expected "refuse" or "replace", found "{authority}"')
    return _Asked(bridges, network, int(port or 0), given.get("bridge") or _BRIDGE, authority)


def _network(word: str) -> _Network:
    malformed = f"must be in format '{_FORMAT}'"
    match = _NETWORK.fullmatch(word)
    if not match:
        raise InvalidInput(f'{malformed}, found "{word}"')
    try:
        subnet, gateway = IPv4Network(match["net"]), IPv4Address(match["gateway"])
    except ValueError as error:
        raise InvalidInput(f"{malformed}: {error}") from None
    if gateway not in subnet:
        raise InvalidInput(f"{malformed}: the gateway {gateway} is not in {subnet}")
    return _Network(match["name"], subnet, gateway, match["nic"] or "")


def _parts(asked: _Asked, desk: Desk, port: int) -> Iterator[Part]:
    network = asked.network
    own = _own(desk, network) if network else None
    if network and network.nic:
        bridge = {"name": network.name, "port": network.nic}
        # An address that the NIC has in the subnet moves along, and the gateway is then another machine's.
        yield Part("bridge", "network.bridge", bridge if own else {**bridge, "address": _gateway(network)})
    yield Part("certificate", "tls.host_certificate", _certificate(asked, desk))
    yield from shutdown_parts()
    yield Part("daemon", "docker.daemon", _daemon(asked, port))
    if network:
        options = {_HOST_BINDING: str(own or network.gateway)}
        yield Part(
            "network",
            "docker.network",
            {
                "name": network.name,
                "subnet": str(network.subnet),
                "gateway": str(network.gateway),
                "bridge": network.name,
                "options": options,
            },
            at=f"{desk.node}:{port}",
        )
    bridge_name = network.name if network else (*asked.bridges, asked.bridge)[0]
    yield Part("ready", "docker.ready", {"bridge": bridge_name}, at=f"{desk.node}:{port}")


def _daemon(asked: _Asked, port: int) -> Mapping[str, Any]:
    if asked.network:
        return {"tcp_port": port}
    bridges = asked.bridges or (asked.bridge,)
    return {"tcp_port": port, "bridges": bridges, **({"bridge": bridges[0]} if asked.bridges else {})}


def _certificate(asked: _Asked, desk: Desk) -> Mapping[str, Any]:
    names, addresses = names_of(desk.definitions, desk.node)
    more = {"other_authority": asked.other_authority} if asked.other_authority else {}
    return {"common_name": desk.node, "names": names, "addresses": addresses, **more}


def _own(desk: Desk, network: _Network) -> IPv4Address | None:
    """The node's own address, where it is in the network's subnet."""
    try:
        address = ip_address(desk.definitions.value(desk.node, "ip") or "")
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) and address in network.subnet else None


def _gateway(network: _Network) -> str:
    return f"{network.gateway}/{network.subnet.prefixlen}"
