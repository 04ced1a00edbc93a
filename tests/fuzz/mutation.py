"""A small fuzzer for where atheris is not to be had: seeds, changed at random, without a look at what is covered."""

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tests.fuzz.target import Target

LONGEST_SECONDS = 10


class TooSlow(Exception):
    """An input took longer than LONGEST_SECONDS."""


@contextmanager
def deadline(seconds: int = LONGEST_SECONDS) -> Iterator[None]:
    """Raises TooSlow when what is inside does not end in time."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def changed(text: str, target: Target, dice: random.Random) -> str:
    """`text` with one thing other than before."""
    at = dice.randint(0, len(text))
    end = min(len(text), at + dice.choice((1, 1, 2, 5, 20)))
    match dice.randrange(6):
        case 0:
            return text[:at] + text[end:]
        case 1 if target.words:
            return text[:at] + dice.choice(target.words) + text[at:]
        case 2:
            return text[:end] + text[at:end] * dice.choice((1, 2, 30)) + text[end:]
        case 3:
            other = dice.choice(target.seeds)
            cut = dice.randint(0, len(other))
            return text[:at] + other[cut : cut + dice.randint(1, 80)] + text[at:]
        case 4:
            return text[:at] + chr(dice.choice((0, 9, 10, 13, 0x85, 0xA0, 0xFEFF, 0x2028, 0x0660, 0x1F600))) + text[at:]
    return text[:at] + chr(dice.randrange(32, 127)) + text[end:]


def run(target: Target, seconds: float, seed: int | None = None) -> tuple[int, tuple[str, Exception] | None]:
    """How many inputs were tried, and the first that did harm."""
    dice = random.Random(seed)
    until = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < until:
        text = dice.choice(target.seeds)
        for _ in range(dice.choice((1, 1, 2, 3, 8))):
            text = changed(text, target, dice)
        tried += 1
        try:
            with deadline():
                target.one(text[:4000])
        except Exception as error:
            return tried, (text[:4000], error)
    return tried, None
