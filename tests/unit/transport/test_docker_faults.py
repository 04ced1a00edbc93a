"""A daemon that answers wrongly, late, half or not at all."""

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.peer import DROP, VERSION, Answer, Peer, Request, chunked, reply
from xcatflow.errors import ActFailed, CannotTell, DeadlineExceeded, InvalidInput, Unreachable, XcatflowError
from xcatflow.model.docker_api import NEWEST_API
from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.docker_http import Call, ConnectionLost, DockerTimeouts, translate
from xcatflow.transport.protocols import Created, Traffic

Script = Callable[[Request], Answer | None]
Start = Callable[..., tuple[DockerDaemon, Peer]]
BODY: dict[str, Any] = {"Image": "busybox", "Labels": {"xcatflow.made-from": "abc"}}


@pytest.fixture
def start() -> Iterator[Start]:
    """Makes a peer with a script and a daemon speaking plain HTTP to it."""
    running: list[tuple[DockerDaemon, Peer]] = []

    def begin(
        script: Script, *, raw: bool = False, request_s: float = 20, stall_s: float = 20
    ) -> tuple[DockerDaemon, Peer]:
        peer = Peer(script, raw=raw)
        peer.__enter__()
        place = Endpoint("tcp+plain", "127.0.0.1", peer.port, tls=False)
        daemon = DockerDaemon(
            place, traffic=Traffic(), timeouts=DockerTimeouts(connect_s=10, request_s=request_s, stall_s=stall_s)
        )
        running.append((daemon, peer))
        return daemon, peer

    yield begin
    for daemon, peer in running:
        daemon.close()
        peer.__exit__(None, None, None)


def always(answer: Answer | None) -> Script:
    return lambda request: answer


def in_turn(*answers: Answer | None) -> Script:
    rest = iter(answers)
    return lambda request: next(rest)


def test_version_is_asked_once_and_used_in_every_path(start: Start) -> None:
    daemon, peer = start(always(reply([])))
    assert daemon.containers() == ()
    assert daemon.networks() == ()
    assert [it.path.partition("?")[0] for it in peer.requests] == [
        "/version",
        "/v1.41/containers/json",
        "/v1.41/networks",
    ]
    assert peer.connections == 1


def test_daemon_asks_anew(start: Start) -> None:
    daemon, peer = start(always(reply([])))
    assert daemon.daemon().used_api == "1.41"
    assert daemon.daemon().engine == "20.10.24"
    assert len(peer.requests) == 2


def test_listing_containers_is_one_request(start: Start) -> None:
    daemon, peer = start(
        always(reply([{"Id": f"{n}", "Names": [f"/c{n}"], "Image": "i", "State": "running"} for n in range(50)]))
    )
    assert len(daemon.containers()) == 50
    assert [path.partition("?")[0] for path in peer.paths] == ["GET /v1.41/containers/json"]
    assert "all=1" in peer.paths[0]


def test_traffic_is_counted(start: Start) -> None:
    traffic = Traffic()
    _, peer = start(always(reply([])))
    daemon = DockerDaemon(Endpoint("tcp+plain", "127.0.0.1", peer.port, tls=False), traffic=traffic)
    daemon.containers()
    daemon.containers()
    daemon.images()
    daemon.close()
    assert (traffic.docker_requests, traffic.docker_container_lists, traffic.docker_connections) == (4, 2, 1)
    assert traffic.per_target == {
        f"tcp+plain://127.0.0.1:{peer.port}": {
            "docker_requests": 4,
            "docker_container_lists": 2,
            "docker_connections": 1,
        }
    }


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        (
            {"ApiVersion": "1.20"},
            "Docker API 1.20 of host 127.0.0.1 is not supported: it speaks 1.12 to 1.20, expected 1.21 to",
        ),
        (
            {"ApiVersion": "9.9", "MinAPIVersion": "9.1"},
            "Docker API 9.1 of host 127.0.0.1 is not supported: it speaks 9.1 to 9.9",
        ),
    ],
)
def test_versions_without_overlap(start: Start, version: dict[str, str], complaint: str) -> None:
    daemon, _ = start(always(reply(version)), raw=True)
    with pytest.raises(Unreachable) as caught:
        daemon.containers()
    assert str(caught.value).startswith(complaint)


