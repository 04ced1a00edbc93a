"""Pings and connections, on the loopback range."""

import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xcatflow.machine import echo, knocking, probing
from xcatflow.machine.probing import Heard, Wanted, probe


@contextmanager
def listening(said: bytes = b"", *, backlog: int = 16) -> Iterator[int]:
    """A port on the whole loopback range; whoever connects is told something."""
    with socket.create_server(("0.0.0.0", 0), backlog=backlog) as server:
        done = threading.Event()

        def serve() -> None:
            server.settimeout(0.05)
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


@contextmanager
def deaf() -> Iterator[int]:
    """A port of 127.0.0.1 that takes no more connections, and does not say so: what is behind its queue hears nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(server.getsockname())
            waiting.append(one)
        time.sleep(0.05)
        try:
            yield server.getsockname()[1]
        finally:
            for one in waiting:
                one.close()


def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_ports_are_open_refused_or_silent() -> None:
    with listening() as there, deaf() as silent:
        gone = closed()
        doors = [("127.0.0.1", port) for port in (there, gone, silent)]
        started = time.monotonic()
        assert list(knocking.knock(doors, timeout_s=0.4).values()) == ["open", "refused", "silent"]
        assert 0.3 < time.monotonic() - started < 2


def test_very_many_at_once_with_few_files() -> None:
    """More than may be open at a time: the later ones wait for their turn."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    gone = closed()
    doors = [(f"127.0.{number // 200}.{1 + number % 200}", gone) for number in range(3000)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        assert set(knocking.knock(doors).values()) == {"refused"}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_no_address_is_silent() -> None:
    assert knocking.knock([("no address", 1)]) == {("no address", 1): "silent"}


def test_the_line_of_an_installer() -> None:
    with listening(b"installing packages\nmore\n") as port:
        assert knocking.first_line(("127.0.0.1", port)) == "installing packages"
    with listening(b"") as port:
        assert knocking.first_line(("127.0.0.1", port)) == ""
    with listening(b"one\x1b[2Jtwo") as port:
        assert knocking.first_line(("127.0.0.1", port)) == "one[2Jtwo"
    assert knocking.first_line(("127.0.0.1", closed()), timeout_s=0.2) == ""


def can_ping() -> bool:
    try:
        echo.answering(["127.0.0.1"], timeout_s=0.2)
    except echo.CannotPing:
        return False
    return True


@pytest.mark.skipif(not can_ping(), reason="no way to ping from here")
def test_pings() -> None:
    many = [f"127.0.{number // 200}.{1 + number % 200}" for number in range(1000)]
    assert echo.answering(many) == set(many)
    assert echo.answering([]) == set()


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="no IPv6 here")
@pytest.mark.skipif(not can_ping(), reason="no way to ping from here")
def test_pings_of_both_families() -> None:
    if "::1" not in socket.getaddrinfo("::1", None)[0][4]:
        pytest.skip("no IPv6 loopback")
    assert echo.answering(["127.0.0.1", "::1"]) == {"127.0.0.1", "::1"}


def test_the_programs_stand_in_for_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(echo.CannotPing, match="needs CAP_NET_RAW, or one of the programs fping and ping"):
        echo.answering(["10.0.0.1"])
    (tmp_path / "ping").write_text('#!/bin/sh\nfor a do :; done\n[ "$a" = 10.0.0.1 ]\n')
    (tmp_path / "ping").chmod(0o755)
    assert echo.answering(["10.0.0.1", "10.0.0.2"]) == {"10.0.0.1"}
    (tmp_path / "fping").write_text("#!/bin/sh\nwhile read -r a; do [ $a = 10.0.0.1 ] || echo $a; done\n")
    (tmp_path / "fping").chmod(0o755)
    assert echo.answering(["10.0.0.1", "10.0.0.2"]) == {"10.0.0.2"}


def test_a_machine_answers_by_its_ports_where_nobody_can_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(_addresses: object) -> set[str]:
        raise echo.CannotPing("no")

    monkeypatch.setattr(probing, "answering", cannot)
    with listening() as port, deaf() as silent:
        gone = closed()
        found = probe(
            {
                "open": Wanted("127.0.0.1", (port, gone)),
                "refuses": Wanted("127.0.0.1", (gone,)),
                "silent": Wanted("127.0.0.1", (silent,)),
            }
        )
        assert found == {"open": Heard(True, frozenset({port})), "refuses": Heard(True), "silent": Heard()}
        with pytest.raises(echo.CannotPing):
            probe({"one": Wanted("127.0.0.1", (port,))}, pinged=True)


def test_the_line_is_wanted_where_nothing_else_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "answering", set)
    with listening(b"formatting disks\n") as tells, listening() as other:
        gone = closed()
        found = probe(
            {
                "installing": Wanted("127.0.0.1", (gone, tells), tells),
                "up": Wanted("127.0.0.1", (other, tells), tells),
                "old": Wanted("127.0.0.1", (tells,)),
            }
        )
    assert {name: heard.line for name, heard in found.items()} == {
        "installing": "formatting disks",
        "up": "",
        "old": "",
    }


def test_only_what_is_pinged_is_knocked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "answering", lambda _addresses: {"127.0.0.2"})
    with listening() as port:
        found = probe({name: Wanted(name, (port,)) for name in ("127.0.0.1", "127.0.0.2")}, pinged=True)
    assert found == {"127.0.0.1": Heard(), "127.0.0.2": Heard(True, frozenset({port}))}
