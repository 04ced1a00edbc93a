from datetime import timedelta, timezone

import pytest

from xcatflow.report import text
from xcatflow.report.traffic import traffic_lines


@pytest.mark.parametrize(
    ("duration_s", "said"),
    [
        (-1, "0.00 s"), (0.014, "0.01 s"), (0.31, "0.3 s"), (12.34, "12.3 s"), (99.94, "99.9 s"), (99.96, "1 min 40 s"),
        (185, "3 min 05 s"), (3599.7, "1 h 00 min"), (7620, "2 h 07 min"),
    ],
)  # fmt: skip
def test_seconds(duration_s: float, said: str) -> None:
    assert text.seconds(duration_s) == said


def test_whole_seconds() -> None:
    assert [text.whole_seconds(each) for each in (0.4, 59.4, 61)] == ["0 s", "59 s", "1 min 01 s"]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("two\nlines\there", "two lines here"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07text", "red text"),
        ("bell\x07 nul\x00 c1\x9b31m", "bell nul c131m"),
        ("right\u202eto left", "rightto left"),
        ("plain ünïcode 漢", "plain ünïcode 漢"),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert text.clean(raw) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("", ()),
        (" \n \n", ()),
        ("one\r\ntwo  \n", ("one", "two")),
        ("10 %\r50 %\r100 %\nend", ("100 %", "end")),
        ("\x1b[1mbold\x1b[0m\n\n\ttab", ("bold", "", "        tab")),
    ],
)
def test_clean_lines(raw: str, shown: tuple[str, ...]) -> None:
    assert text.clean_lines(raw) == shown


@pytest.mark.parametrize(
    ("numbers", "mode", "said"),
    [
        ({"ok": 6}, "apply", "0 changed, 6 ok"),
        ({"ok": 6}, "plan", "0 would change, 6 ok"),
        ({"failed": 1, "changed": 4, "unreachable": 2}, "apply", "4 changed, 2 unreachable, 1 failed"),
        ({"would-change": 1, "deferred": 2, "skipped": 3}, "plan", "1 would change, 2 deferred, 3 skipped"),
        ({}, "apply", "0 changed"),
    ],
)
def test_counts(numbers: dict[str, int], mode: str, said: str) -> None:
    assert text.counts(numbers, mode) == said


def test_revision() -> None:
    assert text.revision("1a2b3c4d5e", dirty=True) == "commit 1a2b3c4 dirty"
    assert text.revision("1a2b3c4d5e", dirty=False) == "commit 1a2b3c4"
    assert text.revision("", dirty=False) == ""


def test_moment_is_in_the_zone_asked_for() -> None:
    assert text.moment(0, timezone(timedelta(hours=2))).hour == 2
    assert text.moment(0, None).timestamp() == 0


def test_columns() -> None:
    assert text.columns([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]


def test_traffic_of_nothing_is_silent() -> None:
    assert traffic_lines({"ssh_connections": 0, "per_target": {"n1": {}}}) == []


def test_traffic_per_target() -> None:
    counters = {"ssh_connections": 1, "ssh_round_trips": 3}
    per_target = {"n1": counters, "n2": counters, "n3": {"docker_requests": 1}}
    assert traffic_lines(
        {"ssh_connections": 2, "ssh_round_trips": 6, "docker_requests": 1, "per_target": per_target}
    ) == [
        "traffic: 2 ssh connections, 6 ssh round trips, 1 docker request",
        "  n[1-2]: 1 ssh connection, 3 ssh round trips each",
        "  n3: 1 docker request",
    ]
