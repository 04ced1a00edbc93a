"""A step that nobody else's can go with, such as a reboot: steps of other nodes on its machine wait, and look anew."""

import threading
import time
from typing import Any

import pytest

from tests.fakes.memory import STEPS, Value, ValueParams
from tests.fakes.running import Rig, nodes, workflow
from xcatflow.errors import ExitCode
from xcatflow.model.change import Change
from xcatflow.model.event import Outcome
from xcatflow.steps.reboot import Reboot


def test_others_wait_and_look_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    rig, begun = Rig(nodes("n1", "n2")), threading.Event()

    class Alone(Value):
        """Forgets everything on its machine, slowly."""

        kind = "memory.alone"
        alone = True

        def apply(self, at: Any, want: ValueParams, seen: str | None, change: Change) -> None:
            begun.set()
            time.sleep(0.3)
            acts = len(rig.world.acts)
            rig.world.values = {place: value for place, value in rig.world.values.items() if place[0] != at.name}
            super().apply(at, want, seen, change)
            assert len(rig.world.acts) == acts + 1

    class Waits(Value):
        kind = "memory.waits"

        def apply(self, at: Any, want: ValueParams, seen: str | None, change: Change) -> None:
            assert begun.wait(10)
            super().apply(at, want, seen, change)

    for step in (Alone(), Waits()):
        monkeypatch.setitem(STEPS, step.kind, step)
    rig.world.values = {("n1", "kept"): "1"}
    steps: list[dict[str, Any]] = [
        {"id": "alone", "use": "memory.alone", "only": "n1", "with": {"name": "boot", "value": "2"}},
        {"id": "waits", "use": "memory.waits", "only": "n2", "with": {"name": "own", "value": "1"}},
        {"id": "kept", "use": "memory.value", "only": "n2", "at": "n1", "with": {"name": "kept", "value": "1"}},
    ]
    assert rig(workflow(steps)) == ExitCode.OK
    assert rig.outcomes()["n2", "kept"] == Outcome.CHANGED, "what was seen before does not count"
    assert rig.world.values["n1", "kept"] == "1"
    assert [name for machine, name, _ in rig.world.acts if machine == "n1"] == ["boot", "kept"]


def test_a_reboot_is_such_a_step() -> None:
    assert Reboot.alone
