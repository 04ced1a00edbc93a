"""Looks into containers' networks: what `docker` and `ip` say of them, and the script for real in network namespaces."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.netns import Machine, lacks, machine, real_arping
from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.model.container_links import ContainerLink, ContainerLinkFacts, LinkEndFacts, Neighbour, NeighbourFacts
from xcatflow.model.question import Reply
from xcatflow.transport.looks import sections

HOST = """[{"ifindex":1,"ifname":"lo"},{"ifindex":2,"ifname":"br0","linkinfo":{"info_kind":"bridge"}},
{"ifindex":7,"link_index":2,"ifname":"veth1pl571","master":"br0","linkinfo":{"info_kind":"veth"}}]"""
INSIDE = """[{"ifindex":1,"ifname":"lo","mtu":65536,"addr_info":[]},{},{"ifindex":2,"link_index":7,"ifname":"eth1","mtu":1400,\
"flags":["UP"],"address":"02:00:00:00:00:01","addr_info":[{"family":"inet","local":"10.0.0.5","prefixlen":16,"scope":"global"},\
{"family":"inet","local":"10.0.9.9","prefixlen":16,"scope":"global","dynamic":true},\
{"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]}]"""
ROUTES = '[{"dst":"default","gateway":"10.0.0.1","dev":"eth1","flags":[]}]'
WHOLE = f"#inspect\n571 /c1\n0 /c2 lan null lan=10.0.0.7 more=\n\n#host\n{HOST}\n\n#ns 571\n{INSIDE}\n{ROUTES}\n"


def parse(reply: Reply, *questions: ContainerLink | Neighbour) -> Mapping[Any, Any]:
    (section,) = sections(questions)
    given: Mapping[Any, Any] = section.parse(reply, lambda pem: None)
    return given


def test_containers() -> None:
    eth1, eth9, stopped, gone = (
        ContainerLink(*pair) for pair in (("c1", "eth1"), ("c1", "eth9"), ("c2", "eth1"), ("c3", "eth1"))
    )
    given = parse(Reply(0, WHOLE.encode(), b"Error: No such container: c3\n"), eth1, eth9, stopped, gone)
    link = LinkEndFacts(("10.0.0.5/16",), "02:00:00:00:00:01", 1400, up=True, host_end="veth1pl571", bridge="br0")
    assert given == {
        eth1: ContainerLinkFacts(571, link, "10.0.0.1", "eth1", bridges=("br0",)),
        eth9: ContainerLinkFacts(571, None, "10.0.0.1", "eth1", bridges=("br0",)),
        stopped: ContainerLinkFacts(0, bridges=("br0",), networks={"lan": "10.0.0.7", "more": ""}, mode="lan"),
        gone: None,
    }


@pytest.mark.parametrize(
    ("is_now", "was"),
    [('"link_index":3,', '"link_index":2,"ifname":"v'), ('"info_kind":"macvlan"', '"info_kind":"veth"')],
)
def test_a_link_that_only_has_the_number_is_not_taken_for_the_other_end(is_now: str, was: str) -> None:
    question = ContainerLink("c1", "eth1")
    is_now += '"ifname":"v' if was.endswith('"v') else ""
    link = parse(Reply(0, WHOLE.replace(was, is_now).encode()), question)[question].link
    assert (link.addresses, link.host_end, link.bridge) == (("10.0.0.5/16",), "", "")


@pytest.mark.parametrize("said", ["error: no such object: c1", "Error response from daemon: No such container: c1"])
def test_engines_say_differently_that_a_container_is_not_there(said: str) -> None:
    question = ContainerLink("c1", "eth1")
    assert parse(Reply(0, b"#inspect\n\n#host\n[]\n", said.encode()), question)[question] is None


@pytest.mark.parametrize(
    ("out", "err", "message"),
    [
        ("#missing\nnsenter\n", "", 'cannot look at container "c1": the machine has no "nsenter"'),
        ("#inspect\n\n#host\n[]", "Cannot connect to the daemon\nmore", 'cannot look at container "c1": Cannot connect to the daemon'),
        ("#inspect\n\n#host\n[]", "Error: No such container: c11", 'cannot look at container "c1": Error: No such container: c11'),
        ("", "", 'cannot look at container "c1": docker inspect gave no answer (status 0)'),
        (WHOLE.replace(ROUTES, ""), "", 'cannot look into container "c1": ValueError'),
        (WHOLE.replace(INSIDE, "nsenter: cannot open it"), "", 'cannot look into container "c1": nsenter: cannot open it'),
        (WHOLE.replace(HOST, 'Option "-j" is unknown'), "", 'cannot look into container "c1": '),
        ("#inspect\n571 /c1\n#host\n[]\n", "", 'cannot look into container "c1": '),
    ],
)  # fmt: skip
def test_no_telling(out: str, err: str, message: str) -> None:
    question = ContainerLink("c1", "eth1")
    answer = parse(Reply(0, out.encode(), err.encode()), question)[question]
    assert isinstance(answer, CannotTell)
    assert str(answer).startswith(message)


@pytest.mark.parametrize("name", ["a b", "-x", "", "$(id)", "a\nb", "../x"])
def test_what_is_no_name_is_refused_alone(name: str) -> None:
    bad, good = ContainerLink(name, "eth1"), ContainerLink("c1", "eth1")
    given = parse(Reply(0, WHOLE.encode()), bad, good)
    assert isinstance(given[bad], InvalidInput)
    assert given[good].pid == 571
    assert [section.script for section in sections([bad])] == [":"]


def test_a_machine_without_docker_says_so(tmp_path: Path) -> None:
    question = ContainerLink("c1", "eth1")
    (section,) = sections([question])
    reply = LocalTarget(path=tools(tmp_path / "bin", ip="", nsenter="")).reply(section.script)
    assert str(parse(reply, question)[question]) == 'cannot look at container "c1": the machine has no "docker"'


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    if reason := lacks():
        pytest.skip(reason)
    with machine(tmp_path / "machine", running=("c1", "c2"), stopped=("c3",), sharing=("c4",)) as made:
        yield made


def told(name: str) -> dict[str, Any]:
    return {"bridges": ("br0",), "labels": {"xcatflow.node": name}, "networks": {"none": ""}, "mode": "none"}


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_for_real(here: Machine, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is missing")
    here.at.shell = (*here.at.shell[:-1], shell)
    here.ip("link", "add", "v1", "master", "br0", "type", "veth", "peer", "name", "eth1", "netns", here.pid("c1"))
    here.ip("link", "set", "v1", "up")
    here.inside("c1", "link", "set", "eth1", "address", "02:00:00:00:00:01", "up")
    here.inside("c1", "addr", "add", "10.0.0.5/16", "dev", "eth1")
    here.inside("c1", "route", "add", "default", "via", "10.0.0.1")
    questions = [ContainerLink(name, "eth1") for name in ("c1", "c2", "c3", "c4", "c5")]
    answers = here.at.answer(questions)
    link = LinkEndFacts(("10.0.0.5/16",), "02:00:00:00:00:01", 1500, up=True, host_end="v1", bridge="br0")
    assert [answers[question] for question in questions] == [
        ContainerLinkFacts(int(here.pid("c1")), link, "10.0.0.1", "eth1", **told("c1")),
        ContainerLinkFacts(int(here.pid("c2")), **told("c2")),
        ContainerLinkFacts(0, **told("c3")),
        ContainerLinkFacts(int(here.pid("c4")), host_network=True, **told("c4")),
        None,
    ]


def test_looking_costs_one_docker_and_one_ip_per_network(here: Machine) -> None:
    here.called()
    here.at.answer([ContainerLink(name, f"eth{number}") for name in ("c1", "c2", "c3") for number in range(5)])
    assert sorted(here.called()) == ["docker", *["ip"] * 3, *["nsenter"] * 2]


def test_a_process_that_is_gone_is_no_telling(here: Machine) -> None:
    (here.root / "c1").write_text("4194999\n")
    answers = here.at.answer([ContainerLink("c1", "eth1"), ContainerLink("c2", "eth1")])
    with pytest.raises(CannotTell, match=r'cannot look into container "c1": nsenter: .*No such file'):
        answers[ContainerLink("c1", "eth1")]
    assert answers[ContainerLink("c2", "eth1")]


# --- IPv6, and who else has an address ---

SIX = '[{"dst":"default","gateway":"fd00::1","dev":"eth1","flags":[]}]'
ADDRESSED = INSIDE.replace(
    '{"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}',
    '{"family":"inet6","local":"fd00::5","prefixlen":64,"scope":"global","tentative":true,"dadfailed":true},'
    '{"family":"inet6","local":"fd00::6","prefixlen":64,"scope":"global","dynamic":true,"mngtmpaddr":true}',
)


def test_ipv6() -> None:
    question = ContainerLink("c1", "eth1", ipv6=True)
    facts = parse(Reply(0, WHOLE.replace(INSIDE, ADDRESSED).replace(ROUTES, f"{ROUTES}\n{SIX}").encode()), question)[
        question
    ]
    assert (facts.gateway, facts.gateway6, facts.gateway6_link) == ("10.0.0.1", "fd00::1", "eth1")
    assert (facts.link.addresses, facts.link.refused) == (("10.0.0.5/16", "fd00::5/64"), ("fd00::5",))


FREE = "ARPING 10.0.0.9 from 0.0.0.0 br0\nSent 2 probes (2 broadcast(s))\nReceived 0 response(s)"
USED = "ARPING 10.0.0.9 from 0.0.0.0 br0\nUnicast reply from 10.0.0.9 [02:42:0A:00:00:09]  0.553ms\nSent 1 probes (1 broadcast(s))"
MINE = HOST.replace('"ifname":"br0",', '"ifname":"br0","address":"02:00:00:00:00:02","addr_info":[ADDRESS],').replace(
    "ADDRESS", '{"family":"inet","local":"10.0.0.9","prefixlen":16,"scope":"global"}'
)


@pytest.mark.parametrize(
    ("out", "facts"),
    [
        (WHOLE, NeighbourFacts()),
        (f"{WHOLE}\n#probe c1,br0,10.0.0.9\n{FREE}\n", NeighbourFacts()),
        (f"{WHOLE}\n#probe c1,br0,10.0.0.9\n{USED}\n", NeighbourFacts("02:42:0a:00:00:09")),
        (f"{WHOLE}\n#probe c1,br0,10.0.0.9\n{USED}\nowner c7\n", NeighbourFacts("02:42:0a:00:00:09", 'container "c7"')),
        (f"{WHOLE}\n#probe c1,br0,10.0.0.9\nmissing\n", NeighbourFacts(obstacle="the machine has no arping (package iputils-arping)")),
        (f"{WHOLE}\n#probe c1,br0,10.0.0.9\narping: no such device\n", NeighbourFacts(obstacle="arping: no such device")),
        (WHOLE.replace(HOST, MINE), NeighbourFacts("02:00:00:00:00:02", 'the machine itself, on "br0"')),
    ],
)  # fmt: skip
def test_who_has_an_address(out: str, facts: NeighbourFacts) -> None:
    question = Neighbour("c1", "br0", "10.0.0.9")
    assert parse(Reply(0, out.encode()), question) == {question: facts}


def test_an_address_is_asked_for_where_there_is_no_such_container_either() -> None:
    question = Neighbour("c9", "br0", "10.0.0.9")
    out = f"#inspect\n\n#host\n[]\n#probe c9,br0,10.0.0.9\n{USED}"
    given = parse(Reply(0, out.encode(), b"Error: No such container: c9"), question)
    assert given[question].mac == "02:42:0a:00:00:09"
    silent = parse(Reply(0, b"#inspect\n\n#host\n[]", b"Cannot connect to the daemon"), question)[question]
    assert isinstance(silent, CannotTell)


@pytest.mark.parametrize("wrong", [("c1", "br0;id", "10.0.0.9"), ("c1", "br0", "fd00::9"), ("c1", "br0", "$(id)")])
def test_what_cannot_be_asked_for_is_refused(wrong: tuple[str, str, str]) -> None:
    question = Neighbour(*wrong)
    (section,) = sections([question])
    assert not [word for word in wrong if word not in ("c1", "br0", "10.0.0.9") and word in section.script]
    assert isinstance(parse(Reply(0, WHOLE.encode()), question)[question], InvalidInput)


def test_neighbours_are_asked_for_what_the_container_has_not(here: Machine) -> None:
    """Real `arping` and real neighbours: c2 has the address that c1 is to get."""
    real_arping(here)
    for name, address in (("c1", "10.0.0.5"), ("c2", "10.0.0.6")):
        here.ip(
            "link", "add", f"v{name}", "master", "br0", "type", "veth", "peer", "name", "eth1", "netns", here.pid(name)
        )
        here.ip("link", "set", f"v{name}", "up")
        here.inside(name, "link", "set", "eth1", "address", f"02:00:00:00:00:0{name[1]}", "up")
        here.inside(name, "addr", "add", f"{address}/16", "dev", "eth1")
    own, others, free, gone = (
        Neighbour("c1", "br0", "10.0.0.5"),
        Neighbour("c1", "br0", "10.0.0.6"),
        Neighbour("c3", "br0", "10.0.0.7"),
        Neighbour("c9", "br0", "10.0.0.6"),
    )
    answers = here.at.answer([own, others, free, gone])
    assert [answers[question].mac for question in (own, others, free, gone)] == [
        "",
        "02:00:00:00:00:02",
        "",
        "02:00:00:00:00:02",
    ]
    asked = (here.root / "asked").read_text().splitlines()
    assert sorted(line.split()[-1] for line in asked) == ["10.0.0.6", "10.0.0.6", "10.0.0.7"]
