"""What nodes use, as lines: a heading with totals, a table in the order asked for, cut to a screen where there is one; and as data."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol, TextIO

from xcatflow.model.fold import fold
from xcatflow.model.usage import NodeUse, state_text
from xcatflow.report.sink import Sink
from xcatflow.report.text import clean, count

Tone = Literal["", "heading", "bad", "odd", "dim"]
Sort = Literal["cpu", "memory", "name", "state"]
SORTS: tuple[Sort, ...] = ("cpu", "memory", "name", "state")

_HEADING = ("NODE", "STATE", "UPTIME", "CPU %", "MEMORY", "LIMIT", "NET IN/s", "NET OUT/s", "PIDS", "HOST")
_NUMBERS = range(3, 9)
_TONES: Mapping[str, Tone] = MappingProxyType(
    {
        **dict.fromkeys(("unreachable", "missing", "dead"), "bad"),
        **dict.fromkeys(("restarting", "removing", "paused", "waiting"), "odd"),
        **dict.fromkeys(("created", "exited"), "dim"),
    }
)
_WORST = (
    "unreachable",
    "missing",
    "dead",
    "waiting",
    "restarting",
    "removing",
    "paused",
    "exited",
    "created",
    "running",
)
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_LATE_S = 10.0


@dataclass(frozen=True, slots=True)
class TableRow:
    """A line, and how it is meant."""

    text: str
    tone: Tone = ""


class View(Protocol):
    """Shows nodes again and again; `patience_s` is how long what it shows may stay at most, in seconds."""

    patience_s: float

    @property
    def closed(self) -> bool:
        """Nobody looks any more."""
        ...

    def show(self, uses: Sequence[NodeUse]) -> None: ...
    def close(self) -> None: ...


class Lines(Protocol):
    """A screen: report.console.Screen."""

    @property
    def height(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    def show(self, rows: Iterable[TableRow]) -> None: ...
    def close(self) -> None: ...


class JsonView:
    """One line for every look: an array of all nodes."""

    patience_s = math.inf

    def __init__(self, stream: TextIO, sort: Sort) -> None:
        self._sink, self._sort = Sink(stream), sort

    @property
    def closed(self) -> bool:
        return self._sink.closed

    def show(self, uses: Sequence[NodeUse]) -> None:
        self._sink.write(f"{json.dumps(data(uses, self._sort))}\n")

    def close(self) -> None:
        """Every line is out."""


class ScreenView:
    """A table that is drawn anew, at least once a second: the age of figures is part of it."""

    patience_s = 1.0

    def __init__(self, screen: Lines, sort: Sort) -> None:
        self._screen, self._sort = screen, sort

    @property
    def closed(self) -> bool:
        return self._screen.closed

    def show(self, uses: Sequence[NodeUse]) -> None:
        self._screen.show(screenful(uses, self._sort, self._screen.height))

    def close(self) -> None:
        self._screen.close()


def table(uses: Sequence[NodeUse], sort: Sort) -> list[TableRow]:
    """All nodes: the totals, the names of the columns, a row for each."""
    ordered = _ordered(uses, sort)
    cells = [_HEADING, *(_cells(use) for use in ordered)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in cells]
    tones = [_tone(use) for use in ordered]
    return [
        TableRow(totals(uses), "heading"),
        TableRow(lines[0], "dim"),
        *(TableRow(line, tone) for line, tone in zip(lines[1:], tones, strict=True)),
    ]


def screenful(uses: Sequence[NodeUse], sort: Sort, height: int) -> list[TableRow]:
    """The table in at most `height` lines; what found no room is counted."""
    rows = [*_late(uses), *table(uses, sort)]
    if len(rows) <= height:
        return rows
    shown = rows[: max(1, height - 1)]
    return [*shown, TableRow(f"… and {len(rows) - len(shown)} more", "dim")][:height]


def totals(uses: Sequence[NodeUse]) -> str:
    """`40 nodes: 38 running, 2 exited; CPU 123.4 %, memory 1.2 GiB`: what is known, summed up."""
    states = Counter(state_text(use) for use in uses)
    counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items(), key=_by_number))
    cpu = [use.usage.cpu_percent for use in uses if use.usage.cpu_percent is not None]
    memory = [use.usage.memory_bytes for use in uses if use.usage.memory_bytes is not None]
    parts = [f"CPU {sum(cpu):.1f} %"] if cpu else []
    parts += [f"memory {size(sum(memory))}"] if memory else []
    return "; ".join([f"{count(len(uses), 'node')}: {counted}", *([", ".join(parts)] if parts else [])])


def problems(uses: Iterable[NodeUse]) -> list[str]:
    """What could not be learnt, each said once, with the nodes folded."""
    nodes: dict[str, list[str]] = {}
    for use in uses:
        if use.problem:
            text = "no such container" if use.state == "missing" else clean(use.problem)
            nodes.setdefault(text, []).append(use.node)
    return [f"{fold(names)}: {text}" for text, names in nodes.items()]


def data(uses: Sequence[NodeUse], sort: Sort) -> list[dict[str, object]]:
    """The same as plain data; null is what cannot be told."""
    return [_data(use) for use in _ordered(uses, sort)]


def size(amount: float) -> str:
    """Bytes as people say them: `512 B`, `1.5 MiB`."""
    unit = 0
    while amount >= 1023.5 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_UNITS[unit]}" if not unit or amount >= 99.95 else f"{amount:.1f} {_UNITS[unit]}"


def _data(use: NodeUse) -> dict[str, object]:
    it = use.usage
    return {
        "node": use.node,
        "host": use.host,
        "state": use.state,
        "health": use.health or None,
        "uptime": use.uptime or None,
        "cpu_percent": _rounded(it.cpu_percent),
        "memory_bytes": it.memory_bytes,
        "limit_bytes": it.limit_bytes,
        "rx_bytes_s": _rounded(it.rx_bytes_s),
        "tx_bytes_s": _rounded(it.tx_bytes_s),
        "pids": it.pids,
        "problem": use.problem or None,
    }


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


def _ordered(uses: Sequence[NodeUse], sort: Sort) -> list[NodeUse]:
    """Most first; equal ones stay in the order given, which is that of their names."""
    keys: dict[Sort, Callable[[NodeUse], float]] = {
        "cpu": lambda use: -_known(use.usage.cpu_percent),
        "memory": lambda use: -_known(use.usage.memory_bytes),
        "state": lambda use: _WORST.index(use.state) if use.state in _WORST else -1,
        "name": lambda _use: 0,
    }
    return sorted(uses, key=keys[sort])


def _known(number: float | None) -> float:
    return -1 if number is None else number


def _cells(use: NodeUse) -> tuple[str, ...]:
    it = use.usage
    return (
        use.node,
        clean(state_text(use)),
        clean(use.uptime) or "-",
        "-" if it.cpu_percent is None else f"{it.cpu_percent:.1f}",
        *(_sized(amount) for amount in (it.memory_bytes, it.limit_bytes, it.rx_bytes_s, it.tx_bytes_s)),
        "-" if it.pids is None else str(it.pids),
        use.host,
    )


def _sized(amount: float | None) -> str:
    return "-" if amount is None else size(amount)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if at in _NUMBERS else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _tone(use: NodeUse) -> Tone:
    return "bad" if use.health == "unhealthy" else _TONES.get(use.state, "")


def _by_number(item: tuple[str, int]) -> tuple[int, str]:
    return (-item[1], item[0])


def _late(uses: Sequence[NodeUse]) -> list[TableRow]:
    """Says whose figures are old: their daemon has not answered since."""
    late = [use for use in uses if use.age_s >= _LATE_S and use.state != "waiting"]
    if not late:
        return []
    return [
        TableRow(f"no answer for {max(use.age_s for use in late):.0f} s: {fold([use.node for use in late])}", "bad")
    ]
