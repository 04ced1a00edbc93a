"""Golden cases: what was seen and what is wanted, and the exact changes (or the exact complaint) that follow. Planning is pure."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.steps.golden_hosts import HOST_KINDS
from tests.unit.steps.golden_network import host_network
from tests.unit.steps.golden_seen import container_network, daemon, engine_tls, host_files
from xcatflow.errors import CannotTell, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.container_links import NeighbourFacts
from xcatflow.model.question import (
    Answers,
    ContainerFacts,
    DockerNetworkFacts,
    FileFacts,
    ImageFacts,
    UnitFacts,
    VolumeFacts,
)
from xcatflow.model.question_images import RegistryFacts, UnusedFacts
from xcatflow.steps.containers.changes import Known
from xcatflow.steps.containers.labels import identity_labels
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.plan import Place
from xcatflow.steps.docker_exec import Guarded
from xcatflow.steps.docker_image import Found
from xcatflow.steps.docker_prune import Leftovers
from xcatflow.steps.docker_registry_login import Logins
from xcatflow.steps.networks.host import HostBridge
from xcatflow.steps.package_repository import RepositoryFiles
from xcatflow.steps.packages.plan import Packages
from xcatflow.steps.ping import Answering
from xcatflow.steps.registry import find

DATA = Path(__file__).parent / "data"


def facts(data: Mapping[str, Any]) -> FileFacts:
    content = data.get("content")
    return FileFacts(**{**data, "content": None if content is None else content.encode()})


def network(data: Mapping[str, Any]) -> DockerNetworkFacts | HostBridge:
    """A network; or, while there is none, the host's bridge, as `on`."""
    if "on" in data:
        return HostBridge("mydocker0", **{**data["on"], "addresses": tuple(data["on"].get("addresses", ()))})
    pools = tuple((subnet, gateway) for subnet, gateway in data.get("pools", ()))
    return DockerNetworkFacts(**{"id": "n", "name": "lan", "driver": "bridge", **data, "pools": pools})


def container(name: str, data: Mapping[str, Any] | None) -> ContainerFacts | None:
    """A container; `made_from` are the params it was made from, for those whose labels are not written out. It is in the networks that it
    was made in, unless `networks` are."""
    if data is None:
        return None
    made_from = ContainerParams.model_validate({"name": "c1", **data.get("made_from", {"image": "none"})})
    labels = data.get("labels", identity_labels(made_from))
    rest = {key: value for key, value in data.items() if key not in ("made_from", "labels")}
    usual = {"id": "i", "name": name, "image": "-", "image_id": "-", "status": "", "labels": labels}
    return ContainerFacts(**{**usual, "networks": (made_from.main, *made_from.further), **rest})


def image(data: Mapping[str, Any]) -> Found:
    """An image, and what its registry has where that was asked."""
    registry = RegistryFacts(**data["registry"]) if "registry" in data else None
    if "id" not in data:
        return Found(None, registry)
    return Found(ImageFacts(data["id"], tuple(data["tags"]), tuple(data.get("digests", ()))), registry)


def leftovers(data: list[Mapping[str, Any]]) -> Leftovers:
    return Leftovers(tuple(UnusedFacts(**{**each, "names": tuple(each.get("names", ()))}) for each in data))


def logins(data: Mapping[str, Any]) -> Logins:
    """A user's file; its content is JSON, or text where it is none."""
    content = data.get("content")
    text = content if isinstance(content, str) else json.dumps(content)
    rest = {key: value for key, value in data.items() if key != "content"}
    return Logins(**{"path": "/root/.docker/config.json", **rest}, content=None if content is None else text.encode())


def place(data: Mapping[str, Any]) -> Place:
    image = ImageFacts(data["image"], ()) if "image" in data else None
    known = Known(image, data.get("details"), data.get("api", "1.41"))
    names = {"own": "c1", "kept": "c1.xcatflow-old", "trial": "c1.xcatflow-new"}
    return Place(**{key: container(name, data.get(key)) for key, name in names.items()}, known=known)


SEEN: Mapping[str, Callable[[Any], Any]] = {
    "file.present": facts,
    "directory.present": facts,
    "service.state": lambda data: UnitFacts(**data),
    "ssh.command": bool,
    "wait.port": bool,
    "ping": lambda data: Answering(tuple(data["silent"]), data.get("obstacle", "")),
    "package.present": lambda data: Packages(**data),
    "address.free": lambda data: NeighbourFacts(**data),
    "container.address": container_network,
    "docker.daemon": daemon,
    "docker.tls": engine_tls,
    "tls.host_certificate": host_files,
    "docker.image": image,
    "docker.containers": lambda data: tuple(container("c1", each) for each in data),
    "docker.create": network,
    "docker.power": lambda data: container("c1", data),
    "docker.prune": leftovers,
    "docker.pull": image,
    "docker.registry_login": logins,
    "docker.remove": bool,
    "docker.exec": lambda data: Guarded(**data),
    "docker.network": network,
    "docker.volume": lambda data: VolumeFacts(**{"name": "data", "driver": "local", **data}),
    "docker.container": place,
    "network.bridge": host_network,
    **HOST_KINDS,
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
