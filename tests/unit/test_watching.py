"""What many nodes use: daemons in memory. A real one is watched in tests/e2e/test_watching.py."""

import threading
import time
from collections.abc import Mapping
from typing import Any, cast

import pytest

from tests.fakes.logs import until
from xcatflow import watching
from xcatflow.errors import ActFailed, InvalidInput, Unreachable
from xcatflow.model.question import ContainerFacts
from xcatflow.model.usage import NodeUse
from xcatflow.transport.protocols import Docker
from xcatflow.watching import Daemon, Watch

_TICK_NS = 1_000_000_000


class Engine:
    """A daemon whose containers use half a CPU. `own_second_look`: as up to API 1.40; `takes_s`: how long figures take; `dead` raises."""

    def __init__(self, *names: str, own_second_look: bool = False, takes_s: float = 0.0) -> None:
        self.listed = {
            name: ContainerFacts(f"id-{name}", name, "busybox", "", "running", "Up 5 minutes") for name in names
        }
        self.own_second_look, self.takes_s = own_second_look, takes_s
        self.dead: Exception | None = None
        self.unmeasured: set[str] = set()
        self.silent = threading.Event()
        self.silent.set()
        self.lists = self.at_once = self.most_at_once = self.closed = 0
        self._looks: dict[str, int] = {}
        self._lock = threading.Lock()

    def containers(self) -> tuple[ContainerFacts, ...]:
        self.silent.wait()
        self.lists += 1
        if self.dead:
            raise self.dead
        return tuple(self.listed.values())

    def stats(self, name: str) -> Mapping[str, Any]:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            look = self._looks[name] = self._looks.get(name, 10) + 1
        time.sleep(self.takes_s)
        with self._lock:
            self.at_once -= 1
        if name not in self.listed:
            raise ActFailed(f"No such container: {name}")
        if name in self.unmeasured:
            return {"id": name, "read": "0001-01-01T00:00:00Z", "cpu_stats": {}, "memory_stats": {}}
        return {
            "id": name,
            "read": f"2026-11-29T11:00:{look:02}Z",
            "cpu_stats": _cpu(look),
            "precpu_stats": _cpu(look - 1) if self.own_second_look else {},
            "memory_stats": {"usage": 1 << 20, "limit": 1 << 30},
            "pids_stats": {"current": 3},
        }

    def close(self) -> None:
        self.closed += 1


