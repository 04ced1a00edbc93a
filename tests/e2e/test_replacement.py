"""Ten containers replaced one after the other, with a health check that fails at the third: two new ones, the third back as it was, and
seven that nobody touched."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ssh
from tests.e2e.test_site import Cli

pytestmark = pytest.mark.lab

NODES = tuple(f"host{host:02}c{number:02}" for host in (1, 2) for number in range(1, 6))
ROLLING = """\
schema: 1
name: rolling
summary: A container on every place, at an address of its own, replaced one by one
nodes: docker
inputs:
  version: {default: "1"}
  sick: {default: none}
limits: {batch: 1, stop_after: {failed: 1}}
steps:
  - {id: lan, use: docker.network, at: "${node.dockerhost}", with: {name: roll0, subnet: 172.31.70.0/24}}
  - id: instance
    use: docker.container
    at: ${node.dockerhost}
    with:
      name: ${node.name}
      image: busybox
      command: sleep 1000
      network: roll0
      address: ${node.rack}
      env: {VERSION: "${input.version}"}
      volumes: [SHARED]
      health: {command: "sh -c 'test $VERSION != 2 || test $(hostname) != ${input.sick}'", wait: 2 s}
      hostname: ${node.name}
      stop_timeout: 0
"""
ADDRESSES = """\
docker:
    objtype=group
    rack=|\\D+\\d+\\D+(\\d+)|172.31.70.1$1|
"""
FORM = (
    "{{.Name}} {{.Id}} {{.State.Status}} {{.State.StartedAt}} {{json .Config.Env}} {{json .NetworkSettings.Networks}}"
)


@pytest.fixture(params=["beside", "in turn"])
def cli(request: pytest.FixtureRequest, docker_lab: Path) -> Iterator[Cli]:
    """Ten containers that run. Those of the second round share data with their successors, and so cannot run beside them."""
    shared = "'data-${node.name}:/data'" if request.param == "in turn" else ""
    (docker_lab / "workflows" / "rolling.yaml").write_text(ROLLING.replace("SHARED", shared))
    (docker_lab / "inventory" / "rolling.stanza").write_text(ADDRESSES)
    cli = Cli(docker_lab)
    cli("apply", "rolling")
    yield cli
    (docker_lab / "inventory" / "rolling.stanza").unlink()
    for host in ("host01", "host02"):
        ssh(docker_lab, host, "docker rm -f $(docker ps -aq) && docker network rm roll0 && docker volume prune -f")


def containers(cli: Cli) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for host in ("host01", "host02"):
        for line in ssh(cli.site, host, f"docker inspect -f '{FORM}' $(docker ps -aq)").splitlines():
            match = re.fullmatch(r"/(\S+) (\S+) (\S+) (\S+) (\[.*\]) (\{.*\})", line)
            assert match, line
            name, id, state, started, env, networks = match.groups()
            found[name] = {
                "id": id, "state": state, "started": started, "version": next(it for it in json.loads(env) if it[:8] == "VERSION="),
                "address": json.loads(networks)["roll0"]["IPAddress"],
            }  # fmt: skip
    return found


def test_the_third_of_ten_is_sick(cli: Cli) -> None:
    before = containers(cli)
    assert tuple(sorted(before)) == NODES
    assert {name: it["address"] for name, it in before.items()} == {node: f"172.31.70.1{node[-2:]}" for node in NODES}
    third = NODES[2]
    done = cli("apply", "rolling", "-i", "version=2", "-i", f"sick={third}", code=1)
    after = containers(cli)
    assert sorted(after) == sorted(before)
    for node in NODES[:2]:
        assert (after[node]["version"], after[node]["state"]) == ("VERSION=2", "running")
        assert after[node]["id"] != before[node]["id"]
        assert after[node]["address"] == before[node]["address"]
    assert {key: after[third][key] for key in ("id", "state", "address", "version")} == {
        key: before[third][key] for key in ("id", "state", "address", "version")
    }
    for node in NODES[3:]:
        assert after[node] == before[node], "neither touched nor started again"
    assert "is not healthy after 2 s: its health command exits with 1" in done.stdout
    assert "stop_after: 1 failed" in done.stdout
    cli("apply", "rolling", "-i", "version=2")
    healed = containers(cli)
    assert {it["version"] for it in healed.values()} == {"VERSION=2"}
    assert {name: it["address"] for name, it in healed.items()} == {name: it["address"] for name, it in before.items()}
    cli("plan", "rolling", "-i", "version=2", "--check")
