"""Follows the logs of many containers at once, over their restarts, until it is told to stop.

Source: an engine 20.10: the answer of a followed log ends with the container, `State.FinishedAt` is later than its last line by some
milliseconds, and `State.StartedAt` later than the first lines of the next start. What was written between two looks is asked for by time;
before API 1.24 daemons know whole seconds only, and give the lines of the last one twice.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, Full, Queue
from typing import Any

from xcatflow.errors import ActFailed, XcatflowError
from xcatflow.model.loglines import Lines
from xcatflow.model.logs import LogLine, LogsWanted
from xcatflow.model.question import ContainerFacts
from xcatflow.transport.protocols import Docker, LogPiece

_CHECK_S = 0.1
_LOOK_S = 1.0
"""How often daemons are asked whether containers run again."""
_PAUSE_S = 0.2
_AFTER_END_S = 0.05
"""Lines of a container that ended may be dated that much later than its end; no container starts again as quickly."""
_LAST_S = 0.5
_MOST_BATCHES = 1000


class Following:
    """One thread for each node; `docker` gives the daemon at an endpoint."""

    def __init__(self, docker: Callable[[str], Docker], wanted: LogsWanted, stopping: threading.Event) -> None:
        self._wanted, self._stopping = wanted, stopping
        self._ended = threading.Event()
        self._queue: Queue[list[LogLine] | BaseException | None] = Queue(_MOST_BATCHES)
        self._daemons = {endpoint: _Daemon(endpoint, docker) for endpoint in set(wanted.nodes.values())}
        self._streams: set[ExitStack] = set()
        self._lock = threading.Lock()
        self._errors: dict[str, str] = {}

    def run(self, said: Callable[[LogLine], None]) -> dict[str, str]:
        """Give out lines as they come; in the end what is wrong with which node."""
        threads = [
            threading.Thread(target=self._work, args=(node,), name="xcatflow-logs", daemon=True)
            for node in self._wanted.nodes
        ]
        for thread in threads:
            thread.start()
        try:
            left = len(threads)
            while left and not self._stopping.is_set():
                left -= self._say(said, _CHECK_S)
        finally:
            self._end(threads)
        deadline = time.monotonic() + _LAST_S
        while not self._queue.empty() and time.monotonic() < deadline:
            self._say(said, 0)
        return {node: self._errors[node] for node in self._wanted.nodes if node in self._errors}

    def _say(self, said: Callable[[LogLine], None], timeout_s: float) -> int:
        """Give out the next lines; 1 where it is the end of a thread that came."""
        try:
            item = self._queue.get(timeout=timeout_s) if timeout_s else self._queue.get_nowait()
        except Empty:
            return 0
        match item:
            case None:
                return 1
            case list():
                for line in item:
                    said(line)
            case error:
                raise error
        return 0

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        """End what is read. A thread that waits for a daemon that does not answer is not waited for."""
        self._ended.set()
        for stream in tuple(self._streams):
            with suppress(XcatflowError):
                self._close(stream)
        deadline = time.monotonic() + _LAST_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self, node: str) -> None:
        try:
            self._follow(node, self._daemons[self._wanted.nodes[node]])
        except BaseException as error:  # handed to the thread that reads
            if not self._ended.is_set():
                self._put(error)
        self._put(None)

    def _follow(self, node: str, daemon: "_Daemon") -> None:
        """Over all of its container's starts. A node that cannot be followed at first is left alone."""
        since_s, tail = self._wanted.since_s, self._wanted.tail
        try:
            run = daemon.run(node)
        except XcatflowError as error:
            self._errors[node] = str(error)
            return
        while not self._ended.is_set():
            try:
                heard_s = self._read(node, daemon, since_s, tail)
            except _NotToBeRead as error:
                self._errors[node] = str(error)
                return
            again = self._again(node, daemon, run)
            if again is None:
                return
            if again.begin_s is not None or again.run.id != run.id:
                since_s, tail = again.begin_s, None
            elif heard_s is not None:
                since_s, tail = heard_s, None
            run = again.run

    def _read(self, node: str, daemon: "_Daemon", since_s: float | None, tail: int | None) -> float | None:
        """Hand over what comes until it ends; when something came last, in seconds since the epoch. Raises _NotToBeRead."""
        lines, heard_s = Lines(node), None
        try:
            with self._stream(daemon.docker, node, since_s, tail) as pieces:
                for piece in pieces:
                    heard_s = time.time()
                    self._put(lines.feed(piece.stream, piece.data))
        except XcatflowError as error:
            if not self._ended.is_set():
                self._errors[node] = str(error)
                if type(error) is ActFailed and heard_s is None and not str(error).startswith("No such container"):
                    raise _NotToBeRead(str(error)) from None
        self._put(lines.end())
        return heard_s

    def _again(self, node: str, daemon: "_Daemon", run: "_Run") -> "_Again | None":
        """Wait until the container runs (again), or another one of its name is there; None when all is to end."""
        pause_s, begin_s, looked = _PAUSE_S, None, False
        while not self._ended.wait(pause_s):
            pause_s = _LOOK_S
            try:
                if looked and not daemon.runs(node, run.id):
                    continue
                now, looked = daemon.run(node), True
            except XcatflowError as error:
                self._errors[node] = str(error)
                continue
            self._errors.pop(node, None)
            if now.id != run.id or (now.runs and now.started == run.started):  # another one; or the connection broke
                return _Again(now, None)
            begin_s = begin_s or (now.finished_s + _AFTER_END_S if now.finished_s else None)
            if now.runs:
                return _Again(now, begin_s)
        return None

    @contextmanager
    def _stream(
        self, docker: Docker, node: str, since_s: float | None, tail: int | None
    ) -> Iterator[Iterator[LogPiece]]:
        """A log that `_end` may close while it is read."""
        stack = ExitStack()
        pieces = stack.enter_context(docker.logs(node, follow=True, since_s=since_s, tail=tail))
        with self._lock:
            self._streams.add(stack)
        try:
            yield iter(()) if self._ended.is_set() else pieces
        finally:
            self._close(stack)

    def _close(self, stack: ExitStack) -> None:
        """Close it once, whoever comes first."""
        with self._lock:
            first = stack in self._streams
            self._streams.discard(stack)
        if first:
            stack.close()

    def _put(self, item: list[LogLine] | BaseException | None) -> None:
        """Wait for room, as long as anybody reads."""
        while item != []:
            try:
                self._queue.put(item, timeout=_CHECK_S)
            except Full:
                if self._ended.is_set():
                    return
            else:
                return


