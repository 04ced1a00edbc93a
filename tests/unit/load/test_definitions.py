"""Inventories: wrong files with their exact complaints, and what good ones say."""

from pathlib import Path

import pytest

from tests.unit.load.golden import DATA, load_file, load_texts
from xcatflow.errors import ExitCode, InvalidInput, Source
from xcatflow.load.definitions import load_definitions
from xcatflow.model.cross_checks import check_addresses
from xcatflow.model.definitions import Definitions
from xcatflow.model.typed import typed

WRONG = sorted(path for path in (DATA / "wrong").iterdir() if path.suffix != ".txt")


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.name)
def test_a_wrong_file_gets_exactly_these_complaints(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_file(path, tmp_path)
    assert str(caught.value) + "\n" == path.with_name(path.name + ".txt").read_text()
    assert caught.value.exit_code is ExitCode.INVALID


STANZA = """\
c1:
    objtype=node
    groups=docker,all
    mgt=docker
    dockerhost=host01:2375
    dockerflag={"Tty":true,"Env":["A=1"]}
    nicips.eth0=10.0.0.1|10.0.0.2
    nicips.eth1=
    nics.nictypes.eth0=ethernet
    hosts.ip=10.0.0.1
    mac=02:11:22:33:44:55

lan:
    objtype=network
    net=10.0.0.0
    mask=255.255.255.0

clustersite:
    objtype=site
    domain=lab.example
    anything=goes
"""
YAML = """\
nodes:
  c1:
    groups: [docker, all]
    mgt: docker
    dockerhost: host01:2375
    dockerflag: {Tty: true, Env: [A=1]}
    nicips: {eth0: [10.0.0.1, 10.0.0.2], eth1: }
    nictypes: {eth0: ethernet}
    ip: 10.0.0.1
    mac: 02:11:22:33:44:55
networks:
  lan: {net: 10.0.0.0, mask: 255.255.255.0}
site:
  domain: lab.example
  anything: goes
"""


def content(definitions: Definitions) -> object:
    objects = (definitions.nodes, definitions.groups, definitions.networks, definitions.records)
    return [{name: dict(item.attributes) for name, item in mapping.items()} for mapping in objects]


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    stanza = load_texts(tmp_path / "one", x_stanza=STANZA)
    yaml = load_texts(tmp_path / "two", x_yml=YAML)
    assert content(stanza) == content(yaml)
    assert stanza.nodes["c1"].attributes["nicips"] == "eth0!10.0.0.1|10.0.0.2"
    assert stanza.value("c1", "nictypes.eth0") == "ethernet"
    assert typed("node", stanza.nodes["c1"].attributes).dockerflag == {"Tty": True, "Env": ["A=1"]}
    assert yaml.site == {"domain": "lab.example", "anything": "goes"}
    assert stanza.source("c1", "nicips.eth0") == Source("inventory/x.stanza", 7, 5)
    assert stanza.source("c1", "nicips") == Source("inventory/x.stanza", 7, 5)
    assert stanza.source("c1", "ip") == Source("inventory/x.stanza", 10, 5)
    assert yaml.source("c1", "ip") == Source("inventory/x.yml", 9, 5)
    assert yaml.source("c1", "nicips.eth0") == Source("inventory/x.yml", 7, 5)


def test_files_are_found_below_and_hidden_ones_are_left_alone(tmp_path: Path) -> None:
    for name in ("b/x.stanza", "b/.hidden.stanza", ".git/y.stanza", "b/notes.txt", "z.stanza~"):
        path = tmp_path / "inventory" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.stem.strip('.')}:\n objtype=node\n")
    (tmp_path / "inventory" / "dir.yaml").mkdir()
    assert list(load_definitions(tmp_path / "inventory").nodes) == ["x"]


def test_an_empty_inventory(tmp_path: Path) -> None:
    found = load_texts(tmp_path, a_stanza="# nothing\n", b_yaml="nodes:\n")
    assert not found.nodes
    assert not found.site


def test_one_object_in_two_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_texts(tmp_path, a_stanza="c1:\n objtype=node\n", b_yaml="nodes:\n  c1: {}\n")
    assert str(caught.value) == 'inventory/b.yaml:2:3: node "c1" is defined twice, first at inventory/a.stanza:1:1'