def test_best_version_of_the_overlap_is_used(start: Start) -> None:
    daemon, _ = start(always(reply({**VERSION, "ApiVersion": "9.9", "MinAPIVersion": "1.44"})), raw=True)
    assert daemon.daemon().used_api == NEWEST_API
    daemon, peer = start(in_turn(reply({"ApiVersion": "1.24"}), reply([])), raw=True)
    daemon.containers()
    assert peer.paths[0].startswith("GET /v1.24/containers/json")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (
            reply("<html>hello</html>", content_type="text/html"),
            "The content type: text/html is unable to be parsed.",
        ),
        (reply("<html>hello</html>"), 'GET /version: expected JSON, found "<html>hello</html>"'),
        (
            reply({"Version": "1"}),
            "answered GET /version in another form than the Engine API's: KeyError('ApiVersion')",
        ),
        (reply([1]), "answered GET /version in another form"),
        (reply({"ApiVersion": "new"}), "answered GET /version in another form"),
    ],
)
def test_peer_that_is_no_daemon(start: Start, answer: Answer, complaint: str) -> None:
    daemon, _ = start(always(answer), raw=True)
    with pytest.raises(CannotTell) as caught:
        daemon.daemon()
    assert complaint in str(caught.value)


@pytest.mark.parametrize("answer", [reply({"message": "x"}), reply([{"Names": ["/c1"]}]), reply("no json")])
def test_listing_in_another_form_is_never_an_empty_listing(start: Start, answer: Answer) -> None:
    daemon, _ = start(always(answer))
    with pytest.raises(CannotTell, match="containers/json"):
        daemon.containers()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        ("500 Internal Server Error", {"message": "driver failed programming\n"}, "driver failed programming"),
        ("500 Internal Server Error", "old engines answer with plain text\n", "old engines answer with plain text"),
        ("500 Internal Server Error", "", "server error"),
        ("503 Service Unavailable", "", "service unavailable"),
        ("500 Internal Server Error", {"error": "another shape"}, '{"error": "another shape"}'),
        ("500 Internal Server Error", [1, 2], "[1, 2]"),
        ("502 Bad Gateway", "", "unknown http status code 502"),
        ("409 Conflict", "", "conflict"),
    ],
)
def test_refusals_carry_the_daemons_words(start: Start, status: str, body: Any, message: str) -> None:
    daemon, _ = start(always(reply(body, status, content_type="text/plain")))
    with pytest.raises(ActFailed) as caught:
        daemon.start_container("c1")
    assert str(caught.value) == message
    assert caught.value.detail == f"POST /containers/c1/start: HTTP status {status[:3]}"
    with pytest.raises(ActFailed) as looked:
        daemon.containers()
    assert str(looked.value) == message


def test_page_of_a_gateway_is_not_printed(start: Start) -> None:
    daemon, _ = start(always(reply("<html>long page</html>", "500 Oops", content_type="text/html; charset=utf-8")))
    with pytest.raises(ActFailed, match=r"^server error$"):
        daemon.networks()


def test_a_failure_met_while_another_one_is_handled_is_told_as_itself(start: Start) -> None:
    refused = reply({"message": "first"}, "409 Conflict")
    missing = reply({"message": "No such container: c1"}, "404 Not Found")
    daemon, _ = start(in_turn(refused, missing, reply({"message": "second"}, "500 Internal Server Error")))
    told: list[object] = []
    try:
        daemon.start_container("c1")
    except ActFailed as first:
        told.append(str(first))
        told.append(daemon.inspect_container("c1"))
        with pytest.raises(ActFailed) as second:
            daemon.stop_container("c1", grace_s=0)
        told.append(str(second.value))
    assert told == ["first", None, "second"]


def test_404_without_no_such_is_no_absence(start: Start) -> None:
    daemon, _ = start(always(reply({"message": "page not found"}, "404 Not Found")))
    with pytest.raises(ActFailed, match="page not found"):
        daemon.inspect_container("c1")


def test_silence_ends_in_time_and_is_not_asked_twice(start: Start) -> None:
    daemon, peer = start(always(None), request_s=0.3)
    with pytest.raises(DeadlineExceeded, match=r"^timeout after 0.3 s: GET /containers/json$"):
        daemon.containers()
    assert len(peer.paths) == 1


def test_grace_period_adds_to_the_deadline(start: Start) -> None:
    daemon, peer = start(always(None), request_s=0.2)
    with pytest.raises(DeadlineExceeded, match=r"^timeout after 1.2 s: POST /containers/c1/stop$"):
        daemon.stop_container("c1", grace_s=1)
    assert peer.paths == ["POST /v1.41/containers/c1/stop?t=1"]


