"""Volumes without a name: a replacement hands them on, a trial that fails leaves none behind."""

from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from xcatflow.errors import ActFailed
from xcatflow.model.change import Verb
from xcatflow.steps.containers.params import ContainerParams
from xcatflow.steps.containers.volumes import handed_on, with_volumes
from xcatflow.steps.docker_container import DockerContainer

STEP = DockerContainer()
ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def daemon() -> FakeDocker:
    it = FakeDocker(images=["db", "db:2"])
    it.image_volumes = {"db": ("/data",), "db:2": ("/data", "/logs")}
    return it


@pytest.fixture
def at(daemon: FakeDocker) -> DockerTarget:
    return DockerTarget(daemon=daemon)


def want(**params: Any) -> ContainerParams:
    return ContainerParams.model_validate({"name": "c1", "image": "db", **params})


def mounts(at: DockerTarget, name: str = "c1") -> dict[str, str]:
    return {it["Destination"]: it["Name"] for it in (at.docker.inspect_container(name) or {})["Mounts"]}


def volumes(at: DockerTarget) -> set[str]:
    return {it.name for it in at.docker.volumes()}


def test_the_new_one_gets_the_old_ones_volumes(at: DockerTarget) -> None:
    at.converge(STEP, want())
    data = mounts(at)["/data"]
    (change,) = at.plan(STEP, want(image="db:2"))
    assert (
        change.why == "a container's image cannot be changed in place; its volume of /data is handed on to the new one"
    )
    at.converge(STEP, want(image="db:2"))
    after = mounts(at)
    assert (after["/data"], sorted(after)) == (data, ["/data", "/logs"])
    at.converge(STEP, want(image="db:2", hostname="third"))
    assert mounts(at) == after, "what was handed on once is handed on again"
    assert volumes(at) == set(after.values())
    assert at.plan(STEP, want(image="db:2", hostname="third", inspect=True)) == ()


def test_new_ones_are_made_on_purpose_only(at: DockerTarget) -> None:
    at.converge(STEP, want(image="db:2"))
    old = mounts(at)
    new = want(image="db:2", hostname="x", fresh_volumes=True)
    (change,) = at.plan(STEP, new)
    assert (
        change.why
        == "a container's hostname cannot be changed in place; its volumes of /data and /logs are left behind"
    )
    at.converge(STEP, new)
    assert not set(mounts(at).values()) & set(old.values())
    assert volumes(at) >= set(old.values()), "data is never removed with a container that was replaced"
    assert at.plan(STEP, want(image="db:2", hostname="x")) == (), "the parameter is not part of the container"


def test_what_is_mounted_there_by_name_is_not_hidden(at: DockerTarget) -> None:
    at.converge(STEP, want(image="db:2"))
    logs = mounts(at)["/logs"]
    (change,) = at.plan(STEP, want(image="db:2", volumes="data:/data/"))
    assert change.why.endswith("its volume of /logs is handed on to the new one, that of /data is left behind")
    at.converge(STEP, want(image="db:2", volumes="data:/data"))
    assert mounts(at) == {"/data": "data", "/logs": logs}


def test_one_that_is_taken_over_hands_them_on_as_well(at: DockerTarget, daemon: FakeDocker) -> None:
    daemon.create_container("c1", {"Image": "db", "Volumes": {"/more": {}}})
    old = mounts(at)
    (change,) = at.plan(STEP, want(adopt=True))
    assert change.why.endswith("; its volumes of /data and /more are handed on to the new one")
    at.converge(STEP, want(adopt=True))
    assert mounts(at) == old


def test_a_volume_that_was_named_by_its_id_and_is_not_wanted_any_more_is_not_handed_on(at: DockerTarget) -> None:
    at.converge(STEP, want(image="db:2", volumes=f"{ONE}:/data"))
    at.converge(STEP, want(image="db:2"))
    assert mounts(at)["/data"] != ONE


def test_a_container_without_such_volumes_is_not_asked_about(at: DockerTarget, daemon: FakeDocker) -> None:
    daemon.image_volumes = {}
    at.converge(STEP, want(volumes="data:/data"))
    daemon.calls.clear()
    assert [it.verb for it in at.plan(STEP, want(volumes="data:/data", hostname="x"))] == [Verb.REPLACE]
    assert daemon.calls["inspect_container"] == 0


