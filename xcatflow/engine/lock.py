"""Locks of a site: one run of a chain or workflow at a time."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from xcatflow.locks import held


@contextmanager
def locked(directory: Path, names: Sequence[str], *, holder: str, wait: bool = False) -> Iterator[None]:
    """Hold the locks `names` (taken in sorted order, so that two runs never wait for each other); `holder` is what others are told.

    Raises Locked naming the holder when one is taken and `wait` is off, InvalidInput when the directory cannot be written.
    """
    with ExitStack() as stack:
        for name in sorted(set(names)):
            what = f'"{name}"'
            busy = f"{what} is being run by {{}}: wait for its end, or use --wait".format
            lock = held(directory / f"{name}.lock", what=what, holder=holder, patience=None if wait else 0, busy=busy)
            stack.enter_context(lock)
        yield
