"""Looks into containers' networks: what `docker` and `ip` say of them, and the script for real in network namespaces."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.netns import Machine, lacks, machine
from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.model.question import ContainerLink, ContainerLinkFacts, LinkEndFacts, Reply
from xcatflow.transport.looks import sections

HOST = """[{"ifindex":1,"ifname":"lo"},{"ifindex":2,"ifname":"br0","linkinfo":{"info_kind":"bridge"}},
{"ifindex":7,"link_index":2,"ifname":"veth1pl571","master":"br0","linkinfo":{"info_kind":"veth"}}]"""
INSIDE = """[{"ifindex":1,"ifname":"lo","mtu":65536,"addr_info":[]},{},{"ifindex":2,"link_index":7,"ifname":"eth1","mtu":1400,\
"flags":["UP"],"address":"02:00:00:00:00:01","addr_info":[{"family":"inet","local":"10.0.0.5","prefixlen":16,"scope":"global"},\
{"family":"inet","local":"10.0.9.9","prefixlen":16,"scope":"global","dynamic":true},\
{"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]}]"""
ROUTES = '[{"dst":"default","gateway":"10.0.0.1","dev":"eth1","flags":[]}]'
WHOLE = f"#inspect\n571 /c1\n0 /c2\n\n#host\n{HOST}\n\n#ns 571\n{INSIDE}\n{ROUTES}\n"


def parse(reply: Reply, *questions: ContainerLink) -> Mapping[ContainerLink, Any]:
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
        stopped: ContainerLinkFacts(0, bridges=("br0",)),
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
        ContainerLinkFacts(int(here.pid("c1")), link, "10.0.0.1", "eth1", bridges=("br0",)),
        ContainerLinkFacts(int(here.pid("c2")), bridges=("br0",)),
        ContainerLinkFacts(0, bridges=("br0",)),
        ContainerLinkFacts(int(here.pid("c4")), host_network=True, bridges=("br0",)),
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
