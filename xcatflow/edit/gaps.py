"""Blank lines around what is taken out of a file."""

from collections.abc import Container, Iterable, Sequence


def closing(lines: Sequence[str], gone: Container[int], start: int, stop: int, *, first: bool = False) -> list[int]:
    """The blank lines to take out with the lines from `start` to before `stop`, so that the gap left is as wide as the wider one
    was: all below where nothing else stands above (`first`: nothing that counts), all on both sides where nothing follows. Lines that are
    `gone` already do not count."""
    above, has_above = _blanks(lines, gone, range(start - 1, -1, -1))
    below, has_below = _blanks(lines, gone, range(stop, len(lines)))
    if not has_below:
        return [*above, *below]
    if has_above and not first and len(below) > len(above):
        return above
    return below


def _blanks(lines: Sequence[str], gone: Container[int], numbers: Iterable[int]) -> tuple[list[int], bool]:
    """The blank lines that come first among these, and whether something follows."""
    found: list[int] = []
    for number in numbers:
        if number in gone:
            continue
        if lines[number].strip():
            return found, True
        found.append(number)
    return found, False
