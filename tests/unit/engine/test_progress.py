"""How far acts are: reporters hear it, the journal does not, and no secret is in it."""

import threading
import time
from typing import Any

from tests.fakes.memory import STEPS, Value, ValueParams, World
from tests.fakes.running import nodes, workflow
from xcatflow.engine.bus import Bus
from xcatflow.engine.prepare import Preparer
from xcatflow.engine.run import Job, Run
from xcatflow.engine.secrets import Redactor
from xcatflow.model.change import Change
from xcatflow.model.event import ActProgressed, Event, event_from_json


class Slow(Value):
    """Tells how far it is."""

    kind = "memory.slow"

    def apply(self, at: Any, want: ValueParams, seen: str | None, change: Change) -> None:
        at.tell("half of\nhidden")
        super().apply(at, want, seen, change)


def test_what_an_act_tells_is_shown_and_not_kept() -> None:
    journal: list[Event] = []
    heard: list[Event] = []
    redactor = Redactor()
    redactor.learn("hidden")
    steps = {**STEPS, "memory.slow": Slow()}
    site = nodes("n1")
    preparer = Preparer(site, steps.__getitem__, lambda *_: (), lambda _scope: None, lambda _name: None)  # type: ignore[arg-type,return-value]
    flow = workflow([{"id": "one", "use": "memory.slow", "with": {"name": "x", "value": "1"}}])
    with Bus(journal.extend, (heard.extend,)) as bus:
        run = Run(
            id="run", apply=True, bus=bus, faces=World(), finish=preparer.finish, redactor=redactor, traffic=dict,
            stopping=threading.Event(),
        )  # fmt: skip
        run.execute([Job(flow, preparer.lanes(flow, ["n1"], {}))])
    (told,) = (event for event in heard if isinstance(event, ActProgressed))
    assert (told.node, told.step, told.text) == ("n1", "one", "half of (secret)")
    assert [event for event in heard if event.kept] == journal
    assert event_from_json(told.to_json()) == told


def test_a_broken_journal_is_no_matter_for_what_it_does_not_keep() -> None:
    def broken(_events: Any) -> None:
        raise OSError("full")

    heard: list[Event] = []
    with Bus(broken, (heard.extend,)) as bus:
        bus.emit(ActProgressed(at=time.time(), workflow="w", node="n", step="s", target="t", text="x"))
        bus.write()
    assert len(heard) == 1
