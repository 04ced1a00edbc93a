"""Logs of many nodes: in order, or as they grow. The daemons are in memory; a real one is followed in tests/e2e/test_watching.py."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from tests.fakes.logs import LogDaemon, until
from xcatflow import tailing
from xcatflow.following import Following
from xcatflow.model.definitions import Definitions
from xcatflow.model.logs import UNREAD, LogLine, LogsWanted
from xcatflow.tailing import Reading, read_logs
from xcatflow.transport.protocols import Docker


def read(daemons: Mapping[str, LogDaemon], nodes: Mapping[str, str], **how: int) -> tuple[list[str], dict[str, str]]:
    said: list[str] = []
    wanted = LogsWanted(nodes, **how)  # type: ignore[arg-type]
    errors = Reading(lambda name: cast("Docker", daemons[name]), wanted, threading.Event()).run(
        lambda line: said.append(f"{line.node}: {line.text}")
    )
    return said, errors


def names(count: int) -> list[str]:
    return [f"n{number:03}" for number in range(count)]


def test_nodes_come_in_order_whatever_is_ready_first() -> None:
    daemons = {f"d{number}": LogDaemon(*names(60)) for number in range(3)}
    nodes = {name: f"d{number % 3}" for number, name in enumerate(reversed(names(60)))}
    for name, daemon in nodes.items():
        for line in range(3):
            daemons[daemon].write(name, f"{line}\n")
    said, errors = read(daemons, nodes)
    assert said == [f"{name}: {line}" for name in nodes for line in range(3)]
    assert errors == {}
    assert all(daemon.open_logs == 0 for daemon in daemons.values())


def test_a_daemon_is_asked_for_eight_at_once() -> None:
    daemon, said = LogDaemon(*names(20)), list[LogLine]()
    daemon.hang(*names(20))
    reading = Reading(
        lambda _name: cast("Docker", daemon), LogsWanted(dict.fromkeys(names(20), "d")), threading.Event()
    )
    thread = threading.Thread(target=reading.run, args=(said.append,))
    thread.start()
    until(lambda: daemon.open_logs == 8)
    threading.Event().wait(0.3)
    assert daemon.most_open == 8
    daemon.hang()
    thread.join(5)
    assert daemon.most_open == 8
    assert not thread.is_alive()


def test_what_is_wrong_with_a_node_is_told_and_the_others_go_on() -> None:
    well, gone = LogDaemon("n1", "n3"), LogDaemon("n2")
    well.write("n1", "one\nhalf")
    gone.go_away(gone=True)
    said, errors = read({"well": well, "gone": gone}, {"n1": "well", "n2": "gone", "n3": "well", "n4": "well"})
    assert said == ["n1: one", "n1: half"]
    assert errors == {
        "n2": "cannot connect to docker host logs:2376: connection refused",
        "n4": "No such container: n4",
    }


def test_the_last_lines_only() -> None:
    daemon = LogDaemon("n1")
    for line in range(5):
        daemon.write("n1", f"{line}\n")
    assert read({"d": daemon}, {"n1": "d"}, tail=2)[0] == ["n1: 3", "n1: 4"]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first node is being said, the others are read ahead only so far."""
    monkeypatch.setattr(tailing, "_NODE_BYTES", 10_000)
    monkeypatch.setattr(tailing, "_TOTAL_BYTES", 30_000)
    daemon = LogDaemon(*names(8))
    for name in names(8):
        for line in range(200):
            daemon.write(name, f"{line} {'x' * 800}\n")
    ahead: list[int] = []

    def said(line: LogLine) -> None:
        if line.node == "n000":
            if not ahead:
                until(lambda: sum(daemon.given.get(name, 0) for name in names(8)[1:]) >= 25)
            ahead.append(sum(daemon.given.get(name, 0) for name in names(8)[1:]))

    wanted = LogsWanted(dict.fromkeys(names(8), "d"))
    Reading(lambda _name: cast("Docker", daemon), wanted, threading.Event()).run(said)
    assert max(ahead) <= 30 + 7
    assert sum(daemon.given.values()) == 8 * 200


@pytest.mark.parametrize("follow", [False, True])
def test_it_stops_though_a_daemon_is_silent(follow: bool) -> None:
    daemon = LogDaemon("n1")
    daemon.hang("n1")
    stopping, done = threading.Event(), list[dict[str, str]]()
    wanted = LogsWanted({"n1": "d"}, follow=follow)
    reader = (Following if follow else Reading)(lambda _name: cast("Docker", daemon), wanted, stopping)
    thread = threading.Thread(target=lambda: done.append(reader.run(lambda _line: None)))
    thread.start()
    until(lambda: daemon.open_logs)
    stopping.set()
    thread.join(1.0)
    assert done == [{} if follow else {"n1": UNREAD}]


def test_endpoints_that_are_none_are_told(tmp_path: Path) -> None:
    nodes = {"n1": "ftp://x", "n2": "unix:///no/such.sock"}
    for follow in (False, True):
        errors = read_logs(
            tmp_path, Definitions(), LogsWanted(nodes, follow), said=lambda _line: None, stopping=threading.Event()
        )
        assert 'unknown scheme "ftp"' in errors["n1"]
        assert errors["n2"] == "cannot connect to docker host /no/such.sock: no such file or directory"


