"""What somebody who wrote an unknown name may have meant."""

import re
from collections.abc import Iterable, Sequence

from xcatflow.errors import did_you_mean

_NUMBER = re.compile(r"[0-9]+")
_MOST_NAMES = 3
_MOST_CANDIDATES = 5000


def suggestion(names: Sequence[str], known: Iterable[str]) -> str:
    """`, did you mean "web1"?` for the first of `names` that resembles a known one; empty when none does.

    Only names with the same numbers are alike (`db1` and `db001`): that `web4` resembles `web1` helps nobody. That also leaves few to
    compare with in an inventory of very many.
    """
    everything = tuple(known)
    for name in names[:_MOST_NAMES]:
        numbers = _numbers(name)
        candidates = [other for other in everything if _numbers(other) == numbers][:_MOST_CANDIDATES]
        if hint := did_you_mean(name, candidates):
            return hint if len(names) == 1 else f'{hint.removesuffix("?")} for "{name}"?'
    return ""


def _numbers(name: str) -> list[str]:
    return [digits.lstrip("0") for digits in _NUMBER.findall(name)]
