"""The report for whatever is no terminal: lines in a log, a mail from cron.

A step's lines come when it is over on all nodes. A quiet report holds everything back until something changed or failed, and then says
all of it: a run without news is silent.
"""

from collections.abc import Sequence
from typing import TextIO

from xcatflow.model.event import Event
from xcatflow.report.folding import Line
from xcatflow.report.sink import Sink
from xcatflow.report.summary import Summary


class Plain:
    """Listener that writes to `stream`. `verbosity` is that of Summary."""

    def __init__(self, stream: TextIO, *, verbosity: int = 0, quiet: bool = False) -> None:
        self._sink = Sink(stream)
        self._summary = Summary(verbosity=verbosity)
        self._quiet = quiet
        self._held: list[str] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self._say(self._summary.feed(events))

    def close(self) -> None:
        """Say what is left to say when a run was cut short. What a quiet report still holds back then is no news."""
        self._say(self._summary.cut_short())

    def _say(self, lines: Sequence[Line]) -> None:
        self._held += [f"{line.text}\n" for line in lines]
        if not self._quiet or self._summary.news:
            self._sink.write("".join(self._held))
            self._held.clear()
