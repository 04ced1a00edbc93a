"""Names and addresses, with a resolver of our own."""

import socket
from typing import Any

import pytest

from xcatflow.machine.addresses import addresses_of

KNOWN = {
    "four": [(socket.AF_INET, "10.0.0.4")],
    "six": [(socket.AF_INET6, "fd59::6")],
    "both": [(socket.AF_INET6, "fd59::7"), (socket.AF_INET, "10.0.0.7")],
}


def resolve(name: str, _port: None, **_more: object) -> list[tuple[Any, ...]]:
    if len(name) > 63:
        raise UnicodeError("label too long")
    if name not in KNOWN:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(family, socket.SOCK_STREAM, 6, "", (address, 0)) for family, address in KNOWN[name]]


def test_each_name_has_its_own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert addresses_of(["four", "nobody", "six", "both", "n" * 64]) == {
        "four": "10.0.0.4",
        "six": "fd59::6",
        "both": "10.0.0.7",
    }
    assert addresses_of([]) == {}
