"""Small pieces of text: durations, numbers with their word, what machines said made fit to be shown."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from xcatflow.model.event import Outcome

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of writing: shown raw they could hide or overwrite what is on the screen."""

_ORDER = (
    (Outcome.CHANGED, "changed"),
    (Outcome.WOULD_CHANGE, "would change"),
    (Outcome.DEFERRED, "deferred"),
    (Outcome.OK, "ok"),
    (Outcome.SKIPPED, "skipped"),
    (Outcome.UNREACHABLE, "unreachable"),
    (Outcome.FAILED, "failed"),
)


def clean(text: str) -> str:
    """`text` on one line, without terminal escapes and control characters."""
    return _UNSEEN.sub("", " ".join(_ESCAPES.sub("", text).split()))


def clean_lines(text: str) -> tuple[str, ...]:
    """The lines of `text`, each fit to be shown; of a line that was overwritten (progress bars) only the last state."""
    lines = _ESCAPES.sub("", text).replace("\r\n", "\n").strip("\n").split("\n")
    shown = tuple(_UNSEEN.sub("", line.rstrip("\r").rsplit("\r", 1)[-1].expandtabs()).rstrip() for line in lines)
    return shown if any(shown) else ()


def count(number: int, word: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def seconds(duration_s: float) -> str:
    """A duration in seconds as people say it: `0.04 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min`."""
    if duration_s < 0.1:
        return f"{max(duration_s, 0):.2f} s"
    if duration_s < 99.95:
        return f"{duration_s:.1f} s"
    return whole_seconds(duration_s)


def whole_seconds(duration_s: float) -> str:
    """A duration without fractions of a second: `12 s`, `3 min 05 s`."""
    minutes, rest = divmod(round(duration_s), 60)
    if not minutes:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def counts(numbers: Mapping[str, int], mode: str) -> str:
    """`4 changed, 1 ok`: numbers of nodes by outcome; what was or would be changed is said even when it is nothing."""
    always = Outcome.WOULD_CHANGE if mode == "plan" else Outcome.CHANGED
    return ", ".join(
        f"{numbers.get(outcome, 0)} {word}" for outcome, word in _ORDER if numbers.get(outcome) or outcome is always
    )


def revision(commit: str, *, dirty: bool) -> str:
    """`commit 1a2b3c4 dirty`; empty outside git."""
    return f"commit {commit[:7]}{' dirty' if dirty else ''}" if commit else ""


def moment(at: float, zone: tzinfo | None) -> datetime:
    """`at` (seconds since the epoch) in `zone`, None being the zone of this machine."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns, two blanks between them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
