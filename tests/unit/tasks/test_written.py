"""Tasks about what is written down: `init`, `check`, `nodes`, `kinds`, `schema`."""

import json
from pathlib import Path

import pytest

from tests.unit.tasks.site import Cli
from xcatflow.app import Site
from xcatflow.load.shipped import shipped
from xcatflow.readiness import HostReadiness
from xcatflow.steps.registry import BUILTINS, find


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


# --- init ---


def test_init_makes_a_whole_site(cli: Cli, empty: Path) -> None:
    done = cli("init")
    made = files(empty)
    assert {"tasks.py", ".gitignore", "inventory/hosts.stanza", "workflows/chains/site.yaml"} <= set(made)
    assert all(content == (shipped() / name).read_bytes() for name, content in made.items() if name != ".gitignore")
    assert done.out == (
        "".join(f"wrote {name}\n" for name in written(done.out))
        + f"{empty}: {len(made)} files written\nnext: edit inventory/, then xcatflow check, then xcatflow plan site\n"
    )
    assert sorted(written(done.out)) == sorted(made)
    assert done.err == ""
    assert "no problem found" in cli("check").out


def written(text: str) -> list[str]:
    return [line.removeprefix("wrote ") for line in text.splitlines() if line.startswith("wrote ")]


def test_init_again_keeps_what_was_edited_and_brings_back_what_is_missing(cli: Cli, empty: Path) -> None:
    cli("init")
    (empty / "workflows" / "create-instance.yaml").write_text("mine\n")
    (empty / "inventory" / "hosts.stanza").write_text("# mine\n")
    (empty / "workflows" / "configure-ip.yaml").unlink()
    before = files(empty)
    done = cli("init")
    assert written(done.out) == ["workflows/configure-ip.yaml"]
    assert "1 files written" not in done.out
    assert {name: content for name, content in files(empty).items() if name in before} == before
    assert cli("init").out == f"{empty}: nothing written, {len(before) + 1 - examples(empty)} files kept as they were\n"


def examples(root: Path) -> int:
    """Files of the example inventory: not looked at where an inventory is."""
    return len(list((root / "inventory").iterdir()))


def test_init_leaves_an_inventory_alone(cli: Cli, site: Path) -> None:
    cli("init")
    assert [path.name for path in (site / "inventory").iterdir()] == ["n.stanza"]
    assert (site / "workflows" / "wait.yaml").exists()
    assert (site / "workflows" / "chains" / "site.yaml").exists()


def test_init_makes_it_where_it_is_told_to(cli: Cli, empty: Path) -> None:
    cli("init", "a/b")
    assert (empty / "a" / "b" / "tasks.py").exists()
    (empty / "c").mkdir()
    cli("--site", "c", "init")
    assert (empty / "c" / "tasks.py").exists()
    assert not (empty / "tasks.py").exists()


def test_init_warns_where_keys_could_get_into_git(cli: Cli, empty: Path) -> None:
    (empty / ".gitignore").write_text(".xcatflow\n*.pyc\n")
    assert cli("init").err == 'warning: ".gitignore" lacks /ssh/id_*, /secrets/: keys and secrets could get into git\n'
    assert (empty / ".gitignore").read_text() == ".xcatflow\n*.pyc\n"


@pytest.mark.parametrize("in_the_way", ["workflows", "inventory"])
def test_init_tells_what_it_cannot_write(cli: Cli, empty: Path, in_the_way: str) -> None:
    (empty / in_the_way).write_text("")
    done = cli("init", code=2)
    assert done.err.startswith(f'error: cannot write "{in_the_way}')


# --- check ---


