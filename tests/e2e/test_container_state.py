"""Three hundred made-up containers on real daemons: applied, then nothing is to do; a field of each changed, and again nothing is to do.

Once with the newest API that both sides speak, once with 1.24, where what that version does not know is refused by its name.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ssh
from tests.e2e.generated import changed, definition
from tests.e2e.test_site import Cli
from xcatflow.model.docker_api import lacking
from xcatflow.steps.containers.body import create_body
from xcatflow.steps.containers.params import ContainerParams

pytestmark = pytest.mark.lab

COUNT, SEED = 300, 20
PLACES = tuple(f"host{host:02}c{number:02}" for host in (1, 2) for number in range(1, 6))
OLD = "1.24"


@pytest.fixture
def cli(docker_lab: Path) -> Iterator[Cli]:
    yield Cli(docker_lab)
    for host in ("host01", "host02"):
        ssh(
            docker_lab,
            host,
            "docker rm -f $(docker ps -aq) >/dev/null; docker network rm gen0 gen1; docker volume prune -f",
        )


def workflow(cli: Cli, name: str, definitions: list[dict[str, Any]], *, inspect: bool = False) -> None:
    """A workflow that wants these containers, spread over the places of the lab."""
    networks: list[dict[str, Any]] = [
        {"id": net, "use": "docker.network", "at": "${node.dockerhost}", "with": {"name": net, "subnet": subnet}}
        for net, subnet in (("gen0", "172.31.80.0/23"), ("gen1", "172.31.90.0/24"))
    ]
    containers = [
        {"id": made["name"], "use": "docker.container", "at": "${node.dockerhost}", "only": PLACES[int(made["name"][3:]) % len(PLACES)],
         "on_failure": "continue", "with": {**made, **({"inspect": True} if inspect else {})}}
        for made in definitions
    ]  # fmt: skip
    whole = {"schema": 1, "name": name, "summary": "made up", "nodes": "docker", "steps": networks + containers}
    (cli.site / "workflows" / f"{name}.yaml").write_text(json.dumps(whole, indent=1))


def ended(cli: Cli, *arguments: str) -> dict[str, Mapping[str, Any]]:
    """How the step of each container ended, by its name."""
    events = cli.events(*arguments, code=None)
    assert events[-1]["event"] == "run-ended"
    return {
        str(it["step"]): it
        for it in events
        if it["event"] == "step-ended" and str(it["step"]).startswith("gen") and it["kind"] == "docker.container"
    }


def outcomes(found: Mapping[str, Mapping[str, Any]], outcome: str) -> dict[str, Any]:
    return {name: it["message"] or it["changes"] for name, it in found.items() if it["outcome"] == outcome}


def nothing_to_do(cli: Cli, name: str, definitions: list[dict[str, Any]]) -> None:
    for inspect in (False, True):
        workflow(cli, name, definitions, inspect=inspect)
        found = ended(cli, "plan", name)
        assert {k: it["changes"] or it["message"] for k, it in found.items() if it["outcome"] != "ok"} == {}, inspect
        assert len(found) == len(definitions)


def lacked(made: Mapping[str, Any], api: str) -> list[str]:
    return [str(it) for it in lacking(create_body(ContainerParams.model_validate(made), {}), api)]


def test_three_hundred_definitions(cli: Cli) -> None:
    made = [definition(SEED, number) for number in range(COUNT)]
    workflow(cli, "made-up", made)
    found = ended(cli, "apply", "made-up")
    assert outcomes(found, "failed") == {}
    assert len(outcomes(found, "changed")) == COUNT
    nothing_to_do(cli, "made-up", made)
    other = [changed(SEED, each)[1] for each in made]
    workflow(cli, "made-up", other)
    found = ended(cli, "apply", "made-up")
    assert outcomes(found, "failed") == {}
    kept = {name: [(it["verb"], it["field"]) for it in each["changes"]] for name, each in found.items()}
    assert {verb for changes in kept.values() for verb, _ in changes} >= {"update", "replace"}
    nothing_to_do(cli, "made-up", other)


def test_three_hundred_definitions_with_an_old_api(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "DOCKER_API_VERSION", OLD)
    made = [definition(SEED + 1, number) for number in range(COUNT)]
    refused = {each["name"]: found for each in made if (found := lacked(each, OLD))}
    assert 20 < len(refused) < COUNT // 2, "the generator makes use of what is new, and not only"
    workflow(cli, "made-up", made)
    found = ended(cli, "apply", "made-up")
    failed = outcomes(found, "failed")
    assert failed.keys() == refused.keys(), {key: failed[key] for key in failed.keys() - refused.keys()}
    for name, fields in refused.items():
        assert all(field in failed[name] for field in fields), (failed[name], fields)
    well = [each for each in made if each["name"] not in refused]
    nothing_to_do(cli, "made-up", well)
    other = [each for one in well if not lacked((each := changed(SEED + 1, one)[1]), OLD)]
    workflow(cli, "made-up", other)
    assert outcomes(ended(cli, "apply", "made-up"), "failed") == {}
    nothing_to_do(cli, "made-up", other)
