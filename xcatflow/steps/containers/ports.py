"""Published ports, devices and directories in memory, as people write them for `docker run` and in compose files.

Source: docker-run(1) on `--publish`, `--device`, `--tmpfs` and `--add-host`; the compose specification's short forms; an engine 20.10,
which publishes `80:80` at 0.0.0.0 and at ::, and `0.0.0.0:80:80` at 0.0.0.0 only.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from xcatflow.steps.containers.forms import read_lines

_PORT = re.compile(
    r"(?:(?P<ip>\d+\.\d+\.\d+\.\d+|\[[0-9A-Fa-f:.]+\]):)?(?:(?P<host>\d*):)?(?P<own>\d+)(?:/(?P<proto>tcp|udp|sctp))?"
)
_DEVICE = re.compile(r"(?P<host>/[^:]+)(?::(?P<own>/[^:]+))?(?::(?P<may>[rwm]{1,3}))?")
_TMPFS = re.compile(r"/[^:]*(:[A-Za-z0-9=,%._-]+)?")
_HIGHEST = 65535


def check_ports(items: tuple[str, ...]) -> tuple[str, ...]:
    """Ports, each in full: `[ADDRESS:][HOST PORT:]PORT/PROTOCOL`; their order means nothing. One without an address is not that of 0.0.0.0:
    daemons publish it over IPv6 as well."""
    found = []
    for item in items:
        match = _PORT.fullmatch(item)
        if not match or not all(0 < int(number) <= _HIGHEST for number in (match["own"], match["host"] or 1)):
            raise ValueError(f'expected a port as "8080:80", "127.0.0.1:8080:80" or "53:53/udp", found "{item}"')
        if match["ip"]:
            _address(match["ip"].strip("[]"))
        before = (f"{match['ip']}:" if match["ip"] else "") + (
            f"{match['host'] or ''}:" if match["ip"] or match["host"] else ""
        )
        found.append(f"{before}{match['own']}/{match['proto'] or 'tcp'}")
    return tuple(sorted(set(found)))


def port_bindings(items: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """The create request's `PortBindings`; without a port of the host the daemon chooses one."""
    found: dict[str, list[dict[str, str]]] = {}
    for item in items:
        match = _PORT.fullmatch(item)
        assert match is not None
        binding = {"HostPort": match["host"] or "", **({"HostIp": match["ip"].strip("[]")} if match["ip"] else {})}
        found.setdefault(f"{match['own']}/{match['proto']}", []).append(binding)
    return found


def host_ports(bindings: Any) -> set[tuple[str, str]]:
    """(protocol, port) of the host that `PortBindings` take; those the daemon chooses are not among them."""
    return {
        (own.partition("/")[2] or "tcp", str(binding.get("HostPort")))
        for own, some in (bindings or {}).items()
        for binding in some or ()
        if binding.get("HostPort")
    }


def check_devices(items: tuple[str, ...]) -> tuple[str, ...]:
    """Devices: `/dev/on/host[:/dev/in/container][:rwm]`."""
    for item in items:
        if not _DEVICE.fullmatch(item):
            raise ValueError(
                f'expected a device as "/dev/ttyS0" or "/dev/on/host:/dev/in/container:rw", found "{item}"'
            )
    return items


def devices(items: Iterable[str]) -> list[dict[str, str]]:
    """The create request's `Devices`."""
    found = []
    for item in items:
        match = _DEVICE.fullmatch(item)
        assert match is not None
        found.append(
            {
                "PathOnHost": match["host"],
                "PathInContainer": match["own"] or match["host"],
                "CgroupPermissions": match["may"] or "rwm",
            }
        )
    return found


def check_tmpfs(items: tuple[str, ...]) -> tuple[str, ...]:
    """Directories in memory: `/path[:options]`."""
    for item in items:
        if not _TMPFS.fullmatch(item):
            raise ValueError(f'expected a directory as "/run" or "/tmp:size=64m,mode=1777", found "{item}"')
    return items


def tmpfs(items: Iterable[str]) -> dict[str, str]:
    """The create request's `Tmpfs`."""
    return {path: options for path, _, options in (item.partition(":") for item in items)}


def read_hosts(value: object) -> object:
    """A list of `name:address`, also from a mapping."""
    if isinstance(value, dict):
        return [f"{name}:{address}" for name, address in value.items()]
    return read_lines(value)


def check_hosts(items: tuple[str, ...]) -> tuple[str, ...]:
    """Entries for `/etc/hosts` by their names, since only the order of one name's addresses means something. `host-gateway` is the daemon's
    word for the host's own address."""
    found = []
    for item in items:
        name, colon, address = item.partition(":")
        if not name or not colon:
            raise ValueError(f'expected a host as "name:address", found "{item}"')
        found.append((name, address if address == "host-gateway" else _address(address)))
    return tuple(f"{name}:{address}" for name, address in sorted(found, key=lambda pair: pair[0]))


def check_addresses(items: tuple[str, ...]) -> tuple[str, ...]:
    """IP addresses."""
    return tuple(_address(item) for item in items)


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f'expected an IP address, found "{text}"') from None
