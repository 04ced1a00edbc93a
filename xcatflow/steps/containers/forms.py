"""Forms of the values that `docker.container` is told. Each gives the one spelling that is kept, or raises ValueError.

Source: docker-run(1) for restart policies and volumes; the forms of xCAT's dockercpus, dockermemory, dockernics and mac.
"""

import json
import re
import shlex
from decimal import Decimal
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

from xcatflow.model import values
from xcatflow.model.names import container_problem

_RESTART = re.compile(r"no|always|unless-stopped|on-failure(:[0-9]{1,9})?")
_HOSTNAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
_VOLUME = re.compile(r"(/[^:]*|[A-Za-z0-9][A-Za-z0-9_.-]*):/[^:]*(:[A-Za-z,]+)?")
_VARIABLE = re.compile(r"[^=\0]+")
_SIGNAL = re.compile(r"SIG[A-Z]+[0-9]?([+-][0-9]{1,2})?|[A-Z]+[0-9]?([+-][0-9]{1,2})?|[0-9]{1,2}")
_USER = re.compile(r"[A-Za-z0-9_.@-]+(:[A-Za-z0-9_.@-]+)?")
_CAPABILITY = re.compile(r"[A-Z_]+")
_MAC_CHARACTERS = 17
_SIZES = (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10), ("b", 1))


def check_name(text: str) -> str:
    """A container's name."""
    if problem := container_problem(text):
        raise ValueError(problem)
    return text


def read_command(value: object) -> object:
    """A command as words: a JSON list of texts is one, other text is split as a shell splits it, expanding nothing."""
    if not isinstance(value, str):
        return value
    try:
        listed = json.loads(value)
    except (ValueError, RecursionError):
        listed = None
    if isinstance(listed, list) and all(isinstance(word, str) for word in listed):
        return listed
    try:
        return shlex.split(value)
    except ValueError as error:
        reason = str(error).lower()
        raise ValueError(f"expected a command as a shell would read it, found '{value}': {reason}") from None


def read_cpus(text: str) -> str:
    """`1.5` as a plain number without needless zeros; CPUs themselves as `cpuset:0-3`."""
    chosen = values.check_dockercpus(text).removeprefix("cpuset:")
    if chosen != text or "-" in text or "," in text:
        return f"cpuset:{chosen}"
    return f"{Decimal(text).normalize():f}"


def read_memory(text: str) -> str:
    """An amount of memory in the largest unit that needs no fraction; megabytes without a unit."""
    return size_text(values.memory_bytes(text))


def size_text(size: int) -> str:
    """Bytes in the largest unit that needs no fraction."""
    return next(f"{size // unit}{letter}" for letter, unit in _SIZES if size % unit == 0)


def check_mac(text: str) -> str:
    """MAC addresses as in xCAT's `mac`, each of six bytes."""
    for address, _ in values.macs_of(text):
        if len(address) != _MAC_CHARACTERS:
            raise ValueError(f'expected a MAC address of six bytes, found "{address}"')
    return text


def read_list(value: object) -> object:
    """A list, also from text with commas."""
    return values.split_list(value) if isinstance(value, str) else value


def check_networks(names: tuple[str, ...]) -> tuple[str, ...]:
    """Docker networks; none of them for the daemon's `default`."""
    values.check_dockernics(",".join(names))
    return () if names == ("default",) else names


def check_any_address(text: str) -> str:
    """One address of either sort."""
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f'expected an IP address without a prefix, found "{text}"') from None


def check_address6(text: str) -> str:
    """One IPv6 address."""
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise ValueError(f'expected an IPv6 address without a prefix, found "{text}"') from None


def check_address(text: str) -> str:
    """One IPv4 address."""
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise ValueError(f'expected an IPv4 address without a prefix, found "{text}"') from None


def read_restart(value: object) -> object:
    """A restart policy; YAML 1.1 reads `no` as false."""
    text = "no" if value is False else value
    if isinstance(text, str) and not _RESTART.fullmatch(text):
        raise ValueError(f'expected "no", "always", "unless-stopped", "on-failure" or "on-failure:N", found "{value}"')
    return text


def read_environment(value: object) -> object:
    """A mapping, also from a list of `NAME=value`."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) and "=" in item for item in value):
        return dict(item.split("=", 1) for item in value)
    return value


def check_environment(environment: dict[str, str]) -> dict[str, str]:
    """Variables with names that can be set."""
    for name in environment:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f'expected the name of an environment variable, found "{name}"')
    return environment


def read_lines(value: object) -> object:
    """A list, also from the text of one entry: commas may stand in it."""
    return [value] if isinstance(value, str) else value


def check_volumes(items: tuple[str, ...]) -> tuple[str, ...]:
    """Volumes with absolute paths; options in one order, and without `rw`, which is so anyway."""
    found = []
    for item in items:
        if not _VOLUME.fullmatch(item):
            raise ValueError(
                f'expected a volume as "/on/host:/in/container" or "name:/in/container", with ":ro" if read only, found "{item}"'
            )
        source, path, *given = item.split(":")
        options = ",".join(sorted({*",".join(given).split(",")} - {"", "rw"}))
        found.append(":".join((source, path, options) if options else (source, path)))
    return tuple(found)


def check_directory(text: str) -> str:
    """An absolute path in the container."""
    if not text.startswith("/"):
        raise ValueError(f'expected a path that begins with "/", found "{text}"')
    return text


def check_signal(text: str) -> str:
    """A signal's number, or its name in full."""
    if not _SIGNAL.fullmatch(text.upper()):
        raise ValueError(f'expected a signal such as SIGTERM or SIGRTMIN+3, found "{text}"')
    return text if text.isdigit() else f"SIG{text.upper().removeprefix('SIG')}"


def check_user(text: str) -> str:
    """A user, with a group where one is given, by name or number."""
    if not _USER.fullmatch(text):
        raise ValueError(f'expected a user as "name", "1000" or "name:group", found "{text}"')
    return text


def check_capabilities(names: tuple[str, ...]) -> tuple[str, ...]:
    """Capabilities of Linux, as Docker spells them: upper case, without `CAP_`; their order means nothing."""
    for name in names:
        if not _CAPABILITY.fullmatch(name.upper()):
            raise ValueError(f'expected a capability such as NET_ADMIN, found "{name}"')
    return tuple(sorted({name.upper().removeprefix("CAP_") for name in names}))


def check_hostname(text: str) -> str:
    """A host name."""
    if not _HOSTNAME.fullmatch(text):
        raise ValueError(f'expected a host name, found "{text}"')
    return text
