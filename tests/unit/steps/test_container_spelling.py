"""Equal wishes that are spelt otherwise are no difference, also to containers that were made when each spelling was kept."""

import json
from hashlib import sha256
from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.model.change import Verb
from xcatflow.steps.containers.labels import identity_labels
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.docker_container import DockerContainer

STEP = DockerContainer()
SAME = [
    ({"cap_add": "NET_ADMIN,SYS_TIME"}, {"cap_add": ["cap_sys_time", "CAP_NET_ADMIN", "NET_ADMIN"]}),
    ({"cap_drop": "ALL,MKNOD"}, {"cap_drop": "CAP_MKNOD,all"}),
    ({"ports": "8080:80,53:53/udp"}, {"ports": ["53:53/udp", "8080:80/tcp"]}),
    ({"extra_hosts": {"a": "10.0.0.1", "b": "fd00::1"}}, {"extra_hosts": ["b:fd00:0::1", "a:10.0.0.1"]}),
    ({"volumes": "data:/data"}, {"volumes": "data:/data:rw"}),
    ({"volumes": "data:/data:ro,z"}, {"volumes": "data:/data:z,ro"}),
    ({"volumes": "data:/data:z"}, {"volumes": "data:/data:z,rw"}),
    ({"stop_signal": "SIGTERM"}, {"stop_signal": "term"}),
    ({"stop_signal": "SIGRTMIN+3"}, {"stop_signal": "RTMIN+3"}),
]
OTHER = [
    ({"ports": "80:80"}, {"ports": "0.0.0.0:80:80"}),
    ({"extra_hosts": ["a:10.0.0.1", "a:10.0.0.2"]}, {"extra_hosts": ["a:10.0.0.2", "a:10.0.0.1"]}),
    ({"dns": "10.0.0.1,10.0.0.2"}, {"dns": "10.0.0.2,10.0.0.1"}),
    ({"volumes": "data:/data"}, {"volumes": "data:/data:ro"}),
    ({"stop_signal": "15"}, {"stop_signal": "9"}),
]


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate({"name": "c1", "image": "busybox", **params})


@pytest.fixture
def at() -> DockerTarget:
    return DockerTarget(daemon=FakeDocker(images=["busybox"]))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_wishes_are_no_difference(at: DockerTarget, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert identity_labels(want(**one)) == identity_labels(want(**other))
    at.converge(STEP, want(**one))
    assert at.plan(STEP, want(**other)) == ()


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_wishes_that_mean_something_else_are_one(at: DockerTarget, one: dict[str, Any], other: dict[str, Any]) -> None:
    """A port without an address is one of IPv6 as well; the order of servers, and of one name's addresses, counts."""
    at.converge(STEP, want(**one))
    assert [it.verb for it in at.plan(STEP, want(**other))] == [Verb.REPLACE]


OLD_SPELLINGS = {
    "image": "busybox:latest", "cap_add": ["SYS_TIME", "CAP_NET_ADMIN"], "ports": ["8080:80/tcp", "53:53/udp"],
    "volumes": ["data:/data:rw"], "extra_hosts": ["b:fd00:0::1", "a:10.0.0.1"], "stop_signal": "TERM",
}  # fmt: skip


def labelled(made_from: dict[str, Any], *, fingerprint: str = "") -> dict[str, str]:
    text = json.dumps(made_from, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    made = fingerprint or sha256(text.encode()).hexdigest()
    return {"xcatflow.node": "c1", "xcatflow.made-from": made, "xcatflow.params": text}


def test_a_container_that_was_made_when_spellings_were_kept_stays(at: DockerTarget) -> None:
    given = {name: value for name, value in OLD_SPELLINGS.items() if name != "image"}
    at.docker.create_container("c1", {"Image": "busybox", "Labels": labelled(OLD_SPELLINGS)})
    at.docker.start_container("c1")
    assert at.plan(STEP, want(**given)) == ()
    (change,) = at.plan(STEP, want(**{**given, "stop_signal": "KILL"}))
    assert (change.field, change.before, change.after) == ("stop_signal", "SIGTERM", "SIGKILL")


@pytest.mark.parametrize("made_from", [OLD_SPELLINGS, {**OLD_SPELLINGS, "ports": ["nonsense"]}, {"cap_add": 3}])
def test_labels_that_do_not_fit_each_other_are_not_believed(at: DockerTarget, made_from: dict[str, Any]) -> None:
    given = {name: value for name, value in OLD_SPELLINGS.items() if name != "image"}
    at.docker.create_container("c1", {"Image": "busybox", "Labels": labelled(made_from, fingerprint="f" * 64)})
    assert Verb.REPLACE in [it.verb for it in at.plan(STEP, want(**given))]