def _cpu(look: int) -> dict[str, Any]:
    return {
        "cpu_usage": {"total_usage": look * _TICK_NS // 2},
        "system_cpu_usage": look * _TICK_NS * 4,
        "online_cpus": 4,
    }


def opened(engines: Mapping[str, Engine]) -> Any:
    return lambda endpoint: cast("Docker", engines[endpoint.removesuffix(":2376")])


def once(engines: Mapping[str, Engine], nodes: Mapping[str, str]) -> tuple[NodeUse, ...]:
    watch = Watch(nodes, opened(engines), interval_s=1)
    watch.start(once=True)
    assert watch.wait(10)
    watch.close()
    return watch.now()


def test_cpu_is_known_after_two_looks() -> None:
    engine = Engine("n1", "n2")
    first, second = once({"a": engine}, {"n1": "tcp://a", "n2": "a:2376"})
    assert (first.node, first.host, first.state, first.uptime) == ("n1", "a", "running", "5 minutes")
    assert first.usage.cpu_percent == second.usage.cpu_percent == pytest.approx(50)
    assert (first.usage.memory_bytes, first.usage.limit_bytes, first.usage.pids) == (1 << 20, 1 << 30, 3)
    assert engine.lists == 2
    assert engine.closed


def test_a_daemon_that_looks_twice_itself_is_asked_once() -> None:
    engine = Engine("n1", own_second_look=True)
    (use,) = once({"a": engine}, {"n1": "a"})
    assert use.usage.cpu_percent == pytest.approx(50)
    assert engine.lists == 1


def test_what_does_not_run_is_not_measured() -> None:
    engine = Engine("n1", "n2", "n3")
    engine.listed["n1"] = ContainerFacts("i", "n1", "busybox", "", "exited", "Exited (1) 2 days ago")
    engine.listed["n2"] = ContainerFacts("i", "n2", "busybox", "", "running", "Up 2 seconds (unhealthy)")
    engine.unmeasured = {"n2"}
    one, two, three, four = once({"a": engine}, dict.fromkeys(("n1", "n2", "n3", "n4"), "a"))
    assert (one.state, one.uptime, one.problem, one.usage.memory_bytes) == ("exited", "", "", None)
    assert (two.state, two.health, two.uptime) == ("running", "unhealthy", "2 seconds")
    assert two.problem == "its daemon measured nothing"
    assert three.usage.memory_bytes
    assert (four.state, four.problem, four.bad) == ("missing", "No such container: n4", True)


def test_a_dead_daemon_and_a_wrong_endpoint_spoil_only_their_nodes() -> None:
    engines = {"a": Engine("n1"), "dead": Engine()}
    engines["dead"].dead = Unreachable("cannot connect to docker host dead: no route to host")

    def open_docker(endpoint: str) -> Docker:
        if endpoint == "://":
            raise InvalidInput("wrong endpoint")
        return cast("Docker", opened(engines)(endpoint))

    watch = Watch({"n1": "a", "n2": "dead", "n3": "://"}, open_docker, interval_s=1)
    watch.start(once=True)
    assert watch.wait(10)
    one, two, three = watch.now()
    assert one.usage.memory_bytes
    assert (two.state, two.problem) == ("unreachable", "cannot connect to docker host dead: no route to host")
    assert (three.state, three.problem) == ("unreachable", "wrong endpoint")


def test_a_silent_daemon_holds_up_nobody() -> None:
    engines = {"a": Engine("n1", own_second_look=True), "silent": Engine("n2")}
    engines["silent"].silent.clear()
    watch = Watch({"n1": "a", "n2": "silent"}, opened(engines), interval_s=0.5)
    watch.start(once=False)
    try:
        until(lambda: watch.now()[0].usage.cpu_percent)
        assert not watch.wait(0)
        assert watch.now()[1].state == "waiting"
        before = engines["a"].lists
        until(lambda: engines["a"].lists > before + 1)
        engines["silent"].silent.set()
        assert watch.wait(10)
        assert watch.now()[1].state == "running"
    finally:
        watch.close()


def test_figures_that_grow_old_say_so() -> None:
    engine = Engine("n1", own_second_look=True)
    watch = Watch({"n1": "a"}, opened({"a": engine}), interval_s=0.5)
    watch.start(once=False)
    try:
        assert watch.wait(10)
        engine.silent.clear()
        until(lambda: watch.now()[0].age_s > 1.2)
        engine.silent.set()
        until(lambda: watch.now()[0].age_s < 1)
    finally:
        watch.close()
        engine.silent.set()


@pytest.mark.parametrize(("waits_s", "least", "most"), [(60, 2, 8), (0, 9, 32)])
def test_a_daemon_that_only_waits_is_asked_more_at_once(
    monkeypatch: pytest.MonkeyPatch, waits_s: float, least: int, most: int
) -> None:
    monkeypatch.setattr(watching, "_WAITS_S", waits_s)
    names = [f"n{number}" for number in range(40)]
    engine = Engine(*names, takes_s=0.1)
    uses = Daemon("a", names, opened({"a": engine})).look()
    assert len(uses) == 40
    assert all(use.usage.memory_bytes for use in uses.values())
    assert least <= engine.most_at_once <= most


def test_a_container_that_goes_between_two_questions() -> None:
    engine = Engine("n1")
    listed = engine.containers()
    engine.listed.clear()
    engine.containers = lambda: listed  # type: ignore[method-assign]
    (use,) = Daemon("a", ["n1"], opened({"a": engine})).look().values()
    assert (use.state, use.problem) == ("running", "No such container: n1")


@pytest.mark.parametrize("where", ["containers", "stats"])
def test_a_bug_is_no_secret(where: str) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    engine = Engine("n1")
    setattr(engine, where, broken)
    watch = Watch({"n1": "a"}, opened({"a": engine}), interval_s=1)
    watch.start(once=True)
    watch.wait(10)
    with pytest.raises(ZeroDivisionError):
        watch.now()
