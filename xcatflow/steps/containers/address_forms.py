"""Forms of what is said about addresses and interfaces: each check returns the value as it is kept, or raises ValueError."""

import re
from ipaddress import ip_interface
from typing import Annotated

from pydantic import AfterValidator


def _container(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f'expected the name of a container, found "{name}"')
    return name


def _link_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}", name) or name in ("all", "default"):
        raise ValueError(f'expected the name of a network interface (at most 15 characters), found "{name}"')
    return name


def _address(text: str) -> str:
    try:
        return str(ip_interface(text)) if "/" in text else str(ip_interface(text).ip)
    except ValueError:
        raise ValueError(f'expected an address with its prefix such as "10.20.0.21/16", found "{text}"') from None


def _with_prefix(text: str) -> str:
    if "/" not in text:
        raise ValueError(f'expected an address with its prefix such as "10.20.0.21/16", found "{text}"')
    return _address(text)


def _one(text: str, version: int, example: str) -> str:
    try:
        if "/" in text or ip_interface(text).version != version:
            raise ValueError
        return str(ip_interface(text).ip)
    except ValueError:
        raise ValueError(f'expected an IPv{version} address such as "{example}", found "{text}"') from None


def _gateway(text: str) -> str:
    return _one(text, 4, "10.20.0.1")


def _gateway6(text: str) -> str:
    return _one(text, 6, "fd00:20::1")


def _mac(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}", text.lower()):
        raise ValueError(f'expected the MAC address of one interface such as "02:00:0a:14:00:15", found "{text}"')
    return text.lower()


def _plain4(text: str) -> str:
    """An IPv4 address; a prefix is left off."""
    address = _address(text).partition("/")[0]
    if ":" in address:
        raise ValueError(f'expected an IPv4 address, found "{text}"')
    return address


def listed(value: object) -> object:
    """A list, or text with commas."""
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


ContainerName = Annotated[str, AfterValidator(_container)]
LinkName = Annotated[str, AfterValidator(_link_name)]
Address = Annotated[str, AfterValidator(_address)]
"""IPv4 or IPv6, with or without its prefix."""
Interface = Annotated[str, AfterValidator(_with_prefix)]
"""IPv4 or IPv6, with its prefix."""
Ipv4 = Annotated[str, AfterValidator(_plain4)]
Gateway = Annotated[str, AfterValidator(_gateway)]
Gateway6 = Annotated[str, AfterValidator(_gateway6)]
Mac = Annotated[str, AfterValidator(_mac)]
