"""Forms of the attribute values we act on. Each check returns the value as it is kept, or raises ValueError saying what was expected."""

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import Any

from xcatflow.errors import InvalidInput
from xcatflow.model.endpoint import parse_endpoint
from xcatflow.model.formula import is_formula

Network4or6 = IPv4Network | IPv6Network

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}(?:[0-9A-Fa-f]{2}\1){0,14}[0-9A-Fa-f]{2}")
_MAC_LENGTHS = (17, 23, 59)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_CPUSET = re.compile(r"[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*")
_CPUS = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+")
_MEMORY = re.compile(r"([0-9]+)([bkmgBKMG]?)")
_DOCKER_NETWORK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_KEPT = 1 << 14
"""Values judged lately: most nodes have what others have."""

_MEMORY_UNITS: Mapping[str, int] = MappingProxyType({"": 1 << 20, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30})


def or_formula(check: Callable[[str], str]) -> Callable[[str], str]:
    """The same check, for values that may also be formulas."""

    def checked(text: str) -> str:
        return text if is_formula(text) else check(text)

    return checked


@lru_cache(maxsize=_KEPT)
def split_list(text: str) -> tuple[str, ...]:
    """The entries of a comma separated list, without blanks around them, each once."""
    if "," not in text:
        return (text.strip(),) if text.strip() else ()
    return tuple(dict.fromkeys(entry for part in text.split(",") if (entry := part.strip())))


def check_ip(text: str) -> str:
    """One IPv4 or IPv6 address."""
    if not _IPV4.fullmatch(text):
        _address(text, "an address such as 10.0.0.1")
    return text


def same_ip(text: str) -> str:
    """One spelling for every spelling of an address. Raises ValueError."""
    return text if _IPV4.fullmatch(text) else str(_address(text, "an address such as 10.0.0.1"))


def is_address(text: str) -> bool:
    """Is it an address, and no name?"""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _address(text: str, expected: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text)
    except ValueError:
        hint = ": the mask belongs to the network" if "/" in text else ""
        raise ValueError(f'expected {expected}, found "{text}"{hint}') from None


def macs_of(text: str) -> tuple[tuple[str, str], ...]:
    """The (address, name) pairs of a `mac` value `mac1!name1|mac2!name2`; addresses in lower case with colons, name empty where
    none is given. Raises ValueError."""
    pairs: list[tuple[str, str]] = []
    for entry in text.split("|"):
        address, _, name = entry.strip().partition("!")
        if len(address) not in _MAC_LENGTHS or not _MAC.fullmatch(address):
            raise ValueError(f'expected a MAC address such as 02:42:ac:14:00:0e, found "{address}"')
        pairs.append((address.lower().replace("-", ":"), name))
    return tuple(pairs)


def check_mac(text: str) -> str:
    """MAC addresses, each with the name it is for."""
    macs_of(text)
    return text


def check_word(text: str) -> str:
    """One word, as for `mgt`."""
    if not _WORD.fullmatch(text):
        raise ValueError(f'expected one word such as docker or ipmi, found "{text}"')
    return text


@lru_cache(maxsize=_KEPT)
def check_dockerhost(text: str) -> str:
    """Where the node's Docker daemon listens."""
    try:
        parse_endpoint(text)
    except InvalidInput as error:
        raise ValueError(error.problems[0].message) from None
    return text


def check_dockercpus(text: str) -> str:
    """A number of CPUs (`2`, `1.5`), or the CPUs themselves (`0-3`, `0,2`, `cpuset:1`)."""
    chosen = text.removeprefix("cpuset:")
    if chosen != text or "-" in text or "," in text:
        if not _CPUSET.fullmatch(chosen):
            raise ValueError(f'expected CPUs such as 0-3 or cpuset:1, found "{text}"')
    elif not _CPUS.fullmatch(text) or float(text) == 0:
        raise ValueError(f'expected a number of CPUs such as 2 or 1.5, found "{text}"')
    return text


def memory_bytes(text: str) -> int:
    """The bytes that a `dockermemory` value means: MiB without a unit, or `b`, `k`, `m`, `g`. Raises ValueError."""
    found = _MEMORY.fullmatch(text)
    if not found or len(found[1]) > 15 or int(found[1]) == 0:
        raise ValueError(f'expected megabytes, or a size such as 512m or 4g, found "{text}"')
    return int(found[1]) * _MEMORY_UNITS[found[2].lower()]


def check_dockermemory(text: str) -> str:
    """An amount of memory."""
    memory_bytes(text)
    return text


def check_dockernics(text: str) -> str:
    """Docker networks, the primary one first; `none` and `host` stand alone."""
    names = split_list(text)
    for name in names:
        if not _DOCKER_NETWORK.fullmatch(name):
            raise ValueError(f'expected names of Docker networks, found "{name}"')
        if name in ("none", "host") and len(names) > 1:
            raise ValueError(f'"{name}" stands alone, found "{text}"')
    return text


def read_dockerflag(text: str) -> Mapping[str, Any]:
    """The JSON object of a `dockerflag`. Raises ValueError."""
    try:
        flags = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "not JSON"
        raise ValueError(f'expected a JSON object such as {{"Tty": true}}: {reason[:1].lower()}{reason[1:]}') from None
    if not isinstance(flags, dict):
        raise ValueError(f'expected a JSON object such as {{"Tty": true}}, found {json.dumps(flags)[:60]}')
    return flags


def check_provmethod(text: str) -> str:
    """An osimage, or for containers `image[!command]`."""
    image = text.partition("!")[0]
    if not image or any(letter.isspace() for letter in image):
        raise ValueError(f'expected an osimage or image[!command], found "{text}"')
    return text


def prefix_length(mask: str) -> int:
    """The number of ones in a mask written as 255.255.0.0, /16 or 16. Raises ValueError."""
    text = mask.removeprefix("/")
    if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 128:
        return int(text)
    try:
        # The library would also take host masks such as 0.0.255.255, which say the opposite.
        ones = f"{int(IPv4Address(text)):032b}"
    except ValueError:
        ones = "01"
    if "01" in ones:
        raise ValueError(f'expected a mask such as 255.255.0.0 or /64, found "{mask}"')
    return ones.count("1")


def check_mask(text: str) -> str:
    """A network mask."""
    prefix_length(text)
    return text


def check_net(text: str) -> str:
    """The address of a network, IPv6 ones also with their length (`fd59::/64`)."""
    _address(text.partition("/")[0], "the address of a network such as 10.0.0.0")
    return text


def check_gateway(text: str) -> str:
    """An address, or `<xcatmaster>`."""
    if text != "<xcatmaster>":
        _address(text, "an address or <xcatmaster>")
    return text


def subnet_of(net: str, mask: str) -> Network4or6:
    """The network that `net` and `mask` describe. Raises ValueError when they do not fit together."""
    length = prefix_length(mask)
    address, slash, own = net.partition("/")
    if slash and own != str(length):
        raise ValueError(f'"net" says /{own} and "mask" says "{mask}"')
    if length > ip_address(address).max_prefixlen:
        raise ValueError(f'"mask" "{mask}" is too long for "{net}"')
    found = ip_network(f"{address}/{length}", strict=False)
    if str(found.network_address) != str(ip_address(address)):
        raise ValueError(f'"{net}" is an address inside the network: write net={found.network_address}')
    return found
