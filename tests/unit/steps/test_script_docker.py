"""`setupdockerhost`: what its words stand for."""

from typing import Any

import pytest

from tests.fakes.desk import FolderDesk
from xcatflow.cache.inventory import load_inventory
from xcatflow.contract import Part
from xcatflow.errors import InvalidInput
from xcatflow.steps.registry import find
from xcatflow.steps.scripts.docker import daemon_port, setupdockerhost_parts

SITE = """\
clustersite:
    objtype=site
    domain=site.example

lan:
    objtype=network
    net=10.0.0.0
    mask=255.255.255.0
    domain=lan.example

dh01:
    objtype=node
    ip=10.0.0.1

dh02:
    objtype=node
    ip=10.9.0.2

dh03:
    objtype=node

c1:
    objtype=node
    mgt=docker
    dockerhost=dh01:2375

c2:
    objtype=node
    mgt=docker
    dockerhost=dh02

c3:
    objtype=node
    mgt=docker
    dockerhost=dh03:1

c4:
    objtype=node
    mgt=docker
    dockerhost=dh03:2
"""
FORMS = "-b=bridge, netname=net/mask@gateway[:nicname], port=PORT, bridge=BRIDGE, other_authority=replace"
SHUTDOWN = ("drop-ins", "shutdown", "reloaded")
NETWORK = "mynet0=10.0.0.0/24@10.0.0.1:eth0"


@pytest.fixture
def desks(tmp_path: Any) -> Any:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "a.stanza").write_text(SITE)
    definitions = load_inventory(tmp_path / "inventory").definitions
    return lambda node: FolderDesk(tmp_path, node=node, definitions=definitions)


def parts(desks: Any, node: str, *words: str) -> dict[str, Part]:
    found = {part.id: part for part in setupdockerhost_parts(words, desks(node))}
    for part in found.values():
        find(part.use).params.model_validate(dict(part.with_))
    return found


def test_no_word_is_the_default_bridge(desks: Any) -> None:
    found = parts(desks, "dh01")
    assert list(found) == ["certificate", *SHUTDOWN, "daemon", "ready"]
    assert (found["ready"].with_, found["ready"].at) == ({"bridge": "mydocker0"}, "dh01:2375")
    assert parts(desks, "dh01", "bridge=br0")["daemon"].with_["bridges"] == ("br0",)
    assert found["daemon"].with_ == {"tcp_port": 2375, "bridges": ("mydocker0",)}
    assert found["certificate"].with_ == {
        "common_name": "dh01",
        "names": ("dh01", "dh01.lan.example", "localhost"),
        "addresses": ("10.0.0.1", "127.0.0.1"),
    }


def test_bridges_of_the_first_version(desks: Any) -> None:
    found = parts(desks, "dh02", "-b=br0,br1", "port=4000", "other_authority=replace")
    assert found["daemon"].with_ == {"tcp_port": 4000, "bridges": ("br0", "br1"), "bridge": "br0"}
    assert found["certificate"].with_["names"] == ("dh02", "dh02.site.example", "localhost")
    assert found["certificate"].with_["other_authority"] == "replace"


def test_a_network_of_the_later_version(desks: Any) -> None:
    found = parts(desks, "dh01", NETWORK)
    assert list(found) == ["bridge", "certificate", *SHUTDOWN, "daemon", "network", "ready"]
    assert found["ready"].with_ == {"bridge": "mynet0"}
    assert found["bridge"].with_ == {"name": "mynet0", "port": "eth0"}, "the address moves along with the NIC's"
    assert found["daemon"].with_ == {"tcp_port": 2375}
    assert found["network"].at == "dh01:2375"
    assert found["network"].with_ == {
        "name": "mynet0",
        "subnet": "10.0.0.0/24",
        "gateway": "10.0.0.1",
        "bridge": "mynet0",
        "options": {"com.docker.network.bridge.host_binding_ipv4": "10.0.0.1"},
    }
    assert list(parts(desks, "dh01", "mynet0=10.0.0.0/255.255.255.0@10.0.0.1")) == [
        "certificate",
        *SHUTDOWN,
        "daemon",
        "network",
        "ready",
    ]


def test_a_gateway_that_is_another_machine_or_this_one(desks: Any) -> None:
    router = parts(desks, "dh01", "mynet0=10.0.0.0/24@10.0.0.254:eth0")
    assert "address" not in router["bridge"].with_
    assert list(router["network"].with_["options"].values()) == ["10.0.0.1"], (
        "ports are at an address that the host has"
    )
    own = parts(desks, "dh02", NETWORK)
    assert own["bridge"].with_["address"] == "10.0.0.1/24"
    assert list(own["network"].with_["options"].values()) == ["10.0.0.1"]
    assert own["network"].at == "dh02:2376"


def test_the_port_is_that_of_the_nodes(desks: Any) -> None:
    desk = desks("dh01")
    assert [daemon_port(desk, host) for host in ("dh01", "dh02", "dh09")] == [2375, 2376, 2375]
    with pytest.raises(InvalidInput) as caught:
        parts(desks, "dh03")
    assert str(caught.value) == 'nodes name several ports of "dh03" as their dockerhost (1, 2): say port=PORT'
    assert parts(desks, "dh03", "port=3")["daemon"].with_["tcp_port"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("mynet0",), "must be in format 'netname=net/mask@gateway[:nicname]', found \"mynet0\""),
        (("mynet0=10.0.0.0/24",), "must be in format 'netname=net/mask@gateway[:nicname]', found \"mynet0=10.0.0.0/24\""),
        (("=10.0.0.0/24@10.0.0.1",), "must be in format 'netname=net/mask@gateway[:nicname]', found \"=10.0.0.0/24@10.0.0.1\""),
        (("n=10.0.0.1/24@10.0.0.1",), "must be in format 'netname=net/mask@gateway[:nicname]': 10.0.0.1/24 has host bits set"),
        (("n=10.0.0.0/24@10.1.0.1",), "must be in format 'netname=net/mask@gateway[:nicname]': the gateway 10.1.0.1 is not in 10.0.0.0/24"),
        ((NETWORK, "more"), f'unexpected "more": expected {FORMS}'),
        (("-x",), f'unexpected "-x": expected {FORMS}'),
        (("-b=",), '"-b=" names no bridge: expected -b=mydocker0'),
        (("-b=br0", NETWORK), '-b=br0 and the network "mynet0" exclude each other: give one'),
        (("port=x",), 'port: expected a number from 1 to 65535, found "x"'),
        (("port=70000",), 'port: expected a number from 1 to 65535, found "70000"'),
        (("other_authority=take",), 'other_authority: expected "refuse" or "replace", found "take"'),
    ],
)  # fmt: skip
def test_what_is_no_argument(desks: Any, words: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parts(desks, "dh01", *words)
    assert str(caught.value) == message
