"""Limits changed in place: what is sent for them, what is taken back, and what a daemon that drops them is believed."""

from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.steps.containers.changes import Known, undoing
from xcatflow.steps.containers.limits import differing, update_body
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.docker_container import DockerContainer

STEP = DockerContainer()


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate({"name": "c1", "image": "busybox", **params})


@pytest.mark.parametrize(("wanted", "has", "body"), [
    ({"Memory": 64}, {"Memory": 32, "MemorySwap": 64}, {"Memory": 64, "MemorySwap": 128}),
    ({"Memory": 64, "MemorySwap": -1}, {"Memory": 64, "MemorySwap": 128}, {"MemorySwap": -1, "Memory": 64}),
    ({"NanoCpus": 15 * 10**8}, {"NanoCpus": 10**9}, {"NanoCpus": 15 * 10**8}),
    ({"NanoCpus": 15 * 10**8}, {"CpuQuota": 50000, "CpuPeriod": 50000}, {"CpuPeriod": 100000, "CpuQuota": 150000}),
    ({"CpuQuota": 5, "CpuPeriod": 10}, {"CpuQuota": 4, "CpuPeriod": 10}, {"CpuQuota": 5}),
    ({}, {"PidsLimit": 4, "RestartPolicy": {"Name": "always"}}, {"PidsLimit": 0, "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}),
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}},
     {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}),
    ({"CpusetCpus": "0", "BlkioWeight": 9}, {"BlkioWeight": None}, {"BlkioWeight": 9, "CpusetCpus": "0"}),
])  # fmt: skip
def test_what_is_sent(wanted: dict[str, Any], has: dict[str, Any], body: dict[str, Any]) -> None:
    limits = differing(wanted, has, "1.41")
    assert not any(limit.obstacle for limit in limits)
    assert update_body(wanted, tuple(limit.key for limit in limits), has) == body
    assert differing(wanted, {**has, **body}, "1.41") == ()


@pytest.mark.parametrize(("wanted", "has", "api", "obstacle"), [
    ({}, {"CpuShares": 4}, "1.41", "a limit of dockerflag.HostConfig.CpuShares can be changed in place, but not taken away"),
    ({"CpuQuota": 5, "CpuPeriod": 10}, {"NanoCpus": 10**9}, "1.41", "a number of CPUs cannot become a quota in place"),
    ({"Memory": 4}, {}, "1.21", "changing memory in place needs API 1.22, the daemon is spoken to with 1.21"),
    ({"PidsLimit": 4}, {}, "1.39", "changing dockerflag.HostConfig.PidsLimit in place needs API 1.40, the daemon is spoken to with 1.39"),
])  # fmt: skip
def test_what_stands_in_the_way(wanted: dict[str, Any], has: dict[str, Any], api: str, obstacle: str) -> None:
    assert [limit.obstacle for limit in differing(wanted, has, api)][0] == obstacle  # noqa: RUF015


def test_a_limit_that_the_daemon_drops_is_a_failure_in_its_words() -> None:
    daemon = FakeDocker(images=["busybox"])
    at = DockerTarget(daemon=daemon)
    at.converge(STEP, want())
    daemon.warned = ("Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",)
    with pytest.raises(
        ActFailed, match=r'^host01 does not keep a limit of container "c1": Your kernel does not support Block'
    ):
        at.converge(STEP, want(dockerflag={"HostConfig": {"BlkioWeight": 300}}))


def test_what_the_daemon_said_of_a_new_container_is_an_output() -> None:
    daemon = FakeDocker(images=["busybox"])
    daemon.warned = ("odd", "very odd")
    at, wanted = DockerTarget(daemon=daemon), want(state="created")
    (change,) = at.plan(STEP, wanted)
    assert STEP.apply(at, wanted, at.look(STEP, wanted), change) == {"warnings": "odd\nvery odd"}


@pytest.mark.parametrize(
    ("has", "back"),
    [
        ({"CpuPeriod": 100000, "CpuQuota": 50000, "NanoCpus": 5 * 10**8}, {"CpuPeriod": 100000, "CpuQuota": 50000}),
        ({"CpuPeriod": 50000, "CpuQuota": 25000}, {"CpuPeriod": 100000, "CpuQuota": 50000}),
        ({"CpuPeriod": 0, "CpuQuota": 0, "NanoCpus": 5 * 10**8}, {"NanoCpus": 5 * 10**8}),
    ],
    ids=["a quota told in the newest form", "a quota", "a number"],
)
@pytest.mark.parametrize("api", ["1.24", "1.41"])
def test_a_number_of_cpus_is_taken_back_however_the_daemon_keeps_it(
    has: dict[str, Any], back: dict[str, Any], api: str
) -> None:
    host = {"RestartPolicy": {"Name": "no"}, **has}
    assert undoing(want(cpus=2), Known(details={"HostConfig": host}, api=api)) == back


def test_a_quota_that_was_asked_for_is_taken_back_as_such() -> None:
    new = want(dockerflag={"HostConfig": {"CpuQuota": 70000, "CpuPeriod": 100000}})
    has = {"CpuPeriod": 100000, "CpuQuota": 50000}
    assert undoing(new, Known(details={"HostConfig": has}, api="1.41")) == {"CpuQuota": 50000}


def test_limits_are_taken_back_where_they_can_be() -> None:
    at = DockerTarget(daemon=FakeDocker(images=["busybox"]))
    at.converge(STEP, want(memory=64, restart="always"))
    new = want(memory=32)
    seen = at.look(STEP, new)
    changes = at.converge(STEP, new)
    at.undo(STEP, new, seen, changes)
    assert at.plan(STEP, want(memory=64, restart="always", inspect=True)) == ()
    more = want(memory=64, restart="always", cpus=2)
    seen = at.look(STEP, more)
    changes = at.converge(STEP, more)
    with pytest.raises(CannotUndo, match='the cpus of container "c1" stays as it is now'):
        at.undo(STEP, more, seen, changes)
