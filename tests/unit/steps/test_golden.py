"""Golden cases: what was seen and what is wanted, and the exact changes (or the exact complaint) that follow. Planning is pure."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.steps.golden_network import host_network
from tests.unit.steps.golden_seen import container_network, daemon, host_files
from xcatflow.errors import CannotTell, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import (
    Answers,
    ContainerFacts,
    DockerNetworkFacts,
    FileFacts,
    ImageFacts,
    UnitFacts,
)
from xcatflow.steps.container_labels import identity_labels
from xcatflow.steps.container_params import ContainerParams
from xcatflow.steps.docker_container import Place
from xcatflow.steps.package_present import Packages
from xcatflow.steps.package_repository import RepositoryFiles
from xcatflow.steps.ping import Answering
from xcatflow.steps.registry import find

DATA = Path(__file__).parent / "data"


def facts(data: Mapping[str, Any]) -> FileFacts:
    content = data.get("content")
    return FileFacts(**{**data, "content": None if content is None else content.encode()})


def network(data: Mapping[str, Any]) -> DockerNetworkFacts:
    pools = tuple((subnet, gateway) for subnet, gateway in data.get("pools", ()))
    return DockerNetworkFacts(**{"id": "n", "name": "lan", "driver": "bridge", **data, "pools": pools})


def container(name: str, data: Mapping[str, Any] | None) -> ContainerFacts | None:
    """A container; `made_from` are the params it was made from, for those whose labels are not written out."""
    if data is None:
        return None
    made_from = ContainerParams.model_validate({"name": "c1", **data.get("made_from", {"image": "none"})})
    labels = data.get("labels", identity_labels(made_from))
    rest = {key: value for key, value in data.items() if key not in ("made_from", "labels")}
    return ContainerFacts(
        **{"id": "i", "name": name, "image": "-", "image_id": "-", "status": "", "labels": labels, **rest}
    )


def place(data: Mapping[str, Any]) -> Place:
    return Place(container("c1", data["own"]), container("c1.xcatflow-old", data.get("kept")))


SEEN: Mapping[str, Callable[[Any], Any]] = {
    "file.present": facts,
    "directory.present": facts,
    "service.state": lambda data: UnitFacts(**data),
    "ssh.command": bool,
    "wait.port": bool,
    "ping": lambda data: Answering(tuple(data["silent"]), data.get("obstacle", "")),
    "package.present": lambda data: Packages(**data),
    "container.address": container_network,
    "docker.daemon": daemon,
    "tls.host_certificate": host_files,
    "docker.image": lambda data: ImageFacts(data["id"], tuple(data["tags"])),
    "docker.network": network,
    "docker.container": place,
    "network.bridge": host_network,
    "package.repository": lambda data: RepositoryFiles(*(facts(data[name]) for name in ("source", "key"))),
}
CASES = [
    pytest.param(kind, case, id=f"{kind}: {case['name']}")
    for kind in SEEN
    for case in json.loads((DATA / kind / "cases.json").read_text())
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_plan(kind: str, case: Mapping[str, Any]) -> None:
    step = find(kind)
    want = step.params.model_validate(case["params"])
    seen = None if case["seen"] is None else SEEN[kind](case["seen"])
    before = copy.deepcopy((seen, want))
    if "error" in case:
        with pytest.raises(XcatflowError) as caught:
            step.plan(seen, want)
        assert str(caught.value) == case["error"]
    else:
        changes = step.plan(seen, want)
        assert changes == tuple(Change(**{**change, "verb": Verb(change["verb"])}) for change in case["changes"])
        assert step.plan(seen, want) == changes
    assert (seen, want) == before


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_machine_that_cannot_tell_is_never_taken_for_an_empty_one(kind: str, case: Mapping[str, Any]) -> None:
    step = find(kind)
    want = step.params.model_validate(case["params"])
    questions = step.ask(want)
    assert questions == step.ask(want)
    if questions:
        with pytest.raises(CannotTell, match="no answer"):
            step.seen(Answers(dict.fromkeys(questions, CannotTell("no answer"))), want)