def test_broken_kept_connection_is_replaced(start: Start) -> None:
    daemon, peer = start(always(reply([], close=True)))
    for _ in range(3):
        assert daemon.networks() == ()
    assert peer.connections >= 3


def test_look_is_repeated_once_when_its_connection_breaks(start: Start) -> None:
    half = Answer((b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{",), close=True)
    for broken in (DROP, half):
        daemon, peer = start(in_turn(broken, reply([])))
        assert daemon.networks() == ()
        assert len(peer.paths) == 2
        daemon, peer = start(always(broken))
        with pytest.raises(Unreachable, match="it closes the connection before GET /networks is answered"):
            daemon.networks()
        assert len(peer.paths) == 2


def test_version_question_is_repeated_once_too(start: Start) -> None:
    daemon, peer = start(in_turn(DROP, reply(VERSION)), raw=True)
    assert daemon.daemon().api == "1.41"
    daemon, peer = start(always(DROP), raw=True)
    with pytest.raises(Unreachable, match="it closes the connection before GET /version is answered"):
        daemon.daemon()
    assert len(peer.requests) == 2


def test_failed_version_question_is_not_remembered(start: Start) -> None:
    daemon, _ = start(in_turn(reply("", "503 Busy"), reply(VERSION), reply([])), raw=True)
    with pytest.raises(ActFailed, match="service unavailable"):
        daemon.containers()
    assert daemon.containers() == ()


def test_daemon_exchanged_for_one_of_another_version(start: Start, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"image")
    old = reply({"message": "client version 1.41 is too old. Minimum supported API version is 1.44"}, "400 Bad Request")
    newer = reply({"ApiVersion": "1.45", "MinAPIVersion": "1.44"})
    for answers, use in (
        ((old, newer, reply([])), lambda daemon: daemon.containers()),
        ((old, newer, reply({"stream": "Loaded image: a:1"})), lambda daemon: daemon.load_image(archive)),
    ):
        daemon, peer = start(in_turn(reply(VERSION), *answers), raw=True)
        use(daemon)
        assert [path.partition("/")[2][:5] for path in peer.paths] == ["v1.41", "v1.45"]
        assert peer.requests[1].body == peer.requests[3].body
    daemon, _ = start(in_turn(reply(VERSION), old, reply(VERSION), old), raw=True)
    with pytest.raises(ActFailed, match=r"client version 1.41 is too old"):
        daemon.containers()


def test_act_is_never_repeated(start: Start) -> None:
    daemon, peer = start(always(DROP))
    with pytest.raises(
        ConnectionLost, match="was lost during POST /containers/c1/start; whether it was done is unknown"
    ):
        daemon.start_container("c1")
    assert peer.paths == ["POST /v1.41/containers/c1/start"]


@pytest.mark.parametrize("silence", [False, True])
def test_create_with_a_lost_reply_looks_by_name(start: Start, silence: bool) -> None:
    labels = {"xcatflow.made-from": "abc", "more": "of the image"}
    lost = None if silence else DROP

    def script(request: Request) -> Answer | None:
        return reply({"Id": "f00", "Config": {"Labels": labels}}) if request.method == "GET" else lost

    daemon, peer = start(script, request_s=0.3 if silence else 20)
    assert daemon.create_container("c1", BODY) == Created("f00")
    assert peer.paths == ["POST /v1.41/containers/create?name=c1", "GET /v1.41/containers/c1/json"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (BODY, reply({"message": "No such container: c1"}, "404 Not Found")),
        (BODY, reply({"Id": "f00", "Config": {"Labels": {"xcatflow.made-from": "other"}}})),
        ({"Image": "busybox"}, reply({"Id": "f00", "Config": {"Labels": {}}})),
        (BODY, DROP),
    ],
)
def test_create_with_a_lost_reply_claims_nothing_it_cannot_know(
    start: Start, body: dict[str, Any], found: Answer
) -> None:
    daemon, _ = start(lambda request: found if request.method == "GET" else DROP)
    with pytest.raises(ConnectionLost):
        daemon.create_container("c1", body)


def test_network_with_a_lost_reply_is_looked_for(start: Start) -> None:
    listed = [{"Id": "n1", "Name": "net0", "Labels": {}}, {"Id": "n2", "Name": "net0", "Labels": {"a": "b"}}]
    daemon, peer = start(lambda request: reply(listed) if request.method == "GET" else DROP)
    assert daemon.create_network({"Name": "net0", "Labels": {"a": "b"}}) == "n2"
    assert json.loads(peer.requests[1].body) == {"CheckDuplicate": True, "Name": "net0", "Labels": {"a": "b"}}
    with pytest.raises(ConnectionLost):
        daemon.create_network({"Name": "net1", "Labels": {"a": "b"}})


def test_mac_goes_where_the_version_looks_for_it(start: Start) -> None:
    body = {"Image": "i", "NetworkingConfig": {"EndpointsConfig": {"lan": {"MacAddress": "02:42:0a:14:00:15"}}}}
    daemon, peer = start(always(reply({"Id": "f00"}, "201 Created")))
    assert daemon.create_container("c1", body) == Created("f00")
    assert json.loads(peer.requests[1].body) == {
        "Image": "i",
        "MacAddress": "02:42:0a:14:00:15",
        "NetworkingConfig": {"EndpointsConfig": {"lan": {}}},
    }


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("busybox", "busybox", "latest"),
        ("registry.test:5000/team/app", "registry.test%3A5000%2Fteam%2Fapp", "latest"),
        ("registry.test:5000/app:1.2", "registry.test%3A5000%2Fapp", "1.2"),
        ("app@sha256:" + "0" * 64, "app%40sha256%3A" + "0" * 64, None),
        ("app:1@sha256:" + "0" * 64, "app%40sha256%3A" + "0" * 64, None),
    ],
)
def test_pull_names_one_tag_or_digest(start: Start, reference: str, repository: str, tag: str | None) -> None:
    daemon, peer = start(always(chunked('{"status":"Pulling"}\r\n', '{"status":"done"}\r\n')))
    daemon.pull_image(reference)
    query = f"fromImage={repository}" + (f"&tag={tag}" if tag else "")
    assert peer.paths == [f"POST /v1.41/images/create?{query}"]


