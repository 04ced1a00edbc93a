"""Many requests to one daemon at once: what waits for what, and whose time runs."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.peer import Answer, Request, reply
from tests.unit.transport.daemons import Script, daemon
from xcatflow.transport.docker_pools import MOST_AT_ONCE, MOST_WAITING


def slowly(seconds: float, busy: "Busy", *, only: str = "") -> Script:
    """Answers after so many seconds, `only` what ends on this; the rest at once."""

    def script(request: Request) -> Answer:
        def pieces() -> Iterator[bytes]:
            with busy:
                time.sleep(seconds)
            yield b"HTTP/1.1 204 No Content\r\n\r\n"

        return Answer(pieces()) if only in request.path else reply([])

    return script


class Busy:
    """How many are inside, and were at most."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._guard = threading.Lock()

    def __enter__(self) -> None:
        with self._guard:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_error: object) -> None:
        with self._guard:
            self.now -= 1


def test_waiting_for_a_connection_costs_no_request_its_time() -> None:
    busy = Busy()
    with daemon(slowly(0.2, busy), request_s=0.6) as (it, _), ThreadPoolExecutor(40) as pool:
        done = [pool.submit(it.pause_container, f"c{number}") for number in range(40)]
        assert [future.exception() for future in done] == [None] * 40
    assert busy.most == MOST_AT_ONCE


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_looks_do_not_queue_behind_containers_that_take_their_time_to_end(verb: str) -> None:
    busy = Busy()
    with daemon(slowly(0.6, busy, only=f"/{verb}"), request_s=0.5) as (it, _), ThreadPoolExecutor(100) as pool:
        it.daemon()
        act = it.stop_container if verb == "stop" else it.restart_container
        done = [pool.submit(act, f"c{number}", grace_s=1) for number in range(100)]
        while busy.now < MOST_WAITING:
            time.sleep(0.01)
        begun = time.monotonic()
        assert it.containers() == ()
        assert time.monotonic() - begun < 0.4
        assert [future.exception() for future in done] == [None] * 100
    assert busy.most == MOST_WAITING