def test_objects_of_different_types_may_share_a_name(tmp_path: Path) -> None:
    text = "x:\n objtype=node\nx:\n objtype=osimage\nx:\n objtype=route\n net=10.0.0.0\n"
    found = load_texts(tmp_path, a_stanza=text)
    assert found.nodes["x"].objtype == "node"
    assert found.osimages["x"].objtype == "osimage"
    assert found.records["route", "x"].attributes == {"net": "10.0.0.0"}


def test_complaints_of_all_files_come_together_in_order(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_texts(
            tmp_path,
            b_stanza="c1:\n objtype=node\n ip=x\n colour=red\n",
            a_yaml="nodes: [\n",
            c_yml="nodes: {c2: {ip: y}}\n",
        )
    assert [str(problem.source) for problem in caught.value.problems] == [
        "inventory/a.yaml:2:1",
        "inventory/b.stanza:3:2",
        "inventory/b.stanza:4:2",
        "inventory/c.yml:1:14",
    ]


def test_members_of_a_group_object_become_members(tmp_path: Path) -> None:
    text = (
        "web:\n objtype=group\n grouptype=static\n members=a,b\n arch=x86_64\n"
        "a:\n objtype=node\n groups=all,web\nb:\n objtype=node\n groups=all\n"
    )
    found = load_texts(tmp_path, x_stanza=text)
    assert found.members("web") == ("a", "b")
    assert found.value("a", "groups") == "all,web"
    assert found.value("b", "groups") == "all,web"
    assert found.value("b", "arch") == "x86_64"


def test_members_of_dynamic_groups_and_placeholders_are_not_names(tmp_path: Path) -> None:
    text = (
        "d:\n objtype=group\n grouptype=dynamic\n members=dynamic\n wherevals=mgt==kvm\n"
        "s:\n objtype=group\n members=static\na:\n objtype=node\n mgt=kvm\n"
    )
    found = load_texts(tmp_path, x_stanza=text)
    assert found.members("d") == ("a",)
    assert found.members("s") == ()


@pytest.mark.parametrize(("mgt", "attribute"), [("docker", "dockerhost"), ("kvm", "vmhost"), ("", "vmhost")])
def test_an_alias_of_two_attributes_is_decided_by_mgt(mgt: str, attribute: str, tmp_path: Path) -> None:
    found = load_texts(tmp_path, x_stanza=f"c1:\n objtype=node\n vm.host=h1\n mgt={mgt}\n")
    assert found.nodes["c1"].attributes[attribute] == "h1"


def test_docker_attributes_with_mgt_from_a_group(tmp_path: Path) -> None:
    text = "c1:\n objtype=node\n groups=docker\n dockerhost=h1\ndocker:\n objtype=group\n mgt=docker\n"
    found = load_texts(tmp_path, x_stanza=text)
    assert found.value("c1", "dockerhost") == "h1"
    (problem,) = check_addresses(found)
    assert str(problem) == 'inventory/x.stanza:4:2: "dockerhost" of node "c1": there is no node "h1"'


def test_two_nodes_with_one_address(tmp_path: Path) -> None:
    found = load_texts(tmp_path, a_stanza="n1:\n objtype=node\n ip=10.0.0.1\n", b_yaml="nodes: {n2: {ip: 10.0.0.1}}")
    (problem,) = check_addresses(found)
    assert str(problem) == (
        'inventory/b.yaml:1:14: node "n2" has the ip 10.0.0.1 of node "n1" (inventory/a.stanza:3:2): give each its own'
    )


def test_a_formula_without_value_is_a_warning_when_it_is_asked_for(tmp_path: Path) -> None:
    found = load_texts(tmp_path, a_stanza="Web1:\n objtype=node\n ip=|(|x|\n")
    assert found.warnings == ()
    assert found.value("Web1", "ip") is None
    assert len(found.warnings) == 1


def test_site_written_as_an_object(tmp_path: Path) -> None:
    found = load_texts(tmp_path, a_yaml="site: {clustersite: {domain: lab}}\npolicies: {'1': {name: root}}\n")
    assert found.site == {"domain": "lab"}
    assert found.records["policy", "1"].attributes == {"name": "root"}


def test_an_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "x.stanza").write_bytes(b"c1:\n objtype=node\n usercomment=\xe4\n")
    with pytest.raises(InvalidInput) as caught:
        load_definitions(tmp_path / "inventory")
    assert str(caught.value) == "inventory/x.stanza:3:14: expected UTF-8 text, found other bytes"
