"""Certificates as a table, and what comes of them when."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from xcatflow.model.trust import Held

_HEADS = ("what", "name", "ends", "days", "for", "renewed")


def table(rows: Sequence[Held], now: datetime) -> Iterator[str]:
    """A line for each certificate, and below it what is odd about it."""
    cells = [_HEADS, *(_cells(row, now) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    for line, row in zip(cells, (None, *rows), strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        if row and row.remark:
            yield f"    {'! ' if row.bad else ''}{row.remark}"


def forecast(rows: Iterable[Held], now: datetime, within_days: int) -> Iterator[str]:
    """What ends within so many days, in order of time, and what is to be done about it."""
    due = [row for row in rows if row.within(now, timedelta(days=within_days))]
    for row in sorted(due, key=lambda each: (str(each.ends), each.name)):
        verb = "has ended" if row.ends and row.ends <= now else "ends"
        yield f"{row.ends:%Y-%m-%d}  {_whose(row)} {verb}: {row.how}"
    if not due:
        yield f"nothing ends within {within_days} days"


def as_data(row: Held, now: datetime) -> dict[str, object]:
    """The same for programs."""
    return {
        "what": row.sort,
        "name": row.name,
        "for": row.detail,
        "ends": row.ends.isoformat() if row.ends else None,
        "days": row.days(now),
        "renewed": row.renewed.isoformat() if row.renewed else None,
        "how": row.how,
        "remark": row.remark,
        "bad": row.bad,
    }


def _cells(row: Held, now: datetime) -> tuple[str, ...]:
    days = row.days(now)
    left = "-" if days is None else "ended" if row.ends and row.ends <= now else str(days)
    date = f"{row.ends:%Y-%m-%d}" if row.ends else "-"
    when = f"from {row.renewed:%Y-%m-%d} by {row.how}" if row.renewed else row.how and f"by {row.how}"
    return (row.sort, row.name, date, left, row.detail, when)


def _whose(row: Held) -> str:
    match row.sort:
        case "ca":
            return f'the CA "{row.name}"'
        case "clients":
            return f"the authority of clients {row.name}"
        case "controller":
            return "the controller's certificate"
    return f"the certificate of {row.sort} {row.name}"
