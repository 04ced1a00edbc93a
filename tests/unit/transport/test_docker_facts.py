"""The Engine API's JSON in our words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcatflow.errors import ActFailed, Unreachable
from xcatflow.transport import docker_facts as it

MAC = "02:42:0a:14:00:15"
LISTED = {
    "Id": "f00",
    "Names": ["/web/db", "/db"],
    "Image": "busybox:latest",
    "ImageID": "sha256:1",
    "Command": "sleep 1",
    "Labels": {"a": "b"},
    "State": "running",
    "Status": "Up 2 minutes",
    "NetworkSettings": {
        "Networks": {
            "lan": {"IPAddress": "10.0.0.2"},
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


def test_container_with_as_little_as_possible() -> None:
    found = it.container_facts(
        {"Id": "f00", "Names": None, "Image": "i", "State": "dead", "Labels": None, "NetworkSettings": None}
    )
    assert (found.name, found.labels, found.addresses) == ("", {}, {})


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


def test_network() -> None:
    config = [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}, {"Subnet": "fd00::/64"}]
    found = it.network_facts(
        {"Id": "1", "Name": "lan", "Driver": "bridge", "IPAM": {"Config": config}, "Internal": True}
    )
    assert found.pools == (("10.0.0.0/24", "10.0.0.1"), ("fd00::/64", ""))
    assert (found.name, found.driver, found.internal, found.options) == ("lan", "bridge", True, {})
    assert it.network_facts({"Id": "1", "Name": "host", "IPAM": {"Config": None}}).pools == ()


def test_version_in_use() -> None:
    def used(api: str, least: str | None = None) -> str:
        answer = {"ApiVersion": api, **({"MinAPIVersion": least} if least else {})}
        return it.daemon_facts(answer, host="h", oldest="1.24", newest="1.45").used_api

    assert [used("1.41"), used("1.24"), used("1.9999", "1.45"), used("1.52", "1.44")] == [
        "1.41",
        "1.24",
        "1.45",
        "1.45",
    ]
    for api, least, wrong in (("1.23", None, "1.23"), ("1.9", None, "1.9"), ("1.60", "1.46", "1.46")):
        with pytest.raises(Unreachable, match=rf"^Docker API {wrong} of host h is not supported: "):
            used(api, least)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("busybox", ("busybox", "latest")),
        ("busybox:1", ("busybox", "1")),
        ("registry:5000/app", ("registry:5000/app", "latest")),
        ("registry:5000/app:2", ("registry:5000/app", "2")),
        ("app@sha256:12", ("app", "sha256:12")),
        ("registry:5000/app:2@sha256:12", ("registry:5000/app", "sha256:12")),
        ("app:", ("app", "latest")),
    ],
)
def test_split_reference(reference: str, parts: tuple[str, str]) -> None:
    assert it.split_reference(reference) == parts


def per_network(**ends: dict[str, Any]) -> dict[str, Any]:
    return {"NetworkingConfig": {"EndpointsConfig": ends}}


@pytest.mark.parametrize(
    ("api", "body", "placed"),
    [
        ("1.44", {"MacAddress": MAC}, per_network(bridge={"MacAddress": MAC})),
        (
            "1.44",
            {
                "MacAddress": MAC,
                "HostConfig": {"NetworkMode": "lan"},
                **per_network(lan={"IPAMConfig": {"IPv4Address": "10.0.0.2"}}),
            },
            {
                "HostConfig": {"NetworkMode": "lan"},
                **per_network(lan={"MacAddress": MAC, "IPAMConfig": {"IPv4Address": "10.0.0.2"}}),
            },
        ),
        (
            "1.52",
            {"MacAddress": MAC, "HostConfig": {"NetworkMode": "default"}},
            {"HostConfig": {"NetworkMode": "default"}, **per_network(bridge={"MacAddress": MAC})},
        ),
        (
            "1.44",
            {"MacAddress": "x", **per_network(bridge={"MacAddress": MAC})},
            per_network(bridge={"MacAddress": MAC}),
        ),
        ("1.44", {"MacAddress": MAC, "HostConfig": {"NetworkMode": "none"}}, None),
        ("1.44", {"MacAddress": MAC, "HostConfig": {"NetworkMode": "container:c1"}}, None),
        ("1.44", {"Image": "i"}, None),
        ("1.44", per_network(lan={"MacAddress": MAC}), None),
        ("1.43", {"MacAddress": MAC}, None),
        ("1.9", {"Image": "i", "NetworkingConfig": None}, None),
        (
            "1.43",
            per_network(lan={"MacAddress": MAC, "Aliases": ["a"]}),
            {"MacAddress": MAC, **per_network(lan={"Aliases": ["a"]})},
        ),
        ("1.43", per_network(lan={}, back={"MacAddress": MAC}), {"MacAddress": MAC, **per_network(lan={}, back={})}),
        ("1.43", per_network(lan=None), None),
    ],
)
def test_place_mac(api: str, body: dict[str, Any], placed: dict[str, Any] | None) -> None:
    before = repr(body)
    assert it.place_mac(body, api) == (body if placed is None else placed)
    assert repr(body) == before


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
