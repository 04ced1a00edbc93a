"""Forms of values and names, as the models and their helpers take them."""

from dataclasses import FrozenInstanceError

import pytest
from pydantic import ValidationError

from tests.unit.model.tables import DATA, rows
from xcatflow.model.definitions import Group, Network, Node, Record
from xcatflow.model.names import container_problem, name_problem
from xcatflow.model.typed import typed
from xcatflow.model.values import macs_of, memory_bytes, prefix_length, same_ip, split_list

NEEDED = {"network": {"net": "10.0.0.0", "mask": "255.0.0.0"}}


@pytest.mark.parametrize(("left", "complaint"), rows(DATA / "values.txt"))
def test_values(left: str, complaint: str) -> None:
    field, _, value = left.partition(" ")
    objtype, _, attribute = field.partition(".")
    fields = {**NEEDED.get(objtype, {}), attribute: value}
    if not complaint:
        assert getattr(typed(objtype, fields), attribute) is not None
        return
    with pytest.raises(ValidationError) as caught:
        typed(objtype, fields)
    (finding,) = caught.value.errors()
    assert finding["loc"] == (attribute,)
    assert finding["msg"].removeprefix("Value error, ") == complaint


@pytest.mark.parametrize(("left", "complaint"), rows(DATA / "names.txt"))
def test_names(left: str, complaint: str) -> None:
    objtype, _, name = left.partition(" ")
    assert name_problem(objtype, name) == complaint


def test_blank_in_a_name() -> None:
    assert name_problem("network", "a b") == 'the name "a b" holds " ": blanks, commas and "=" are not allowed'
    assert name_problem("group", "") == "the name is empty"


@pytest.mark.parametrize(
    ("name", "good"), [("web1", True), ("w", False), ("-web", False), ("_web", False), ("1b", True)]
)
def test_container_names(name: str, *, good: bool) -> None:
    assert (container_problem(name) == "") is good


def test_objects_are_frozen_values() -> None:
    node = Node("c1", {"groups": "docker, all,docker"})
    assert node.groups == ("docker", "all")
    with pytest.raises(FrozenInstanceError):
        node.name = "c2"  # type: ignore[misc]
    assert {node: 1}[Node("c1", {"groups": "docker, all,docker"})] == 1
    assert node != Node("c1", {"groups": "docker"})
    assert node != Group("c1", {"groups": "docker, all,docker"})
    assert Record("1", kind="policy") != Record("1", kind="route")


def test_parsed_forms() -> None:
    assert macs_of("02-11-22-33-44-5F|02:11:22:33:44:60!eth1") == (
        ("02:11:22:33:44:5f", ""),
        ("02:11:22:33:44:60", "eth1"),
    )
    assert [memory_bytes(text) for text in ("2", "2b", "2k", "2M", "2g")] == [2 << 20, 2, 2 << 10, 2 << 20, 2 << 30]
    assert [prefix_length(text) for text in ("255.255.0.0", "/64", "8", "0.0.0.0", "255.255.255.255")] == [
        16,
        64,
        8,
        0,
        32,
    ]
    assert same_ip("FD00:0::1") == "fd00::1"
    assert split_list(" a, b,,a ,") == ("a", "b")
    assert split_list("") == split_list(" ") == ()
    assert typed("node", {"dockerflag": '{"Tty": true}'}).dockerflag == {"Tty": True}
    assert typed("node", {"dockerflag": "|c(\\d)|{}|"}).dockerflag == "|c(\\d)|{}|"
    assert typed("policy", {"name": "root"}) is None


@pytest.mark.parametrize(
    ("net", "mask", "found"),
    [
        ("10.20.0.0", "255.255.0.0", "10.20.0.0/16"),
        ("fd59::", "/64", "fd59::/64"),
        ("fd59::/64", "/64", "fd59::/64"),
    ],
)
def test_subnets(net: str, mask: str, found: str) -> None:
    network = Network("lan", {"net": net, "mask": mask})
    assert str(network.subnet) == found
    assert not list(network.flaws())


@pytest.mark.parametrize(
    ("net", "mask", "complaint"),
    [
        ("fd59::/64", "/48", '"net" says /64 and "mask" says "/48"'),
        ("10.20.0.0", "/64", '"mask" "/64" is too long for "10.20.0.0"'),
        ("10.20.0.1", "/16", '"10.20.0.1" is an address inside the network: write net=10.20.0.0'),
    ],
)
def test_net_and_mask_that_do_not_fit(net: str, mask: str, complaint: str) -> None:
    assert list(Network("lan", {"net": net, "mask": mask}).flaws()) == [("net", complaint)]
