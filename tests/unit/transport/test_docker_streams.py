"""Answers that come bit by bit: logs, commands run inside, archives; and what becomes of them when they stop half way."""

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.peer import DROP, Answer, Request, chunked, reply
from tests.unit.transport.daemons import Script, always, daemon, in_turn
from xcatflow.errors import ActFailed, CannotTell, DeadlineExceeded, Unreachable
from xcatflow.model.question import Reply
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.docker_http import ConnectionLost
from xcatflow.transport.docker_progress import Progress
from xcatflow.transport.docker_streams import unframed
from xcatflow.transport.protocols import LogPiece, Traffic

FRAMED = "application/octet-stream"
NO_TTY = reply({"Id": "f00", "Config": {"Tty": False}})
TTY = reply({"Id": "f00", "Config": {"Tty": True}})


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


def logs_of(log: Answer | None, inspected: Answer = NO_TTY) -> Script:
    return lambda request: log if "/logs" in request.path else inspected


def frames(*data: bytes, **options: Any) -> Answer:
    return chunked(*data, content_type=FRAMED, **options)


def held_open(*data: bytes) -> Answer:
    """Says something, and then no more for a second."""

    def pieces() -> Iterator[bytes]:
        yield from frames(*data, end=False).pieces
        threading.Event().wait(1)

    return Answer(pieces())


def read(it: DockerDaemon, **options: Any) -> list[LogPiece]:
    with it.logs("c1", **options) as pieces:
        return list(pieces)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.binary(max_size=40))), st.lists(st.integers(0, 400), max_size=12)
)
def test_frames_may_be_cut_anywhere(said: list[tuple[int, bytes]], cuts: list[int]) -> None:
    data = b"".join(frame(stream, part) for stream, part in said)
    marks = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = list(unframed(data[start:end] for start, end in pairwise(marks)))
    for stream, sources in ((1, (0, 1)), (2, (2,))):
        assert b"".join(it.data for it in pieces if it.stream == stream) == b"".join(
            part for source, part in said if source in sources
        )


def test_frames_that_are_none() -> None:
    with pytest.raises(ValueError, match="expected a frame, found b'no frame'"):
        list(unframed([b"no frames here"]))
    for cut in (frame(1, b"abc")[:-1], frame(1, b"abc")[:5], frame(1, b"abc")[:8]):
        with pytest.raises(ValueError, match="it ends within a frame"):
            list(unframed([cut]))


def test_trouble_that_the_daemon_tells_in_a_frame() -> None:
    with pytest.raises(ActFailed, match=r"^Error grabbing logs: broken$"):
        list(unframed([frame(1, b"a"), frame(3, b"Error grabbing logs: broken\n")]))


def test_log_is_unframed_or_raw_as_the_container_is() -> None:
    with daemon(logs_of(frames(frame(1, b"out\n") + frame(2, b"er"), frame(2, b"r\n")))) as (it, peer):
        assert read(it, tail=3) == [LogPiece(1, b"out\n"), LogPiece(2, b"er"), LogPiece(2, b"r\n")]
        assert peer.paths == [
            "GET /v1.41/containers/c1/logs?stdout=1&stderr=1&tail=3",
            "GET /v1.41/containers/c1/json",
        ]
    with daemon(logs_of(frames(b"out\r\n"), TTY)) as (it, _):
        assert read(it) == [LogPiece(1, b"out\r\n")]


def test_log_that_is_no_log() -> None:
    with (
        daemon(logs_of(frames(b"<html>gateway</html>"))) as (it, _),
        pytest.raises(CannotTell, match="expected a frame"),
    ):
        read(it)
    with daemon(logs_of(frames(frame(1, b"abc")[:-1]))) as (it, _), pytest.raises(CannotTell, match="within a frame"):
        read(it)


def test_log_that_stops_half_way() -> None:
    for broken in (frames(frame(1, b"abc"), end=False, close=True), Answer((HALF,), close=True)):
        with daemon(logs_of(broken)) as (it, peer):
            with pytest.raises(ConnectionLost, match=r"was lost during GET /containers/c1/logs"):
                read(it)
            assert len([path for path in peer.paths if "/logs" in path]) == 1


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + frame(1, b"abc")


def test_log_that_hangs_ends_in_time() -> None:
    with daemon(logs_of(held_open(frame(1, b"abc"))), request_s=0.3) as (it, _), it.logs("c1") as pieces:
        assert next(pieces) == LogPiece(1, b"abc")
        with pytest.raises(DeadlineExceeded, match=r"^timeout after 0.3 s: GET /containers/c1/logs$"):
            next(pieces)
    with daemon(logs_of(None), request_s=0.3) as (it, _), pytest.raises(DeadlineExceeded, match=r"after 0\.3 s"):
        read(it, follow=True)


def test_log_that_is_refused() -> None:
    words = {"message": "configured logging driver does not support reading"}
    refused = pytest.raises(ActFailed, match=r"^configured logging driver does not support reading$")
    with daemon(logs_of(reply(words, "501 Not Implemented"))) as (it, _), refused:
        read(it)


