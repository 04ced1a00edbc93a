"""Looks that wait at the same time travel together."""

import threading
from typing import Any

import pytest

from tests.fakes.docker import FakeDocker
from xcatflow.errors import ActFailed, CannotTell, Interrupted, Unreachable
from xcatflow.model.question import (
    Container,
    ContainerDetails,
    Daemon,
    DockerNetwork,
    File,
    Image,
    ImageFacts,
    Port,
    Question,
    Reply,
    Shell,
    Volume,
)
from xcatflow.model.target import TargetRef
from xcatflow.transport.machine import DockerFace, Gather
from xcatflow.transport.pool import Machines


def test_looks_that_wait_are_answered_by_one() -> None:
    asked: list[tuple[Question[Any], ...]] = []
    gate, first = threading.Event(), threading.Event()

    def look(questions: tuple[Question[Any], ...]) -> dict[Question[Any], object]:
        asked.append(questions)
        first.set()
        gate.wait(10)
        return {question: str(question) for question in questions}

    gather = Gather(look)
    results: dict[int, object] = {}

    def one(number: int) -> None:
        results[number] = gather((Shell(f"q{number}"), Shell("same")))[Shell(f"q{number}")]

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    threads[0].start()
    assert first.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(gather._waiting) < 19:
        threading.Event().wait(0.005)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert len(asked) == 2
    assert len(asked[1]) == 20, "19 different questions and the one that all share"
    assert results == {number: str(Shell(f"q{number}")) for number in range(20)}


class Session:
    """A shell session that echoes what it is asked."""

    name = "m"

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.closed = self.cancelled = False

    def ask(self, scripts: Any, *, timeout_s: float) -> tuple[Reply, ...]:
        self.asked.append(tuple(scripts))
        return tuple(Reply(0, script.encode()) for script in scripts)

    def act(self, script: str, *, stdin: bytes = b"", timeout_s: float) -> Reply:
        return Reply(3, b"", b"first\nlast words\n") if script == "fail" else Reply(0, stdin, b"")

    def cancel(self) -> None:
        self.cancelled = True

    def close(self) -> None:
        self.closed = True


def machines(session: Session | None = None, docker: FakeDocker | None = None) -> Machines:
    def shell(name: str) -> Any:
        if session is None:
            raise Unreachable(f"{name}: no route")
        return session

    def daemon(endpoint: str) -> Any:
        if docker is None:
            raise Unreachable(f"{endpoint}: refused")
        return docker

    def authority() -> Any:
        raise AssertionError

    return Machines(open_shell=shell, open_docker=daemon, authority=authority, stopping=threading.Event())


REF = TargetRef("m", "m:2376")


def test_a_face_that_cannot_be_opened_is_an_answer_and_is_tried_again() -> None:
    pool = machines()
    given = pool.ask(("shell", "m"), (Shell("x"), File("/y")))
    assert all(isinstance(answer, Unreachable) for answer in given.values())
    given = pool.ask(("docker", "m:2376"), (Container("c"),))
    assert isinstance(given[Container("c")], Unreachable)


def test_a_target_is_connected_to_anew() -> None:
    session = Session()
    at = machines(session).target(REF, 10)
    at.reconnect()
    assert not session.closed, "there was nothing to give up"
    at.run("true", check=False)
    at.reconnect()
    assert session.closed


def test_a_bug_in_a_look_is_the_answer_for_all_who_asked() -> None:
    class Odd(Session):
        def ask(self, scripts: Any, *, timeout_s: float) -> tuple[Reply, ...]:
            raise ZeroDivisionError

    given = machines(Odd()).ask(("shell", "m"), (Shell("x"), File("/y")))
    assert [type(answer) for answer in given.values()] == [ZeroDivisionError, ZeroDivisionError]


def test_one_listing_answers_all_questions_about_containers_images_and_networks() -> None:
    docker = FakeDocker(images=["busybox:latest"])
    docker.create_container("c1", {"Image": "busybox:latest", "Labels": {"a": "b"}})
    pool = machines(docker=docker)
    docker.calls.clear()
    wanted = (Container("c1"), Container("c2"), Image("busybox"), Image("other"), DockerNetwork("none-such"), Daemon())
    given: Any = pool.ask(("docker", "m:2376"), wanted)
    assert given[Container("c1")].labels["a"] == "b"
    assert given[Container("c2")] is None
    assert given[Image("busybox")].tags == ("busybox:latest",)
    assert given[Image("other")] is None
    assert given[DockerNetwork("none-such")] is None
    assert given[Daemon()].engine
    assert len(docker.calls) == 4


