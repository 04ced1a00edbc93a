"""Names of attributes and their aliases."""

import pytest

from xcatflow.model.attributes import ATTRIBUTES, DOCKER_ONLY, LISTS, NICS, OWN_ONLY, Column, canonical


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ip", "ip"),
        ("hosts.ip", "ip"),
        ("node", "node"),
        ("nodelist.node", "node"),
        ("tags", "groups"),
        ("nodelist.groups", "groups"),
        ("nodelist.comments", "usercomment"),
        ("nodetype.os", "os"),
        ("nicips", "nicips"),
        ("nicips.eth1", "nicips.eth1"),
        ("nics.nicips", "nicips"),
        ("nics.nicips.eth0.5", "nicips.eth0.5"),
        ("vm.host", "vm.host"),
        ("vm.mgr", "vmmanager"),
        ("passwd.HMC", "passwd.HMC"),
        ("IP", None),
        ("vm.nothing", None),
        ("nicips.", None),
        ("", None),
    ],
)
def test_node_names(name: str, meant: str | None) -> None:
    assert canonical("node", name) == meant


def test_other_types() -> None:
    assert canonical("network", "networks.comments") == "usercomment"
    assert canonical("network", "mgt") is None
    assert canonical("group", "nodehm.mgt") == "mgt"
    assert canonical("group", "status") is None
    assert canonical("site", "whatever") == "whatever"


def test_the_table() -> None:
    assert ATTRIBUTES["node"]["bmcport"] == (Column("ipmi", "bmcport", (("mgt", "ipmi"),)),)
    assert ATTRIBUTES["node"]["pprofile"][0].conditions == (("mgt", "hmc"), ("mgt", "ivm"), ("mgt", "fsp"))
    assert {name.removeprefix("docker") for name in DOCKER_ONLY} == {"host", "cpus", "memory", "flag", "nics"}
    assert {"groups", "status", "usercomment"} <= OWN_ONLY
    assert "nicips" in NICS
    assert "nicips" not in LISTS
    known = {name for names in ATTRIBUTES.values() for name in names}
    assert known >= LISTS
    assert ATTRIBUTES["group"].keys() - ATTRIBUTES["node"].keys() == {
        "groupname",
        "grouptype",
        "members",
        "membergroups",
        "wherevals",
    }