def test_followed_log_may_be_silent_and_is_left_from_another_thread() -> None:
    with daemon(logs_of(held_open(frame(1, b"abc"))), request_s=0.3) as (it, _):
        it.daemon()
        said: list[LogPiece] = []
        context = it.logs("c1", follow=True)
        pieces = context.__enter__()
        reader = threading.Thread(target=lambda: said.extend(pieces))
        reader.start()
        time.sleep(0.5)  # longer than an answer may take
        assert reader.is_alive()
        context.__exit__(None, None, None)
        reader.join(10)
        assert not reader.is_alive()
        assert said == [LogPiece(1, b"abc")]


def test_many_followed_logs_keep_nobody_waiting() -> None:
    over = threading.Event()

    def waiting(request: Request) -> Answer:
        def pieces() -> Iterator[bytes]:
            yield from frames(frame(1, b"a"), end=False).pieces
            over.wait(20)

        return Answer(pieces()) if "/logs" in request.path else reply([]) if "/networks" in request.path else NO_TTY

    with daemon(waiting) as (it, _):
        contexts = [it.logs(f"c{number}", follow=True) for number in range(20)]
        opened = [context.__enter__() for context in contexts]
        assert [next(pieces).data for pieces in opened] == [b"a"] * 20
        assert it.networks() == ()
        for context in contexts:
            context.__exit__(None, None, None)
        over.set()


def test_log_read_to_its_end_keeps_its_connection() -> None:
    traffic = Traffic()
    with daemon(logs_of(frames(frame(1, b"abc"))), traffic=traffic) as (it, peer):
        for _ in range(5):
            read(it)
        assert (traffic.docker_requests, traffic.docker_connections, peer.connections) == (11, 2, 2)


def test_log_left_early_costs_its_connection_only() -> None:
    traffic = Traffic()
    log = frame(1, b"abc")
    with daemon(lambda request: logs_of(held_open(log, log))(request), traffic=traffic) as (it, _):
        for _ in range(3):
            with it.logs("c1") as pieces:
                next(pieces)
        assert traffic.docker_connections == 4


# --- commands run inside ---


