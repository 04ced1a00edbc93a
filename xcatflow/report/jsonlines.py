"""Events for programs: one JSON object per line, as they happen.

`event` names what happened; the other fields are those of `xcatflow.model.event`. The first line also has `schema`, the version of this
format: it grows when a field changes its meaning or goes away, not when one is added.
"""

import json
from collections.abc import Sequence
from typing import TextIO

from xcatflow.model.event import Event
from xcatflow.report.sink import Sink

SCHEMA = 1


class JsonLines:
    """Listener that writes to `stream`, flushed after each batch. A closed pipe ends it quietly."""

    def __init__(self, stream: TextIO) -> None:
        self._sink = Sink(stream)
        self._begun = False

    def __call__(self, events: Sequence[Event]) -> None:
        if self._sink.closed or not events:
            return
        lines = [event.to_json() for event in events]
        if not self._begun:
            self._begun = True
            lines[0] = {"schema": SCHEMA, **lines[0]}
        self._sink.write("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))

    def close(self) -> None:
        """Nothing is held back: every batch is out when the call returns."""