def test_volumes_are_listed_once_and_containers_looked_at_one_by_one() -> None:
    docker = FakeDocker(images=["busybox:latest"])
    for name in ("c1", "c2"):
        docker.create_container(name, {"Image": "busybox:latest", "HostConfig": {"Binds": [f"v-{name}:/data"]}})
    docker.calls.clear()
    wanted = (
        *(Volume(f"v-c{number}") for number in (1, 2, 3)),
        *(ContainerDetails(f"c{number}") for number in (1, 2, 3)),
    )
    given: Any = machines(docker=docker).ask(("docker", "m:2376"), wanted)
    assert [given[Volume(name)] and given[Volume(name)].name for name in ("v-c1", "v-c2", "v-c3")] == [
        "v-c1",
        "v-c2",
        None,
    ]
    assert given[ContainerDetails("c2")]["Name"] == "/c2"
    assert given[ContainerDetails("c3")] is None
    assert docker.calls == {"volumes": 1, "inspect_container": 3}


def test_details_of_one_container_that_fail_spoil_no_other() -> None:
    class Half(FakeDocker):
        def inspect_container(self, name: str) -> Any:
            if name == "c1":
                raise ActFailed("cannot read it")
            return super().inspect_container(name)

    given = machines(docker=Half()).ask(("docker", "m:2376"), (ContainerDetails("c1"), ContainerDetails("c2")))
    assert isinstance(given[ContainerDetails("c1")], CannotTell)
    assert given[ContainerDetails("c2")] is None


def test_a_listing_that_fails_spoils_only_its_own_questions() -> None:
    class Half(FakeDocker):
        def images(self) -> Any:
            raise ActFailed("image store is broken")

    given = machines(docker=Half()).ask(("docker", "m:2376"), (Container("c"), Image("i")))
    assert given[Container("c")] is None
    assert isinstance(given[Image("i")], CannotTell)


def test_a_target_runs_acts_and_tells_what_the_machine_said() -> None:
    session = Session()
    pool = machines(session)
    at = pool.target(REF, 5)
    assert at.run("cat", stdin=b"text").out == b"text"
    with pytest.raises(ActFailed, match="m: exit status 3: last words") as caught:
        at.run("fail")
    assert caught.value.detail == "first\nlast words"
    assert at.run("fail", check=False).code == 3
    pool.cancel()
    pool.close()
    assert session.cancelled
    assert session.closed


def test_pausing_ends_when_the_run_is_stopped() -> None:
    pool = machines(Session())
    at = pool.target(REF, 5)
    at.pause(0)
    at.stopping.set()
    with pytest.raises(Interrupted):
        at.pause(60)


def test_ports_are_asked_from_here() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert machines().ask(("controller", ""), (Port("127.0.0.1", port),)) == {Port("127.0.0.1", port): True}
    nobody = (Port("127.0.0.1", port), Port("no..name", 22), Port("x" * 64, 22))
    assert machines().ask(("controller", ""), nobody) == dict.fromkeys(nobody, False)


def test_ports_that_are_silent_are_asked_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(40)
    monkeypatch.setattr("xcatflow.transport.pool.port_open", lambda _host, _port: together.wait(20) >= 0)
    ports = tuple(Port("192.0.2.1", number) for number in range(1, 41))
    assert machines().ask(("controller", ""), ports) == dict.fromkeys(ports, True)


@pytest.mark.parametrize(
    "written", ["busybox", "docker.io/library/busybox", "index.docker.io/busybox:latest", "library/busybox"]
)
def test_images_are_found_however_they_are_written(written: str) -> None:
    docker = FakeDocker(images=["busybox"])
    face = DockerFace(lambda: docker)
    (found,) = face.ask([Image(written)]).values()
    assert isinstance(found, ImageFacts)
    assert found.tags == ("busybox:latest",)


def test_a_digest_counts_and_not_the_tag_beside_it() -> None:
    pinned = f"lan.x/app@sha256:{'a' * 64}"
    docker = FakeDocker(registry=[pinned])
    docker.pull_image(pinned)
    (found,) = DockerFace(lambda: docker).ask([Image(pinned.replace("app@", "app:1@"))]).values()
    assert isinstance(found, ImageFacts)
    assert found.digests == (pinned,)


def test_an_image_is_known_by_the_beginning_of_its_id_unless_something_is_called_so() -> None:
    docker = FakeDocker(images=["busybox", "cafe"])
    ids = {image.tags[0]: image.id for image in docker.images()}
    face = DockerFace(lambda: docker)
    start = ids["busybox:latest"].removeprefix("sha256:")[:12]
    given = face.ask([Image(start), Image("cafe"), Image("deadbeef0000")])
    assert getattr(given[Image(start)], "id", "") == ids["busybox:latest"]
    assert getattr(given[Image("cafe")], "id", "") == ids["cafe:latest"]
    assert given[Image("deadbeef0000")] is None
