"""Which of very many names may have been meant: quick, and silent where a guess would help nobody."""

import re
from collections.abc import Iterable

from xcatflow.errors import did_you_mean

_NUMBER = re.compile(r"[0-9]+")
_MOST_CANDIDATES = 2000


def numbers_in(name: str) -> tuple[str, ...]:
    """The numbers in a name, without leading zeros."""
    return tuple(digits.lstrip("0") for digits in _NUMBER.findall(name))


class Alike:
    """Finds what may have been meant among many names, again and again. Only names with the same numbers are alike: that `web4` resembles
    `web1` says nothing."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = known
        self._by_numbers: dict[tuple[str, ...], list[str]] | None = None

    def hint(self, name: str) -> str:
        """`, did you mean "x"?` for the known name that resembles `name`; empty when none does."""
        if self._by_numbers is None:
            self._by_numbers = {}
            for other in self._known:
                self._by_numbers.setdefault(numbers_in(other), []).append(other)
        return did_you_mean(name, self._by_numbers.get(numbers_in(name), ())[:_MOST_CANDIDATES])


def one_slip_apart(name: str, other: str) -> bool:
    """Do the names differ by one letter too many, one too few, another letter, or two changed places, and not in their numbers?"""
    if name == other or abs(len(name) - len(other)) > 1 or numbers_in(name) != numbers_in(other):
        return False
    if len(name) > len(other):
        name, other = other, name
    at = next((index for index, letter in enumerate(name) if letter != other[index]), len(name))
    if len(name) < len(other):
        return name[at:] == other[at + 1 :]
    if name[at + 1 :] == other[at + 1 :]:
        return True
    return name[at : at + 2] == other[at : at + 2][::-1] and name[at + 2 :] == other[at + 2 :]
