"""One life of a container at several versions of the API: on a real engine, and on peers that answer as engines of the time did."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.archive import write_archive
from tests.fakes.dockerd import Engine
from tests.fakes.peer import Answer, Peer, Request, reply
from xcatflow.errors import ActFailed, InvalidInput, Unreachable
from xcatflow.model.docker_api import speaks
from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.protocols import Created, LogPiece, Traffic

IMAGE = "versions/busybox:1"
NEWEST_HERE = "1.41"
NET = f"10.215.{78 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
"""Engines that run at the same time share the machine's bridges and routes."""
MAC = "02:42:0a:d5:4e:09"
LABELS = {"xcatflow.node": "c1"}


@pytest.fixture(params=["1.21", "1.24", "1.30", NEWEST_HERE])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pinned(real_engine: Engine, api: str, tmp_path: Path) -> Iterator[DockerDaemon]:
    """The engine at one version, with an image and a network."""
    it = DockerDaemon(real_engine.socket, traffic=Traffic(), pin=api)
    write_archive(tmp_path / "image.tar", IMAGE)
    it.load_image(tmp_path / "image.tar")
    it.create_network({"Name": "lan", "IPAM": {"Config": [{"Subnet": f"{NET}.0/24", "Gateway": f"{NET}.1"}]}})
    yield it
    for container in it.containers():
        it.remove_container(container.name, force=True)
    for volume in it.volumes():
        it.remove_volume(volume.name)
    it.remove_network("lan")
    it.remove_image(IMAGE)
    it.close()


def body(api: str, *command: str) -> dict[str, Any]:
    """A container with everything that the version can give it."""
    host: dict[str, Any] = {"NetworkMode": "lan", "NanoCpus": 500_000_000, "Memory": 67_108_864, "Binds": ["v1:/data"]}
    end: dict[str, Any] = {"MacAddress": MAC}
    if speaks(api, "1.22"):
        end["IPAMConfig"] = {"IPv4Address": f"{NET}.9"}
    if speaks(api, "1.25"):
        host["Init"] = False
    return {
        "Image": IMAGE,
        "Cmd": list(command),
        "Labels": LABELS,
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {"lan": end}},
    }


@pytest.mark.lab
def test_life_of_a_container(pinned: DockerDaemon, api: str) -> None:
    assert pinned.daemon().used_api == api
    made = pinned.create_container("c1", body(api, "/bin/sh", "-c", "echo out; echo err >&2; exec sleep 3600"))
    assert pinned.start_container("c1") is True
    assert pinned.start_container("c1") is False
    (found,) = pinned.containers()
    assert (found.id, found.name, found.state, found.labels) == (made.id, "c1", "running", LABELS)
    assert found.networks == ("lan",)
    assert found.addresses["lan"].startswith(f"{NET}.")
    assert speaks(api, "1.22") is (found.fixed == {"lan": f"{NET}.9"})
    whole = pinned.inspect_container("c1")
    assert whole is not None
    assert whole["HostConfig"]["NanoCpus"] == 500_000_000
    assert whole["HostConfig"]["Memory"] == 67_108_864
    assert whole["NetworkSettings"]["Networks"]["lan"]["MacAddress"] == MAC
    spoke(pinned)
    assert pinned.stats("c1")["name"] == "/c1"
    reply = pinned.execute("c1", ["/bin/sh", "-c", "echo in; echo bad >&2; exit 4"], timeout_s=20)
    assert (reply.code, reply.out, reply.err) == (4, b"in\n", b"bad\n")
    pinned.pause_container("c1")
    assert pinned.containers()[0].state == "paused"
    pinned.unpause_container("c1")
    pinned.restart_container("c1", grace_s=0)
    pinned.rename_container("c1", "c2")
    assert pinned.stop_container("c2", grace_s=0) is True
    assert pinned.stop_container("c2", grace_s=None) is False
    assert (pinned.containers()[0].name, pinned.containers()[0].state) == ("c2", "exited")
    with pytest.raises(ActFailed, match=r"^No such container: c1$"):
        pinned.remove_container("c1", force=False)
    pinned.remove_container("c2", force=False)
    assert pinned.containers() == ()
    assert [volume.name for volume in pinned.volumes()] == ["v1"]


def spoke(docker: DockerDaemon) -> None:
    """The log gets both outputs; it is followed until it has them."""
    said: dict[int, bytes] = {1: b"", 2: b""}
    with docker.logs("c1", follow=True) as pieces:
        for piece in pieces:
            said[piece.stream] += piece.data
            if said == {1: b"out\n", 2: b"err\n"}:
                break
    assert said == {1: b"out\n", 2: b"err\n"}


@pytest.mark.lab
def test_log_of_a_terminal(pinned: DockerDaemon, api: str) -> None:
    pinned.create_container("c1", {**body(api, "/bin/sh", "-c", "echo out; echo err >&2"), "Tty": True})
    pinned.start_container("c1")
    with pinned.logs("c1", follow=True) as pieces:
        assert b"".join(it.data for it in pieces) == b"out\r\nerr\r\n"


