"""Which report people get: live on a terminal that can draw, plain lines anywhere else."""

import os
from collections.abc import Mapping, Sequence
from typing import Protocol, TextIO

from xcatflow.model.event import Event
from xcatflow.report.plain import Plain

_CANNOT_DRAW = ("", "dumb", "unknown")


class Reporter(Protocol):
    """A listener that wants to know when nothing more comes, whatever the reason."""

    def __call__(self, events: Sequence[Event]) -> None: ...
    def close(self) -> None: ...


def reporter(
    stream: TextIO, *, verbosity: int = 0, quiet: bool = False, environ: Mapping[str, str] = os.environ
) -> Reporter:
    """The report for `stream`. A quiet one is always plain."""
    if quiet or not can_draw(stream, environ):
        return Plain(stream, verbosity=verbosity, quiet=quiet)
    from xcatflow.report.console import Console  # rich takes 50 ms to import: only for who sees it

    return Console(stream, verbosity=verbosity, environ=environ)


def can_draw(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether lines on `stream` can be drawn anew."""
    return stream.isatty() and environ.get("TERM", "") not in _CANNOT_DRAW
