"""xCAT's network scripts as steps: what their words, and a node's attributes, become. No machine is asked."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.desk import FolderDesk
from xcatflow.contract import Part
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.model.objects import Network, Node
from xcatflow.steps.network_interfaces import InterfacesParams, NetworkInterfaces
from xcatflow.steps.registry import find
from xcatflow.steps.scripts.network import confignetwork_parts, xhrm_parts

NETWORKS = (
    Network("lan", {"net": "10.20.0.0", "mask": "255.255.0.0", "gateway": "10.20.0.1"}),
    Network("storage", {"net": "10.30.0.0", "mask": "255.255.255.0"}),
    Network("v6", {"net": "fd00:30::", "mask": "64"}),
)


def desk(**attributes: str) -> FolderDesk:
    return FolderDesk(Path(), Definitions([*NETWORKS, Node("dh01", {"groups": "all", **attributes})]))


def valid(parts: tuple[Part, ...]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Kinds with their params, which the kinds take."""
    for part in parts:
        find(part.use).params.model_validate(part.with_)
    assert len({part.id for part in parts}) == len(parts)
    return tuple((part.use, dict(part.with_)) for part in parts)


@pytest.mark.parametrize(
    ("words", "attributes", "wanted"),
    [
        ("eth0:mydocker0", {}, {"name": "mydocker0", "port": "eth0"}),
        ("mydocker0", {"installnic": "eth1"}, {"name": "mydocker0", "port": "eth1"}),
        ("mydocker0", {"primarynic": "eth2"}, {"name": "mydocker0", "port": "eth2"}),
        ("mydocker0", {"ip": "10.20.0.7", "nicips": "eth3!10.20.0.7"}, {"name": "mydocker0", "port": "eth3"}),
        ("br0", {"installnic": "mac", "mac": "02:42:0A:00:00:05!dh01"}, {"name": "br0", "port": "02:42:0a:00:00:05"}),
        ("br0", {"mac": "02:42:0a:00:00:05|02:42:0a:00:00:06!x"}, {"name": "br0", "port": "02:42:0a:00:00:05"}),
        ("mac:br0", {"mac": "02:42:0a:00:00:05"}, {"name": "br0", "port": "02:42:0a:00:00:05"}),
        ("eth0&eth1:br0", {}, {"name": "br0", "bond": {"members": ["eth0", "eth1"]}}),
        ("eth0:vl30", {}, {"name": "vl30", "port": "eth0", "vlan": 30}),
        ("eth0:vlan7 10.0.0.5", {}, {"name": "vlan7", "port": "eth0", "vlan": 7, "address": "10.0.0.5/24"}),
        ("eth0:br0 10.0.0.5 255.255.0.0", {}, {"name": "br0", "port": "eth0", "address": "10.0.0.5/16"}),
        ("eth0:br0 10.0.0.5/20", {}, {"name": "br0", "port": "eth0", "address": "10.0.0.5/20"}),
        ("eth0:br0 fd00::5", {}, {"name": "br0", "port": "eth0", "address": "fd00::5/64"}),
    ],
)
def test_xhrm(words: str, attributes: dict[str, str], wanted: dict[str, Any]) -> None:
    parts = valid(xhrm_parts(("bridgeprereq", *words.split()), desk(**attributes)))
    assert parts == (("network.bridge", wanted),)


