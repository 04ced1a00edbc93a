"""Watches container nodes outside of a run: what they use, again and again, many daemons at once.

Source: Engine API reference, `/containers/json` and `/containers/ID/stats`. Engines before 23 let a question about figures wait for their
collector, which looks once a second; up to API 1.40 every question waits for two looks.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from xcatflow.engine.secrets import Redactor
from xcatflow.errors import InvalidInput, XcatflowError
from xcatflow.model.container_states import RUNNING
from xcatflow.model.definitions import Definitions
from xcatflow.model.endpoint import machine_of, parse_endpoint
from xcatflow.model.question import ContainerFacts
from xcatflow.model.usage import NodeUse, Sample, measured, uptime_of, usage
from xcatflow.transport.protocols import Docker
from xcatflow.wiring import Wiring

_AT_ONCE = 8
"""Questions about figures at a daemon at once: what saturates one that works for the answer."""
_LANES = 8
"""Times as many at one that only waits for its collector: it looks at all containers that are asked for in the same second."""
_WAITS_S = 0.5
"""A daemon that takes longer for the first questions waits."""
_SECOND_LOOK_S = 1.0
"""How long after the first look the second comes: CPU is known after two."""
_LEAST_PAUSE_S = 0.05


class Watch:
    """Looks at nodes from threads of its own, one for each daemon, so that a dead one holds up nobody. `nodes` are names with the endpoints
    of their daemons; `open_docker` makes the adapters, its errors are those of the nodes."""

    def __init__(self, nodes: Mapping[str, str], open_docker: Callable[[str], Docker], *, interval_s: float) -> None:
        self._nodes = {node: _normal(endpoint) for node, endpoint in nodes.items()}
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._news = threading.Condition()
        self._seen: dict[str, tuple[float, Mapping[str, NodeUse]]] = {}
        self._bug: BaseException | None = None
        self._daemons = {
            endpoint: Daemon(endpoint, [node for node, at in self._nodes.items() if at == endpoint], open_docker)
            for endpoint in dict.fromkeys(self._nodes.values())
        }

    def start(self, *, once: bool) -> None:
        """Begin to look; with `once` until CPU is known, else until `close`."""
        for daemon in self._daemons.values():
            threading.Thread(target=self._work, args=(daemon, once), name="xcatflow-watch", daemon=True).start()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every daemon has answered, or could not, as far as `start` asked; False where time was up before."""
        with self._news:
            done = self._news.wait_for(lambda: self._bug or len(self._seen) == len(self._daemons), timeout_s)
        return bool(done)

    def now(self) -> tuple[NodeUse, ...]:
        """What is known of every node, in the order given."""
        with self._news:
            if self._bug:
                raise self._bug
            seen, at = dict(self._seen), time.monotonic()
        found = []
        for node, endpoint in self._nodes.items():
            when, uses = seen.get(endpoint, (at, {}))
            use = uses.get(node) or NodeUse(node, host_of(endpoint), "waiting", problem="no answer yet")
            found.append(replace(use, age_s=at - when))
        return tuple(found)

    def close(self) -> None:
        """Look no more. A question that a daemon does not answer is not waited for."""
        self._stopping.set()
        for daemon in self._daemons.values():
            with suppress(XcatflowError):
                daemon.close()

    def _work(self, daemon: "Daemon", once: bool) -> None:
        try:
            began = time.monotonic()
            uses = daemon.look()
            if once:
                if any(_unfinished(use) for use in uses.values()) and not self._stopping.wait(_SECOND_LOOK_S):
                    uses = daemon.look()
                self._tell(daemon, uses)
                return
            self._tell(daemon, uses)
            pause_s = min(_SECOND_LOOK_S, self._interval_s)
            while not self._stopping.wait(max(_LEAST_PAUSE_S, began + pause_s - time.monotonic())):
                began, pause_s = time.monotonic(), self._interval_s
                self._tell(daemon, daemon.look())
        except BaseException as error:  # handed to the thread that reads
            with self._news:
                self._bug = error if not self._stopping.is_set() else None
                self._news.notify_all()

    def _tell(self, daemon: "Daemon", uses: Mapping[str, NodeUse]) -> None:
        with self._news:
            self._seen[daemon.endpoint] = (time.monotonic(), uses)
            self._news.notify_all()