def hijacked(*data: bytes) -> Answer:
    """As an engine answers a command: what it says, until it closes."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
    return Answer((head, *data), close=True)


def executing(started: Answer | None, ended: Answer = reply({"Running": False, "ExitCode": 3})) -> Script:  # noqa: B008
    def script(request: Request) -> Answer | None:
        match request.path.removeprefix("/v1.41"):
            case "/containers/c1/exec":
                return reply({"Id": "e1"}, "201 Created")
            case "/exec/e1/start":
                return started
            case _:
                return ended

    return script


def test_command_gives_both_outputs_and_its_exit_status() -> None:
    with daemon(executing(hijacked(frame(1, b"out"), frame(2, b"err") + frame(1, b"put")))) as (it, peer):
        found = it.execute(
            "c1", ["a", "b c"], timeout_s=5, user="me", directory="/srv", environment={"A": "1", "B": "2 3"}
        )
        assert found == Reply(3, b"output", b"err")
        assert json.loads(peer.requests[1].body) == {
            "AttachStdout": True,
            "AttachStderr": True,
            "Cmd": ["a", "b c"],
            "User": "me",
            "WorkingDir": "/srv",
            "Env": ["A=1", "B=2 3"],
        }
        assert json.loads(peer.requests[2].body) == {"Detach": False, "Tty": False}


def test_command_whose_end_the_daemon_knows_a_moment_later() -> None:
    answers = iter([reply({"Running": True, "ExitCode": None}), reply({"Running": False, "ExitCode": 0})])

    def script(request: Request) -> Answer | None:
        return next(answers) if request.path.endswith("/e1/json") else executing(hijacked())(request)

    with daemon(script) as (it, _):
        assert it.execute("c1", ["x"], timeout_s=5) == Reply(0)


def chatty(over: threading.Event) -> Answer:
    def pieces() -> Iterator[bytes]:
        yield from hijacked().pieces
        while not over.wait(0.05):
            yield frame(1, b".")

    return Answer(pieces())


@pytest.mark.parametrize("talks", [False, True])
def test_command_that_takes_too_long(talks: bool) -> None:
    over = threading.Event()
    with daemon(executing(chatty(over) if talks else held_open(frame(1, b"a")))) as (it, peer):
        it.daemon()
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught:
            it.execute("c1", ["sleep", "60"], timeout_s=0.5)
        assert time.monotonic() - begun < 3
        assert str(caught.value) == 'timeout after 0.5 s: "sleep 60" in container "c1" on docker host 127.0.0.1'
        assert [path for path in peer.paths if path.endswith("/start")] == ["POST /v1.41/exec/e1/start"]
        over.set()


def test_command_that_is_refused_or_lost() -> None:
    gone = reply({"message": "Container f00 is not running"}, "409 Conflict")
    for answer, kind, words in (
        (gone, ActFailed, "^Container f00 is not running$"),
        (DROP, ConnectionLost, "was lost during POST /exec/e1/start"),
        (hijacked(frame(1, b"abc")[:-1]), CannotTell, "within a frame"),
        (hijacked(b"<html>page</html>"), CannotTell, "expected a frame"),
    ):
        with daemon(executing(answer)) as (it, peer):
            with pytest.raises(kind, match=words):
                it.execute("c1", ["x"], timeout_s=5)
            assert len([path for path in peer.paths if path.endswith("/start")]) == 1


# --- archives ---


def test_archive_comes_as_it_is_sent() -> None:
    with daemon(always(chunked(b"abc", b"d" * 100_000, content_type="application/x-tar"))) as (it, peer):
        with it.save_image("registry.test:5000/app:1") as chunks:
            assert b"".join(chunks) == b"abc" + b"d" * 100_000
        assert peer.paths == ["GET /v1.41/images/get?names=registry.test%3A5000%2Fapp%3A1"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (chunked(b"abc", end=False, close=True), ConnectionLost, "was lost during GET /images/get"),
        (held_open(b"abc"), DeadlineExceeded, r"^timeout after 0.3 s: GET /images/get"),
        (reply({"message": "reference does not exist"}, "404 Not Found"), ActFailed, "^reference does not exist$"),
        (reply("<html/>", "502 Bad Gateway", content_type="text/html"), ActFailed, "^unknown http status code 502$"),
    ],
)
def test_archive_that_does_not_come_whole(answer: Answer, kind: type[Exception], words: str) -> None:
    with (
        daemon(always(answer), stall_s=0.3) as (it, _),
        pytest.raises(kind, match=words),
        it.save_image("app") as chunks,
    ):
        list(chunks)


def test_archive_is_loaded_from_what_comes_in_pieces() -> None:
    with daemon(always(chunked('{"stream":"Loaded image: a:1\\n"}'))) as (it, peer):
        assert it.load_image(iter([b"abc", b"def"])) == ("a:1",)
        assert peer.requests[1].body == b"abcdef"
        assert peer.requests[1].headers["content-type"] == "application/x-tar"


def test_pieces_are_not_sent_twice_when_the_daemon_was_exchanged() -> None:
    old = reply({"message": "client version 1.41 is too old. Minimum supported API version is 1.44"}, "400 Bad Request")
    with daemon(always(old)) as (it, peer), pytest.raises(ActFailed, match=r"client version 1\.41 is too old"):
        it.load_image(iter([b"abc"]))
    assert len(peer.paths) == 1


def test_source_of_pieces_that_fails_ends_the_load() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"abc"
        raise Unreachable("the other host is gone")

    with daemon(always(chunked("{}"))) as (it, _), pytest.raises(Unreachable, match=r"^the other host is gone$"):
        it.load_image(pieces())


# --- pulls ---


def told(*values: dict[str, Any]) -> list[str]:
    progress = Progress()
    return [text for text in (progress.heard(value) for value in values) if text]


def test_progress_of_a_pull() -> None:
    def layer(id: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
        return {"id": id, "status": status, "progressDetail": {"current": current, "total": total} if total else {}}

    assert told(
        {"status": "Pulling from team/app", "id": "latest"},
        layer("a", "Already exists"),
        layer("b", "Pulling fs layer"),
        layer("b", "Downloading", 1_500_000, 3_000_000),
        layer("b", "Download complete"),
        layer("b", "Extracting", 10, 3_000_000),
        layer("b", "Pull complete"),
        {"status": "Digest: sha256:12"},
    ) == [
        "1 of 1 layers",
        "1 of 2 layers",
        "1 of 2 layers, 1.5 of 3.0 MB",
        "1 of 2 layers, 3.0 of 3.0 MB",
        "1 of 2 layers, 3.0 of 3.0 MB",
        "2 of 2 layers, 3.0 of 3.0 MB",
    ]


def test_progress_is_told_once_a_second() -> None:
    def pieces() -> Iterator[bytes]:
        yield from chunked(end=False).pieces
        for number in range(12):
            data = json.dumps({"id": f"l{number}", "status": "Already exists"}).encode()
            yield b"%x\r\n%s\r\n" % (len(data), data)
            time.sleep(0.1)
        yield b"0\r\n\r\n"

    heard: list[str] = []
    with daemon(always(Answer(pieces()))) as (it, _):
        it.pull_image("app", progress=heard.append)
    assert len(heard) == 1
    assert heard[0].endswith(" layers")


def test_pull_that_hangs_in_the_middle_ends() -> None:
    with daemon(always(held_open(b'{"status":"Pulling"}')), stall_s=0.3) as (it, peer):
        with pytest.raises(DeadlineExceeded, match=r"^timeout after 0.3 s: POST /images/create\?fromImage=app&tag=1$"):
            it.pull_image("app:1")
        assert len(peer.paths) == 1


Act = Callable[[DockerDaemon], object]


def test_stream_that_is_refused_reads_its_reason(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"x" * 10)
    acts: tuple[Act, ...] = (
        lambda it: it.pull_image("app"),
        lambda it: it.load_image(archive),
        lambda it: it.load_image(iter([b"x"])),
    )
    for act in acts:
        full = reply({"message": "no space left on device"}, "500 Oops")
        with daemon(in_turn(full)) as (it, _), pytest.raises(ActFailed, match=r"^no space left on device$"):
            act(it)
