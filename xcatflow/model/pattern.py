"""Words that stand for several names: `n[01-03,7]`, `n01-n03`, `n01:n03`, `n01+2`. Pure text: what exists is not looked at.

The left number of a range decides about padding: with a leading zero all numbers get its width, without one none is padded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

from xcatflow.errors import InvalidInput

MOST_NAMES = 1_000_000
"""A word may stand for this many names at most: more is a slip of the finger."""

_MOST_DIGITS = 1000
_GROUP = re.compile(r"\[([^\[\]]*)\]")
_ELEMENT = re.compile(r"([0-9]+)[-:]([0-9]+)")
_RUNS = re.compile(r"[0-9]+|[^0-9]+")
_COUNTED = re.compile(r"(.*?)([0-9]+)(\..+)?", re.DOTALL)
_LAST_NUMBER = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)
_IPV4 = re.compile(r"([0-9]+\.[0-9]+\.[0-9]+\.)([0-9]+)()")
_NUMBER = re.compile(r"[0-9]+")
_BLANK = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers from `first` to `last`, zero-padded to `width` digits (0: not padded)."""

    first: int
    last: int
    width: int

    def __len__(self) -> int:
        return min(self.last - self.first + 1, MOST_NAMES + 1)

    def __iter__(self) -> Iterator[str]:
        return (str(number).zfill(self.width) for number in range(self.first, self.last + 1))


@dataclass(frozen=True, slots=True)
class Pattern:
    """Fixed texts, and places where each of several elements may stand."""

    word: str
    parts: tuple[str | tuple[str | Span, ...], ...]

    @property
    def count(self) -> int:
        """How many names there are, equal ones counted again; more than MOST_NAMES is not exact."""
        return prod(sum(_size(one) for one in part) for part in self.parts if not isinstance(part, str))

    def __iter__(self) -> Iterator[str]:
        """The names, the last place varying fastest. Raises InvalidInput when there are more than MOST_NAMES."""
        if self.count > MOST_NAMES:
            raise InvalidInput(f"Invalid noderange '{self.word}': it means more than {MOST_NAMES} names, narrow it")
        choices = [(part,) if isinstance(part, str) else _choices(part) for part in self.parts]
        return map("".join, product(*choices))


def _size(element: str | Span) -> int:
    return 1 if isinstance(element, str) else len(element)


def _choices(elements: tuple[str | Span, ...]) -> tuple[str, ...]:
    return tuple(text for one in elements for text in ((one,) if isinstance(one, str) else one))


def parse_pattern(word: str) -> Pattern | None:
    """What `word` stands for; None where it has none of the forms or is malformed, so that it is only itself."""
    if _BLANK.search(word):
        return None
    if "[" in word or "]" in word:
        return _brackets(word)
    if "+" in word:
        return _plus(word)
    return _range(word) if "-" in word or ":" in word else None


def is_number(word: str) -> bool:
    """Digits only: the short form of a node's name."""
    return _NUMBER.fullmatch(word) is not None


def _brackets(word: str) -> Pattern | None:
    pieces = _GROUP.split(word)
    texts = pieces[::2]
    if not texts[0] or any(sign in text for text in texts for sign in "[]+:"):
        return None
    parts: list[str | tuple[str | Span, ...]] = [pieces[0]]
    for inside, text in zip(pieces[1::2], pieces[2::2], strict=True):
        elements = _elements(inside)
        if not elements:
            return None
        parts += [elements, text]
    return Pattern(word, tuple(parts))


def _elements(inside: str) -> tuple[str | Span, ...]:
    """What stands between brackets; empty where it is malformed."""
    elements: list[str | Span] = []
    for text in inside.split(","):
        if "-" in text or ":" in text:
            found = _ELEMENT.fullmatch(text)
            if not found or not (span := _span(found[1], found[2])):
                return ()
            elements.append(span)
        elif text:
            elements.append(text)
    return tuple(elements)


def _plus(word: str) -> Pattern | None:
    name, _, more = word.partition("+")
    found = _IPV4.fullmatch(name) or _COUNTED.fullmatch(name) or _LAST_NUMBER.fullmatch(name)
    if not found or not is_number(more) or max(len(found[2]), len(more)) > _MOST_DIGITS:
        return None
    first, width = int(found[2]), _width(found[2])
    return Pattern(word, (found[1], (Span(first, first + int(more), width),), found[3] or ""))


def _range(word: str) -> Pattern | None:
    sides = _sides(word)
    if not sides or not all(sides):
        return None
    if sides[0] == sides[1]:
        return Pattern(word, (sides[0],))
    left, right = (_RUNS.findall(side) for side in sides)
    if len(left) != len(right):
        return None
    differing = [at for at, (low, high) in enumerate(zip(left, right, strict=True)) if low != high]
    if len(differing) != 1:
        return None
    at = differing[0]
    if not (is_number(left[at]) and is_number(right[at])) or not (span := _span(left[at], right[at])):
        return None
    return Pattern(word, ("".join(left[:at]), (span,), "".join(left[at + 1 :])))


def _sides(word: str) -> tuple[str, str] | None:
    """The two ends of a range: cut at the only colon, else at the middle one of an odd number of hyphens."""
    pieces = word.split(":" if ":" in word else "-")
    middle, odd = divmod(len(pieces), 2)
    if odd or (":" in word and len(pieces) != 2):
        return None
    joint = word[len(pieces[0])] if len(pieces) == 2 else "-"
    return joint.join(pieces[:middle]), joint.join(pieces[middle:])


def _span(left: str, right: str) -> Span | None:
    if max(len(left), len(right)) > _MOST_DIGITS or (_width(left) and len(right) < len(left)):
        return None
    span = Span(int(left), int(right), _width(left))
    return span if span.first <= span.last else None


def _width(number: str) -> int:
    return len(number) if number[0] == "0" and len(number) > 1 else 0
