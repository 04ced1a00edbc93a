"""What nodes finally have: inheritance, merging, formulas, adapters, aliases; groups; references."""

import pytest

from xcatflow.errors import Problem, Source
from xcatflow.model.checks import check
from xcatflow.model.cross_checks import check_addresses, check_definitions
from xcatflow.model.definitions import Definitions, Group, Network, Node, Origin, OsImage, Record
from xcatflow.model.findings import Findings


def node(name: str, **values: str) -> Node:
    return _made(Node, name, values)


def group(name: str, **values: str) -> Group:
    return _made(Group, name, values)


def network(name: str, net: str, mask: str) -> Network:
    return _made(Network, name, {"net": net, "mask": mask})


def _made(model: type, name: str, values: dict[str, str]):
    places = {attribute: (7, number) for number, attribute in enumerate(values, start=1)}
    return model(name=name, attributes=values, origin=Origin(f"{name}.stanza", 3, 1, places))


def site(**values: str) -> Record:
    return Record(kind="site", name="clustersite", attributes=values)


def test_inheritance_is_per_attribute_and_the_first_group_wins() -> None:
    found = Definitions(
        [
            node("dh07", groups="ubuntu,rack2,all", arch="aarch64"),
            group("rack2", installnic="eth1", mgt="ipmi"),
            group("all", mgt="kvm", arch="x86_64", usercomment="not for members"),
        ]
    )
    assert [found.value("dh07", name) for name in ("installnic", "mgt", "arch")] == ["eth1", "ipmi", "aarch64"]
    assert found.value("dh07", "usercomment") is None
    assert found.value("dh07", "os") is None
    assert found.value("dh07", "groups") == "ubuntu,rack2,all"
    assert found.value("dh07", "node") == found.value("dh07", "nodelist.node") == "dh07"
    assert found.source("dh07", "mgt") == Source("rack2.stanza", 7, 2)
    assert found.source("dh07", "arch") == Source("dh07.stanza", 7, 2)
    assert found.source("dh07") == Source("dh07.stanza", 3, 1)
    assert found.source("dh07", "os") is None
    assert found.value("dh07", "nonsense") is None
    assert found.raw("dh07", "mgt") == (found.groups["rack2"], "ipmi")
    with pytest.raises(KeyError):
        found.value("dh08", "mgt")


def test_merging_instead_of_first_wins() -> None:
    found = Definitions(
        [
            node("n1", groups="one,two", postscripts="a", hostnames="x;y", mgt="ipmi"),
            group("one", postscripts="b,a", hostnames="y;z", mgt="docker"),
            group("two", postscripts="c"),
            site(hierarchicalattrs="postscripts, hostnames:;"),
        ]
    )
    assert found.value("n1", "postscripts") == "a,b,c"
    assert found.value("n1", "hostnames") == "x;y;z"
    assert found.value("n1", "mgt") == "ipmi"
    assert found.site["hierarchicalattrs"].startswith("postscripts")


def test_formulas_of_groups_see_the_nodes_name() -> None:
    found = Definitions(
        [
            node("web14", groups="web", arch="|^.*$||"),
            node("db2", groups="web"),
            group("web", ip="|web(\\d+)|10.5.0.($1+0)|", arch="x86_64"),
        ]
    )
    assert found.value("web14", "ip") == "10.5.0.14"
    assert found.value("web14", "arch") is None
    assert found.source("web14", "arch") == Source("web14.stanza", 7, 2)
    assert found.warnings == ()
    assert found.value("db2", "ip") is found.value("db2", "ip") is None
    message = '"ip" of node "db2" has no value: the name does not match in the formula |web(\\d+)|10.5.0.($1+0)|'
    assert found.warnings == (Problem(message, Source("web.stanza", 7, 1)),)


def test_values_of_adapters() -> None:
    stored = "eth0!10.1.0.7,eth1!|10.30.0.($1+0)|,eth2!|x(\\d)|($1)|,ib0!10.2.0.1|10.2.0.2"
    found = Definitions(
        [
            node("dh07", groups="all", nicips=stored),
            node("dh08", groups="all", nictypes="eth0!ethernet"),
            group("all", nicips="|dh(\\d+)|eth0!10.5.0.($1+0),eth1!10.6.0.($1+0)|"),
        ]
    )
    assert found.value("dh07", "nicips") == "eth0!10.1.0.7,eth1!10.30.0.7,ib0!10.2.0.1|10.2.0.2"
    assert found.value("dh07", "nicips.eth1") == "10.30.0.7"
    assert found.value("dh07", "nicips.eth9") is None
    assert found.value("dh08", "nics.nicips.eth1") == "10.6.0.8"
    assert found.value("dh08", "nictypes.eth0") == "ethernet"
    assert len(found.warnings) == 1


def test_an_alias_may_mean_something_else_on_another_node() -> None:
    found = Definitions(
        [
            node("c1", groups="docker", dockerhost="h1"),
            node("v1", groups="all", vmhost="h2", mgt="kvm"),
            group("docker", mgt="docker"),
        ]
    )
    assert found.canonical("vm.host") == "vm.host"
    assert found.value("c1", "vm.host") == "h1"
    assert found.value("v1", "vm.host") == "h2"
    assert found.value("v1", "ppcdirect.password") is None
    assert found.source("c1", "vm.host") == Source("c1.stanza", 7, 2)


