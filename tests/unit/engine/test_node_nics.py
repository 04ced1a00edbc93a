"""A node's adapters as lookups: which one has its `ip`, and what the others are connected to."""

import pytest

from xcatflow.engine.node_nics import PARTS, nics_value
from xcatflow.engine.scope import Scope
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions, Group, Network, Node
from xcatflow.model.placed import Inputs

NETWORKS = (
    Network(name="lan", attributes={"net": "10.0.0.0", "mask": "255.255.0.0", "gateway": "10.0.0.1"}),
    Network(name="lan6", attributes={"net": "fd00::", "mask": "/64", "gateway": "fd00::1"}),
    Network(name="storage", attributes={"net": "10.30.0.0", "mask": "255.255.255.0"}),
    Network(name="wide", attributes={"net": "10.30.0.0", "mask": "255.254.0.0"}),
)


def parts(**attributes: str) -> dict[str, str | None]:
    definitions = Definitions((*NETWORKS, Node(name="c1", attributes=attributes)))
    return {part: value for part in PARTS if (value := nics_value(definitions, "c1", part))}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ip": "10.0.0.5"}, {}),
        ({}, {}),
        ({"ip": "10.0.0.5", "nicips": "eth0!10.0.0.5"}, {"adapter": "eth0"}),
        (
            {"ip": "10.0.0.5", "nicips": "eth0!fd00::5|10.0.0.5,eth1!10.30.0.5"},
            {"adapter": "eth0", "addresses": "fd00::5/64", "gateway6": "fd00::1", "others": "eth1=10.30.0.5/24"},
        ),
        ({"ip": "10.0.0.5", "nicips": "eth2!10.30.0.5"}, {"others": "eth2=10.30.0.5/24"}),
        ({"ip": "10.0.0.5", "nicips": "eth1!10.30.0.5"}, {"adapter": "eth0", "others": "eth1=10.30.0.5/24"}),
        (
            {
                "ip": "10.0.0.5",
                "nicips": "eth2!10.30.0.5|fd00::25,eth3!10.31.0.5",
                "nicnetworks": "eth2!wide|lan6,eth3!wide",
                "nicdevices": "eth2!br30",
            },
            {"others": "eth2=10.30.0.5/15|fd00::25/64@br30,eth3=10.31.0.5/15"},
        ),
        ({"ip": "fd00::5", "nicips": "eth4!FD00:0::5"}, {"adapter": "eth4", "gateway6": "fd00::1"}),
    ],
)
def test_adapters(attributes: dict[str, str], expected: dict[str, str]) -> None:
    assert parts(**attributes) == expected


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            {"nicips": "eth2!10.99.0.5"},
            'the address "10.99.0.5" of "eth2" of node "c1" has no mask: no network contains it',
        ),
        ({"nicips": "eth2!10.30.0.5", "nicnetworks": "eth2!lan"}, 'has no mask: the network "lan" does not contain it'),
        ({"nicips": "eth2!10.30.0"}, 'the address "10.30.0" of "eth2"'),
        (
            {"ip": "10.0.0.5", "nicips": "eth0!10.30.0.5,eth1!10.30.0.6"},
            'node "c1" has other addresses on "eth0" and "eth1"',
        ),
    ],
)
def test_what_cannot_be_told(attributes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parts(**attributes)


def test_values_of_groups_and_formulas_count() -> None:
    group = Group(name="docker", attributes={"nicips": r"eth2!|c(\d+)|10.30.0.(100+$1)|", "nicdevices": "eth2!br30"})
    definitions = Definitions((*NETWORKS, group, Node(name="c7", attributes={"groups": "docker"})))
    scope = Scope(definitions, "c7", Inputs())
    assert scope(("node", "nics", "others")) == "eth2=10.30.0.107/24@br30"
    assert scope(("node", "nics", "adapter")) is None
    assert nics_value(definitions, "nobody", "others") is None
