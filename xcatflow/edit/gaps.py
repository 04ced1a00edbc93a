"""Comments and blank lines around what stands in a file, and what becomes of them when it is taken out."""

from collections.abc import Container, Iterable, Sequence

from xcatflow.load.stanza import BLANKS


def comment_above(lines: Sequence[str], line: int, column: int) -> int:
    """The first line of the comment that belongs to what begins in this line and column, or that line itself."""
    start = line
    while start > 0 and 0 <= _comment(lines[start - 1]) <= column:
        start -= 1
    # What the file begins with is about the file.
    return line if start == 0 else start


def comment_below(lines: Sequence[str], line: int, column: int) -> int:
    """The line behind the comments deeper than `column` that begin in this line."""
    while line < len(lines) and _comment(lines[line]) > column:
        line += 1
    return line


def _comment(line: str) -> int:
    """The column of a line's comment, -1 where it is none."""
    text = line.lstrip(BLANKS)
    return len(line) - len(text) if text.startswith("#") else -1


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