def test_check_tells_every_problem_at_its_place(cli: Cli, site: Path) -> None:
    more = site / "inventory" / "more.stanza"
    more.write_text("n3:\n    objtype=node\n    groups=all\n    ip=127.0.0.2\n")
    wait = site / "workflows" / "wait.yaml"
    wait.write_text(wait.read_text().replace("wait.port", "wait.prt"))
    (site / "workflows" / "chains" / "night.yaml").write_text(
        "schema: 1\nname: night\nsummary: s\nschedule: 61 * * * *\nworkflows: [{workflow: wait}]\n"
    )
    done = cli("check", code=2)
    assert done.out == f"{site}: 3 nodes, 1 workflow, 1 chain: 3 errors\n"
    assert done.err.splitlines() == [
        'error: inventory/more.stanza:4:5: node "n3" has the ip 127.0.0.2 of node "n2" (inventory/n.stanza:8:5): give each its own',
        'error: workflows/chains/night.yaml:4:11: "schedule": minute: expected 0 to 59, found "61"',
        'error: workflows/wait.yaml:10:10: unknown kind of step "wait.prt", did you mean "wait.port"?',
    ]


def test_check_tells_what_no_definition_can_be_made_of(cli: Cli, site: Path) -> None:
    (site / "inventory" / "more.stanza").write_text(
        "n3:\n    objtype=node\n    groups=all\n    mgtt=docker\n    statuss=x\n    ip=127.0.0.3\n"
    )
    assert cli("check", code=2).err.splitlines() == [
        'error: inventory/more.stanza:4:5: unknown attribute "mgtt" of a node, did you mean "mgt"?',
        'error: inventory/more.stanza:5:5: unknown attribute "statuss" of a node, did you mean "status"?',
    ]


def test_check_warns_of_what_is_odd_and_is_well(cli: Cli, site: Path) -> None:
    (site / "inventory" / "net.stanza").write_text(
        "lan:\n    objtype=network\n    net=192.0.2.0\n    mask=255.255.255.0\n"
    )
    done = cli("check")
    assert done.out == f"{site}: 2 nodes, 1 workflow, 1 chain: 1 warning\n"
    assert len(done.err.splitlines()) == 1
    assert all(line.startswith("warning: inventory/n.stanza:") for line in done.err.splitlines())


# --- nodes ---


def test_nodes_in_columns(cli: Cli, site: Path) -> None:
    assert cli("nodes").out == (
        "node  groups   ip         mgt  dockerhost\nn1    web,all  127.0.0.1\nn2    db,all   127.0.0.2\n"
    )
    assert cli("nodes", "db", "--attributes", "ip, groups").out == "node  ip         groups\nn2    127.0.0.2  db,all\n"


def test_nodes_as_json(cli: Cli, site: Path) -> None:
    assert json.loads(cli("nodes", "n1", "--json", "--attributes", "ip,mgt").out) == [
        {"node": "n1", "ip": "127.0.0.1", "mgt": ""}
    ]


def test_nodes_with_what_there_is_not(cli: Cli, site: Path) -> None:
    done = cli("nodes", "--attributes", "ip,mgtt,foo,groups", code=2)
    assert done.err.splitlines() == [
        'error: nodes have no attribute "mgtt", did you mean "mgt"?',
        'error: nodes have no attribute "foo"',
    ]
    assert cli("nodes", "n1,web1", code=2).err == "error: Invalid nodes and/or groups in noderange: web1\n"
    none = cli("nodes", "n1,-n1")
    assert (none.out, none.err) == ("", 'no node in "n1,-n1"\n')
    assert cli("nodes", "n1,-n1", "--json").out == "[]\n"
    (site / "inventory" / "n.stanza").write_text("")
    assert cli("nodes").err == "no nodes are defined\n"


# --- kinds and schema ---


def test_kinds_lists_them_all_with_a_sentence(cli: Cli) -> None:
    listed = dict(line.split(maxsplit=1) for line in cli("kinds").out.splitlines())
    assert set(BUILTINS) <= set(listed)
    assert listed["wait.port"] == "A TCP port answers to where xcatflow runs. Changes nothing."
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in listed.values())


@pytest.mark.parametrize("kind", sorted(BUILTINS))
def test_a_kind_tells_its_parameters(cli: Cli, kind: str) -> None:
    head, _, rest = cli("kinds", kind).out.partition("\n\n")
    assert head.startswith(f"{kind}: ")
    lines = rest.splitlines()
    if not find(kind).params.model_fields:
        assert lines == ["  (no parameters)"]
        return
    assert lines
    assert all(line.startswith("      ") == bool(index % 2) for index, line in enumerate(lines)), (
        "name and text take turns"
    )
    assert all(line.strip() not in ("", "None") for line in lines)


