"""Many names in few characters: `host01 host02 host03 web` is `host[01-03],web`.

What comes out is a noderange that means exactly the names that went in. (Names of digits only and names with signs of the noderange
language stay as they are; these mean themselves only where such nodes exist.)
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xcatflow.model.pattern import parse_pattern

_NUMBER = re.compile(r"([0-9]+)")
_FOLDABLE = re.compile(r"(?!-)(?=.*[0-9])[A-Za-z0-9_.-]+")
_SAFE = re.compile(r"(?!-)[A-Za-z0-9_.-]+")
_RUN = re.compile(r"[A-Za-z0-9_.]+")
_LONGEST = 250

_Parts = tuple[str, ...]
"""Text and number in turn, the text before the first number first; a number may be several already, in brackets."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One pattern: its first name, its text and how many names it stands for."""

    first: str
    text: str
    count: int


def fold(names: Iterable[str], *, limit_chars: int | None = None) -> str:
    """The names, each once, with numbers folded into brackets, in natural order; the same whatever order they came in.

    With `limit_chars` the text ends in `… (+N)` where it would be longer; N is the number of names left out.
    """
    simple: list[str] = []
    alike: dict[_Parts, list[_Parts]] = {}
    for name in set(names):
        parts = _cut(name)
        if len(parts) > 1:
            alike.setdefault(parts[::2], []).append(parts)
        else:
            simple.append(name)
    items = [_Item(name, _unmistakable(name), 1) for name in simple]
    for rows in alike.values():
        items += _folded(rows)
    items.sort(key=lambda item: (_natural(item.first), item.first))
    whole = ",".join(item.text for item in items)
    return whole if limit_chars is None or len(whole) <= limit_chars else _limited(items, limit_chars)


def _cut(name: str) -> _Parts:
    if len(name) > _LONGEST or not _FOLDABLE.fullmatch(name):
        return (name,)
    pieces = _NUMBER.split(name)
    # A bracket needs text before it: a number at the very beginning is text.
    return tuple(pieces) if pieces[0] else ("".join(pieces[:3]), *pieces[3:])


def _natural(name: str) -> list[tuple[str, int, str]]:
    """A key that sorts `n2` before `n10`."""
    pieces = [*_NUMBER.split(name[:_LONGEST]), "0"]
    return [(text, int(digits), digits) for text, digits in zip(pieces[::2], pieces[1::2], strict=True)]


def _folded(rows: Sequence[_Parts]) -> list[_Item]:
    """The patterns that `rows`, all with the same texts, make."""
    # The last number is folded first; an earlier one is folded among rows that are equal in all else, brackets included, so that
    # every pattern is complete.
    found: dict[_Parts, tuple[_Parts, int]] = {row: (row, 1) for row in rows}
    for at in range(len(rows[0]) - 2, 0, -2):
        found = _fold_at(at, found)
    texts = (("".join(row), "".join(first), count) for row, (first, count) in found.items())
    return [_Item(first, text if count > 1 else _unmistakable(text), count) for text, first, count in texts]


def _fold_at(at: int, rows: dict[_Parts, tuple[_Parts, int]]) -> dict[_Parts, tuple[_Parts, int]]:
    """`rows` (each with its first name and its number of names) with the numbers at one place folded."""
    alike: dict[tuple[_Parts, _Parts], dict[str, tuple[_Parts, int]]] = {}
    for row, (first, count) in rows.items():
        alike.setdefault((row[:at], row[at + 1 :]), {})[row[at]] = (first, count)
    folded: dict[_Parts, tuple[_Parts, int]] = {}
    for (before, after), choices in alike.items():
        numbers = sorted(choices, key=lambda digits: (len(digits), digits))
        text = numbers[0] if len(numbers) == 1 else f"[{','.join(_runs(numbers))}]"
        folded[(*before, text, *after)] = (choices[numbers[0]][0], sum(count for _, count in choices.values()))
    return folded


def _runs(numbers: Sequence[str]) -> list[str]:
    """`01-03`, `05`: ranges for numbers in order of length and value. Padding ends a range: it follows its first number."""
    runs: list[list[str]] = []
    width = 0
    for digits in numbers:
        if runs and digits == str(int(runs[-1][-1]) + 1).zfill(width):
            runs[-1][1:] = [digits]
        else:
            runs.append([digits])
            width = len(digits) if digits[0] == "0" else 0
    return ["-".join(run) for run in runs]


def _unmistakable(name: str) -> str:
    """A name that looks like a range, such as `n1-n3`, with a part of it in brackets: brackets are never read as a range again."""
    if not parse_pattern(name):
        return name
    inside = [found for found in _RUN.finditer(name) if found.start()]
    if not inside or not _SAFE.fullmatch(name):
        return name
    last = inside[-1]
    return f"{name[: last.start()]}[{last[0]}]{name[last.end() :]}"


def _limited(items: Sequence[_Item], limit: int) -> str:
    """As many items as there is room for; of the first at least one name."""
    left, shown = sum(item.count for item in items), ""
    for item in items:
        longer = f"{shown}{item.text},"
        if len(longer) + len(_rest(left - item.count)) > limit:
            break
        shown, left = longer, left - item.count
    one = f"{items[0].first},{_rest(left - 1)}"
    return f"{shown}{_rest(left)}" if shown or len(one) > limit else one


def _rest(count: int) -> str:
    return f"… (+{count})"
