"""Cron schedules: five fields as cron reads them, and when they come next.

Stricter than cron where cron takes a field without a word and then never runs the job, or not when it was meant: ranges that go
backwards, steps longer than their range, days that no month has.

Source: crontab(5) and cron(8) of Debian's cron 3.0pl1, and what its `crontab -n` accepts. When both day fields are restricted (neither
begins with "*"), either one selects a day. When clocks go forward, what falls into the time left out runs right after it; when they
go back, what falls into the time that comes twice runs once. A schedule whose minute or hour begins with "*" simply follows the clock.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from xcatflow.errors import did_you_mean

SHORTCUTS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MOST_DAYS = 41 * 366
"""How far ahead to search: 29 February falls on a given weekday at least once in 40 years."""
_PART = re.compile(r"(?P<first>\*|[a-z0-9]+)(?:-(?P<last>[a-z0-9]+))?(?:/(?P<step>[0-9]+))?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class _Field:
    """One of the five: what its numbers may be, and the names of the first of them."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def numbers(self, text: str) -> frozenset[int]:
        """The numbers a field's text means."""
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def _part(self, text: str) -> range:
        parsed = _PART.fullmatch(text)
        if parsed is None or (parsed["first"] == "*" and parsed["last"]):
            raise ValueError(self._complaint(text))
        if parsed["first"] == "*":
            low, high = self.low, self.high
        else:
            low = self._number(parsed["first"])
            high = self._number(parsed["last"]) if parsed["last"] else low
        if low > high:
            hint = ": sun is 0 there, write 7 for the Sunday at the end" if self.names and high == 0 else ""
            raise ValueError(f'{self.name}: the range "{text}" ends before it begins{hint}')
        step = int(parsed["step"] or 1)
        if parsed["step"] and low == high:
            raise ValueError(f'{self.name}: a step needs a range, found "{text}": write "{low}-{self.high}/{step}"')
        if not 0 < step <= high - low + 1:
            raise ValueError(f'{self.name}: expected a step of 1 to {high - low + 1}, found "{text}"')
        return range(low, high + 1, step)

    def _number(self, text: str) -> int:
        if text.lower() in self.names:
            return self.names.index(text.lower()) + self.low
        if not text.isdecimal():
            raise ValueError(self._complaint(text) + did_you_mean(text[:3], self.names))
        if not self.low <= int(text) <= self.high:
            raise ValueError(self._complaint(text))
        return int(text)

    def _complaint(self, text: str) -> str:
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f'{self.name}: expected {self.low} to {self.high}{names}, found "{text}"'


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    _Field("day of week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due. `weekdays` are 0 (Sunday) to 6; `either` says that a day needs to match only one of `days` and `weekdays`;
    `fixed` says that neither minute nor hour begins with "*"."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    fixed: bool

    def falls_on(self, day: date) -> bool:
        """Is anything due on this day?"""
        if day.month not in self.months:
            return False
        matching = (day.day in self.days, day.isoweekday() % 7 in self.weekdays)
        return any(matching) if self.either else all(matching)


def parse_schedule(text: str) -> Schedule:
    """The schedule of five fields or a shortcut such as `@daily`. Raises ValueError saying what was expected."""
    words = _words(text)
    minute, hour, days, months, weekdays = (field.numbers(word) for field, word in zip(_FIELDS, words, strict=True))
    either = not (words[2].startswith("*") or words[4].startswith("*"))
    if not either and min(days) > max(_LONGEST_MONTHS[month - 1] for month in months):
        raise ValueError(f'day of month: no month of "{words[3]}" has a day {min(days)}, it would never come')
    return Schedule(
        minutes=tuple(sorted(minute)),
        hours=tuple(sorted(hour)),
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        either=either,
        fixed=not (words[0].startswith("*") or words[1].startswith("*")),
    )


def _words(text: str) -> list[str]:
    words = text.split()
    if len(words) == 1 and words[0].startswith("@"):
        if words[0].lower() not in SHORTCUTS:
            raise ValueError(
                f'expected five fields or one of {", ".join(SHORTCUTS)}, found "{text}"{did_you_mean(text, SHORTCUTS)}'
            )
        words = SHORTCUTS[words[0].lower()].split()
    if len(words) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        raise ValueError(f'expected five fields ({names}) such as "17 * * * *", found "{text}"')
    return words


def next_times(schedule: Schedule, after: float, count: int, *, zone: tzinfo | None = None) -> tuple[float, ...]:
    """The next `count` times, in seconds since the epoch, that come later than `after`. Days and hours are those of `zone`, None being
    this machine's. Fewer when fewer come within 41 years."""
    first = datetime.fromtimestamp(after, zone).date() - timedelta(days=1)
    found: set[float] = set()
    for number in range(_MOST_DAYS):
        enough = len(found) >= count
        found.update(moment for moment in _moments(schedule, first + timedelta(days=number), zone) if moment > after)
        if enough:  # one day more was looked at: clocks put back at midnight let two days overlap
            break
    return tuple(sorted(found)[:count])


def _moments(schedule: Schedule, day: date, zone: tzinfo | None) -> Iterator[float]:
    if not schedule.falls_on(day):
        return
    for hour in schedule.hours:
        for minute in schedule.minutes:
            wall = datetime.combine(day, time(hour, minute), zone)
            before, after = wall.timestamp(), wall.replace(fold=1).timestamp()
            if before <= after:
                yield before
                if before < after and not schedule.fixed:  # the clock shows this time twice
                    yield after
            elif schedule.fixed:
                yield _end_of_gap(wall, int(after), int(before))


def _end_of_gap(wall: datetime, earliest: int, latest: int) -> float:
    """When the clock, which never shows `wall`, first shows more than that."""
    shown = wall.replace(tzinfo=None)
    moments = range(earliest, latest, 60)
    return float(
        next((at for at in moments if datetime.fromtimestamp(at, wall.tzinfo).replace(tzinfo=None) > shown), latest)
    )
