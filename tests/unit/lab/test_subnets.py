"""Which addresses a lab gets."""

import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcatflow.errors import ActFailed
from xcatflow.lab.subnets import POOL, SPARE, allocate, pick, prefix_for, routed

NETWORK = IPv4Network("10.77.0.0/24")


@pytest.mark.parametrize(("addresses", "prefix"), [(1, 24), (232, 24), (233, 22), (1000, 22), (1001, 20), (4072, 20)])
def test_prefixes(addresses: int, prefix: int) -> None:
    assert prefix_for(addresses) == prefix
    assert addresses + SPARE <= 2 ** (32 - prefix)


def test_too_many_addresses() -> None:
    with pytest.raises(ActFailed, match="at most 4072 addresses, 4073 are wanted"):
        prefix_for(4073)


def networks(text: str) -> tuple[IPv4Network, ...]:
    return tuple(map(IPv4Network, text.split()))


def test_the_first_free_subnet() -> None:
    assert pick(24, ()) == NETWORK
    assert pick(24, networks("10.77.0.0/24 10.77.1.128/25 192.168.0.0/16")) == IPv4Network("10.77.2.0/24")
    assert pick(22, networks("10.77.1.0/24")) == IPv4Network("10.77.4.0/22")
    with pytest.raises(ActFailed, match="no free subnet"):
        pick(24, networks("10.0.0.0/8"))


@given(
    st.lists(st.integers(0, 255).map(lambda part: IPv4Network(f"10.77.{part}.0/24")), max_size=200),
    st.sampled_from([20, 22, 24]),
)
def test_what_is_picked_is_free(taken: list[IPv4Network], prefix: int) -> None:
    try:
        found = pick(prefix, taken)
    except ActFailed:
        assert all(any(subnet.overlaps(other) for other in taken) for subnet in POOL.subnets(new_prefix=prefix))
        return
    assert found.subnet_of(POOL)
    assert not any(found.overlaps(other) for other in taken)


def hexadecimal(address: str) -> str:
    return int(IPv4Address(address)).to_bytes(4, sys.byteorder).hex().upper()


def test_the_kernels_table(tmp_path: Path) -> None:
    rows = [
        ("eth0", "0.0.0.0", "0.0.0.0"),
        ("eth0", "192.0.2.0", "255.255.255.0"),
        ("br", "10.77.4.0", "255.255.252.0"),
    ]
    lines = [
        f"{link}\t{hexadecimal(to)}\t00000000\t0001\t0\t0\t0\t{hexadecimal(mask)}\t0\t0\t0" for link, to, mask in rows
    ]
    table = tmp_path / "route"
    table.write_text("\n".join(["Iface\tDestination\tGateway\t...", *lines, "broken"]) + "\n")
    assert routed(table) == networks("192.0.2.0/24 10.77.4.0/22")


@pytest.mark.skipif(not Path("/proc/net/route").exists(), reason="the kernel's table of routes is Linux's")
def test_this_machines_own_table_can_be_read() -> None:
    assert all(isinstance(network, IPv4Network) for network in routed())


def test_the_lowest_free_address() -> None:
    assert allocate(NETWORK, 11, ()) == "10.77.0.11"
    assert allocate(NETWORK, 11, ["10.77.0.11", "10.77.0.12", "10.77.0.14"]) == "10.77.0.13"
    full = [str(address) for address in NETWORK.hosts()]
    with pytest.raises(ActFailed, match="is full"):
        allocate(NETWORK, 11, full)
    assert allocate(NETWORK, 11, full[:-1]) == "10.77.0.254"