@pytest.mark.parametrize("image", ["db", "db:2"])
@pytest.mark.parametrize("given", [{}, {"fresh_volumes": True}], ids=["in turn", "beside"])
def test_a_new_one_that_fails_leaves_no_volume_behind_and_takes_none_along(
    at: DockerTarget, daemon: FakeDocker, given: dict[str, Any], image: str
) -> None:
    at.converge(STEP, want(image=image))
    before, all_before = mounts(at), volumes(at)
    daemon.fail_once["start_container"] = ActFailed("no space left on device")
    with pytest.raises(ActFailed, match="no space left on device; the old container"):
        at.converge(STEP, want(**given, image="db:2", hostname="x"))
    assert (mounts(at), volumes(at)) == (before, all_before)


def test_one_that_was_made_in_vain_leaves_no_volume_behind(at: DockerTarget, daemon: FakeDocker) -> None:
    daemon.fail_once["start_container"] = ActFailed("no space left on device")
    with pytest.raises(ActFailed):
        at.converge(STEP, want())
    with pytest.raises(ActFailed, match="network nowhere not found"):
        at.converge(STEP, want(network="bridge,nowhere"))
    seen = at.look(STEP, want())
    at.undo(STEP, want(), seen, at.converge(STEP, want())[:1])
    assert volumes(at) == set()


def test_a_trial_that_an_interrupted_run_left_takes_its_volumes_with_it(at: DockerTarget, daemon: FakeDocker) -> None:
    at.converge(STEP, want())
    before = volumes(at)
    daemon.create_container("c1.xcatflow-new", {"Image": "db:2", "Labels": dict(daemon.containers()[0].labels)})
    assert volumes(at) > before
    at.converge(STEP, want())
    assert volumes(at) == before


def test_one_that_was_at_work_since_an_interruption_leaves_its_volumes(at: DockerTarget, daemon: FakeDocker) -> None:
    """The old one was not removed, and when that is done the new one turns out to be sick: it goes, and not what it had written."""
    at.converge(STEP, want())
    new = want(image="db:2", healthcheck={"test": "true"}, health={"wait": "1 s"})
    daemon.fail_once["remove_container"] = ActFailed("device is busy")
    with pytest.raises(ActFailed, match="device is busy"):
        at.converge(STEP, new.model_copy(update={"health": None}))
    written = set(mounts(at).values())
    with pytest.raises(ActFailed, match=r"not healthy after 1 s.*; the old container is back"):
        at.converge(STEP, new)
    assert volumes(at) >= written


def test_one_that_is_wanted_no_more_leaves_its_volumes(at: DockerTarget) -> None:
    at.converge(STEP, want())
    before = volumes(at)
    at.converge(STEP, want(state="absent"))
    assert volumes(at) == before != set()


def test_the_request_for_a_container_that_inherits() -> None:
    old = {"Mounts": [
        {"Type": "volume", "Name": ONE, "Destination": "/a", "RW": True},
        {"Type": "volume", "Name": TWO, "Destination": "/b", "RW": True},
        {"Type": "volume", "Name": "data", "Destination": "/c"},
        {"Type": "bind", "Source": "/srv", "Destination": "/d"},
    ]}  # fmt: skip
    body = {"HostConfig": {
        "Binds": ["/a", "/x:/y"],
        "Mounts": [{"Type": "volume", "Target": "/b", "ReadOnly": True}, {"Type": "volume", "Target": "/z"}],
    }}  # fmt: skip
    handed = handed_on(body, old)
    assert handed == {"/a": ONE, "/b": TWO}
    assert with_volumes(body, handed) == {"HostConfig": {
        "Binds": ["/x:/y", f"{ONE}:/a"],
        "Mounts": [{"Type": "volume", "Target": "/b", "ReadOnly": True, "Source": TWO}, {"Type": "volume", "Target": "/z"}],
    }}  # fmt: skip
    assert with_volumes(body, {}) == body
    for host in (
        {"Binds": ["/srv:/a"]},
        {"Tmpfs": {"/a/": ""}},
        {"Mounts": [{"Type": "bind", "Source": "/s", "Target": "/a"}]},
    ):
        assert handed_on({"HostConfig": host}, old) == {"/b": TWO}
