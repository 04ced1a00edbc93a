"""What versions of the Engine API take, and what is sent to each: golden bodies in data/docker_bodies."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcatflow.model.docker_api import (
    NEWEST_API,
    OLDEST_API,
    Body,
    Endpoint,
    Lacking,
    endpoint_since,
    lacking,
    speaks,
    version_key,
)
from xcatflow.model.docker_bodies import create_request, network_request, newest_form, place_mac, update_request

GOLDEN = sorted((Path(__file__).parent / "data" / "docker_bodies").glob("*.json"))
ALL = [f"1.{minor}" for minor in range(int(OLDEST_API[2:]), int(NEWEST_API[2:]) + 1)]
MAC = "02:42:0a:14:00:15"


def outcome(where: Body, body: dict[str, Any], api: str) -> dict[str, Any]:
    """What is done with a body: refused, or sent with a query."""
    if missing := lacking(body, api, where):
        return {"refused": [str(each) for each in missing]}
    match where:
        case "create":
            sent, query = create_request(body, api)
            return {"sent": sent, **({"query": query} if query else {})}
        case "update":
            return {"sent": update_request(body, api)}
        case "network":
            return {"sent": network_request(body, api)}
        case _:
            return {"sent": body}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_bodies(path: Path) -> None:
    case = json.loads(path.read_text())
    before = json.dumps(case["body"])
    found = {api: outcome(case["request"], case["body"], api) for api in case["versions"]}
    assert found == case["versions"]
    assert json.dumps(case["body"]) == before


def test_golden_bodies_are_of_many_versions() -> None:
    assert len(GOLDEN) > 10
    versions = [set(json.loads(path.read_text())["versions"]) for path in GOLDEN]
    assert set.intersection(*versions) >= {"1.21", "1.24", "1.30", "1.40", "1.41", "1.44", "1.45"}


FIELDS: list[tuple[Body, str, Any, str]] = [
    ("create", "HostConfig.Tmpfs", {"/run": ""}, "1.22"),
    ("create", "HostConfig.PidsLimit", 10, "1.23"),
    ("create", "HostConfig.Runtime", "runc", "1.24"),
    ("create", "Healthcheck", {"Test": ["NONE"]}, "1.24"),
    ("create", "HostConfig.Init", True, "1.25"),
    ("create", "HostConfig.AutoRemove", True, "1.25"),
    ("create", "StopTimeout", 5, "1.25"),
    ("create", "HostConfig.DeviceCgroupRules", ["c 1:3 mr"], "1.28"),
    ("create", "Healthcheck.StartPeriod", 1, "1.29"),
    ("create", "HostConfig.IpcMode", "private", "1.32"),
    ("create", "HostConfig.MaskedPaths", [], "1.38"),
    ("create", "HostConfig.DeviceRequests", [{}], "1.40"),
    ("create", "HostConfig.CgroupnsMode", "host", "1.41"),
    ("create", "HostConfig.ConsoleSize", [1, 2], "1.42"),
    ("create", "HostConfig.Annotations", {"a": "b"}, "1.43"),
    ("create", "Healthcheck.StartInterval", 1, "1.44"),
    ("update", "CpuRealtimePeriod", 1, "1.25"),
    ("network", "Internal", True, "1.22"),
    ("network", "EnableIPv6", True, "1.23"),
    ("network", "Attachable", True, "1.25"),
    ("network", "Ingress", True, "1.29"),
    ("network", "ConfigOnly", True, "1.30"),
    ("network", "EnableIPv4", False, "1.48"),
    ("volume", "Labels", {"a": "b"}, "1.23"),
    ("exec", "Env", ["A=1"], "1.25"),
    ("exec", "WorkingDir", "/tmp", "1.35"),
    ("connect", "EndpointConfig.GwPriority", 1, "1.48"),
]


def nested(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize(("where", "path", "value", "since"), FIELDS, ids=lambda it: str(it))
def test_a_field_is_refused_below_its_version_and_only_there(where: Body, path: str, value: Any, since: str) -> None:
    for api in ALL:
        found = [each for each in lacking(nested(path, value), api, where) if each.field == path]
        assert [each.since for each in found] == ([] if speaks(api, since) else [since]), api


@pytest.mark.parametrize(
    "body",
    [
        {"HostConfig": None},
        {"HostConfig": {"Init": False, "Mounts": [], "PidsLimit": None, "Tmpfs": {}}},
        {"NetworkingConfig": {"EndpointsConfig": {"lan": None}}},
        {"Healthcheck": {}},
        {"HostConfig": ["no", "object"]},
    ],
)
def test_what_says_nothing_lacks_nothing(body: dict[str, Any]) -> None:
    assert lacking(body, "1.21") == ()


def test_fields_that_went() -> None:
    body = {"HostConfig": {"KernelMemory": 4096, "KernelMemoryTCP": 4096}}
    assert lacking(body, "1.41") == ()
    assert [str(each) for each in lacking(body, "1.52")] == [
        '"HostConfig.KernelMemory" went with 1.42',
        '"HostConfig.KernelMemoryTCP" went with 1.52',
    ]
    assert Lacking("x", "1.30").value == ""


def test_endpoints_have_versions() -> None:
    assert {endpoint_since(each) for each in get_args(Endpoint)} == {"1.22", "1.41", "1.42"}


def test_versions_are_compared_as_numbers() -> None:
    assert version_key("1.9") < version_key("1.21") < version_key("1.100")
    with pytest.raises(ValueError, match="invalid literal"):
        version_key("1.x")


def per_network(**ends: dict[str, Any]) -> dict[str, Any]:
    return {"NetworkingConfig": {"EndpointsConfig": ends}}


@pytest.mark.parametrize(
    ("api", "body", "placed"),
    [
        ("1.44", {"MacAddress": MAC}, per_network(bridge={"MacAddress": MAC})),
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
    assert place_mac(body, api) == (body if placed is None else placed)
    assert repr(body) == before


@settings(max_examples=60, deadline=None)
@given(cpus=st.integers(1, 6400), api=st.sampled_from(ALL))
def test_cpus_are_read_back_as_they_were_asked_for(cpus: int, api: str) -> None:
    """In hundredths of a CPU, through create and inspect."""
    wanted = {"HostConfig": {"NanoCpus": cpus * 10_000_000}}
    sent, _ = create_request(wanted, api)
    assert newest_form(sent, api)["HostConfig"]["NanoCpus"] == cpus * 10_000_000
    assert ("NanoCpus" in sent["HostConfig"]) is speaks(api, "1.28")


def test_newest_form_leaves_alone_what_it_does_not_know() -> None:
    for inspected in (
        {"HostConfig": {"CpuQuota": -1, "CpuPeriod": 0}},
        {"HostConfig": {"CpuQuota": 50_000, "CpuPeriod": 0}},
        {"HostConfig": None},
        {},
    ):
        assert newest_form(inspected, "1.24") == inspected
    set_by_hand = {"HostConfig": {"CpuQuota": 50_000, "CpuPeriod": 100_000}}
    assert newest_form(set_by_hand, "1.41") == set_by_hand
