"""A daemon in memory whose containers write logs, are started again, replaced, and followed meanwhile; it may go away and come back.

Logs are dated by a clock of its own, which every event moves on; as those of an engine, a followed log ends with its container.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from xcatflow.errors import ActFailed, Unreachable
from xcatflow.model.question import ContainerFacts
from xcatflow.transport.protocols import LogPiece

_EPOCH_S = 1_700_000_000.0
_NEVER = "0001-01-01T00:00:00Z"


@dataclass(slots=True)
class _Container:
    id: str
    running: bool = True
    started_s: float = 0.0
    finished_s: float | None = None
    log: list[tuple[float, Literal[1, 2], bytes]] = field(default_factory=list)


class LogDaemon:
    """`open_logs` counts logs that are read now, `most_open` the most there were; `given` the pieces of each that were taken; `inspected`
    how often containers were looked at one by one."""

    def __init__(self, *names: str) -> None:
        self.endpoint = "logs:2376"
        self._change = threading.Condition()
        self._ids = itertools.count(1)
        self._now_s = _EPOCH_S
        self._gone = False
        self._containers = {name: _Container(f"id{next(self._ids)}", started_s=self._tick()) for name in names}
        self.open_logs = self.most_open = self.inspected = 0
        self.given: dict[str, int] = {}
        self._hanging: set[str] = set()

    def write(self, name: str, text: str, stream: Literal[1, 2] = 1) -> None:
        """The container writes."""
        with self._changed():
            self._containers[name].log.append((self._tick(), stream, text.encode()))

    def stop(self, name: str) -> None:
        with self._changed():
            it = self._containers[name]
            it.running, it.finished_s = False, self._tick()

    def start(self, name: str) -> None:
        with self._changed():
            it = self._containers[name]
            it.running, it.started_s = True, self._tick()

    def replace(self, name: str) -> None:
        """Another container of its name."""
        with self._changed():
            self._containers[name] = _Container(f"id{next(self._ids)}", started_s=self._tick())

    def remove(self, name: str) -> None:
        with self._changed():
            del self._containers[name]

    def go_away(self, *, gone: bool) -> None:
        """Connections break, and none is made; the containers go on."""
        with self._changed():
            self._gone = gone

    def hang(self, *names: str) -> None:
        """From now on logs of these, and of no others, give nothing out."""
        with self._changed():
            self._hanging = set(names)

    def containers(self) -> tuple[ContainerFacts, ...]:
        with self._change:
            self._answer()
            return tuple(
                ContainerFacts(it.id, name, "busybox", "", "running" if it.running else "exited", "")
                for name, it in self._containers.items()
            )

    def inspect_container(self, name: str) -> Mapping[str, Any] | None:
        with self._change:
            self._answer()
            self.inspected += 1
            if (it := self._containers.get(name)) is None:
                return None
            times = {"StartedAt": _text(it.started_s), "FinishedAt": _text(it.finished_s)}
            return {"Id": it.id, "State": {"Running": it.running, "Restarting": False, **times}}

    @contextmanager
    def logs(
        self, name: str, *, follow: bool = False, since_s: float | None = None, tail: int | None = None
    ) -> Iterator[Iterator[LogPiece]]:
        left = threading.Event()
        with self._changed():
            self._answer()
            if (it := self._containers.get(name)) is None:
                raise ActFailed(f"No such container: {name}")
            self.open_logs += 1
            self.most_open = max(self.most_open, self.open_logs)
        try:
            yield self._pieces(name, it, left, follow, since_s, tail)
        finally:
            with self._changed():
                left.set()
                self.open_logs -= 1

    def close(self) -> None:
        """Nothing is kept."""

    def _pieces(
        self, name: str, it: _Container, left: threading.Event, follow: bool, since_s: float | None, tail: int | None
    ) -> Iterator[LogPiece]:
        run_s = it.started_s
        with self._change:
            wanted = [index for index, (at, _, _) in enumerate(it.log) if since_s is None or at >= since_s]
        for index in itertools.count(len(it.log) - min(len(wanted), len(wanted) if tail is None else tail)):
            with self._change:
                while not (left.is_set() or self._gone):
                    ended = not (follow and it.running and it.started_s == run_s)
                    if name not in self._hanging and (index < len(it.log) or ended):
                        break
                    self._change.wait()
                if left.is_set() or (index >= len(it.log) and not self._gone):
                    return
                self._answer()
                _, stream, data = it.log[index]
                self.given[name] = self.given.get(name, 0) + 1
            yield LogPiece(stream, data)

    def _answer(self) -> None:
        if self._gone:
            raise Unreachable("cannot connect to docker host logs:2376: connection refused")

    def _tick(self) -> float:
        self._now_s += 1.0
        return self._now_s

    @contextmanager
    def _changed(self) -> Iterator[None]:
        with self._change:
            yield
            self._change.notify_all()


def _text(at_s: float | None) -> str:
    return _NEVER if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat()


def until(true: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something is so."""
    deadline = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if true():
            return
        deadline.wait(0.01)
    raise AssertionError("it did not come about")
