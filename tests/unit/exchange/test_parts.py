"""The smaller parts: names, patterns of hosts, commands and limits of containers, files beside the inventory."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.docker import FakeDocker
from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.exchange import ansible_words as words
from xcatflow.exchange.ansible import hosts_of
from xcatflow.exchange.container_flags import flags_of
from xcatflow.exchange.container_net import networking_of
from xcatflow.exchange.containers import Inspected, command_of, limits_of, nodes_of
from xcatflow.exchange.gather import from_daemon, read_reply
from xcatflow.exchange.importing import Request, bring
from xcatflow.exchange.names import Names, group_name, node_name
from xcatflow.exchange.recognise import recognise
from xcatflow.exchange.skipped import save
from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.definitions import Definitions
from xcatflow.model.names import name_problem
from xcatflow.model.values import check_dockercpus, check_dockermemory
from xcatflow.steps.containers.forms import read_command


@pytest.mark.parametrize(
    ("foreign", "node", "group"),
    [
        ("web1", "web1", "web1"),
        ("web1.example.com", "web1", "web1.example.com"),
        ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00-1", "fd00_1"),
        ("web 1/x", "web-1-x", "web_1_x"),
        ("g1-g3", "g1-g3", "g1_g3"),
        ("12", "12", "g12"),
        ("__x", "__x", "x"),
        ("-", "-", "group"),
        ("ü", "node", "group"),
        ("default-node", "default_node", "default_node"),
    ],
)
def test_foreign_names_become_legal_ones(foreign: str, node: str, group: str) -> None:
    assert (node_name(foreign), group_name(foreign)) == (node, group)


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=8))
def test_no_two_names_become_one_and_all_are_legal(foreign: list[str]) -> None:
    for make, objtype in ((node_name, "node"), (group_name, "group")):
        names = Names(make)
        names.learn(foreign)
        ours = [names(name) for name in foreign]
        assert len(set(ours)) == len(foreign)
        assert not [name for name in ours if name_problem(objtype, name)]
        assert all(names(name) == name for name in foreign if not name_problem(objtype, name) and make(name) == name)


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("web1", "web1", ""),
        ("web[1:3]", "web1 web2 web3", ""),
        ("web[01:10:4]", "web01 web05 web09", ""),
        ("web[:2]", "web0 web1 web2", ""),
        ("db-[a:e:2].x", "db-a.x db-c.x db-e.x", ""),
        ("r[1:2]n[08:10]", "r1n08 r1n09 r1n10 r2n08 r2n09 r2n10", ""),
        ("web[8:10]", "web8 web9 web10", ""),
        ("web1:2222", "web1", "2222"),
        ("web[1:2]:22", "web1 web2", "22"),
        ("fd00::1", "fd00::1", ""),
        ("[fd00::1]:22", "fd00::1", "22"),
    ],
)
def test_patterns_of_hosts(pattern: str, names: str, port: str) -> None:
    assert hosts_of(pattern) == (tuple(names.split()), port)


@given(st.lists(st.text(max_size=6), max_size=4))
def test_a_command_is_read_back_as_its_words(given_words: list[str]) -> None:
    text = command_of({"Config": {"Cmd": given_words}}, {})
    assert read_command(text) == given_words
    assert "\n" not in text


@pytest.mark.parametrize(
    ("own", "image", "command", "entrypoint"),
    [
        ({"Cmd": ["a"]}, {"Cmd": ["a"]}, "", None),
        ({"Cmd": ["b", "c d"]}, {"Cmd": ["a"]}, "b 'c d'", None),
        ({"Cmd": ["a"], "Entrypoint": ["e"]}, {"Cmd": ["a"], "Entrypoint": ["e"]}, "", None),
        ({"Cmd": ["a"], "Entrypoint": ["x"]}, {"Cmd": ["a"], "Entrypoint": ["e"]}, "a", ["x"]),
        ({"Cmd": ["a"]}, {"Cmd": ["a"], "Entrypoint": ["e"]}, "a", [""]),
        ({"Entrypoint": ["e"]}, {"Cmd": ["a"], "Entrypoint": ["e"]}, "", ["e"]),
    ],
)
def test_what_runs_is_told_apart_from_what_the_image_runs(own: Any, image: Any, command: str, entrypoint: Any) -> None:
    assert command_of({"Config": own}, image) == command
    assert flags_of({"Config": own}, image, {}).get("Entrypoint") == entrypoint


@given(st.integers(0, 64 * 10**9), st.integers(0, 1 << 40))
def test_limits_are_values_that_definitions_may_have(cpus: int, memory: int) -> None:
    found = limits_of({"NanoCpus": cpus, "Memory": memory})
    if cpus:
        assert int(float(check_dockercpus(found["dockercpus"])) * 10**9 + 0.5) == cpus
    if memory:
        check_dockermemory(found["dockermemory"])
    assert set(found) == {name for name, value in (("dockercpus", cpus), ("dockermemory", memory)) if value}


@pytest.mark.parametrize(
    ("host", "daemon", "flags"),
    [
        ({"CgroupnsMode": "host"}, {"CgroupVersion": "1"}, {}),
        ({"CgroupnsMode": "host"}, {"CgroupVersion": "2"}, {"CgroupnsMode": "host"}),
        ({"LogConfig": {"Type": "journald", "Config": {}}}, {"LoggingDriver": "journald"}, {}),
        ({"LogConfig": {"Type": "none", "Config": {}}}, {"LoggingDriver": "journald"}, {"LogConfig": {"Type": "none"}}),
        ({"Memory": 8, "MemorySwap": 16}, {}, {}),
        ({"Memory": 8, "MemorySwap": 8}, {}, {"MemorySwap": 8}),
        ({"Links": ["/other:/name/alias"]}, {}, {"Links": ["other:alias"]}),
        ({"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}, {}, {"RestartPolicy": {"Name": "always"}}),
        ({"MaskedPaths": ["/proc/acpi", "/mine"]}, {}, {"MaskedPaths": ["/proc/acpi", "/mine"]}),
        ({"Privileged": True, "MaskedPaths": None, "SecurityOpt": ["label=disable"]}, {}, {"Privileged": True}),
        ({"SomethingNew": {"a": 1}, "ConsoleSize": [40, 80]}, {}, {"SomethingNew": {"a": 1}}),
    ],
)
def test_defaults_of_the_daemon_are_no_flags(host: Any, daemon: Any, flags: Any) -> None:
    assert flags_of({"HostConfig": host}, {}, daemon).get("HostConfig", {}) == flags


@pytest.mark.parametrize(
    ("own", "image", "flags"),
    [
        ({"Env": ["A=1", "B=2"]}, {"Env": ["A=1", "B=1"]}, {"Env": ["B=2"]}),
        ({"Labels": {"x": "1", "y": "2", "xcatflow.node": "c1"}}, {"Labels": {"x": "1"}}, {"Labels": {"y": "2"}}),
        (
            {"ExposedPorts": {"80/tcp": {}, "81/tcp": {}}},
            {"ExposedPorts": {"80/tcp": {}}},
            {"ExposedPorts": {"81/tcp": {}}},
        ),
        ({"Healthcheck": None}, {"Healthcheck": {"Test": ["CMD", "x"]}}, {"Healthcheck": {"Test": ["NONE"]}}),
        ({"Hostname": "abcdef012345"}, {}, {}),
        ({"Hostname": "boss", "StopTimeout": 0}, {}, {"Hostname": "boss", "StopTimeout": 0}),
        ({"NetworkDisabled": True, "Tty": True, "AttachStdin": False}, {}, {"NetworkDisabled": True, "Tty": True}),
    ],
)
def test_what_the_image_brings_is_no_flag(own: Any, image: Any, flags: Any) -> None:
    assert flags_of({"Id": "abcdef0123456789", "Config": own}, image, {}) == flags


def _facts(mode: str, **ends: Any) -> dict[str, Any]:
    return {"Id": "f" * 64, "HostConfig": {"NetworkMode": mode}, "NetworkSettings": {"Networks": ends}, "Config": {}}


def test_networks_of_a_container() -> None:
    found = networking_of(
        _facts("lan", lan={"IPAMConfig": {"IPv4Address": "10.0.0.5"}, "Aliases": ["db", "f" * 12]}, other={})
    )
    assert found.values == {"ip": "10.0.0.5", "dockernics": "lan,other"}
    assert found.flags == {"NetworkingConfig": {"EndpointsConfig": {"lan": {"Aliases": ["db"]}}}}
    assert not found.lost
    by_id = networking_of(_facts("abc123", lan={"NetworkID": "abc123def", "IPAddress": "10.0.0.6"}))
    assert by_id.values == {"ip": "10.0.0.6", "dockernics": "lan"}
    assert by_id.chosen == ("ip",)
    assert networking_of(_facts("default", bridge={})).values == {"dockernics": "bridge"}
    assert networking_of(_facts("lan", lan={}, other={"Aliases": ["x"]})).lost == (
        'what it has of its own in the network "other" (Aliases) cannot be asked for',
    )
    assert networking_of({"Config": {"NetworkDisabled": True}}).values == {}


def test_a_daemon_is_asked_for_containers_images_and_settings() -> None:
    docker = FakeDocker(images=["busybox:latest"])
    docker.create_container("c1", {"Image": "busybox:latest", "Cmd": ["sleep", "5"], "Env": ["PATH=/bin", "A=1"]})
    docker.create_container(
        "c2", {"Image": "busybox:latest", "Labels": {"xcatflow.node": "c2", "xcatflow.made-from": "x"}}
    )
    told = from_daemon(docker, "dh01")
    assert (len(told.containers), len(told.images), told.info["Name"]) == (2, 1, "fake")
    brought = nodes_of(told, ["dh01", "c2"], {})
    assert [(draft.name, draft.values) for draft in brought.drafts] == [
        (
            "c1",
            {
                "groups": "docker,all",
                "mgt": "docker",
                "dockerhost": "dh01",
                "provmethod": "busybox:latest!sleep 5",
                "dockernics": "bridge",
                "dockerflag": '{"Env":["A=1"]}',
            },
        )
    ]
    assert [(note.who, note.text.partition(":")[2]) for note in brought.notes] == [
        ("c2", " xcatflow made it by the site's definition, which stays as it is")
    ]


def test_an_address_that_the_daemon_chose_and_another_node_has_is_left_out() -> None:
    facts = _facts("default", bridge={"IPAddress": "172.17.0.2", "MacAddress": "02:42:ac:11:00:02"})
    told = Inspected("dh02", ({**facts, "Name": "/c9", "Config": {"Image": "x"}},))
    brought = nodes_of(told, ["dh02"], {"172.17.0.2": "c1"})
    assert "ip" not in brought.drafts[0].values
    assert brought.drafts[0].values["mac"] == "02:42:ac:11:00:02"
    assert any('node "c1" has it' in note.text for note in brought.notes)


def test_one_odd_container_is_no_reason_to_leave_the_others() -> None:
    odd = {**_facts("lan net", **{"lan net": {}}), "Name": "/c1", "Config": {"Image": "x"}}
    good = {**_facts("none"), "Name": "/c2", "Config": {"Image": "x"}}
    reserved = {**good, "Name": "/default-node"}
    result = bring(Request(file="dh01", daemon=Inspected("dh01", (odd, good, reserved))), Definitions())
    assert [write.name for write in result.writes] == ["c2", "dh01"]
    assert len(result.left) == 2
    assert 'names of Docker networks, found "lan net"' in str(result.left[0])


def test_the_docker_commands_reply_is_taken_apart() -> None:
    text = (
        json.dumps({"LoggingDriver": "x"})
        + "\n"
        + json.dumps([{"HostConfig": {}}, {"HostConfig": {}}])
        + '[{"RepoTags": []}]\n'
    )
    told = read_reply(text, "dh01")
    assert (len(told.containers), len(told.images), told.info) == (2, 1, {"LoggingDriver": "x"})
    with pytest.raises(CannotTell, match="expected JSON"):
        read_reply("Cannot connect", "dh01")


def test_every_attribute_has_a_variable_of_its_own() -> None:
    for objtype in ("node", "group"):
        names = [words.variable(name) for name in ATTRIBUTES[objtype]]
        assert len(names) == len(set(names))
        assert all(name.isidentifier() for name in names)


@pytest.mark.parametrize(
    ("text", "dockerhost"),
    [
        ("--tlsverify -H tcp://dh01:2376", "dh01:2376"),
        ("-H=tcp://dh01:2375", "tcp+plain://dh01:2375"),
        ("--host unix:///run/docker.sock", "unix:///run/docker.sock"),
        ("-H tcp://[fd00::1]:2376 --tls", "[fd00::1]:2376"),
        ("--context far", ""),
        ("-H tcp://dh01:2376 --log-level debug", ""),
        ("-H ssh://dh01", ""),
    ],
)
def test_words_for_the_docker_command_name_a_daemon(text: str, dockerhost: str) -> None:
    assert words.daemon_of(text) == dockerhost


@pytest.mark.parametrize(
    "dockerhost", ["dh01:2376", "unix:///run/docker.sock", "tcp+plain://dh01:2375", "[fd00::1]:2376"]
)
def test_hints_for_ansible_name_the_same_daemon(dockerhost: str) -> None:
    hints = words.hints("c1", {"mgt": "docker", "dockerhost": dockerhost})
    assert words.daemon_of(hints["ansible_docker_extra_args"]) == dockerhost
    assert len(shlex.split(hints["ansible_docker_extra_args"])) == len(hints["ansible_docker_extra_args"].split(" "))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("\nObject name: c1\n", "lsdef"),
        ("# c\nc1:\n  objtype=node\n", "stanza"),
        ("default-node:\n  mgt=docker\n", "stanza"),
        ("---\nall:\n  hosts:\n", "yaml"),
        ("'all':\n", "yaml"),
        ("[web]\nweb1\n", "ini"),
        ("web1:2222 a=b\n", "ini"),
        ("; c\nweb1\n", "ini"),
        ('{"all": {"hosts": {"a": {}}}}', "yaml"),
        ('[{"objtype": "node", "name": "a"}]', "json"),
        ('[{"Id": "x", "HostConfig": {}}]', "docker"),
    ],
)
def test_forms_are_recognised_by_content(text: str, form: str) -> None:
    assert recognise(text, "", "x") == form


def test_a_file_beside_the_inventory_is_never_overwritten(tmp_path: Path) -> None:
    assert save(tmp_path, "dump", ".txt", "a\n") == "inventory-skipped/dump.txt"
    assert save(tmp_path, "dump", ".txt", "a\n") == "inventory-skipped/dump.txt"
    assert save(tmp_path, "dump", ".txt", "b\n") == "inventory-skipped/dump-2.txt"
    assert save(tmp_path, "ssh://dh01", ".txt", "b\n") == "inventory-skipped/ssh---dh01.txt"
    (tmp_path / "x").write_text("")
    with pytest.raises(InvalidInput, match="cannot write"):
        save(tmp_path / "x", "dump", ".txt", "a\n")