@pytest.mark.lab
def test_what_came_later_is_refused_or_done_another_way(pinned: DockerDaemon, api: str) -> None:
    def needs(since: str) -> Any:
        return nothing() if speaks(api, since) else pytest.raises(ActFailed, match=rf"speaks API {api}, .* needs 1\.")

    pinned.create_container("c1", body(api, "/bin/sleep", "3600"))
    with needs("1.22"):
        pinned.update_container("c1", {"NanoCpus": 1_000_000_000})
        whole = pinned.inspect_container("c1")
        assert whole is not None
        assert whole["HostConfig"]["NanoCpus"] == 1_000_000_000
    with needs("1.23"):
        pinned.update_container("c1", {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}})
    pinned.disconnect_network("lan", "c1")
    with needs("1.22"):
        pinned.connect_network("lan", "c1", address=f"{NET}.44")
        assert pinned.containers()[0].fixed == {"lan": f"{NET}.44"}
    with needs("1.25"):
        pinned.create_container("c3", {"Image": IMAGE, "HostConfig": {"Init": True, "NetworkMode": "none"}})
    with needs("1.23"):
        assert pinned.create_volume({"Name": "v2", "Labels": {"a": "b"}}) == "v2"
        assert {volume.name: volume.labels for volume in pinned.volumes()}["v2"] == {"a": "b"}


@contextmanager
def nothing() -> Iterator[None]:
    yield


# --- engines that are not to be had any more ---

Script = Callable[[Request], Answer | None]
OLD = {"Version": "1.9.1", "ApiVersion": "1.21", "GitCommit": "a34a1d5", "Os": "linux"}


@contextmanager
def engine_of(
    version: dict[str, str], script: Script, *, pin: str | None = None
) -> Iterator[tuple[DockerDaemon, Peer]]:
    def answer(request: Request) -> Answer | None:
        return reply(version) if request.path == "/version" else script(request)

    with Peer(answer, raw=True) as peer:
        place = Endpoint("tcp+plain", "127.0.0.1", peer.port, tls=False)
        it = DockerDaemon(place, traffic=Traffic(), pin=pin)
        try:
            yield it, peer
        finally:
            it.close()


LISTED = {
    "Id": "f00", "Names": ["/c1"], "Image": "busybox", "ImageID": "abc", "Command": "sleep 1", "Created": 1367854155,
    "Status": "Up 3 minutes (Paused)", "Ports": [], "Labels": {"a": "b"},
}  # fmt: skip
INSPECTED = {
    "Id": "f00",
    "Config": {"Tty": False},
    "HostConfig": {"CpuQuota": 50_000, "CpuPeriod": 100_000},
    "NetworkSettings": {"Networks": {"lan": {"IPAddress": "10.20.0.21"}}},
    "Mounts": [{"Name": "v1", "Destination": "/data"}],
}


def old_engine(request: Request) -> Answer:
    """As docker 1.9 answers: no state and no networks in its listing, errors as plain text."""
    match request.method, request.path.removeprefix("/v1.21").partition("?")[0]:
        case "GET", "/containers/json":
            return reply([LISTED, {**LISTED, "Id": "f01", "Names": ["/gone"]}])
        case "GET", "/containers/f00/json" | "/containers/c1/json":
            return reply(INSPECTED)
        case "POST", "/containers/create":
            return reply({"Id": "f00", "Warnings": ["odd"]}, "201 Created")
        case _:
            return reply("no such id: gone\n", "404 Not Found", content_type="text/plain; charset=utf-8")


def test_listing_of_an_old_engine_is_completed() -> None:
    with engine_of(OLD, old_engine) as (it, peer):
        (found,) = it.containers()
    assert (found.state, found.labels) == ("paused", {"a": "b"})
    assert (found.networks, found.addresses, found.volumes) == (("lan",), {"lan": "10.20.0.21"}, ("v1",))
    assert sum("/containers/json" in path for path in peer.paths) == 1


def test_old_engine_gets_bodies_of_its_time_and_answers_in_plain_text() -> None:
    end = {"MacAddress": MAC}
    wanted = {
        "Image": "busybox",
        "HostConfig": {"NetworkMode": "lan", "NanoCpus": 500_000_000},
        "NetworkingConfig": {"EndpointsConfig": {"lan": end}},
    }
    with engine_of(OLD, old_engine) as (it, peer):
        assert it.create_container("c1", wanted) == Created("f00", ("odd",))
        assert json.loads(peer.requests[-1].body) == {
            "Image": "busybox",
            "MacAddress": MAC,
            "HostConfig": {"NetworkMode": "lan", "CpuPeriod": 100_000, "CpuQuota": 50_000},
        }
        whole = it.inspect_container("c1")
        assert whole is not None
        assert whole["HostConfig"]["NanoCpus"] == 500_000_000
        assert it.inspect_container("gone") is None
        with pytest.raises(ActFailed, match=r"^no such id: gone$"):
            it.start_container("gone")


