"""What is measured side by side: ways to do the same acts on all containers, and what they took."""

import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.timing import Timing

ACTS = ("create", "start", "state", "stop", "remove")
AFTER = {"create": "created", "start": "running", "state": "running", "stop": "exited"}
"""The state of every container after each act; after the last one there are none."""


@dataclass(frozen=True, slots=True)
class Contender:
    """`does(act)` does one of `ACTS` on all containers and raises SystemExit when it fails. A `slow` one is measured in one round only,
    through the relay that counts."""

    key: str
    title: str
    does: Callable[[str], None]
    close: Callable[[], None] = lambda: None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Results:
    """What each contender took for each act, round by round; `titles` by their keys, in the order in which they came."""

    titles: dict[str, str] = field(default_factory=dict)
    _taken: dict[tuple[str, str], list[Timing]] = field(default_factory=dict)

    def measure(self, contender: Contender, act: str) -> None:
        """Do the act and keep what it took: CPU of this process and of those it started and waited for."""
        cpu_s, started = _cpu_s(), time.perf_counter()
        contender.does(act)
        taken = Timing(time.perf_counter() - started, _cpu_s() - cpu_s)
        self.titles[contender.key] = contender.title
        self._taken.setdefault((contender.key, act), []).append(taken)

    def of(self, key: str, act: str) -> list[Timing]:
        return self._taken[key, act]


def expect(states: Iterable[str], count: int, wanted: str) -> None:
    """Raises SystemExit unless there are so many states, all of them the wanted one."""
    found = list(states)
    if found != [wanted] * count:
        other = next((state for state in found if state != wanted), "")
        raise SystemExit(f'expected {count} containers to be {wanted}, found {len(found)}, one of them "{other}"')


@contextmanager
def closing(contenders: Iterable[Contender]) -> Iterator[tuple[Contender, ...]]:
    """Close them at the end."""
    made = tuple(contenders)
    try:
        yield made
    finally:
        for contender in made:
            contender.close()


def _cpu_s() -> float:
    usages = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
