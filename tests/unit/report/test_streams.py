"""What reports write to: JSON lines, quiet and plain text, pipes that close, encodings that do not know a character."""

import errno
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.report.events import create, ended, golden, run_ended, run_started, started, workflow_ended
from xcatflow.model.event import event_from_json
from xcatflow.report.choose import reporter
from xcatflow.report.jsonlines import SCHEMA, JsonLines
from xcatflow.report.plain import Plain
from xcatflow.report.sink import Sink

ROOT = Path(__file__).parents[3]


def test_json_lines_say_everything() -> None:
    out, events = io.StringIO(), golden("failures")
    listener = JsonLines(out)
    listener(events[:5])
    listener([])
    listener(events[5:])
    listener.close()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert lines[0].pop("schema") == SCHEMA
    assert all("schema" not in line for line in lines)
    assert [event_from_json(line) for line in lines] == events


def test_json_lines_of_what_is_no_text() -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    JsonLines(out)([ended("n1", "one", "failed", message="line\nü \udcff")])
    out.seek(0)
    assert json.loads(out.read())["message"] == "line\nü \udcff"


def test_quiet_says_nothing_without_news() -> None:
    out = io.StringIO()
    report = Plain(out, quiet=True)
    report([run_started(), started(["n1"], "one"), ended("n1", "one", "ok"), workflow_ended(ok=1), run_ended(ok=1)])
    report.close()
    assert out.getvalue() == ""


def test_quiet_says_everything_with_news() -> None:
    loud, quiet = io.StringIO(), io.StringIO()
    events = [
        run_started(),
        started(["n1"], "one"),
        ended("n1", "one", "changed", create("thing x")),
        run_ended(changed=1),
    ]
    for report in (Plain(loud), Plain(quiet, quiet=True)):
        for event in events:
            report([event])
        report.close()
    assert quiet.getvalue() == loud.getvalue() != ""


def test_sink_writes_what_the_encoding_knows() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1")
    Sink(stream).write("ü … \udcff\n")
    assert raw.getvalue() == b"\xfc \\u2026 \\udcff\n"


def _script(body: str) -> subprocess.Popen[str]:
    code = f"import sys\nfrom tests.unit.report.events import golden\n{body}"
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


@pytest.mark.parametrize("report", ["plain.Plain", "jsonlines.JsonLines"])
def test_a_closed_pipe_ends_the_report_quietly(report: str) -> None:
    module, name = report.split(".")
    process = _script(
        f"from xcatflow.report.{module} import {name}\nreport = {name}(sys.stdout)\n"
        "for _ in range(300): report(golden('failures'))\nreport.close()\nprint('still here', file=sys.stderr)"
    )
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline()
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), complaint) == (0, "still here\n")


def test_a_closed_stream_ends_the_report_quietly() -> None:
    out = io.StringIO()
    report = Plain(out)
    report([run_started(), started(["n1"], "one")])
    out.close()
    report([run_ended(ok=1)])
    sink = Sink(out)
    assert sink.write("text") == 4
    assert sink.closed
    assert not sink.isatty()


class FullDisk(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_closed_pipe() -> None:
    sink = Sink(FullDisk())
    with pytest.raises(OSError, match="No space"):
        sink.write("text")
    assert not sink.closed


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("term", ["", "dumb", "unknown"])
def test_a_terminal_that_cannot_draw_gets_plain_lines(term: str) -> None:
    assert isinstance(reporter(Terminal(), environ={"TERM": term}), Plain)


def test_pipes_and_the_quiet_get_plain_lines() -> None:
    assert isinstance(reporter(io.StringIO(), environ={"TERM": "xterm"}), Plain)
    assert isinstance(reporter(Terminal(), quiet=True, environ={"TERM": "xterm"}), Plain)


def test_a_terminal_gets_the_live_report() -> None:
    from xcatflow.report.console import Console

    assert isinstance(reporter(Terminal(), environ={"TERM": "xterm"}), Console)


def test_rich_is_loaded_only_for_terminals() -> None:
    process = _script(
        "from xcatflow.report.choose import reporter\nreporter(sys.stdout)(golden('apply'))\n"
        "print('rich' in sys.modules, file=sys.stderr)"
    )
    assert process.communicate(timeout=60)[1] == "False\n"
