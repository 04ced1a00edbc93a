"""Every method of the adapter on a daemon that refuses, hangs, closes, or answers something else; and what is sent when all is well."""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.fakes.peer import DROP, Answer, Request, reply
from tests.unit.transport.daemons import always, daemon
from xcatflow.errors import ActFailed, CannotTell, DeadlineExceeded, Unreachable
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.docker_http import ConnectionLost
from xcatflow.transport.protocols import Created, RegistryAuth, Traffic

Act = Callable[[DockerDaemon], object]
AUTH = RegistryAuth("registry.test:5000", "me", "secret-word")

LOOKS: dict[str, Act] = {
    "GET /containers/json": lambda it: it.containers(),
    "GET /containers/c1/json": lambda it: it.inspect_container("c1"),
    "GET /containers/c1/stats": lambda it: it.stats("c1"),
    "GET /images/json": lambda it: it.images(),
    "GET /images/app:1/json": lambda it: it.image_details("app:1"),
    "GET /distribution/app:1/json": lambda it: it.registry_digest("app:1", auth=AUTH),
    "GET /networks": lambda it: it.networks(),
    "GET /volumes": lambda it: it.volumes(),
    "GET /info": lambda it: it.info(),
}
ACTS: dict[str, Act] = {
    "POST /containers/create?name=c1": lambda it: it.create_container("c1", {"Image": "app"}),
    "POST /containers/c1/start": lambda it: it.start_container("c1"),
    "POST /containers/c1/stop": lambda it: it.stop_container("c1", grace_s=0),
    "POST /containers/c1/restart": lambda it: it.restart_container("c1", grace_s=0),
    "POST /containers/c1/pause": lambda it: it.pause_container("c1"),
    "POST /containers/c1/unpause": lambda it: it.unpause_container("c1"),
    "DELETE /containers/c1": lambda it: it.remove_container("c1", force=True),
    "DELETE /containers/c2": lambda it: it.remove_container("c2", force=False, volumes=True),
    "POST /containers/c1/update": lambda it: it.update_container("c1", {"Memory": 1}),
    "POST /containers/c1/rename?name=c2": lambda it: it.rename_container("c1", "c2"),
    "POST /containers/c1/exec": lambda it: it.execute("c1", ["x"], timeout_s=20),
    "POST /networks/create": lambda it: it.create_network({"Name": "n"}),
    "DELETE /networks/n": lambda it: it.remove_network("n"),
    "POST /networks/n/connect": lambda it: it.connect_network("n", "c1", address=None),
    "POST /networks/n/disconnect": lambda it: it.disconnect_network("n", "c1"),
    "POST /volumes/create": lambda it: it.create_volume({"Name": "v"}),
    "DELETE /volumes/v": lambda it: it.remove_volume("v"),
    "POST /images/app:1/tag?repo=other&tag=2": lambda it: it.tag_image("app:1", "other:2"),
    "DELETE /images/app:1": lambda it: it.remove_image("app:1"),
    "POST /images/create?fromImage=app&tag=1": lambda it: it.pull_image("app:1", auth=AUTH),
    "POST /images/load": lambda it: it.load_image(iter([b"x"])),
    "POST /auth": lambda it: it.login(AUTH),
}
ANSWERED = {
    "POST /containers/create?name=c1",
    "POST /containers/c1/update",
    "POST /containers/c1/exec",
    "POST /networks/create",
    "POST /volumes/create",
}
"""Acts whose answer is read."""
PAGE = reply("<html>a gateway</html>", content_type="text/html; charset=utf-8")


def both(acts: dict[str, Act]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("told", "act"), acts.items(), ids=list(acts))


@both(LOOKS | ACTS)
def test_500_is_told_in_the_daemons_words(told: str, act: Act) -> None:
    with daemon(always(reply({"message": "it is broken\n"}, "500 Internal Server Error"))) as (it, peer):
        with pytest.raises(ActFailed, match=r"^it is broken$") as caught:
            act(it)
        assert caught.value.detail == f"{told}: HTTP status 500"
        assert len(peer.paths) == 1


