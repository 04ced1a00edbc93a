"""Equal jobs are one job: the first lane that comes does it, the others wait for it and share its fate."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

R = TypeVar("R")


@dataclass(slots=True)
class _Job(Generic[R]):
    owner: str
    done: threading.Event = field(default_factory=threading.Event)
    result: R | None = None


@dataclass(slots=True)
class Jobs(Generic[R]):
    """Results by key. A job that raised leaves no result: the next waiting lane does it itself."""

    _jobs: dict[Hashable, _Job[R]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def run(self, key: Hashable, owner: str, work: Callable[[], R]) -> tuple[R, str]:
        """(result, name of the lane that did it)."""
        while True:
            with self._guard:
                job = self._jobs.get(key)
                mine = job is None
                if job is None:
                    job = self._jobs[key] = _Job(owner)
            if mine:
                try:
                    job.result = work()
                except BaseException:
                    with self._guard:
                        del self._jobs[key]
                    raise
                finally:
                    job.done.set()
                return job.result, owner
            job.done.wait()
            if job.result is not None:
                return job.result, job.owner


def fingerprint(want: object) -> bytes:
    """Equal for what is wanted alike, secrets included, of which it shows nothing."""
    return sha256(repr(_values(want)).encode()).digest()


def _values(value: Any) -> Any:
    """All values inside, those that representations leave out as well."""
    match value:
        case BaseModel():
            return (type(value).__name__, {name: _values(inner) for name, inner in vars(value).items()})
        case dict():
            return {key: _values(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_values(inner) for inner in value]
    return value
