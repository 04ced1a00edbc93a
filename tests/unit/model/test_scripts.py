"""A node's lists of scripts, and what scripts find in their environment."""

import pytest

from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions, Group, Network, Node, OsImage, Record
from xcatflow.model.script_environment import environment_of
from xcatflow.model.scripts import ScriptLine, chosen_lines, ids_of, lines_of, section_names

IMAGE = OsImage(
    "u22",
    {
        "osvers": "ubuntu22.04",
        "osarch": "x86_64",
        "profile": "compute",
        "provmethod": "install",
        "postscripts": "image a,syslog",
        "postbootscripts": "image b",
        "environvar": "HTTP_PROXY=http://proxy:3128,EMPTY=,GREETING=it's me",
    },
)
NODE = Node(
    "dh01",
    {
        "groups": "dockerhost,all",
        "ip": "10.20.0.1",
        "mac": "02:42:ac:14:00:0e!dh01-ib|02:42:ac:14:00:0f",
        "provmethod": "u22",
        "postscripts": "mine 'two words',image a",
        "xcatmaster": "mgt01",
        "routenames": "lab,10_0",
        "nicips": "eth1!10.30.0.7",
        "currstate": "install ubuntu22.04-x86_64-compute",
    },
)


def definitions(node: Node = NODE, image: OsImage = IMAGE, **site: str) -> Definitions:
    return Definitions(
        [
            node,
            image,
            Node("mgt01", {"groups": "all", "ip": "10.20.0.250"}),
            Group("dockerhost", {"postbootscripts": "otherpkgs,xHRM bridgeprereq eth0:mydocker0,setupdockerhost"}),
            Network("lan", {"net": "10.20.0.0", "mask": "255.255.0.0"}),
            Record("lab", {"net": "10.1.0.0", "mask": "255.255.0.0", "gateway": "10.20.0.9", "ifname": "eth0"}, kind="route"),
            Record("clustersite", {"master": "10.20.0.254", "domain": "lab", "odd-name": "x", **site}, kind="site"),
        ]
    )  # fmt: skip


def texts(lines: tuple[ScriptLine, ...]) -> list[str]:
    return [line.text for line in lines]


def test_defaults_then_the_image_then_the_node_and_no_line_twice_in_a_list() -> None:
    assert texts(lines_of(definitions(), "dh01")) == [
        "syslog", "remoteshell", "syncfiles", "image a", "mine 'two words'",
        "otherpkgs", "image b", "xHRM bridgeprereq eth0:mydocker0", "setupdockerhost",
    ]  # fmt: skip
    assert texts(lines_of(definitions(), "dh01", ["postbootscripts"]))[:2] == ["otherpkgs", "image b"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("defaults-postscripts-start-here", ["syslog", "remoteshell", "syncfiles"]),
        ("osimage-postscripts-start-here", ["image a"]),
        ("node-postbootscripts-start-here", ["xHRM bridgeprereq eth0:mydocker0", "setupdockerhost"]),
        ("postbootscripts-start-here", ["otherpkgs", "image b", "xHRM bridgeprereq eth0:mydocker0", "setupdockerhost"]),
    ],
)
def test_a_section_is_a_part_of_the_lists(name: str, found: list[str]) -> None:
    assert name in section_names()
    assert len(section_names()) == 8
    assert texts(chosen_lines(definitions(), "dh01", name)) == found


def test_scripts_named_by_hand_stand_for_themselves() -> None:
    lines = chosen_lines(definitions(), "dh01", "s1 a b, s1 c,sub/s2")
    assert [line.words for line in lines] == [("s1", "a", "b"), ("s1", "c"), ("sub/s2",)]
    assert ids_of(lines) == ("s1", "s1-2", "sub-s2")


def test_words_are_those_of_a_shell_and_a_quote_without_end_is_refused() -> None:
    assert ScriptLine("s 'a  b' \"c\" d\\ e $HOME").words == ("s", "a  b", "c", "d e", "$HOME")
    with pytest.raises(InvalidInput, match=r'the line "s \'a" of a list of scripts: no closing quotation'):
        _ = ScriptLine("s 'a").words


def test_the_environment_of_a_script() -> None:
    assert environment_of(definitions(), "dh01") == {
        "ARCH": "x86_64",
        "DOMAIN": "lab",
        "ENABLESSHBETWEENNODES": "YES",
        "GREETING": "it's me",
        "GROUP": "dockerhost,all",
        "HTTP_PROXY": "http://proxy:3128",
        "IPADDR": "10.20.0.1",
        "MACADDRESS": "02:42:ac:14:00:0f",
        "MASTER": "mgt01",
        "MASTER_IP": "10.20.0.250",
        "NFSSERVER": "mgt01",
        "NICIPS": "eth1!10.30.0.7",
        "NODE": "dh01",
        "NODEROUTENAMES": "lab,10_0",
        "NODESETSTATE": "install",
        "NOSYNCFILES": "1",
        "NTYPE": "compute",
        "OSVER": "ubuntu22.04",
        "PROFILE": "compute",
        "PROVMETHOD": "u22",
        "ROUTE_lab": "10.1.0.0,255.255.0.0,10.20.0.9,eth0",
        "SITEMASTER": "10.20.0.254",
        "UPDATENODE": "0",
    }


@pytest.mark.parametrize(
    ("node", "site", "found"),
    [
        ({}, {"sshbetweennodes": "NOGROUPS"}, {"ENABLESSHBETWEENNODES": "NO"}),
        ({}, {"sshbetweennodes": "web,dockerhost"}, {"ENABLESSHBETWEENNODES": "YES"}),
        ({"xcatmaster": ""}, {}, {"MASTER": "10.20.0.254", "MASTER_IP": "10.20.0.254"}),
        ({"mac": "02:42:ac:14:00:0e!dh01|02:42:ac:14:00:0f"}, {}, {"MACADDRESS": "02:42:ac:14:00:0e"}),
        ({"setupnfs": "1"}, {}, {"NTYPE": "service"}),
        ({"os": "debian12", "currstate": ""}, {}, {"OSVER": "debian12", "NODESETSTATE": "install"}),
        ({"primarynic": "eth1", "syslog": "ignore"}, {}, {"PRIMARYNIC": "eth1", "SYSLOG": "ignore"}),
    ],
)
def test_what_the_environment_follows(node: dict[str, str], site: dict[str, str], found: dict[str, str]) -> None:
    own = Node("dh01", {**NODE.attributes, **node})
    assert found.items() <= environment_of(definitions(own, **site), "dh01").items()


def test_an_update_says_so_and_files_to_sync_are_not_denied() -> None:
    image = OsImage("u22", {**IMAGE.attributes, "synclists": "/srv/sync"})
    found = environment_of(definitions(image=image), "dh01", updating=True)
    assert found["UPDATENODE"] == "1"
    assert "NOSYNCFILES" not in found


@pytest.mark.parametrize("entry", ["MY-VAR=1", "NOTHING", "1A=b", "A B=c"])
def test_names_that_no_shell_takes_are_refused(entry: str) -> None:
    image = OsImage("u22", {**IMAGE.attributes, "environvar": f"OK=1,{entry}"})
    with pytest.raises(InvalidInput, match=f'"environvar" of osimage "u22": .*, found "{entry}"'):
        environment_of(definitions(image=image), "dh01")