@both(LOOKS | ACTS)
def test_silence_ends_in_time_and_nothing_is_repeated(told: str, act: Act) -> None:
    with daemon(always(None), request_s=0.2, stall_s=0.2) as (it, peer):
        with pytest.raises(DeadlineExceeded) as caught:
            act(it)
        if "exec" not in told:
            assert str(caught.value) == f"timeout after 0.2 s: {told}"
        assert len([path for path in peer.paths if not path.startswith("GET")]) <= 1


@both(ACTS)
def test_act_whose_connection_closes_is_not_repeated(told: str, act: Act) -> None:
    half = Answer((b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n[{",), close=True)
    for broken in (DROP, half):
        with daemon(always(broken)) as (it, peer):
            with pytest.raises(ConnectionLost) as caught:
                act(it)
            assert f"was lost during {told}; whether it was done is unknown" in str(caught.value)
            assert len([path for path in peer.paths if not path.startswith("GET")]) == 1


@both(LOOKS)
def test_look_whose_connection_closes_is_repeated_once(told: str, act: Act) -> None:
    with daemon(always(DROP)) as (it, peer):
        with pytest.raises(Unreachable, match=r"it closes the connection before GET .* is answered"):
            act(it)
        assert len(peer.paths) == 2


@both(LOOKS | {told: act for told, act in ACTS.items() if told in ANSWERED})
def test_page_instead_of_json(told: str, act: Act) -> None:
    with (
        daemon(always(PAGE)) as (it, _),
        pytest.raises(CannotTell, match=r"^The content type: text/html is unable to be parsed\.$"),
    ):
        act(it)


@both({told: LOOKS[told] for told in ("GET /volumes", "GET /networks", "GET /images/json")})
def test_answer_of_another_form(told: str, act: Act) -> None:
    with daemon(always(reply({"message": "x"}))) as (it, _), pytest.raises(CannotTell, match="in another form than"):
        act(it)


def test_streams_that_are_pages() -> None:
    acts: tuple[Act, ...] = (lambda it: it.pull_image("app", auth=AUTH), lambda it: it.load_image(iter([b"x"])))
    for act in acts:
        with daemon(always(PAGE)) as (it, _), pytest.raises(CannotTell, match='expected JSON, found "<html>a gateway'):
            act(it)


def test_daemon_that_answers_drop_by_drop_is_not_waited_for() -> None:
    def drops() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"
        for _ in range(40):
            time.sleep(0.1)
            yield b" "

    with daemon(lambda _request: Answer(drops()), request_s=0.5) as (it, _):
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"^timeout after 0\.5 s: GET /networks$"):
            it.networks()
        assert time.monotonic() - begun < 3


def test_redirection_is_not_followed() -> None:
    there = Answer((b"HTTP/1.1 301 Moved\r\nLocation: /v1.41/containers/json\r\nContent-Length: 0\r\n\r\n",))
    with daemon(always(there)) as (it, peer), pytest.raises(ActFailed, match=r"^unknown http status code 301$"):
        it.info()
    assert len(peer.paths) == 1


@pytest.mark.parametrize(
    ("name", "encoded"), [("a b", "a%20b"), ("a/b", "a%2Fb"), ("a?x=1#y", "a%3Fx%3D1%23y"), ("ü%", "%C3%BC%25")]
)
def test_names_are_encoded(name: str, encoded: str) -> None:
    with daemon(always(reply({"Id": "f00"}))) as (it, peer):
        it.inspect_container(name)
        it.create_container(name, {"Image": "app"})
        it.image_details("registry.test:5000/team/app:1 x")
    query = encoded.replace("%20", "+")
    assert peer.paths == [
        f"GET /v1.41/containers/{encoded}/json",
        f"POST /v1.41/containers/create?name={query}",
        "GET /v1.41/images/registry.test:5000/team/app:1%20x/json",
    ]


@pytest.mark.parametrize("name", ["", ".", "..", "../networks/n", "a/../b", "a//b"])
def test_name_that_would_be_another_path_is_refused(name: str) -> None:
    with daemon(always(reply({}))) as (it, peer):
        acts: tuple[Act, ...] = (
            lambda it: it.remove_container(name, force=True),
            lambda it: it.remove_image(name),
            lambda it: it.remove_network(name),
            lambda it: it.remove_volume(name),
        )
        for act in acts:
            with pytest.raises(ActFailed, match="is no name of anything in"):
                act(it)
    assert peer.paths == []


def answers(request: Request) -> Answer:
    """A daemon to which everything is well."""
    path = request.path.removeprefix("/v1.41")
    match request.method, path.partition("?")[0]:
        case "POST", "/containers/create":
            return reply({"Id": "f00", "Warnings": ["no swap limit"]}, "201 Created")
        case "POST", "/containers/c1/update":
            return reply({"Warnings": ["odd"]})
        case "POST", "/containers/c1/start" | "/containers/c1/stop":
            return Answer((b"HTTP/1.1 304 Not Modified\r\n\r\n",))
        case "GET", "/containers/c1/json":
            return reply({"Id": "f00", "Config": {"StopTimeout": 90}})
        case "GET", "/volumes":
            return reply({"Volumes": None, "Warnings": None})
        case "GET", "/containers/c1/stats":
            return reply({"name": "/c1"})
        case _:
            return Answer((b"HTTP/1.1 204 No Content\r\n\r\n",))


def test_what_is_sent_and_what_comes_back() -> None:
    traffic = Traffic()
    with daemon(answers, traffic=traffic) as (it, peer):
        assert it.create_container("c1", {"Image": "app"}) == Created("f00", ("no swap limit",))
        assert it.update_container("c1", {"Memory": 1}) == ("odd",)
        assert it.start_container("c1") is False
        assert it.stop_container("c1", grace_s=3) is False
        it.restart_container("c1", grace_s=None)
        assert it.stats("c1") == {"name": "/c1"}
        assert it.volumes() == ()
        it.connect_network("n", "c1", address="10.0.0.2", address6="fd00::2")
        it.tag_image("app:1", "registry.test:5000/app")
        assert [path.replace("/v1.41", "") for path in peer.paths] == [
            "POST /containers/create?name=c1",
            "POST /containers/c1/update",
            "POST /containers/c1/start",
            "POST /containers/c1/stop?t=3",
            "GET /containers/c1/json",
            "POST /containers/c1/restart",
            "GET /containers/c1/stats?stream=0&one-shot=1",
            "GET /volumes",
            "POST /networks/n/connect",
            "POST /images/app:1/tag?repo=registry.test%3A5000%2Fapp&tag=latest",
        ]
        assert json.loads(peer.requests[9].body) == {
            "Container": "c1",
            "EndpointConfig": {"IPAMConfig": {"IPv4Address": "10.0.0.2", "IPv6Address": "fd00::2"}},
        }
        assert (traffic.docker_requests, traffic.docker_connections, peer.connections) == (11, 2, 2), (
            "stops have theirs"
        )


def test_own_time_to_stop_is_waited_for() -> None:
    def silent(request: Request) -> Answer | None:
        return reply({"Config": {"StopTimeout": 1}}) if request.method == "GET" else None

    with daemon(silent, request_s=0.2) as (it, peer):
        with pytest.raises(DeadlineExceeded, match=r"^timeout after 1\.2 s: POST /containers/c1/stop$"):
            it.stop_container("c1", grace_s=None)
        assert peer.paths[-1] == "POST /v1.41/containers/c1/stop"


def test_reconnections_are_counted() -> None:
    traffic = Traffic()
    with daemon(lambda _request: reply([], close=True), traffic=traffic) as (it, peer):
        for _ in range(4):
            it.networks()
        assert traffic.docker_connections == peer.connections >= 4
