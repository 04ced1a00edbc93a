"""The Engine API's JSON in our words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcatflow.errors import ActFailed, Unreachable
from xcatflow.model.docker_api import NEWEST_API
from xcatflow.transport import docker_facts as it

LISTED = {
    "Id": "f00",
    "Names": ["/web/db", "/db"],
    "Image": "busybox:latest",
    "ImageID": "sha256:1",
    "Command": "sleep 1",
    "Labels": {"a": "b"},
    "State": "running",
    "Status": "Up 2 minutes",
    "Created": 1367854155,
    "Mounts": [{"Type": "bind", "Source": "/a"}, {"Type": "volume", "Name": "v1"}],
    "NetworkSettings": {
        "Networks": {
            "lan": {"IPAddress": "10.0.0.2", "IPAMConfig": {"IPv4Address": "10.0.0.2"}},
            "back": {"IPAddress": "10.1.0.2"},
            "none": {"IPAddress": ""},
            "x": None,
        }
    },
}


def test_container() -> None:
    found = it.container_facts(LISTED)
    assert (found.id, found.name, found.image, found.image_id) == ("f00", "db", "busybox:latest", "sha256:1")
    assert (found.state, found.status, found.labels) == ("running", "Up 2 minutes", {"a": "b"})
    assert found.addresses == {"back": "10.1.0.2", "lan": "10.0.0.2"}
    assert found.networks == ("back", "lan", "none", "x")
    assert found.fixed == {"lan": "10.0.0.2"}
    assert (found.command, found.created_s, found.volumes) == ("sleep 1", 1367854155, ("v1",))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Up 12 minutes", "running"),
        ("Up 12 minutes (healthy)", "running"),
        ("Up 12 minutes (Paused)", "paused"),
        ("Restarting (1) 3 seconds ago", "restarting"),
        ("Exited (137) 3 days ago", "exited"),
        ("Exit 0", "exited"),
        ("Created", "created"),
        ("Dead", "dead"),
        ("Removal In Progress", "removing"),
        ("", "exited"),
    ],
)
def test_state_behind_a_status(status: str, state: str) -> None:
    listed = {key: value for key, value in LISTED.items() if key != "State"}
    assert it.container_facts({**listed, "Status": status}).state == state


def test_status_that_says_no_state() -> None:
    with pytest.raises(ValueError, match='status "Sleeping" says no state'):
        it.state_of("Sleeping")


def test_volume() -> None:
    found = it.volume_facts({"Name": "v", "Driver": "local", "Labels": None, "Options": {"type": "nfs"}})
    assert (found.name, found.driver, found.labels, found.options) == ("v", "local", {}, {"type": "nfs"})


def test_container_with_as_little_as_possible() -> None:
    found = it.container_facts(
        {"Id": "f00", "Names": None, "Image": "i", "State": "dead", "Labels": None, "NetworkSettings": None}
    )
    assert (found.name, found.labels, found.addresses, found.networks) == ("", {}, {}, ())
    assert (found.command, found.created_s, found.volumes, found.fixed) == ("", 0, None, {})


@pytest.mark.parametrize(
    ("names", "own"), [(["/c1"], "c1"), (["/a/c1", "/c1"], "c1"), (["/a/b"], "a/b"), ([], ""), (["c1"], "c1")]
)
def test_own_name(names: list[str], own: str) -> None:
    assert it.own_name(names) == own


def test_image() -> None:
    found = it.image_facts({"Id": "sha256:1", "RepoTags": ["b:2", "a:1"], "RepoDigests": ["a@sha256:2"]})
    assert (found.id, found.tags, found.digests) == ("sha256:1", ("a:1", "b:2"), ("a@sha256:2",))
    dangling = it.image_facts({"Id": "sha256:1", "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]})
    assert (dangling.tags, dangling.digests) == ((), ())
    assert it.image_facts({"Id": "sha256:1", "RepoTags": None}).tags == ()


def test_image_is_the_same_listed_and_looked_at_alone() -> None:
    listed = {"Id": "sha256:1", "RepoTags": ["a:1"], "Size": 7, "Created": 1704067200, "Labels": {"a": "b"}}
    alone = {
        "Id": "sha256:1",
        "RepoTags": ["a:1"],
        "Size": 7,
        "Created": "2024-01-01T00:00:00.123456789Z",
        "Config": {"Labels": {"a": "b"}},
    }
    assert it.image_facts(listed) == it.image_facts(alone)
    for none in (None, "", "0001-01-01T00:00:00Z", -62135596800):
        assert it.image_facts({"Id": "sha256:1", "Created": none}).created_s == 0


def test_network() -> None:
    config = [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}, {"Subnet": "fd00::/64"}]
    found = it.network_facts(
        {"Id": "1", "Name": "lan", "Driver": "bridge", "IPAM": {"Config": config}, "Internal": True}
    )
    assert found.pools == (("10.0.0.0/24", "10.0.0.1"), ("fd00::/64", ""))
    assert (found.name, found.driver, found.internal, found.options) == ("lan", "bridge", True, {})
    assert it.network_facts({"Id": "1", "Name": "host", "IPAM": {"Config": None}}).pools == ()


def used(api: str, least: str | None = None, pin: str | None = None) -> str:
    answer = {"ApiVersion": api, **({"MinAPIVersion": least} if least else {})}
    return it.daemon_facts(answer, host="h", pin=pin).used_api


def test_best_version_that_both_speak_is_used() -> None:
    found = [used("1.41"), used("1.21"), used("1.24", "1.12"), used("1.9999", "1.45"), used("1.52", "1.44")]
    assert found == ["1.41", "1.21", "1.24", NEWEST_API, "1.52"]
    for api, least, wrong in (("1.20", None, "1.20"), ("1.9", None, "1.9"), ("1.90", "1.80", "1.80")):
        with pytest.raises(Unreachable, match=rf"^Docker API {wrong} of host h is not supported: it speaks "):
            used(api, least)


def test_pinned_version_has_to_be_one_that_both_speak() -> None:
    assert [used("1.41", "1.12", pin) for pin in ("1.21", "1.30", "1.41")] == ["1.21", "1.30", "1.41"]
    assert used("1.52", "1.44", "1.44") == "1.44"
    for pin, least, lowest in (("1.42", "1.12", "1.21"), ("1.20", "1.12", "1.21"), ("1.30", "1.40", "1.40")):
        with pytest.raises(Unreachable) as caught:
            used("1.41", least, pin)
        assert str(caught.value) == (
            f"DOCKER_API_VERSION={pin} cannot be used with docker host h: expected {lowest} to 1.41, which both sides speak"
        )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers())), st.integers(1, 7))
def test_streams_may_be_cut_anywhere(values: list[dict[str, Any]], size: int) -> None:
    data = "\r\n".join(json.dumps(value, ensure_ascii=False) for value in values).encode("utf-8", "surrogatepass")
    cut = [data[start : start + size] for start in range(0, len(data), size)]
    assert len(list(it.json_objects(cut))) == len(values)
    assert list(it.json_objects([json.dumps(value).encode() for value in values])) == values


def test_stream_that_ends_within_a_value() -> None:
    with pytest.raises(ValueError, match="expected JSON, found"):
        list(it.json_objects([b'{"a": 1} {"b"']))


def test_stream_lines() -> None:
    values = [{"stream": "Loaded image: a:1\nLoaded image: b:2\n"}, {"status": "x"}, "text", {"stream": " \n"}]
    lines = it.stream_lines(values, request="POST /x")
    assert lines == ("Loaded image: a:1", "Loaded image: b:2")
    assert it.loaded_references((*lines, "Loaded image ID: sha256:1", "other")) == ("a:1", "b:2", "sha256:1")
    with pytest.raises(ActFailed, match=r"^better$") as caught:
        it.stream_lines([{"error": "worse", "errorDetail": {"message": "better\n"}}], request="POST /x")
    assert caught.value.detail == "POST /x"
    with pytest.raises(ActFailed, match=r"^worse$"):
        it.stream_lines([{"error": "worse", "errorDetail": {}}], request="POST /x")
