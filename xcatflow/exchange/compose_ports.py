"""Ports of a service: what the container exposes, and where the host publishes it.

Source: Compose Specification, "ports" and "expose"; Engine API, `PortBindings`, whose `HostPort` may be a range to choose from.
"""

import re
from collections.abc import Iterator
from typing import Any

from xcatflow.errors import InvalidInput
from xcatflow.exchange.compose_tree import Fields, Tree, fields, items, text, wrong

_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_FORM = '"[IP:][HOST:]CONTAINER[/PROTOCOL]" such as "8080:80"'


def exposed(tree: Tree) -> dict[str, dict[str, Any]]:
    """`expose` as `ExposedPorts`."""
    found: dict[str, dict[str, Any]] = {}
    for item in items(tree):
        ports, _, protocol = text(item).partition("/")
        found |= {f"{port}/{protocol or 'tcp'}": {} for port in _range(ports, item)}
    return found


def published(tree: Tree) -> dict[str, list[dict[str, str]]]:
    """`ports` as `PortBindings`."""
    found: dict[str, list[dict[str, str]]] = {}
    for item in items(tree):
        for port, binding in _long(item) if isinstance(item, Fields) else _short(item):
            if binding not in found.setdefault(port, []):
                found[port].append(binding)
    return found


def _short(item: Tree) -> Iterator[tuple[str, dict[str, str]]]:
    written, _, protocol = text(item).partition("/")
    rest, _, container = written.rpartition(":")
    ip, _, host = rest.rpartition(":")
    yield from _bindings(item, ip.strip("[]"), host, container, protocol or "tcp")


def _long(item: Fields) -> Iterator[tuple[str, dict[str, str]]]:
    given = {key: text(value) for key in ("host_ip", "published", "target", "protocol") if (value := item.get(key))}
    if "target" not in given:
        raise InvalidInput('expected the container\'s port as "target"', item.source)
    ip, host = given.get("host_ip", ""), given.get("published", "")
    yield from _bindings(item, ip, host, given["target"], given.get("protocol", "tcp"))


def _bindings(item: Tree, ip: str, host: str, container: str, protocol: str) -> Iterator[tuple[str, dict[str, str]]]:
    inside = _range(container, item)
    outside = [str(port) for port in _range(host, item)] if host else [""] * len(inside)
    if len(inside) == 1 and len(outside) > 1:
        outside = [host]
    if len(inside) != len(outside):
        raise InvalidInput(
            f'as many ports of the host as of the container are needed, found "{host}:{container}"', item.source
        )
    for port, of_host in zip(inside, outside, strict=True):
        yield f"{port}/{protocol}", {**({"HostIp": ip} if ip else {}), "HostPort": of_host}


def _range(written: str, item: Tree) -> range:
    found = _RANGE.fullmatch(written)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last <= 65535:
        if isinstance(item, Fields):
            raise InvalidInput(f'expected a port or a range of ports, found "{written}"', item.source)
        raise wrong(_FORM, item)
    return range(first, last + 1)


def unsaid(tree: Tree) -> list[tuple[str, Tree]]:
    """Keys of ports that only describe, with the ports that have them."""
    listed = (fields(item) for item in items(tree) if isinstance(item, Fields))
    told = ("target", "published", "host_ip", "protocol", "mode")
    return [(key, item) for item in listed for key in item.items if key not in told and not key.startswith("x-")]
