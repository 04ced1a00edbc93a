"""The live report. What a terminal shows in the end is worked out by a small terminal of our own."""

import io
import re
import time

import pytest

from tests.unit.report.events import GOLDEN, create, ended, golden, node_ended, run_started, started
from xcatflow.model.event import Event, StepStarted, WorkflowStarted
from xcatflow.report.console import Console
from xcatflow.report.progress import Progress

_CODES = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class AsciiTerminal(Terminal):
    encoding = "ascii"


def screen(raw: str) -> list[str]:
    """The lines left on a terminal of endless height after it was sent `raw`."""
    lines, row, col, at = [""], 0, 0, 0
    while at < len(raw):
        if code := _CODES.match(raw, at):
            at = code.end()
            number = int(code[2].split(";")[0] or 1) if not code[1] else 0
            match code[3]:
                case "A":
                    row = max(0, row - number)
                case "K":
                    lines[row] = ""
                case "m" | "h" | "l":
                    pass
                case other:
                    raise AssertionError(f"unexpected code {other}")
            continue
        match raw[at]:
            case "\n":
                row, col = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            case "\r":
                col = 0
            case character:
                lines[row] = lines[row][:col].ljust(col) + character + lines[row][col + 1 :]
                col += 1
        at += 1
    return lines


def play(events: list[Event], *, width: int = 100, stream: Terminal | None = None, **environ: str) -> str:
    out = stream or Terminal()
    console = Console(out, environ={"TERM": "xterm", "COLUMNS": str(width), "LINES": "24", **environ})
    for event in events:
        console([event])
    console.close()
    return out.getvalue()


@pytest.mark.parametrize("name", ["apply", "nothing", "failures", "plan", "killed"])
def test_the_end_is_what_the_plain_report_says(name: str) -> None:
    raw = play(golden(name), width=400)
    assert "\n".join(screen(raw)).rstrip() == (GOLDEN / f"{name}.plain.txt").read_text().rstrip()
    assert raw.count("\x1b[?25l") == raw.count("\x1b[?25h") > 0


def test_colours_and_none() -> None:
    assert "\x1b[33mchanged" in play(golden("apply"))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", play(golden("apply"), NO_COLOR="1"))


def frame(console: Console, width: int = 80, height: int = 24) -> list[str]:
    console._console.size = (width, height)  # type: ignore[assignment]
    return [str(text) for text in console._frame().renderables]


def test_bars() -> None:
    now = [100.0]
    console = Console(Terminal(), environ={"TERM": "xterm"}, clock=lambda: now[0])
    nodes = [f"node{number:02}" for number in range(1, 11)]
    console([run_started(), started(nodes, "one", "two"), *(ended(node, "one", "ok") for node in nodes[:5])])
    console([StepStarted(at=0, workflow="flow", node=node, step="one", target=node) for node in nodes[5:8]])
    now[0] = 110.0
    lines = frame(console)
    assert lines == [
        f"one   {'━' * 20}  5/10  node[06-08]",
        f"flow  {'━' * 20}  25 %  about 30 s left",
    ]
    console([ended("node06", "one", "failed", message="no"), node_ended("node06", "failed")])
    assert frame(console)[0] == f"one   {'━' * 20}  6/10, 1 failed  node[07-08]"
    console.close()
    assert frame(console) == []


@pytest.mark.parametrize("width", [1, 5, 20, 39, 40, 80, 300])
@pytest.mark.parametrize("kind", [Terminal, AsciiTerminal])
def test_no_line_is_wider_than_the_terminal(width: int, kind: type[Terminal]) -> None:
    console = Console(kind(), environ={"TERM": "xterm"})
    nodes = [f"a-rather-long-name-{number}" for number in range(0, 60, 2)]
    console([run_started(), started(nodes, "a-step-with-a-very-long-name-indeed", "two")])
    console([StepStarted(at=0, workflow="flow", node=node, step="two", target=node) for node in nodes])
    lines = frame(console, width)
    assert lines
    assert all(len(line) <= max(1, width - 1) for line in lines)
    if kind is AsciiTerminal:
        assert all(line.isascii() for line in lines)
    console.close()


def test_no_more_bars_than_the_terminal_has_lines() -> None:
    console = Console(Terminal(), environ={"TERM": "xterm"})
    steps = [f"step{number}" for number in range(50)]
    console([run_started(), started(["n1", "n2"], *steps), *(ended("n1", step, "ok") for step in steps)])
    assert len(frame(console, 80, 10)) == 7
    assert len(frame(console, 80, 1)) == 2
    console.close()


def test_it_refreshes_by_itself() -> None:
    out = Terminal()
    console = Console(out, environ={"TERM": "xterm", "COLUMNS": "80", "LINES": "24"})
    console([run_started(), started(["n1"], "one")])
    before, patience = len(out.getvalue()), time.monotonic() + 20
    while len(out.getvalue()) == before:
        assert time.monotonic() < patience
        time.sleep(0.02)
    console.close()


def test_a_terminal_that_went_away_stops_nothing() -> None:
    out = Terminal()
    console = Console(out, environ={"TERM": "xterm"})
    console([run_started(), started(["n1"], "one")])
    out.close()
    console([ended("n1", "one", "changed", create("thing x"))])
    console.close()


def test_progress_knows_no_steps_it_was_not_told_of() -> None:
    progress = Progress()
    assert progress.feed([StepStarted(at=0, workflow="w", node="n", step="s", target="n"), ended("n", "s")], 0) is None
    snapshot = progress.feed([WorkflowStarted(at=0, workflow="w", summary="", nodes=(), steps=())], 0)
    assert snapshot is not None
    assert (snapshot.rows, snapshot.total, snapshot.left_s(100)) == ((), 0, None)


def test_steps_that_were_only_skipped_have_no_bar() -> None:
    progress = Progress()
    events = [started(["n1", "n2"], "one", "two"), ended("n1", "two", "skipped"), ended("n1", "one", "ok")]
    snapshot = progress.feed(events, 0)
    assert snapshot is not None
    assert [row.step for row in snapshot.rows] == ["one"]
    assert snapshot.left_s(1.0) is None
    assert snapshot.left_s(10.0) == 10.0
