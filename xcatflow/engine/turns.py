"""Who may be at a machine: many steps at once, or one that nobody else's can go with, such as a reboot."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Turns:
    """Turns by the name of the machine. Whoever comes while somebody is alone there waits; who wants to be alone waits until nobody is
    there. Others are let in meanwhile: one of them may be what another one waits for."""

    _there: Counter[str] = field(default_factory=Counter)
    _alone: set[str] = field(default_factory=set)
    _times: Counter[str] = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def times_alone(self, machine: str) -> int:
        """How often somebody was alone there: what was seen before does not hold any more."""
        return self._times[machine]

    @contextmanager
    def taken(self, machine: str, *, alone: bool) -> Iterator[None]:
        """Be there while the context is open. Not to be nested."""
        with self._changed:
            self._changed.wait_for(lambda: machine not in self._alone and not (alone and self._there[machine]))
            self._there[machine] += 1
            if alone:
                self._alone.add(machine)
        try:
            yield
        finally:
            with self._changed:
                self._there[machine] -= 1
                if alone:
                    self._alone.discard(machine)
                    self._times[machine] += 1
                self._changed.notify_all()