class _NotToBeRead(Exception):
    """The daemon has no log of this container to give (a logging driver that keeps none), and will not have one later."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One start of a container: its id, when it began, when it ended the last time (seconds since the epoch, None for never)."""

    id: str
    runs: bool
    started: str
    finished_s: float | None


@dataclass(frozen=True, slots=True)
class _Again:
    """What to follow next, and from when on in seconds since the epoch; None for no limit."""

    run: _Run
    begin_s: float | None


class _Daemon:
    """What the threads ask of one daemon: its listing is shared by them."""

    def __init__(self, endpoint: str, docker: Callable[[str], Docker]) -> None:
        self._endpoint, self._open = endpoint, docker
        self._lock = threading.Lock()
        self._listed: Mapping[str, ContainerFacts] | XcatflowError = {}
        self._asked_s = -_LOOK_S

    @property
    def docker(self) -> Docker:
        return self._open(self._endpoint)

    def run(self, node: str) -> _Run:
        """Raises ActFailed when there is no such container."""
        details = self.docker.inspect_container(node)
        if details is None:
            raise ActFailed(f"No such container: {node}")
        state: Mapping[str, Any] = details.get("State") or {}
        runs = bool(state.get("Running")) and not state.get("Restarting")
        return _Run(str(details.get("Id")), runs, str(state.get("StartedAt")), _seconds(state.get("FinishedAt")))

    def runs(self, node: str, id: str) -> bool:
        """Whether the container runs, or is another one than `id`. Raises ActFailed when there is none."""
        with self._lock:
            if time.monotonic() - self._asked_s >= _LOOK_S * 0.9:
                try:
                    self._listed = {facts.name: facts for facts in self.docker.containers()}
                except XcatflowError as error:
                    self._listed = error
                self._asked_s = time.monotonic()
            listed = self._listed
        if isinstance(listed, XcatflowError):
            raise listed
        if (facts := listed.get(node)) is None:
            raise ActFailed(f"No such container: {node}")
        return facts.id != id or facts.state in ("running", "paused")


def _seconds(text: object) -> float | None:
    """Seconds since the epoch of a time as daemons write it; None for none (they write the year 1)."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return when.timestamp() if when.year > 1 else None
