"""What nodes use, as a table, on a screen, as data."""

import io
import json
import re

import pytest

from tests.unit.report.test_console import AsciiTerminal, Terminal
from xcatflow.model.usage import NodeUse, Usage
from xcatflow.report.console import Screen
from xcatflow.report.top import JsonView, ScreenView, Sort, problems, screenful, size, table, totals

MIB = 1 << 20
USES = (
    NodeUse("n1", "dh01", "running", "healthy", "5 minutes", Usage(3.25, 12 * MIB, 64 * MIB, 2, 1500.0, 20.0)),
    NodeUse("n2", "dh01", "exited"),
    NodeUse("n3", "dh02", "running", "", "About an hour", Usage(199.96, 2048 * MIB, 24000 * MIB, 31, 0.0, 0.0)),
    NodeUse(
        "n4", "dh02", "running", "", "2 seconds", Usage(memory_bytes=2 * MIB), problem="its daemon measured nothing"
    ),
    NodeUse("n5", "dh02", "missing", problem="No such container: n5"),
    NodeUse("n6", "dh02", "missing", problem="No such container: n6"),
    NodeUse("n7", "dh03", "unreachable", problem="cannot connect\x1b[31m: no route"),
)
TABLE = """\
7 nodes: 2 missing, 2 running, 1 exited, 1 running (healthy), 1 unreachable; CPU 203.2 %, memory 2.0 GiB
NODE  STATE              UPTIME         CPU %    MEMORY     LIMIT  NET IN/s  NET OUT/s  PIDS  HOST
n3    running            About an hour  200.0   2.0 GiB  23.4 GiB       0 B        0 B    31  dh02
n1    running (healthy)  5 minutes        3.2  12.0 MiB  64.0 MiB   1.5 KiB       20 B     2  dh01
n2    exited             -                  -         -         -         -          -     -  dh01
n4    running            2 seconds          -   2.0 MiB         -         -          -     -  dh02
n5    missing            -                  -         -         -         -          -     -  dh02
n6    missing            -                  -         -         -         -          -     -  dh02
n7    unreachable        -                  -         -         -         -          -     -  dh03
"""


def nodes(sort: Sort) -> str:
    return " ".join(row.text.split()[0] for row in table(USES, sort)[2:])


def test_the_table() -> None:
    assert "".join(f"{row.text}\n" for row in table(USES, "cpu")) == TABLE
    tones = {row.text.split()[0]: row.tone for row in table(USES, "cpu")}
    assert (tones["n1"], tones["n2"], tones["n5"], tones["n7"]) == ("", "dim", "bad", "bad")
    unhealthy = NodeUse("n1", "dh01", "running", "unhealthy")
    assert table([unhealthy], "cpu")[-1].tone == "bad"


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("cpu", "n3 n1 n2 n4 n5 n6 n7"),
        ("memory", "n3 n1 n4 n2 n5 n6 n7"),
        ("name", "n1 n2 n3 n4 n5 n6 n7"),
        ("state", "n7 n5 n6 n2 n1 n3 n4"),
    ],
)
def test_the_order(sort: Sort, expected: str) -> None:
    assert nodes(sort) == expected


def test_totals_of_what_is_not_known() -> None:
    assert totals([NodeUse("n1", "dh", "waiting")]) == "1 node: 1 waiting"


def test_problems_are_said_once_with_the_nodes_folded() -> None:
    assert problems(USES) == [
        "n4: its daemon measured nothing",
        "n[5-6]: no such container",
        "n7: cannot connect: no route",
    ]


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (102400, "100 KiB"),
        (1023.9 * MIB, "1.0 GiB"),
    ],
)
def test_sizes(amount: float, text: str) -> None:
    assert size(amount) == text


def test_a_screen_has_an_end() -> None:
    many = [NodeUse(f"n{number:03}", "dh", "running") for number in range(100)]
    rows = [row.text for row in screenful(many, "name", 10)]
    assert len(rows) == 10
    assert rows[2].startswith("n000")
    assert rows[-2].startswith("n006")
    assert rows[-1] == "… and 93 more"
    assert len(screenful(many, "name", 102)) == 102
    assert "more" not in screenful(many, "name", 102)[-1].text
    assert len(screenful(many, "name", 1)) == 1


def test_old_figures_are_told_on_the_screen() -> None:
    late = NodeUse("n1", "dh", "running", age_s=12.4)
    assert screenful([late], "cpu", 10)[0].text == "no answer for 12 s: n1"
    assert len(screenful([NodeUse("n1", "dh", "waiting", age_s=12)], "cpu", 10)) == 3


def test_json_is_a_line_for_every_look() -> None:
    out = io.StringIO()
    view = JsonView(out, "name")
    view.show(USES)
    view.show(USES[:1])
    view.close()
    first, second = map(json.loads, out.getvalue().splitlines())
    assert [row["node"] for row in first] == [use.node for use in USES]
    assert second == [
        {
            "node": "n1",
            "host": "dh01",
            "state": "running",
            "health": "healthy",
            "uptime": "5 minutes",
            "cpu_percent": 3.25,
            "memory_bytes": 12 * MIB,
            "limit_bytes": 64 * MIB,
            "rx_bytes_s": 1500.0,
            "tx_bytes_s": 20.0,
            "pids": 2,
            "problem": None,
        }
    ]
    assert first[6]["problem"].startswith("cannot connect")
    assert first[6]["cpu_percent"] is None


def drawn(stream: Terminal, width: int = 60, height: int = 6, **environ: str) -> str:
    screen = Screen(stream, environ={"TERM": "xterm", "COLUMNS": str(width), "LINES": str(height), **environ})
    view = ScreenView(screen, "name")
    assert not view.closed
    view.show(USES)
    view.show(USES)
    view.close()
    view.close()
    return stream.getvalue()


def test_the_screen_is_taken_drawn_twice_and_given_back() -> None:
    raw = drawn(Terminal())
    assert raw.count("\x1b[?1049h") == raw.count("\x1b[?1049l") == 1
    assert raw.count("\x1b[?25l") == raw.count("\x1b[?25h") == 1
    assert raw.count("NODE") == 2
    frame = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", raw.rpartition("\x1b[H")[2]).splitlines()
    assert [line.split()[0] for line in frame if line.strip()] == ["7", "NODE", "n1", "n2", "n3", "…"]
    assert frame[5].rstrip() == "… and 4 more"
    assert max(map(len, frame)) == 60
    assert not any("HOST" in line for line in frame)


def test_colours_and_none() -> None:
    assert "\x1b[1;31m" in drawn(Terminal(), height=20)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", drawn(Terminal(), height=20, NO_COLOR="1"))


def test_a_terminal_that_knows_few_letters() -> None:
    assert "? and 4 more" in drawn(AsciiTerminal())