@pytest.mark.parametrize(
    ("words", "attributes", "message"),
    [
        (
            "storageprereq /x",
            {},
            'xHRM: expected "bridgeprereq" (the others are for virtual machines), found "storageprereq /x"',
        ),
        ("", {}, 'xHRM: expected "bridgeprereq"'),
        ("bridgeprereq", {"installnic": "eth0"}, 'no link can be called "default": name the bridge'),
        ("bridgeprereq mac:br0", {}, "should configure mac in dh01 definition."),
        ("bridgeprereq br0", {"installnic": "mac"}, "should configure mac in dh01 definition."),
        ("bridgeprereq br0", {"ip": "10.20.0.7"}, 'node "dh01" has neither "installnic" nor "primarynic"'),
        ("bridgeprereq eth0&:br0", {}, 'expected ports as in "eth0&eth1:br0", found "eth0&:br0"'),
        ("bridgeprereq eth0:br0 10.0.0.5 255.0.255.0", {}, 'found "10.0.0.5 255.0.255.0"'),
        ("bridgeprereq eth0:br0 x", {}, 'expected an address and a mask such as "10.0.0.5 255.255.255.0", found "x"'),
        ("bridgeprereq eth0:br0 10.0.0.5 255.255.0.0 y", {}, 'found "eth0:br0 10.0.0.5 255.255.0.0 y"'),
    ],
)
def test_xhrm_refuses(words: str, attributes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        xhrm_parts(tuple(words.split()), desk(**attributes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({}, ()),
        (
            {"nicips": "eth1!10.30.0.7|fd00:30::7,eth2!10.20.0.9"},
            (
                ("network.interface", {"name": "eth1", "addresses": ["10.30.0.7/24", "fd00:30::7/64"]}),
                ("network.interface", {"name": "eth2", "addresses": ["10.20.0.9/16"]}),
            ),
        ),
        (  # the example of the specification
            {
                "nictypes": "br0!bridge,eth0!ethernet",
                "nicdevices": "br0!eth0",
                "nicips": "br0!10.20.0.5",
                "nicnetworks": "br0!lan",
            },
            (("network.bridge", {"name": "br0", "port": "eth0", "addresses": ["10.20.0.5/16"]}),),
        ),
        (  # an address that the attributes give to a port is the bridge's
            {"nictypes": "br0!bridge", "nicdevices": "br0!eth0", "nicips": "eth0!10.20.0.5"},
            (("network.bridge", {"name": "br0", "port": "eth0", "addresses": ["10.20.0.5/16"]}),),
        ),
        (
            {
                "nictypes": "br0!bridge,bond0!bond,eth2!ethernet,eth3!ethernet",
                "nicdevices": "br0!bond0,bond0!eth2|eth3",
                "nicips": "br0!10.30.0.7",
                "nicextraparams": "bond0!mode=active-backup miimon=50,br0!MTU=1400",
            },
            (
                (
                    "network.bridge",
                    {
                        "name": "br0",
                        "bond": {"name": "bond0", "members": ["eth2", "eth3"], "mode": "active-backup", "miimon": "50"},
                        "addresses": ["10.30.0.7/24"],
                        "mtu": "1400",
                    },
                ),
            ),
        ),
        (
            {"nicips": "eth0.30!10.30.0.7"},
            (("network.interface", {"name": "eth0.30", "vlan": 30, "port": "eth0", "addresses": ["10.30.0.7/24"]}),),
        ),
        (
            {
                "nictypes": "br30!bridge,eth0.30!vlan",
                "nicdevices": "br30!eth0.30,eth0.30!eth0",
                "nicips": "br30!10.30.0.7",
            },
            (("network.bridge", {"name": "br30", "vlan": 30, "port": "eth0", "addresses": ["10.30.0.7/24"]}),),
        ),
        (  # a bond with an address is there before the VLAN on it, whatever the order of the attributes
            {
                "nictypes": "bond0.30!vlan,bond0!bond",
                "nicdevices": "bond0.30!bond0,bond0!eth0|eth1",
                "nicips": "bond0.30!10.30.0.7,bond0!10.20.0.7",
            },
            (
                (
                    "network.interface",
                    {
                        "name": "bond0",
                        "bond": {"name": "bond0", "members": ["eth0", "eth1"]},
                        "addresses": ["10.20.0.7/16"],
                    },
                ),
                ("network.interface", {"name": "bond0.30", "vlan": 30, "port": "bond0", "addresses": ["10.30.0.7/24"]}),
            ),
        ),
    ],
)
def test_confignetwork(attributes: dict[str, str], wanted: tuple[Any, ...]) -> None:
    assert valid(confignetwork_parts((), desk(**attributes))) == wanted
    assert valid(NetworkInterfaces().parts(InterfacesParams(), desk(**attributes))) == wanted


def test_the_install_nic() -> None:
    there = desk(ip="10.20.0.7", installnic="eth0", nicips="eth1!10.30.0.7")
    first = {"name": "eth0", "addresses": ["10.20.0.7/16"], "gateway": "10.20.0.1"}
    assert valid(confignetwork_parts(("-s",), there))[0] == ("network.interface", first)
    assert NetworkInterfaces().parts(InterfacesParams(install_nic=True), there)[0].with_ == first
    bridged = desk(ip="10.20.0.7", installnic="eth0", nictypes="br0!bridge", nicdevices="br0!eth0")
    assert valid(confignetwork_parts(("-s",), bridged)) == (
        ("network.bridge", {"name": "br0", "port": "eth0", "addresses": ["10.20.0.7/16"], "gateway": "10.20.0.1"}),
    )


@pytest.mark.parametrize(
    ("words", "attributes", "message"),
    [
        ("-r", {}, '"-r" would take away what is not defined'),
        ("-x", {}, 'confignetwork: expected nothing or "-s", found "-x"'),
        (
            "",
            {"nictypes": "ib0!infiniband"},
            'the type "infiniband" of "ib0" in "nictypes" is not supported, expected ethernet, vlan',
        ),
        ("", {"nictypes": "br0!bridge"}, '"nicdevices" does not say what the bridge "br0" is on'),
        ("", {"nicdevices": "br0!eth0"}, '"nicdevices" says that "br0" is on "eth0", but "nictypes" not what it is'),
        ("", {"nicips": "eth1!192.0.2.7"}, 'the address "192.0.2.7" of "eth1" of node "dh01" has no mask'),
        ("", {"nictypes": "a!bridge,b!bridge", "nicdevices": "a!b,b!a"}, '"nicdevices" goes in a circle: a -> b -> a'),
        (
            "",
            {"nictypes": "br0!bridge", "nicdevices": "br0!eth0|eth1"},
            'can be on one device, found "eth0|eth1": make a bond',
        ),
        (
            "",
            {"nicips": "eth1!10.30.0.7", "nicextraparams": "eth1!ETHTOOL=x"},
            'in "nicextraparams" of "eth1", found "ETHTOOL=x"',
        ),
        (
            "",
            {"nictypes": "lan!vlan", "nicdevices": "lan!eth0"},
            'the VLAN "lan" does not end with its number, as in "eth0.30"',
        ),
        (
            "",
            {"nictypes": "br0!bridge,v30!vlan", "nicdevices": "br0!v30,v30!eth0"},
            'the VLAN "v30" below "br0" has to be called "eth0.30"',
        ),
        (
            "",
            {
                "nictypes": "br0!bridge",
                "nicdevices": "br0!eth0",
                "nicextraparams": "eth0!mtu=9000",
                "nicips": "eth0!10.20.0.7",
            },
            '"mtu" in "nicextraparams" of "eth0" has no effect below "br0": say it of "br0"',
        ),
        (
            "",
            {
                "nictypes": "br0!bridge,bond0!bond",
                "nicdevices": "br0!bond0,bond0!eth0|eth1",
                "nicips": "eth1!10.20.0.7",
                "nicextraparams": "eth1!gateway=10.20.0.1,bond0!mode=active-backup",
            },
            '"gateway" in "nicextraparams" of "eth1" has no effect below "br0"',
        ),
        ("-s", {"ip": "192.0.2.7", "installnic": "eth0"}, 'the address "192.0.2.7" of node "dh01" is in no network'),
        ("-s", {"ip": "10.20.0.7", "installnic": "mac"}, 'say the name of the NIC of node "dh01" in "installnic"'),
    ],
)
def test_confignetwork_refuses(words: str, attributes: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        confignetwork_parts(tuple(words.split()), desk(**attributes))
    assert message in str(caught.value)
