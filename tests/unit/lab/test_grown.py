"""A lab that grows: what has an address keeps it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.lab.labs import EMPTY, SMALL
from xcatflow.errors import ActFailed
from xcatflow.lab.life import grown
from xcatflow.lab.state import Lab


def test_a_new_lab() -> None:
    lab = grown(EMPTY, 2, 2)
    assert [(host.name, host.address) for host in lab.hosts] == [("host01", "10.77.3.11"), ("host02", "10.77.3.12")]
    assert [(node.name, node.host, node.address) for node in lab.nodes] == [
        ("host01c01", "host01", "10.77.3.101"),
        ("host01c02", "host01", "10.77.3.102"),
        ("host02c01", "host02", "10.77.3.103"),
        ("host02c02", "host02", "10.77.3.104"),
    ]


def test_less_is_no_reason_to_shrink() -> None:
    assert grown(SMALL, 1, 0) == SMALL


def test_more_hosts_than_addresses_before_the_nodes() -> None:
    lab = grown(EMPTY, 99, 1)
    addresses = [host.address for host in lab.hosts] + [node.address for node in lab.nodes]
    assert len(set(addresses)) == 198


def test_a_full_subnet() -> None:
    with pytest.raises(ActFailed, match="is full"):
        grown(replace(EMPTY, subnet="10.77.3.0/28"), 9, 0)


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4)), min_size=1, max_size=4))
def test_growing_keeps_and_never_gives_an_address_twice(sizes: list[tuple[int, int]]) -> None:
    lab: Lab = EMPTY
    for hosts, containers in sizes:
        old, lab = lab, grown(lab, hosts, containers)
        assert set(old.hosts) <= set(lab.hosts)
        assert set(old.nodes) <= set(lab.nodes)
        assert len(lab.hosts) == max(hosts, len(old.hosts))
        for host in lab.hosts:
            assert len([node for node in lab.nodes if node.host == host.name]) >= containers
        addresses = [lab.gateway, *(host.address for host in lab.hosts), *(node.address for node in lab.nodes)]
        assert len(set(addresses)) == len(addresses)
        assert grown(lab, hosts, containers) == lab
