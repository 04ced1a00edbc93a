"""The way of events: one queue, one thread that reads it. Listeners need no locks."""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from xcatflow.errors import XcatflowError
from xcatflow.model.event import Event

Listener = Callable[[Sequence[Event]], None]


class JournalFailed(XcatflowError):
    """The record of the run cannot be written; nothing more is done."""


@dataclass(slots=True)
class _Item:
    events: tuple[Event, ...] = ()
    written: threading.Event | None = None
    last: bool = False


@dataclass(slots=True)
class Bus:
    """`journal` gets every batch first, but for what it does not keep; when it fails, whoever waits for a write is told and later ones
    too. A reporter that fails is left out from then on: seeing less must never stop the work."""

    journal: Listener
    reporters: Iterable[Listener] = ()
    _queue: "queue.SimpleQueue[_Item]" = field(default_factory=queue.SimpleQueue)
    _broken: list[Exception] = field(default_factory=list)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Bus":
        self._thread = threading.Thread(target=self._read, name="xcatflow-events", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(_Item(last=True))
        if self._thread:
            self._thread.join()

    def emit(self, *events: Event) -> None:
        """Hand over events; does not wait."""
        self._queue.put(_Item(events))

    def write(self, *events: Event) -> None:
        """Hand over events and wait until the journal has them. Raises JournalFailed."""
        written = threading.Event()
        self._queue.put(_Item(events, written))
        written.wait()
        if self._broken:
            raise JournalFailed(f"the journal cannot be written: {self._broken[0]}")

    def _read(self) -> None:
        reporters = list(self.reporters)
        last = False
        while not last:
            items = [self._queue.get()]
            while not items[-1].last:
                try:
                    items.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            last = items[-1].last
            self._deliver(tuple(event for item in items for event in item.events), reporters)
            for item in items:
                if item.written:
                    item.written.set()

    def _deliver(self, events: tuple[Event, ...], reporters: list[Listener]) -> None:
        if not events:
            return
        try:
            if not self._broken and (kept := tuple(event for event in events if event.kept)):
                self.journal(kept)
        except Exception as error:  # whatever it is, the waiting lanes must hear of it
            self._broken.append(error)
        for reporter in tuple(reporters):
            try:
                reporter(events)
            except Exception:  # a closed pipe, a full disk: report no more through it
                reporters.remove(reporter)
