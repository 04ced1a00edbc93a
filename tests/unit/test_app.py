"""The library's face: events of a run, for as long as somebody reads them."""

import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.unit.tasks.site import make
from xcatflow.app import Site
from xcatflow.errors import InvalidInput
from xcatflow.model.event import RunEnded, RunStarted


def inputs(patience: str) -> dict[str, Any]:
    return {"port": "1", "patience": patience}


def test_events_come_to_the_last(tmp_path: Path) -> None:
    events = list(Site.load(make(tmp_path)).apply("wait", inputs=inputs("0.1 s")))
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunEnded)
    assert not [thread for thread in threading.enumerate() if thread.name == "xcatflow-run"]
    with pytest.raises(InvalidInput, match='no workflow "none"'):
        next(iter(Site.load(tmp_path).apply("none")))


def test_who_leaves_off_reading_stops_the_run(tmp_path: Path) -> None:
    site = Site.load(make(tmp_path))
    started = time.monotonic()
    with closing(site.apply("wait", inputs=inputs("50 s"))) as events:  # type: ignore[type-var]
        assert isinstance(next(events), RunStarted)
    assert time.monotonic() - started < 20
    with site.journal() as journal:
        assert journal.runs()[0].exit_code == 130