@pytest.mark.parametrize(
    "answer",
    [
        chunked('{"status":"Pulling"}\r\n{"errorDe', 'tail":{"message":"denied: no ac', 'cess"},"error":"denied"}\r\n'),
        chunked('{"error":"denied: no access"}'),
        reply({"errorDetail": {"message": "denied: no access"}, "error": "x"}),
        reply({"message": "denied: no access"}, "404 Not Found"),
    ],
)
def test_pull_reads_the_errors_of_the_stream(start: Start, answer: Answer) -> None:
    daemon, _ = start(always(answer))
    with pytest.raises(ActFailed, match=r"^denied: no access$"):
        daemon.pull_image("busybox")


def test_pull_that_is_cut_off_did_not_succeed(start: Start) -> None:
    daemon, _ = start(always(chunked('{"status":"Pulling"}', end=False, close=True)))
    with pytest.raises(ConnectionLost, match=r"lost during POST /images/create\?fromImage=busybox&tag=latest"):
        daemon.pull_image("busybox")
    daemon, _ = start(always(chunked('{"status":"Pul')))
    with pytest.raises(CannotTell, match=r'expected JSON, found "{"status":"Pul"'):
        daemon.pull_image("busybox")


def test_pull_that_stalls_ends(start: Start) -> None:
    def pieces() -> Iterator[bytes]:
        yield from chunked('{"status":"Pulling"}', end=False).pieces
        threading.Event().wait(1)

    daemon, _ = start(always(Answer(pieces())), stall_s=0.3)
    with pytest.raises(DeadlineExceeded, match=r"^timeout after 0.3 s: POST /images/create"):
        daemon.pull_image("busybox")


def test_pull_sends_the_users_credentials(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"auths": {"registry.test": {"auth": "bWU6cGFzcw=="}}}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    daemon, peer = start(always(chunked("{}")))
    daemon.pull_image("registry.test/app:1")
    assert peer.requests[1].headers["x-registry-auth"]


def test_reference_that_is_none_is_refused(start: Start) -> None:
    daemon, peer = start(always(chunked("{}")))
    with pytest.raises(ActFailed, match="no image reference"):
        daemon.pull_image("docker://busybox")
    assert peer.paths == []


def test_load_reads_names_and_errors(start: Start, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"x" * 100_000)
    daemon, peer = start(
        in_turn(
            chunked('{"stream":"Loaded image: a:1\\n"}\r\n{"stream":"Loaded', ' image ID: sha256:12\\n"}'),
            chunked('{"errorDetail":{"message":"bad archive"},"error":"bad archive"}'),
            reply({"message": "no space left on device"}, "500 Oops"),
        )
    )
    assert daemon.load_image(archive) == ("a:1", "sha256:12")
    assert peer.requests[1].body == archive.read_bytes()
    with pytest.raises(ActFailed, match=r"^bad archive$"):
        daemon.load_image(archive)
    with pytest.raises(ActFailed, match=r"^no space left on device$"):
        daemon.load_image(archive)


