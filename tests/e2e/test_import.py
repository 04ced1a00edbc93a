"""Containers that somebody made by hand on a real host: imported, made again from their definitions, and then just the same."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import directory, ssh
from tests.e2e.test_site import Cli, changed
from xcatflow import lab
from xcatflow.app import Site
from xcatflow.engine.secrets import Redactor
from xcatflow.load.shipped import make_site
from xcatflow.transport.protocols import Docker
from xcatflow.wiring import Wiring

pytestmark = pytest.mark.lab

NAMES = ("app1", "app2", "limits1", "plain", "tty1", "web1")
BY_HAND = """\
set -e
docker network create --subnet 172.31.5.0/24 lan5
docker network create --subnet 172.31.6.0/24 lan6
printf '%s\\n' 'FROM busybox' 'ENV MODE=prod LANG=C' 'ENTRYPOINT ["/bin/sh","-c"]' 'CMD ["sleep 1000"]' 'WORKDIR /srv' \
    'EXPOSE 80/tcp' 'LABEL vendor=me' | docker build -q -t my/app:1 -
docker run -d --name web1 --network lan5 --ip 172.31.5.10 --mac-address 02:42:0a:14:00:15 --cpus 1.5 --memory 64m \
    --restart on-failure:3 -e A=1 -e 'B=two words' -v /srv:/x:ro -p 8080:80 -l com.example.role=web --network-alias front \
    busybox sh -c 'sleep 1000; echo "it is"'
docker network connect lan6 web1
docker run -d --name app1 --network lan5 --ip 172.31.5.11 -e MODE=test my/app:1
docker create --name app2 --network none --entrypoint sleep my/app:1 1000
docker run -dit --name tty1 --hostname boss --network host --tmpfs /run --read-only --init busybox
docker create --name limits1 --network none --user 1000 --workdir /tmp --stop-signal SIGINT --stop-timeout 3 --health-cmd true \
    --pids-limit 100 --memory 32m --memory-swap -1 --ulimit nofile=1024:2048 --log-opt max-size=1m busybox sleep 5
docker create --name my.dotted busybox true
"""
AGAIN = """\
schema: 1
name: again
summary: The containers of the definitions, with their addresses
nodes: docker
steps:
  - id: instance
    use: docker.container
    at: ${node.dockerhost}
    with:
      name: ${node.name}
      image: ${node.image}
      command: ${node.command:-}
      cpus: ${node.dockercpus:-}
      memory: ${node.dockermemory:-}
      dockerflag: ${node.dockerflag:-}
      network: ${node.dockernics:-}
      address: ${node.ip:-}
      mac: ${node.mac:-}
      state: created
"""


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    """A lab of one Docker host; on it containers that nobody has definitions for."""
    with directory() as root:
        for _ in make_site(root, inventory=False):
            pass
        lab.up(root, hosts=1, containers=1, say=print)
        (root / "inventory" / "lab.stanza").write_text(
            _without_containers((root / "inventory" / "lab.stanza").read_text())
        )
        (root / "workflows" / "again.yaml").write_text(AGAIN)
        Cli(root)("apply", "provision-dockerhost")
        with (
            closing(Wiring(root, Site(root).definitions, Redactor())) as wiring,
            closing(wiring.docker("host01:2375")) as docker,
        ):
            _make(docker, root)
        ssh(root, "host01", "sh -s", BY_HAND.encode())
        yield root


def _without_containers(stanzas: str) -> str:
    return "\n\n".join(part for part in stanzas.split("\n\n") if "mgt=docker" not in part) + "\n"


def _make(docker: Docker, root: Path) -> None:
    docker.load_image(root / "images" / "busybox.tar")
    body = {"Image": "busybox", "Cmd": ["sleep", "1000000"], "HostConfig": {"NetworkMode": "none"}}
    docker.create_container("plain", body)


@pytest.fixture(scope="module")
def cli(site: Path) -> Cli:
    return Cli(site)


def imported(site: Path) -> str:
    return (site / "inventory" / "old.stanza").read_text()


def test_containers_become_nodes_with_all_that_makes_them(cli: Cli) -> None:
    done = cli("import", "--docker", "host01:2375", "--file", "inventory/old.stanza")
    assert done.stdout == "wrote 6 nodes (inventory/old.stanza)\n"
    assert 'the container "my.dotted" cannot be a node' in done.stderr
    rows = json.loads(
        cli("nodes", "docker", "--json", "--attributes", "ip,mac,dockernics,dockercpus,dockermemory,provmethod").stdout
    )
    nodes = {row.pop("node"): row for row in rows}
    assert sorted(nodes) == sorted(NAMES)
    assert nodes["web1"] == {
        "ip": "172.31.5.10",
        "mac": "02:42:0a:14:00:15",
        "dockernics": "lan5,lan6",
        "dockercpus": "1.5",
        "dockermemory": "64",
        "provmethod": "busybox!sh -c 'sleep 1000; echo \"it is\"'",
    }
    assert nodes["app1"]["provmethod"] == "my/app:1"
    flags = json.loads(Site(cli.site).definitions.value("web1", "dockerflag") or "")
    assert flags["Env"] == ["A=1", "B=two words"]
    assert flags["HostConfig"]["Binds"] == ["/srv:/x:ro"]
    assert flags["NetworkingConfig"]["EndpointsConfig"]["lan5"]["Aliases"] == ["front"]
    assert json.loads(Site(cli.site).definitions.value("app1", "dockerflag") or "") == {"Env": ["MODE=test"]}


def test_the_same_is_told_over_ssh_and_by_the_name_of_the_host(cli: Cli) -> None:
    for where in ("ssh://host01", "ssh://root@host01", "host01"):
        assert "6 nodes are there already" in cli("import", "--docker", where).stdout


def test_a_plan_refuses_what_others_made(cli: Cli) -> None:
    done = cli("plan", "create-instance", "--nodes", "plain", code=1)
    assert "that xcatflow did not make" in done.stdout
    ssh(cli.site, "host01", "docker rm -f $(docker ps -aq)")
    events = cli.events("plan", "create-instance", "--nodes", "docker")
    assert ("plain", "instance") in changed(events, "would-change")


def test_containers_made_again_are_the_same(cli: Cli, tmp_path: Path) -> None:
    before = imported(cli.site)
    cli("apply", "again")
    (tmp_path / "inventory").mkdir()
    shutil.copy(cli.site / "inventory" / "lab.stanza", tmp_path / "inventory")
    shutil.copytree(cli.site / "ssh", tmp_path / "ssh")
    shutil.copytree(cli.site / ".xcatflow" / "pki", tmp_path / ".xcatflow" / "pki")
    done = Cli(tmp_path)("import", "--docker", "host01:2375", "--file", "inventory/old.stanza")
    assert "xcatflow made this container" in done.stderr
    assert _addresses_aside(imported(tmp_path)) == _addresses_aside(before)
    assert "172.31.5.10" in imported(tmp_path)


def _addresses_aside(stanzas: str) -> list[str]:
    """Without MACs that the daemon chose: a container that does not run has none."""
    return [line for line in stanzas.splitlines() if "mac=02:42:ac" not in line]
