"""Waits for something that goes on in a thread of its own, so that an interrupt need not wait for a daemon that does not answer."""

import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Generic, TypeVar

from xcatflow.tasks.common import heeding, warn

T = TypeVar("T")
LEFT_S = 5.0
"""How long what was begun may take after the first interrupt."""
_LOOK_S = 0.05


class Impatient(Generic[T]):
    """`stop` is called at the first interrupt. What is not over five seconds later, or at the second one, is left alone: `left` is true
    then, and the process has to be ended without waiting for its threads."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._interrupted_at = 0.0
        self._again = False
        self.left = False

    def __call__(self, work: Callable[[], T], otherwise: T) -> T:
        """What `work` gives, or `otherwise` where it was left alone. Raises what it raises."""
        found: list[T] = []
        wrong: list[BaseException] = []

        def run() -> None:
            try:
                found.append(work())
            except BaseException as error:  # handed to the thread that waits
                wrong.append(error)

        thread = threading.Thread(target=run, name="xcatflow-command", daemon=True)
        with heeding(self._heard):
            thread.start()
            while thread.is_alive() and not self._enough():
                thread.join(_LOOK_S)
        if wrong:
            raise wrong[0]
        self.left = not found
        return found[0] if found else otherwise

    def _enough(self) -> bool:
        return self._again or bool(self._interrupted_at and time.monotonic() - self._interrupted_at > LEFT_S)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        if self._interrupted_at:
            self._again = True
            return
        self._interrupted_at = time.monotonic()
        warn(f"stopping: what was begun has {LEFT_S:g} seconds to end, nothing more is begun (once more: end at once)")
        self._stop()