def test_at_most_eight_requests_at_once(start: Start) -> None:
    lock, full = threading.Lock(), threading.Event()
    now: list[int] = [0, 0]

    def script(request: Request) -> Answer:
        with lock:
            now[0] += 1
            now[1] = max(now)
            if now[0] >= 8:
                full.set()
        full.wait(20)
        with lock:
            now[0] -= 1
        return reply([])

    daemon, _ = start(script)
    daemon.daemon()
    threads = [threading.Thread(target=daemon.networks) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert now == [0, 8]


def test_environment_changes_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    daemon, _ = start(always(reply([])))
    assert daemon.networks() == ()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    daemon = DockerDaemon(Endpoint("tcp+plain", "127.0.0.1", port, tls=False), traffic=Traffic())
    with pytest.raises(Unreachable) as caught:
        daemon.containers()
    assert str(caught.value) == f"cannot connect to docker host 127.0.0.1:{port}: connection refused"


def test_no_such_socket(tmp_path: Path) -> None:
    daemon = DockerDaemon(Endpoint("unix", path=str(tmp_path / "docker.sock"), tls=False), traffic=Traffic())
    with pytest.raises(Unreachable, match=r"cannot connect to docker host /.*docker.sock: no such file or directory"):
        daemon.containers()


def test_name_without_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    daemon = DockerDaemon(Endpoint("tcp+plain", "host01", 2375, tls=False), traffic=Traffic())
    with pytest.raises(Unreachable, match=r"^cannot connect to docker host host01:2375: its name has no address"):
        daemon.containers()


def test_address_is_used_instead_of_the_name(start: Start) -> None:
    _, peer = start(always(reply([])))
    place = Endpoint("tcp+plain", "no-such-name", peer.port, tls=False)
    daemon = DockerDaemon(place, address="127.0.0.1", traffic=Traffic())
    assert daemon.networks() == ()
    daemon.close()
    refused = DockerDaemon(Endpoint("tcp+plain", "host01", 9, tls=False), address="127.0.0.1", traffic=Traffic())
    with pytest.raises(Unreachable, match=r"docker host host01:9 \(127.0.0.1\): connection refused"):
        refused.networks()


def test_peer_that_speaks_something_else(start: Start) -> None:
    daemon, _ = start(always(Answer((b"SSH-2.0-OpenSSH_9.2\r\n",), close=True)), raw=True)
    with pytest.raises(Unreachable, match="what listens there does not speak HTTP"):
        daemon.containers()


def test_listening_but_full_queue_or_silent_route(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*args: Any, **options: Any) -> Any:
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket.socket, "connect", slow)
    daemon = DockerDaemon(Endpoint("tcp+plain", "192.0.2.1", 2375, tls=False), traffic=Traffic())
    with pytest.raises(Unreachable, match=r"docker host 192.0.2.1:2375: no answer within 5 s"):
        daemon.containers()


def test_endpoint_with_tls_needs_files() -> None:
    with pytest.raises(InvalidInput, match='docker host "host01:2376" needs TLS files'):
        DockerDaemon(Endpoint("tcp", "host01", 2376), traffic=Traffic())


def test_closed_daemon_keeps_nothing_open(start: Start) -> None:
    daemon, peer = start(always(reply([])))
    daemon.networks()
    daemon.close()
    assert daemon.networks() == ()
    assert peer.connections == 2


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (RuntimeError("strange"), ActFailed, "GET /x failed on docker host h:1: strange"),
        (RuntimeError(), ActFailed, "GET /x failed on docker host h:1: RuntimeError"),
        (OSError(os.strerror(113)), ActFailed, "GET /x failed on docker host h:1: No route to host"),
        (OSError(113, os.strerror(113)), Unreachable, "cannot connect to docker host h:1: no route to host"),
        (ActFailed("own"), ActFailed, "own"),
    ],
)
def test_whatever_happens_becomes_an_error_of_the_house(
    error: Exception, kind: type[XcatflowError], words: str
) -> None:
    found = translate(error, Call("h:1", "GET", "/x", 60, 5))
    assert type(found) is kind
    assert str(found) == words
