"""Tasks that bring definitions in and give them out: `import`, `export`."""

import io
import json
from pathlib import Path

import pytest

from tests.fakes.docker import FakeDocker
from tests.unit.tasks.site import NODES, Cli
from xcatflow.wiring import Wiring

DUMP = """\
# <xCAT data object stanza file>

c21:
    objtype=node
    groups=docker,all
    mgt=docker
    dockerhost=dh01
    ip=10.20.0.21

xcatdefault:
    objtype=zone
    defaultzone=yes
"""
HOSTS = "[web]\nweb[1:2] ansible_host=10.0.0.9 http_port=80\n"


def files(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and ".xcatflow" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


# --- import ---


def test_what_definitions_cannot_hold_is_refused_and_nothing_is_touched(cli: Cli, empty: Path) -> None:
    Path("dump.txt").write_text(DUMP)
    done = cli("import", "dump.txt", code=2)
    assert done.out == ""
    assert done.err.splitlines() == [
        'error: dump.txt:11:5: unknown object type "zone"',
        "error: nothing was written",
        "error: --skip-unknown puts what cannot be taken over into inventory-skipped/, and goes on",
    ]
    assert set(files(empty)) == {"dump.txt"}


def test_import_makes_a_site_and_keeps_the_rest_beside_it(cli: Cli, empty: Path) -> None:
    Path("dump.txt").write_text(DUMP)
    done = cli("import", "dump.txt", "--skip-unknown")
    assert done.out.splitlines() == [
        f"made a site in {empty}",
        "wrote inventory-skipped/dump.txt: what definitions cannot hold",
        "wrote 1 node (inventory/nodes.stanza)",
    ]
    assert done.err == 'warning: not taken over: dump.txt:11:5: unknown object type "zone"\n'
    found = files(empty)
    assert {"tasks.py", ".gitignore", "workflows/create-instance.yaml", "inventory/nodes.stanza"} <= set(found)
    assert found["inventory/nodes.stanza"].decode() == DUMP[: DUMP.index("\nxcatdefault")].replace(
        "    groups=docker,all\n    mgt=docker\n    dockerhost=dh01\n    ip=10.20.0.21\n",
        "    dockerhost=dh01\n    groups=docker,all\n    ip=10.20.0.21\n    mgt=docker\n",
    )
    assert found["inventory-skipped/dump.txt"].decode() == (
        '# not taken over from dump.txt; nothing reads this\n\n# dump.txt:11:5: unknown object type "zone"\n'
        "xcatdefault:\n    objtype=zone\n    defaultzone=yes\n"
    )
    assert cli("import", "dump.txt", "--skip-unknown").out.endswith("1 node is there already\n")
    assert files(empty) == found


def test_a_rehearsal_writes_nothing(cli: Cli, empty: Path) -> None:
    Path("hosts.ini").write_text(HOSTS.replace("ansible_host=10.0.0.9 ", ""))
    assert cli("import", "hosts.ini", "--dry-run").out == "would write 2 nodes\n"
    assert set(files(empty)) == {"hosts.ini"}


def test_objects_that_the_site_has_otherwise_are_named_and_left_unless_forced(cli: Cli, site: Path) -> None:
    Path("more.stanza").write_text(NODES.replace("127.0.0.2", "127.0.0.3") + "n3:\n    objtype=node\n    groups=all\n")
    before = files(site)
    done = cli("import", "more.stanza", code=2)
    assert done.err.splitlines() == [
        'error: more.stanza:8:5: node "n2" has another "ip" here: "127.0.0.3", the site has "127.0.0.2" (inventory/n.stanza:8:5)',
        "error: nothing was written",
        "error: --force changes what the site has otherwise",
    ]
    assert files(site) == before
    done = cli("import", "more.stanza", "--force", "--file", "inventory/new.stanza")
    assert done.out == "wrote 1 node; changed 1 node; 1 node is there already (inventory/new.stanza)\n"
    assert (site / "inventory" / "n.stanza").read_text() == NODES.replace("127.0.0.2", "127.0.0.3")
    assert "n3:" in (site / "inventory" / "new.stanza").read_text()


def test_variables_of_ansible_are_kept_for_ansible(cli: Cli, site: Path) -> None:
    Path("hosts.yaml").write_text(
        "all:\n  hosts:\n    web1.example.com: {http_port: 80, place: r7}\n  vars: {ntp: x}\n"
    )
    done = cli("import", "hosts.yaml", "--keep-vars", "--map", "place=rack")
    assert done.out.splitlines() == [
        "wrote inventory-skipped/hosts.yaml: variables for Ansible",
        "wrote 1 node (inventory/n.stanza)",
    ]
    assert 'variable "http_port" of host web1 has no place in definitions' in done.err
    assert (site / "inventory-skipped" / "hosts.yaml").read_text().splitlines()[1:] == [
        "all:",
        "  vars:",
        "    ntp: x",
        "  hosts:",
        "    web1:",
        "      http_port: 80",
    ]
    assert "rack=r7" in (site / "inventory" / "n.stanza").read_text()


def test_standard_input_is_a_source(cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Object name: n7\n    groups=all\n    ip=127.0.0.7\n"))
    assert cli("import", "-").out == "wrote 1 node (inventory/n.stanza)\n"


def test_the_containers_of_a_daemon_become_nodes(cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker = FakeDocker(images=["busybox:latest"])
    docker.create_container("c1", {"Image": "busybox", "Cmd": ["sleep", "5"]})
    docker.create_container("my.c2", {"Image": "busybox"})
    monkeypatch.setattr(Wiring, "docker", lambda self, text: docker)
    done = cli("import", "--docker", "dh01:2376")
    assert done.out == "wrote 2 nodes (inventory/n.stanza)\n"
    assert 'the container "my.c2" cannot be a node' in done.err
    assert docker.closed
    rows = json.loads(cli("nodes", "c1,dh01", "--json", "--attributes", "groups,dockerhost,provmethod").out)
    assert rows == [
        {"node": "c1", "groups": "docker,all", "dockerhost": "dh01:2376", "provmethod": "busybox!sleep 5"},
        {"node": "dh01", "groups": "dockerhost,all", "dockerhost": "", "provmethod": ""},
    ]
    assert cli("import", "--docker", "dh01").out == "1 node is there already\n"


COMPOSE = """\
services:
  web:
    image: "busybox:${TAG}"
    env_file: web.env
"""


def test_a_compose_file_becomes_nodes_and_the_workflow_that_they_need(
    cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAG", "1")
    project = site / "My.Shop"
    project.mkdir()
    (project / "compose.yaml").write_text(COMPOSE)
    (project / "web.env").write_text("A=1\n")
    words = ("import", "My.Shop/compose.yaml", "--docker", "dh01")
    before = files(site)
    assert cli(*words, "--dry-run").out == "would write workflows/prepare-myshop.yaml\nwould write 2 nodes\n"
    assert files(site) == before
    done = cli(*words)
    assert done.out.splitlines() == [
        "wrote workflows/prepare-myshop.yaml: it makes what the new nodes need, before create-instance",
        "wrote 2 nodes (inventory/n.stanza)",
    ]
    assert done.err == "note: My.Shop/compose.yaml: values of TAG are those of the environment\n"
    (row,) = json.loads(cli("nodes", "myshop", "--json", "--attributes", "dockerhost,provmethod,dockerflag").out)
    assert (row["node"], row["dockerhost"], row["provmethod"]) == ("myshop-web", "dh01", "busybox:1")
    assert json.loads(row["dockerflag"])["Env"] == ["A=1"]
    assert cli(*words).out == "workflows/prepare-myshop.yaml is there already\n1 node is there already\n"
    (site / "workflows" / "prepare-myshop.yaml").write_text("# mine\n")
    assert cli(*words).out.splitlines()[0] == (
        "workflows/prepare-myshop.yaml is there and differs: it stays as it is; "
        "what was brought is in inventory-skipped/prepare-myshop.yaml"
    )
    assert (site / "workflows" / "prepare-myshop.yaml").read_text() == "# mine\n"
    assert "docker.network" in (site / "inventory-skipped" / "prepare-myshop.yaml").read_text()


def test_a_node_that_is_a_docker_host_stands_for_its_daemon(
    cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = "dh01:\n    objtype=node\nc1:\n    objtype=node\n    mgt=docker\n    dockerhost=dh01:2399\n"
    (site / "inventory" / "n.stanza").write_text(NODES + known)
    monkeypatch.setattr("sys.stdin", io.StringIO("name: s\nservices: {one: {image: busybox, network_mode: none}}\n"))
    assert cli("import", "-", "--docker", "dh01").out == "wrote 1 node (inventory/n.stanza)\n"
    assert cli("nodes", "s-one", "--json", "--attributes", "dockerhost").out.count("dh01:2399") == 1


def test_a_wrong_compose_file_writes_nothing(cli: Cli, site: Path) -> None:
    Path("compose.yaml").write_text(
        'services:\n  web: {image: busybox, ports: [x]}\n  db: {image: "${DB:?say which}"}\n'
    )
    before = files(site)
    assert cli("import", "compose.yaml", code=2).err.splitlines() == [
        'error: compose.yaml:2:33: expected "[IP:][HOST:]CONTAINER[/PROTOCOL]" such as "8080:80", found "x"',
        'error: compose.yaml:3:15: the variable "DB" is not set: say which',
    ]
    assert files(site) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "xcatflow import: name a file, - for standard input, or --docker and a daemon"),
        (["nothing.txt"], "nothing.txt: cannot be read: no such file or directory"),
        (["n.txt", "--from", "toml"], 'no form "toml": expected one of lsdef, stanza, ansible, docker, json, compose'),
        (["n.txt", "--map", "x"], '--map: expected VARIABLE=ATTRIBUTE, found "x"'),
        (["--docker", "http://x"], 'docker host "http://x": without TLS everybody may command the daemon'),
        (
            ["n.txt", "--from", "ansible", "--map", "x=rak"],
            'nodes have no attribute "rak" for "x", did you mean "rack"?',
        ),
        (["n.txt", "--file", "nodes.stanza"], "expected a file of definitions such as inventory/nodes.stanza"),
    ],
)
def test_wrong_words_are_told(cli: Cli, site: Path, words: list[str], message: str) -> None:
    Path("n.txt").write_text("n9:\n    objtype=node\n    groups=all\n" if "ansible" not in words else "n9\n")
    before = files(site)
    assert message in cli("import", *words, code=2).err
    assert files(site) == before


# --- export ---


def test_export_writes_an_inventory_for_ansible(cli: Cli, site: Path) -> None:
    out = cli("export", "ansible", "--nodes", "n1").out
    assert out.splitlines()[1:] == [
        "all:",
        "  hosts:",
        "    n1:",
        '      ansible_host: "127.0.0.1"',
        '      xcat_groups: "web,all"',
        '      xcat_ip: "127.0.0.1"',
        "      xcat_own: [groups, ip]",
        "  children:",
        "    web:",
        "      hosts:",
        "        n1:",
    ]


@pytest.mark.parametrize("form", ["ansible", "ansible-ini", "stanza", "json"])
def test_what_is_exported_is_there_already(cli: Cli, site: Path, form: str) -> None:
    assert cli("export", form, "--output", "out").out == ""
    assert cli("import", "out").out == "2 nodes are there already\n"


def test_values_that_ansible_takes_for_templates_are_named(cli: Cli, site: Path) -> None:
    with (site / "inventory" / "n.stanza").open("a") as file:
        file.write("n4:\n    objtype=node\n    groups=all\n    usercomment={{ braces }}\n")
    assert cli("export", "ansible").err == (
        'note: Ansible takes "{{" in values of n4 for templates when it uses them\n'
    )


def test_an_unknown_form_is_told(cli: Cli, site: Path) -> None:
    assert 'no form "ansibel", did you mean "ansible"?' in cli("export", "ansibel", code=2).err
    assert "cannot write" in cli("export", "json", "--output", "nowhere/x", code=2).err
