"""Facts in workflows: lookups and noderanges, what is said when they are not known, and that `check` knows their names."""

from pathlib import Path

import pytest

from tests.fakes.facts import GivenFacts
from xcatflow.app import Site
from xcatflow.engine.scope import Scope, node_value
from xcatflow.errors import InvalidInput
from xcatflow.model.placed import Inputs

NODES = """\
dh01:
    objtype=node
    groups=hosts
    os=debian11
dh02:
    objtype=node
    groups=hosts
c1:
    objtype=node
    groups=docker
    mgt=docker
    dockerhost=dh01:2375
"""
FACTS = "dh01 os=debian12 arch=x86_64 memory_mb=16000"


def site(root: Path, step: str, nodes: str = "hosts") -> Site:
    (root / "inventory").mkdir()
    (root / "workflows").mkdir()
    (root / "inventory" / "a.stanza").write_text(NODES)
    text = f"schema: 1\nname: w\nsummary: s\nnodes: {nodes}\nsteps:\n  - {{id: one, use: file.present, {step}}}\n"
    (root / "workflows" / "w.yaml").write_text(text)
    return Site(root)


def known(root: Path, lines: str = FACTS) -> None:
    given = GivenFacts.of_lines(lines).facts
    Site(root).facts.put((node, 1.0, {**facts, "details": "{}"}) for node, facts in given.items())


def problems(made: Site) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        for _ in made.plan("w"):
            pass
    return [problem.message for problem in caught.value.problems]


def test_lookups(tmp_path: Path) -> None:
    made = site(tmp_path, "with: {path: /etc/x, content: a}")
    known(tmp_path)
    scopes = {node: Scope(made.definitions, node, Inputs()) for node in ("dh01", "dh02", "c1")}
    assert scopes["dh01"](("node", "facts", "memory_mb")) == "16000"
    assert scopes["dh02"](("node", "facts", "memory_mb")) is None
    assert scopes["c1"](("node", "host", "facts", "memory_mb")) == "16000"
    assert scopes["c1"](("node", "facts", "memory_mb")) is None


def test_a_definition_comes_before_a_fact(tmp_path: Path) -> None:
    made = site(tmp_path, "with: {path: /etc/x, content: a}")
    known(tmp_path, f"{FACTS}\ndh02 os=rocky9.4 arch=aarch64 kernel=5")
    values = {node: [node_value(made.definitions, node, name) for name in ("os", "arch")] for node in ("dh01", "dh02")}
    assert values == {"dh01": ["debian11", "x86_64"], "dh02": ["rocky9.4", "aarch64"]}
    assert node_value(made.definitions, "dh02", "kernel") is None
    assert made.definitions.value("dh02", "os") is None


def test_not_known_yet_and_not_there_are_told_apart(tmp_path: Path) -> None:
    made = site(tmp_path, 'with: {path: /etc/x, content: "${node.facts.engine_version}"}')
    known(tmp_path)
    assert problems(made) == [
        'step "one" needs "${node.facts.engine_version}", but "engine_version" is not among the facts of node "dh01" '
        "(at inventory/a.stanza:1:1)",
        'step "one" needs "${node.facts.engine_version}", but no facts were gathered yet of node "dh02" '
        "(at inventory/a.stanza:5:1): xcatflow facts",
    ]


def test_the_facts_of_a_docker_host(tmp_path: Path) -> None:
    made = site(
        tmp_path, 'at: "${node.host.name}", with: {path: /etc/x, content: "${node.host.facts.kernel}"}', "docker"
    )
    assert problems(made) == [
        'step "one" needs "${node.host.facts.kernel}", but no facts were gathered yet of the Docker host of node "c1" '
        "(at inventory/a.stanza:8:1): xcatflow facts"
    ]
    known(tmp_path)
    assert problems(Site(tmp_path)) == [
        'step "one" needs "${node.host.facts.kernel}", but "kernel" is not among the facts of the Docker host of node "c1" '
        "(at inventory/a.stanza:8:1)"
    ]


@pytest.mark.parametrize("path", ["node.facts.memory", "node.host.facts.memory"])
def test_an_unknown_fact_is_found_by_check(path: str, tmp_path: Path) -> None:
    made = site(tmp_path, f'with: {{path: /etc/x, content: "${{{path}:-none}}"}}')
    (problem,) = made.check()
    assert problem.message == f'"${{{path}}}": there is no fact "memory", did you mean "memory_mb"?'


def test_check_does_not_need_facts(tmp_path: Path) -> None:
    """Files can be right where nothing was gathered: on another machine, say."""
    made = site(tmp_path, 'only: "facts.engine==running", with: {path: /etc/x, content: "${node.facts.kernel}"}')
    assert made.check() == ()
    (warning,) = made.warnings()
    assert warning.message.startswith("no facts of any node yet, 'facts.engine' means nothing")
    (problem,) = problems(made)
    assert problem.startswith("no facts of any node yet")


def test_noderanges_choose_by_facts(tmp_path: Path) -> None:
    made = site(tmp_path, "with: {path: /etc/x, content: a}")
    known(tmp_path)
    assert made.select("hosts@facts.memory_mb==16000") == ("dh01",)
    assert made.select("hosts@facts.memory_mb!=16000") == ()
    with pytest.raises(InvalidInput, match='did you mean "memory_mb"'):
        made.select("facts.memory==1")


def test_nobody_looks_who_names_no_fact(tmp_path: Path) -> None:
    made = site(tmp_path, "with: {path: /etc/x, content: a}")
    given = GivenFacts({})
    made.definitions.facts = given
    made.select("hosts@mgt!=docker")
    assert given.looked == 0
    made.select("hosts@os=~debian")
    assert given.looked == 1
