"""Addresses of host names, as this machine's resolver knows them."""

import socket
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

_AT_ONCE = 32


def addresses_of(names: Collection[str]) -> Mapping[str, str]:
    """The address of each name that the resolver knows: IPv4 where there is one. Many are asked for at a time."""
    if not names:
        return {}
    with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as pool:
        return {name: address for name, address in zip(names, pool.map(_address, names), strict=True) if address}


def _address(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""
    four = [str(place[0]) for family, _, _, _, place in found if family == socket.AF_INET]
    return four[0] if four else str(found[0][4][0])
