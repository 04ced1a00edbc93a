"""Reads the logs of many container nodes outside of a run: node after node, or all of them as they grow."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from xcatflow.engine.secrets import Redactor
from xcatflow.errors import XcatflowError
from xcatflow.following import Following
from xcatflow.model.definitions import Definitions
from xcatflow.model.loglines import Lines
from xcatflow.model.logs import UNREAD, LogLine, LogsWanted
from xcatflow.transport.protocols import Docker
from xcatflow.wiring import Wiring

Said = Callable[[LogLine], None]

_PER_DAEMON = 8
_AT_ONCE = 64
_NODE_BYTES = 2 << 20
_TOTAL_BYTES = 64 << 20
_LINE_BYTES = 200
"""What a line costs besides its text."""
_CHECK_S = 0.1


def read_logs(
    root: Path, definitions: Definitions, wanted: LogsWanted, *, said: Said, stopping: threading.Event
) -> dict[str, str]:
    """Read the logs of nodes, `said` being given every line from the calling thread; what went wrong, by node.

    Not following, nodes come one after the other in the order wanted. Following, lines come as they are written, and a container that is
    started again is followed again; it ends when `stopping` is set, or when nothing is left that could be followed.
    """
    wiring = Wiring(root, definitions, Redactor(), rehearse=True)
    with closing(wiring), opened(wiring.docker) as docker:
        if wanted.follow:
            return Following(docker, wanted, stopping).run(said)
        return Reading(docker, wanted, stopping).run(said)


@contextmanager
def opened(open_docker: Callable[[str], Docker]) -> Iterator[Callable[[str], Docker]]:
    """Each daemon once, by its endpoint, for many threads; all are closed in the end."""
    lock, made = threading.Lock(), dict[str, Docker]()

    def get(endpoint: str) -> Docker:
        with lock:
            if endpoint not in made:
                made[endpoint] = open_docker(endpoint)
            return made[endpoint]

    try:
        yield get
    finally:
        for docker in made.values():
            with suppress(XcatflowError):
                docker.close()


@dataclass(slots=True)
class _Buffer:
    """Lines of a node that nobody has taken yet."""

    lines: list[LogLine] = field(default_factory=list)
    size: int = 0
    done: bool = False


class Reading:
    """Reads logs at once and gives them out in order. What is read ahead is bounded: a node that is not yet its turn waits."""

    def __init__(self, docker: Callable[[str], Docker], wanted: LogsWanted, stopping: threading.Event) -> None:
        self._docker, self._wanted, self._stopping = docker, wanted, stopping
        self._change = threading.Condition()
        self._buffers = {node: _Buffer() for node in wanted.nodes}
        self._waiting = list(wanted.nodes)
        self._busy: Counter[str] = Counter()
        self._head, self._total, self._ended = "", 0, False
        self._errors: dict[str, str] = {}
        self._bug: BaseException | None = None

    def run(self, said: Said) -> dict[str, str]:
        """Everything, and then the errors. Ends early, with what is known, when the work is to stop."""
        daemons = len(set(self._wanted.nodes.values()))
        threads = min(_AT_ONCE, _PER_DAEMON * daemons, len(self._waiting))
        for _ in range(threads):
            threading.Thread(target=self._work, name="xcatflow-logs", daemon=True).start()
        try:
            for node in self._wanted.nodes:
                while (lines := self._take(node)) is not None:
                    for line in lines:
                        said(line)
                if self._stopping.is_set():
                    self._errors.setdefault(node, UNREAD)
        finally:
            with self._change:
                self._ended = True
                self._change.notify_all()
        return {node: self._errors[node] for node in self._wanted.nodes if node in self._errors}

    def _take(self, node: str) -> list[LogLine] | None:
        """Lines of the node, None when there are no more."""
        buffer = self._buffers[node]
        with self._change:
            if self._head != node:
                self._head = node
                self._change.notify_all()
            while not (buffer.lines or buffer.done or self._bug or self._stopping.is_set()):
                self._change.wait(_CHECK_S)
            if self._bug:
                raise self._bug
            lines, buffer.lines = buffer.lines, []
            self._total, buffer.size = self._total - buffer.size, 0
            self._change.notify_all()
        return lines if lines and not self._stopping.is_set() else None

    def _work(self) -> None:
        try:
            while node := self._next():
                endpoint = self._wanted.nodes[node]
                try:
                    self._read(node, endpoint)
                except XcatflowError as error:
                    self._errors[node] = str(error)
                with self._change:
                    self._busy[endpoint] -= 1
                    self._buffers[node].done = True
                    self._change.notify_all()
        except BaseException as error:  # handed to the thread that reads
            with self._change:
                self._bug = error
                self._change.notify_all()

    def _next(self) -> str:
        """The first node in order whose daemon is not busy; empty when there are none left. In order, so that the node whose turn it is
        never waits for one behind it."""
        with self._change:
            while self._waiting and not self._ended and not self._stopping.is_set():
                for node in self._waiting:
                    endpoint = self._wanted.nodes[node]
                    if self._busy[endpoint] < _PER_DAEMON:
                        self._waiting.remove(node)
                        self._busy[endpoint] += 1
                        return node
                self._change.wait(_CHECK_S)
        return ""

    def _read(self, node: str, endpoint: str) -> None:
        lines, wanted = Lines(node), self._wanted
        with self._docker(endpoint).logs(node, since_s=wanted.since_s, tail=wanted.tail) as pieces:
            for piece in pieces:
                if not self._put(node, lines.feed(piece.stream, piece.data)):
                    return
            self._put(node, lines.end())

    def _put(self, node: str, lines: list[LogLine]) -> bool:
        """Hand over lines, waiting for room; False when nobody wants them any more."""
        size, buffer = sum(len(line.text) + _LINE_BYTES for line in lines), self._buffers[node]
        with self._change:
            while lines and not self._room(node, buffer, size):
                if self._ended or self._stopping.is_set():
                    return False
                self._change.wait(_CHECK_S)
            buffer.lines += lines
            buffer.size, self._total = buffer.size + size, self._total + size
            if lines and node == self._head:
                self._change.notify_all()
        return not self._ended

    def _room(self, node: str, buffer: _Buffer, size: int) -> bool:
        if node == self._head and not buffer.lines:
            return True
        return buffer.size + size <= _NODE_BYTES and (node == self._head or self._total + size <= _TOTAL_BYTES)
