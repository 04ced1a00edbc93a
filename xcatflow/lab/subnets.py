"""Which addresses a lab gets: a subnet that nothing on the machine uses.

Source: proc(5), `/proc/net/route` (addresses as hexadecimal numbers in the machine's byte order).
"""

import sys
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from xcatflow.errors import ActFailed

POOL = IPv4Network("10.77.0.0/16")
SPARE = 24
"""Addresses of a subnet that are left to its gateway, and to what people try out."""
FIRST_HOST = 11
FIRST_NODE = 101


def prefix_for(addresses: int) -> int:
    """The longest prefix out of 24, 22 and 20 whose subnet holds that many addresses. Raises ActFailed beyond."""
    for prefix in (24, 22, 20):
        if addresses + SPARE <= 2 ** (32 - prefix):
            return prefix
    raise ActFailed(
        f"a lab has at most {2**12 - SPARE} addresses, {addresses} are wanted: ask for fewer hosts or containers"
    )


def pick(prefix: int, taken: Iterable[IPv4Network]) -> IPv4Network:
    """The first subnet of the pool that overlaps nothing taken. Raises ActFailed when there is none."""
    used = tuple(taken)
    for subnet in POOL.subnets(new_prefix=prefix):
        if not any(subnet.overlaps(other) for other in used):
            return subnet
    raise ActFailed(
        f"no free subnet: the machine's routes and Docker networks cover all of {POOL}; take a lab down that is no longer needed"
    )


def routed(table: Path = Path("/proc/net/route")) -> tuple[IPv4Network, ...]:
    """The networks the machine has routes to, without the default route."""
    found: list[IPv4Network] = []
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        destination, mask = (_address(fields[column]) for column in (1, 7))
        if int(mask):
            found.append(IPv4Network(f"{destination}/{mask}", strict=False))
    return tuple(found)


def allocate(subnet: IPv4Network, first: int, taken: Iterable[str]) -> str:
    """The lowest free address from the subnet's `first`th on. Raises ActFailed when it is full."""
    used = set(taken)
    for number in range(first, subnet.num_addresses - 1):
        if (address := str(subnet[number])) not in used:
            return address
    raise ActFailed(
        f"the lab's subnet {subnet} is full: take it down and bring it up again with the number of hosts wanted"
    )


def _address(text: str) -> IPv4Address:
    return IPv4Address(int.from_bytes(bytes.fromhex(text), sys.byteorder))
