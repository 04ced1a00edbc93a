"""Cron schedules: what is read and what is refused, and when they come next, in zones whose clocks are put forward and back."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.model.tables import DATA, rows
from xcatflow.model.schedule import Schedule, next_times, parse_schedule
from xcatflow.model.workflow import Chain

TIMES = rows(DATA / "schedules.txt")
COMPLAINTS = rows(DATA / "schedule_complaints.txt")


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """For tests that set TZ."""
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("given", "expected"), TIMES, ids=[left for left, _ in TIMES])
def test_the_next_times(given: str, expected: str, zone: pytest.MonkeyPatch) -> None:
    name, after, text = (part.strip() for part in given.split("|"))
    zone.setenv("TZ", name)
    time.tzset()
    wanted = expected.split(", ")
    found = next_times(parse_schedule(text), datetime.fromisoformat(after).timestamp(), len(wanted))
    assert [datetime.fromtimestamp(at).astimezone().isoformat(" ", "minutes") for at in found] == wanted


@pytest.mark.parametrize(("text", "expected"), COMPLAINTS, ids=[left for left, _ in COMPLAINTS])
def test_what_is_no_schedule(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=re.escape(expected) + r"\Z"):
        parse_schedule(text)


def test_a_chain_keeps_a_schedule_with_one_blank_between_fields_and_refuses_what_is_none() -> None:
    chain = {"name": "c", "summary": "s", "workflows": [{"workflow": "w"}]}
    assert Chain.model_validate(chain).schedule == ""
    assert Chain.model_validate({**chain, "schedule": " 17  *\t* * * "}).schedule == "17 * * * *"
    assert Chain.model_validate({**chain, "schedule": "@daily"}).schedule == "@daily"
    for wrong in ("61 * * * *", " ", "17 * * * *\n0 0 * * * rm"):
        with pytest.raises(ValidationError):
            Chain.model_validate({**chain, "schedule": wrong})


def test_a_given_zone_is_used_instead_of_this_machines() -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert next_times(parse_schedule("0 12 * * *"), after, 1, zone=UTC) == (after + 12 * 3600,)


# --- any schedule, against a plain minute by minute search ---

Part = tuple[str, frozenset[int]]


def field(low: int, high: int, most: int | None = None) -> st.SearchStrategy[Part]:
    """A field's text and its numbers; those that are named are `most` at most."""
    number = st.integers(low, most or high)
    star: Part = ("*", frozenset(range(low, high + 1)))
    steps = st.integers(1, high - low + 1).map(lambda step: (f"*/{step}", frozenset(range(low, high + 1, step))))
    single = number.map(lambda value: (str(value), frozenset({value})))
    between = (
        st.tuples(number, number)
        .map(sorted)
        .map(lambda pair: (f"{pair[0]}-{pair[1]}", frozenset(range(pair[0], pair[1] + 1))))
    )
    listed = st.lists(st.one_of(single, between), min_size=1, max_size=3).map(
        lambda parts: (",".join(text for text, _ in parts), frozenset().union(*(numbers for _, numbers in parts)))
    )
    return st.one_of(st.just(star), steps, listed)


@settings(max_examples=100, deadline=None)
@given(field(0, 59), field(0, 23), field(1, 31, 28), field(1, 12), field(0, 7), st.integers(0, 4_000_000_000))
def test_every_time_matches_and_none_is_left_out(
    minute: Part, hour: Part, day: Part, month: Part, weekday: Part, after: int
) -> None:
    parts = (minute, hour, day, month, weekday)
    schedule = parse_schedule(" ".join(text for text, _ in parts))
    free = day[0].startswith("*") or weekday[0].startswith("*")

    def due(at: datetime) -> bool:
        days = (at.day in day[1], at.isoweekday() in weekday[1] or (at.isoweekday() == 7 and 0 in weekday[1]))
        return (
            at.minute in minute[1]
            and at.hour in hour[1]
            and at.month in month[1]
            and (all(days) if free else any(days))
        )

    found = next_times(schedule, after, 3, zone=UTC)
    assert len(found) == 3
    assert after < found[0]
    assert all(earlier < later for earlier, later in pairwise(found))
    assert all(at % 60 == 0 and due(datetime.fromtimestamp(at, UTC)) for at in found)
    first = datetime.fromtimestamp(after - after % 60 + 60, UTC)
    plain = (first + timedelta(minutes=number) for number in range(2 * 24 * 60))
    expected = [at.timestamp() for at in plain if due(at)][:3]
    assert list(found[: len(expected)]) == expected


def test_the_search_ends() -> None:
    never = Schedule((0,), (0,), frozenset({30}), frozenset({2}), frozenset(range(7)), either=False, fixed=True)
    assert next_times(never, 0, 1, zone=UTC) == ()
