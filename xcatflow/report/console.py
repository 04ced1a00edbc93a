"""The report on a terminal: the lines of the plain report scroll by, and below them bars show what is at work. Also a screen of lines
that replace one another."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TextIO, cast

from rich.console import Console as RichConsole
from rich.console import Group, OverflowMethod
from rich.live import Live
from rich.text import Text

from xcatflow.model.event import Event, Outcome, RunEnded
from xcatflow.report.folding import Line
from xcatflow.report.progress import Progress, Row, Snapshot
from xcatflow.report.sink import Sink
from xcatflow.report.summary import Summary
from xcatflow.report.text import whole_seconds
from xcatflow.report.top import TableRow, Tone

_STYLES: dict[Outcome | None, str] = {
    None: "",
    Outcome.SKIPPED: "dim",
    Outcome.OK: "green",
    Outcome.DEFERRED: "cyan",
    Outcome.WOULD_CHANGE: "yellow",
    Outcome.CHANGED: "yellow",
    Outcome.UNREACHABLE: "bold magenta",
    Outcome.FAILED: "bold red",
}
_TONES: dict[Tone, str] = {"": "", "heading": "bold", "bad": "bold red", "odd": "yellow", "dim": "dim"}
_PER_SECOND = 6
_NARROW = 40
_MOST_STEP = 28


class Console:
    """Listener that draws on the terminal `stream`. `verbosity` is that of Summary; `clock` gives seconds."""

    def __init__(
        self,
        stream: TextIO,
        *,
        verbosity: int = 0,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        sink = Sink(stream)
        self._console = _terminal(sink, environ)
        self._encoding = sink.encoding
        wide = sink.encoding.lower().replace("-", "").startswith("utf8")
        self._bar = "━━" if wide else "#-"
        self._overflow: OverflowMethod = "ellipsis" if wide else "crop"
        self._summary = Summary(verbosity=verbosity)
        self._progress = Progress()
        self._snapshot: Snapshot | None = None
        self._clock = clock
        self._live = Live(
            get_renderable=self._frame,
            console=self._console,
            refresh_per_second=_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __call__(self, events: Sequence[Event]) -> None:
        lines = self._summary.feed(events)
        self._snapshot = self._progress.feed(events, self._clock())
        if any(isinstance(event, RunEnded) for event in events):
            self._live.stop()
        elif self._snapshot and not self._live.is_started:
            self._live.start()
        self._say(lines)

    def close(self) -> None:
        """Take the bars away, give the cursor back, and say what is left to say when a run was cut short."""
        self._snapshot = None
        self._live.stop()
        self._say(self._summary.cut_short())

    def _say(self, lines: Sequence[Line]) -> None:
        if lines:
            if self._live.is_started:
                self._live.refresh()
            self._console.print(Text("\n").join(_styled(line) for line in lines), soft_wrap=True)

    def _frame(self) -> Group:
        """What stands below the lines now. Called by the thread that refreshes: it reads nothing but the snapshot, which is never changed,
        only replaced."""
        snapshot, (width, height) = self._snapshot, self._console.size
        if snapshot is None:
            return Group()
        rows = snapshot.rows[: max(1, height - 4)]
        left_s = snapshot.left_s(self._clock()) or 0
        left = f"about {whole_seconds(left_s)} left" if left_s >= 1 else ""
        column = min(_MOST_STEP, width // 3, snapshot.column)
        drawn = [self._row(row, column, width) for row in rows]
        percent = f"{100 * snapshot.done // max(1, snapshot.total)} %"
        whole = self._line(snapshot.workflow, (snapshot.done, snapshot.total, 0), (percent, left), column, width)
        whole.stylize("bold", 0, column)
        return Group(*drawn, whole)

    def _row(self, row: Row, column: int, width: int) -> Text:
        bad = f", {row.bad} failed" if row.bad else ""
        return self._line(
            row.step, (row.done, row.total, row.bad), (f"{row.done}/{row.total}{bad}", row.doing), column, width
        )

    def _line(self, name: str, parts: tuple[int, int, int], said: tuple[str, str], column: int, width: int) -> Text:
        """Never wider than the terminal: a line that wraps could not be taken back."""
        title = Text(self._known(name))
        title.truncate(column, overflow=self._overflow, pad=True)
        line = Text("  ").join([title, *self._bars(parts, width), *(Text(self._known(text)) for text in said if text)])
        line.truncate(max(1, width - 1), overflow=self._overflow)
        line.no_wrap = True
        return line

    def _known(self, text: str) -> str:
        """`text` in characters that the terminal knows, one for one: an escape in place of one would make the line longer."""
        return text.encode(self._encoding, "replace").decode(self._encoding)

    def _bars(self, parts: tuple[int, int, int], width: int) -> tuple[Text, ...]:
        if width < _NARROW:
            return ()
        done, total, bad = parts
        cells = min(30, width // 4)
        full = cells * done // max(1, total)
        style = _STYLES[Outcome.FAILED] if bad else _STYLES[Outcome.OK]
        return (Text.assemble((self._bar[0] * full, style), (self._bar[1] * (cells - full), "bright_black dim")),)


class Screen:
    """Lines that take the whole of the terminal `stream`, each time anew, and give it back as it was in the end."""

    def __init__(self, stream: TextIO, *, environ: Mapping[str, str] | None = None) -> None:
        self._sink = Sink(stream)
        self._console = _terminal(self._sink, environ)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    @property
    def height(self) -> int:
        """How many lines there is room for now."""
        return self._console.size.height

    @property
    def closed(self) -> bool:
        """The terminal was hung up."""
        return self._sink.closed

    def show(self, rows: Iterable[TableRow]) -> None:
        """Put these lines in place of the last ones. Longer ones than the terminal is wide are cut."""
        if not self._live.is_started:
            self._live.start()
        self._live.update(Group(*map(self._line, rows)), refresh=True)

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _line(self, row: TableRow) -> Text:
        text = row.text.encode(self._sink.encoding, "replace").decode(self._sink.encoding)
        return Text(text, _TONES[row.tone], no_wrap=True, overflow="crop")


def _terminal(sink: Sink, environ: Mapping[str, str] | None) -> RichConsole:
    return RichConsole(
        file=cast("TextIO", sink),
        _environ=environ,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )


def _styled(line: Line) -> Text:
    text = Text(line.text)
    if line.outcome is not None:
        text.stylize(_STYLES[line.outcome], 0, len(line.outcome))
    return text