def test_members() -> None:
    found = Definitions(
        [
            node("b", groups="web,all", os="ubuntu22.04"),
            node("a", groups="web", mgt="kvm"),
            node("c", groups="all", os="debian12", mgt="kvm"),
            group("web"),
            group("spare"),
            group("ubuntus", grouptype="dynamic", wherevals="os=~/^ubuntu/"),
            group("notkvm", grouptype="dynamic", wherevals="mgt!=kvm"),
            group("old", grouptype="dynamic", wherevals="mgt==kvm::nodetype.os!~ubuntu::node!~^x"),
            group("one", grouptype="dynamic", wherevals="node=a"),
        ]
    )
    assert list(found.nodes) == ["a", "b", "c"]
    assert found.members("web") == ("a", "b")
    assert found.members("all") == ("b", "c")
    assert found.members("spare") == ()
    assert found.members("nosuch") is None
    assert found.members("ubuntus") == found.members("ubuntus") == ("b",)
    assert found.members("notkvm") == (), "a node without the attribute never matches"
    assert found.members("old") == ("c",)
    assert found.members("one") == ("a",)
    assert found.group_names == ("all", "notkvm", "old", "one", "spare", "ubuntus", "web")


def test_dynamic_groups_hand_down_nothing() -> None:
    found = Definitions([node("a", groups="d"), group("d", grouptype="dynamic", wherevals="node==a", arch="x86_64")])
    assert found.value("a", "arch") is None


def test_references() -> None:
    found = Definitions(
        [
            node("h1", provmethod="deb12"),
            node("h2", provmethod="install"),
            node("c1", mgt="docker", provmethod="deb12!sh"),
            node("c2", mgt="docker", provmethod="deb12"),
            OsImage(name="deb12"),
            network("zz", "10.0.0.0", "/8"),
            network("lan", "10.20.0.0", "255.255.0.0"),
            network("v6", "fd59::/64", "/64"),
        ]
    )
    assert found.osimage_of("h1") is found.osimages["deb12"]
    assert found.osimage_of("h2") is found.osimage_of("c1") is found.osimage_of("c2") is None
    assert found.network_of("10.20.0.1") is found.networks["lan"]
    assert found.network_of("10.30.0.1") is found.networks["zz"]
    assert found.network_of("fd59::1") is found.networks["v6"]
    assert found.network_of("192.0.2.1") is found.network_of("") is found.network_of("web") is None


def test_the_registry_cannot_be_changed() -> None:
    found = Definitions([node("a")])
    with pytest.raises(TypeError):
        found.nodes["b"] = node("b")  # type: ignore[index]


def test_addresses_used_twice_name_both_nodes_and_both_places() -> None:
    found = Definitions(
        [
            node("a", ip="10.0.0.1", mac="02:00:00:00:00:01!x|02:00:00:00:00:02"),
            node("b", ip="10.0.0.1", mac="02-00-00-00-00-02"),
            node("c", ip="FD00::1"),
            node("d", ip="fd00:0::1"),
            node("e", ip="|e|nonsense|", mac="|e|nonsense|"),
            node("f", ip="10.0.0.9"),
        ]
    )
    assert [str(problem) for problem in check_addresses(found)] == [
        'b.stanza:7:1: node "b" has the ip 10.0.0.1 of node "a" (a.stanza:7:1): give each its own',
        'b.stanza:7:2: node "b" has the mac 02:00:00:00:00:02 of node "a" (a.stanza:7:2): give each its own',
        'd.stanza:7:1: node "d" has the ip fd00::1 of node "c" (c.stanza:7:1): give each its own',
        'e.stanza:7:1: "ip" of node "e": expected an address such as 10.0.0.1, found "nonsense"',
        'e.stanza:7:2: "mac" of node "e": expected a MAC address such as 02:42:ac:14:00:0e, found "nonsense"',
    ]


def test_docker_hosts_are_nodes_addresses_or_sockets() -> None:
    found = Definitions(
        [
            node("host01"),
            node("c1", dockerhost="host01:2375"),
            node("c2", dockerhost="host1:2375"),
            node("c3", dockerhost="unix:///var/run/docker.sock"),
            node("c4", dockerhost="10.0.0.1"),
            node("c5", dockerhost="|c(\\d)|host0($1-4):x|"),
        ]
    )
    assert [str(problem) for problem in check_addresses(found)] == [
        'c2.stanza:7:1: "dockerhost" of node "c2": there is no node "host1", did you mean "host01"?',
        'c5.stanza:7:1: "dockerhost" of node "c5": docker host "host01:x": expected a port from 1 to 65535, found "x"',
    ]


def test_warnings() -> None:
    found = Definitions(
        [
            node("Web1", groups="all"),
            node("all", provmethod="deb"),
            node("c1", provmethod="busybox", mgt="docker"),
            node("h1", provmethod="install"),
            node("h2", provmethod="|h(\\d)|deb12|"),
            OsImage(name="deb12"),
            group("web", ip="|(|x|", mac="|(|x|", arch="|ok(.*)|x|"),
        ]
    )
    assert check_definitions(found) == ()
    told = Findings()
    check(told, found)
    assert [str(finding) for finding in told.all] == [
        'warning: Web1.stanza:3:1: the node name "Web1" has capital letters, which DNS may not keep',
        'warning: all.stanza:3:1: the node "all" hides the group of the same name in noderanges',
        'warning: all.stanza:7:1: "provmethod" of node "all": there is no osimage "deb", did you mean "deb12"?',
        'warning: web.stanza:7:1: "ip" of group "web": bad regular expression "(": missing ), unterminated subpattern at position 0 '
        "in the formula |(|x|",
        'warning: web.stanza:7:2: "mac" of group "web": bad regular expression "(": missing ), unterminated subpattern at position 0 '
        "in the formula |(|x|",
    ]