class Daemon:
    """The nodes of one daemon."""

    def __init__(self, endpoint: str, nodes: Sequence[str], open_docker: Callable[[str], Docker]) -> None:
        self.endpoint = endpoint
        self._nodes, self._open = tuple(nodes), open_docker
        self._host = host_of(endpoint)
        self._dockers: list[Docker] = []
        self._lanes = 1
        self._before: dict[str, Sample] = {}

    def look(self) -> Mapping[str, NodeUse]:
        """All nodes by name: one listing, and one question for the figures of each that runs."""
        try:
            docker, *_ = self._opened(1)
            listed = {container.name: container for container in docker.containers()}
        except XcatflowError as error:
            return {node: NodeUse(node, self._host, "unreachable", problem=str(error)) for node in self._nodes}
        alive = [node for node in self._nodes if node in listed and listed[node].state in RUNNING]
        samples = self._figures(alive)
        uses = {node: self._use(node, listed.get(node), samples.get(node)) for node in self._nodes}
        self._before = {node: sample for node, sample in samples.items() if not isinstance(sample, XcatflowError)}
        return uses

    def close(self) -> None:
        for docker in self._dockers:
            docker.close()

    def _figures(self, nodes: Sequence[str]) -> dict[str, Sample | XcatflowError]:
        if self._lanes > 1 or len(nodes) <= _AT_ONCE:
            return self._ask(nodes)
        began = time.monotonic()
        found = self._ask(nodes[:_AT_ONCE])
        if time.monotonic() - began > _WAITS_S:
            self._lanes = _LANES
        return found | self._ask(nodes[_AT_ONCE:])

    def _ask(self, nodes: Sequence[str]) -> dict[str, Sample | XcatflowError]:
        dockers = self._opened(min(self._lanes, math.ceil(len(nodes) / _AT_ONCE)))
        return _each(nodes, [docker.stats for docker in dockers for _ in range(_AT_ONCE)])

    def _opened(self, number: int) -> Sequence[Docker]:
        """As many adapters: each has few connections, and who finds none free waits."""
        while len(self._dockers) < number:
            self._dockers.append(self._open(self.endpoint))
        return self._dockers[:number]

    def _use(self, node: str, facts: ContainerFacts | None, sample: Sample | XcatflowError | None) -> NodeUse:
        if facts is None:
            return NodeUse(node, self._host, "missing", problem=f"No such container: {node}")
        use = NodeUse(node, self._host, facts.state, facts.health, uptime_of(facts.state, facts.status))
        if isinstance(sample, XcatflowError):
            return replace(use, problem=str(sample))
        if sample is None:
            return use
        problem = "" if measured(sample) else "its daemon measured nothing"
        return replace(use, usage=usage(sample, self._before.get(node)), problem=problem)


@contextmanager
def watching(root: Path, definitions: Definitions, nodes: Mapping[str, str], *, interval_s: float) -> Iterator[Watch]:
    """Watch nodes of a site, given with the endpoints of their daemons; `interval_s` is the time between two looks in seconds. Changes
    nothing."""
    wiring = Wiring(root, definitions, Redactor(), rehearse=True)
    watch = Watch(nodes, wiring.docker, interval_s=interval_s)
    try:
        yield watch
    finally:
        watch.close()
        wiring.close()


def host_of(endpoint: str) -> str:
    """The machine of a daemon; its socket where that is on this machine."""
    return machine_of(endpoint) or endpoint


def _normal(endpoint: str) -> str:
    """The endpoint as one text, however it is written; what is none is told when it is opened."""
    try:
        return str(parse_endpoint(endpoint))
    except InvalidInput:
        return endpoint


def _unfinished(use: NodeUse) -> bool:
    """Whether a second look can tell more."""
    return use.usage.memory_bytes is not None and use.usage.cpu_percent is None


def _each(names: Sequence[str], asks: Sequence[Callable[[str], Sample]]) -> dict[str, Sample | XcatflowError]:
    """Answers by name, a thread for each of `asks`. The threads are none of a pool's: those would be waited for when the process ends."""
    rest, lock = iter(names), threading.Lock()
    found: dict[str, Sample | XcatflowError] = {}
    bugs: list[BaseException] = []

    def work(ask: Callable[[str], Sample]) -> None:
        while True:
            with lock:
                name = next(rest, None)
            if name is None or bugs:
                return
            try:
                found[name] = ask(name)
            except XcatflowError as error:
                found[name] = error
            except BaseException as error:  # handed to the thread that asked
                bugs.append(error)

    threads = [threading.Thread(target=work, args=(ask,), daemon=True) for ask in asks[: len(names)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if bugs:
        raise bugs[0]
    return found