def test_what_an_old_engine_cannot_do_is_refused_before_anything_is_sent() -> None:
    with engine_of(OLD, old_engine) as (it, peer):
        for act, complaint in (
            (lambda: it.create_container("c1", {"HostConfig": {"Init": True}}), '"HostConfig.Init" needs 1.25'),
            (lambda: it.update_container("c1", {"Memory": 1}), "to change a container in place needs 1.22"),
            (lambda: it.connect_network("lan", "c1", address="10.0.0.2"), '"EndpointConfig.IPAMConfig" needs 1.22'),
            (lambda: it.create_network({"Name": "n", "Labels": {"a": "b"}}), '"Labels" needs 1.23'),
            (lambda: it.create_volume({"Name": "v", "Labels": {"a": "b"}}), '"Labels" needs 1.23'),
            (lambda: it.execute("c1", ["x"], timeout_s=5, environment={"A": "1"}), '"Env" needs 1.25'),
        ):
            with pytest.raises(ActFailed) as caught:
                act()
            assert str(caught.value) == f"the docker host 127.0.0.1 speaks API 1.21, {complaint}"
        assert peer.paths == []


def test_old_engine_takes_whole_seconds_and_no_one_shot() -> None:
    def script(request: Request) -> Answer:
        return reply("", content_type="") if "/logs" in request.path else old_engine(request)

    with engine_of(OLD, script) as (it, peer):
        with it.logs("c1", since_s=1700000000.75, tail=5) as pieces:
            assert list(pieces) == []
        assert peer.paths[0] == "GET /v1.21/containers/c1/logs?stdout=1&stderr=1&since=1700000000&tail=5"
        with pytest.raises(ActFailed, match="no such id"):
            it.stats("c1")
        assert peer.paths[-1] == "GET /v1.21/containers/c1/stats?stream=0"


def test_old_engine_does_not_tell_what_it_loaded(tmp_path: Path) -> None:
    archive, other = tmp_path / "image.tar", tmp_path / "other.tar"
    write_archive(archive, "a:1", "b:2")
    other.write_bytes(b"no archive")
    with engine_of(OLD, lambda _request: reply("", content_type="")) as (it, _):
        assert it.load_image(archive) == ("a:1", "b:2")
        assert it.load_image(other) == ()
        assert it.load_image(iter([b"x"])) == ()


NEW = {"Version": "29.0.0", "ApiVersion": "1.52", "MinAPIVersion": "1.44"}


def test_new_engine_gets_bodies_of_its_time() -> None:
    body = {"Image": "i", "MacAddress": MAC, "HostConfig": {"NetworkMode": "lan"}, "Platform": "linux/arm64"}
    with engine_of(NEW, lambda _request: reply({"Id": "f00"}, "201 Created")) as (it, peer):
        assert it.daemon().used_api == "1.52"
        it.create_container("c1", body)
        assert peer.paths == ["POST /v1.52/containers/create?name=c1&platform=linux%2Farm64"]
        assert json.loads(peer.requests[-1].body) == {
            "Image": "i",
            "HostConfig": {"NetworkMode": "lan"},
            "NetworkingConfig": {"EndpointsConfig": {"lan": {"MacAddress": MAC}}},
        }
        it.create_network({"Name": "n"})
        assert json.loads(peer.requests[-1].body) == {"Name": "n"}


@pytest.mark.parametrize(
    ("content_type", "data", "said"),
    [
        ("application/vnd.docker.multiplexed-stream", b"\1\0\0\0\0\0\0\3hi\n", [LogPiece(1, b"hi\n")]),
        ("application/vnd.docker.raw-stream", b"\1\0\0\0hi\n", [LogPiece(1, b"\1\0\0\0hi\n")]),
    ],
)
def test_new_engine_tells_how_a_log_comes(content_type: str, data: bytes, said: list[LogPiece]) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(data)}\r\n\r\n".encode()
    with engine_of(NEW, lambda _request: Answer((head + data,))) as (it, peer):
        with it.logs("c1", since_s=1700000000.5) as pieces:
            assert list(pieces) == said
        assert peer.paths == ["GET /v1.52/containers/c1/logs?stdout=1&stderr=1&since=1700000000.500000000"]


def test_pinned_version_is_used_in_every_path() -> None:
    both = {"ApiVersion": "1.41", "MinAPIVersion": "1.12"}
    with engine_of(both, lambda _request: reply([]), pin="v1.30") as (it, peer):
        assert it.daemon().used_api == "1.30"
        it.networks()
        assert peer.paths == ["GET /v1.30/networks"]
    with engine_of(both, lambda _request: reply([]), pin="1.44") as (it, peer):
        with pytest.raises(Unreachable, match=r"DOCKER_API_VERSION=1.44 cannot be used .*: expected 1.21 to 1.41"):
            it.networks()
        assert peer.paths == []


def test_pin_that_is_no_version_is_a_mistake_of_the_user() -> None:
    place = Endpoint("unix", path="/run/docker.sock", tls=False)
    with pytest.raises(InvalidInput, match=r'DOCKER_API_VERSION="newest" is no version: expected 1.21 to'):
        DockerDaemon(place, traffic=Traffic(), pin="newest")
    DockerDaemon(place, traffic=Traffic(), pin="").close()