class Followed:
    """Logs being followed: what was said so far."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.threads: set[int] = set()
        self.errors: dict[str, str] = {}

    def hear(self, line: LogLine) -> None:
        self.threads.add(threading.get_ident())
        self.said.append(f"{line.node}{'!' if line.stream == 2 else ':'} {line.text}")

    def comes(self, *lines: str) -> None:
        """Wait for these, in whatever order; nothing else may have come."""
        until(lambda: len(self.said) >= len(lines))
        assert sorted(self.said) == sorted(lines)
        self.said.clear()


@contextmanager
def following(daemon: LogDaemon, *nodes: str, tail: int | None = None) -> Iterator[Followed]:
    found, stopping = Followed(), threading.Event()
    it = Following(
        lambda _name: cast("Docker", daemon), LogsWanted(dict.fromkeys(nodes, "d"), True, tail=tail), stopping
    )
    thread = threading.Thread(target=lambda: found.errors.update(it.run(found.hear)))
    thread.start()
    try:
        yield found
    finally:
        stopping.set()
        thread.join(2.0)
        assert not thread.is_alive()
    assert daemon.open_logs == 0
    assert len(found.threads) <= 1


def test_lines_come_as_they_are_written() -> None:
    daemon = LogDaemon(*names(100))
    for name in names(100):
        daemon.write(name, "old\nolder\n")
    with following(daemon, *names(100), tail=1) as found:
        found.comes(*(f"{name}: {text}" for name in names(100) for text in ("old", "older")))
        assert daemon.open_logs == 100
        daemon.write("n042", "ne")
        daemon.write("n007", "failed\n", 2)
        daemon.write("n042", "w\n")
        found.comes("n042: new", "n007! failed")
        daemon.write("n001", "no end")
    assert found.said == ["n001: no end"]
    assert found.errors == {}


def test_a_container_started_again_is_followed_again() -> None:
    daemon = LogDaemon("n1", "n2")
    daemon.write("n1", "first\n")
    with following(daemon, "n1", "n2") as found:
        found.comes("n1: first")
        daemon.stop("n1")
        daemon.start("n1")
        daemon.write("n1", "second\n")
        found.comes("n1: second")
        daemon.stop("n1")
        until(lambda: daemon.open_logs == 1)
        daemon.write("n2", "meanwhile\n")
        found.comes("n2: meanwhile")
        daemon.start("n1")
        daemon.write("n1", "third\n")
        found.comes("n1: third")
    assert found.errors == {}


def test_a_container_replaced_is_followed_from_its_beginning() -> None:
    daemon = LogDaemon("n1")
    daemon.write("n1", "old\n")
    with following(daemon, "n1", tail=0) as found:
        until(lambda: daemon.open_logs == 1)
        daemon.stop("n1")
        daemon.remove("n1")
        until(lambda: daemon.open_logs == 0)
        daemon.replace("n1")
        daemon.write("n1", "new\n")
        found.comes("n1: new")
    assert found.errors == {}


def test_a_node_that_is_away_in_the_end_is_told() -> None:
    daemon = LogDaemon("n1", "n2")
    with following(daemon, "n1", "n2") as found:
        until(lambda: daemon.open_logs == 2)
        daemon.stop("n2")
        daemon.remove("n2")
        until(lambda: daemon.inspected == 3)
    assert found.errors == {"n2": "No such container: n2"}


def test_a_daemon_that_comes_back_is_followed_again() -> None:
    daemon = LogDaemon("n1")
    with following(daemon, "n1") as found:
        until(lambda: daemon.open_logs == 1)
        daemon.go_away(gone=True)
        until(lambda: daemon.open_logs == 0)
        daemon.go_away(gone=False)
        until(lambda: daemon.open_logs == 1)
        daemon.write("n1", "there\n")
        found.comes("n1: there")
    assert found.errors == {}


def test_it_ends_where_nothing_can_be_followed() -> None:
    daemon = LogDaemon()
    wanted = LogsWanted({"n1": "d"}, follow=True)
    errors = Following(lambda _name: cast("Docker", daemon), wanted, threading.Event()).run(lambda _line: None)
    assert errors == {"n1": "No such container: n1"}


@pytest.mark.parametrize("sort", [Following, Reading])
def test_what_goes_wrong_with_saying_is_no_secret(sort: type[Following | Reading]) -> None:
    daemon = LogDaemon(*names(20))
    for name in names(20):
        daemon.write(name, "x\n")

    def said(_line: LogLine) -> None:
        raise BrokenPipeError

    wanted = LogsWanted(dict.fromkeys(names(20), "d"), follow=sort is Following)
    with pytest.raises(BrokenPipeError):
        sort(lambda _name: cast("Docker", daemon), wanted, threading.Event()).run(said)
    until(lambda: daemon.open_logs == 0)


@pytest.mark.parametrize("sort", [Following, Reading])
def test_a_bug_is_no_secret(sort: type[Following | Reading]) -> None:
    def broken(_endpoint: str) -> Docker:
        raise ZeroDivisionError

    wanted = LogsWanted({"n1": "d"}, follow=sort is Following)
    with pytest.raises(ZeroDivisionError):
        sort(broken, wanted, threading.Event()).run(lambda _line: None)