def test_choices_and_defaults_of_parameters(cli: Cli) -> None:
    told = cli("kinds", "docker.container").out.splitlines()
    assert "  name (required)" in told
    assert "  image (optional)" in told
    assert '  restart (default "no")' in told
    assert '  state (one of "created", "running", "stopped", "paused", "absent"; default "running")' in told
    assert "  adopt (one of true, false; default false)" in told
    assert '  enabled (one of "any", true, false; default "any")' in cli("kinds", "service.state").out.splitlines()


def test_an_unknown_kind(cli: Cli) -> None:
    assert cli("kinds", "wait.prt", code=2).err == 'error: unknown kind of step "wait.prt", did you mean "wait.port"?\n'


def test_schema_is_printed_or_written(cli: Cli, site: Path) -> None:
    printed = {sort: cli("schema", sort).out for sort in ("workflow", "block", "chain")}
    assert cli("schema").out == printed["workflow"]
    assert {json.loads(text)["$schema"] for text in printed.values()} == {
        "https://json-schema.org/draft/2020-12/schema"
    }
    done = cli("schema", "--write")
    assert done.out == "".join(f"wrote {site}/workflows/schema/{sort}.json\n" for sort in printed)
    assert {path.stem: path.read_text() for path in (site / "workflows" / "schema").iterdir()} == printed


def test_schema_of_what_there_is_not_and_where_it_cannot_be_written(cli: Cli, site: Path) -> None:
    assert cli("schema", "chian", code=2).err == 'error: no schema "chian": expected workflow, block, chain\n'
    (site / "workflows" / "schema").write_text("")
    assert cli("schema", "--write", code=2).err == f'error: cannot write to "{site}/workflows/schema": File exists\n'


def test_a_chain_must_not_be_called_as_a_workflow(cli: Cli, site: Path) -> None:
    (site / "workflows" / "chains" / "wait.yaml").write_text(
        "schema: 1\nname: wait\nsummary: s\nworkflows: [{workflow: wait}]\n"
    )
    assert (
        'error: workflows/chains/wait.yaml: "wait" is the name of a workflow as well: rename one of them'
        in cli("check", code=2).err
    )


def test_a_noderange_of_nothing_is_not_all_nodes(cli: Cli, site: Path) -> None:
    assert "NODERANGE: expected a noderange, found nothing" in cli("nodes", "", code=2).err
    assert "-n/--nodes: expected a noderange, found nothing" in cli("plan", "wait", "-n", " ", code=2).err


# --- check --hosts ---


def test_hosts_are_told_and_one_that_lacks_something_is_a_failure(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []
    well = {"docker": "ok (a)", "bridge": "ok (b)", "tls": "ok (c)"}
    found = [HostReadiness("n1", well), HostReadiness("n2", {**well, "tls": "failed (d)"}, fix="do it")]

    def readiness(_site: Site, nodes: str, *, bridge: str) -> tuple[HostReadiness, ...]:
        asked.append((nodes, bridge))
        return tuple(found)

    monkeypatch.setattr(Site, "readiness", readiness)
    done = cli("check", "--hosts", "all", "--bridge", "br0", code=1)
    assert done.out.splitlines() == [
        *("n1: docker ok (a)", "n1: bridge ok (b)", "n1: tls ok (c)"),
        *("n2: docker ok (a)", "n2: bridge ok (b)", "n2: tls failed (d)", "  fix: do it"),
    ]
    assert [row["ready"] for row in json.loads(cli("check", "--hosts", "all", "--json", code=1).out)] == [True, False]
    assert asked == [("all", "br0"), ("all", "mydocker0")]
    del found[1]
    assert cli("check", "--hosts", "n1").out.count("\n") == 3
    del found[0]
    assert cli("check", "--hosts", "all-all").err == 'no node in "all-all"\n'
