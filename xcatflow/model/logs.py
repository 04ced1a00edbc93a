"""Containers' logs, as asked for and as read."""

from collections.abc import Mapping
from dataclasses import dataclass

UNREAD = "its log was not read to its end: interrupted"


@dataclass(frozen=True, slots=True)
class LogsWanted:
    """The logs of containers: `nodes` are their names with the endpoints of their daemons, in order. `since_s` is seconds since the
    epoch, `tail` the number of last lines; with `follow` it goes on until it is stopped."""

    nodes: Mapping[str, str]
    follow: bool = False
    since_s: float | None = None
    tail: int | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line without its end; `stream` is 1 for standard output, 2 for standard error."""

    node: str
    stream: int
    text: str
