"""Changes of a text: characters replaced, lines taken out and put in. All places are those of the text as it was."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence


class TextChanges:
    """A text, and what shall become of parts of it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = _lines(text)
        self.starts: list[int] = []
        at = 0
        for line in self.lines:
            self.starts.append(at)
            at += len(line)
        self.end_of_line = "\r\n" if any(line.endswith("\r\n") for line in self.lines[:1]) else "\n"
        self.parts: list[tuple[int, int, str]] = []
        self.gone: set[int] = set()
        self.added: dict[int, list[str]] = {}

    def line_of(self, at: int) -> int:
        """The number of the line that a character stands in."""
        return max(bisect_right(self.starts, at) - 1, 0)

    def column(self, at: int) -> int:
        return at - self.starts[self.line_of(at)]

    def before(self, at: int) -> str:
        """What stands in the line before a character."""
        return self.text[self.starts[self.line_of(at)] : at]

    def behind(self, at: int) -> str:
        """The rest of the line from a character on."""
        line = self.line_of(at)
        return self.text[at : self.starts[line] + len(self.lines[line])]

    def replace(self, start: int, end: int, new: str) -> None:
        """Put `new` where `start` to `end` stands."""
        self.parts.append((start, end, new))

    def drop_lines(self, first: int, last: int) -> None:
        """Take out lines, the last one included."""
        self.gone.update(range(first, last + 1))

    def add_lines(self, behind: int, texts: Sequence[str]) -> None:
        """Put lines behind the line of this number; -1 for the first place."""
        self.added.setdefault(behind, []).extend(texts)

    def result(self) -> str:
        """The text after all changes. Raises ValueError where two of them concern the same characters."""
        blocks = _blocks(self.gone)
        taken = [(self.starts[first], self.starts[last] + len(self.lines[last])) for first, last in blocks]
        parts = _outside(self.parts, taken)
        parts += [(self.starts[line], self.starts[line] + len(self.lines[line]), "") for line in self.gone]
        for line, texts in self.added.items():
            at = self.starts[line] + len(self.lines[line]) if line >= 0 else 0
            new = "".join(text + self.end_of_line for text in texts)
            if line >= 0 and not self.lines[line].endswith("\n"):
                new = self.end_of_line + new[: -len(self.end_of_line)]
            parts.append((at, at, new))
        pieces: list[str] = []
        at = 0
        for start, end, new in sorted(parts, key=lambda part: (part[0], part[1])):
            if start < at:
                raise ValueError(f"two changes of characters {start} to {at}")
            pieces += [self.text[at:start], new]
            at = end
        return "".join([*pieces, self.text[at:]])


def _lines(text: str) -> list[str]:
    pieces = text.split("\n")
    return [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _blocks(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of every run of numbers."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _outside(parts: Sequence[tuple[int, int, str]], taken: Sequence[tuple[int, int]]) -> list[tuple[int, int, str]]:
    """Without what lies in a larger part that is taken out, or in `taken`."""
    out = sorted(
        [*taken, *((start, end) for start, end, new in parts if not new)], key=lambda pair: (pair[0], -pair[1])
    )
    starts = [start for start, _ in out]
    found: list[tuple[int, int, str]] = []
    for part in parts:
        start, end, new = part
        inside = any(
            first <= start
            and end <= last
            and (first, last) != (start, end)
            and not (new and start == end and start in (first, last))
            for first, last in out[: bisect_right(starts, start)]
        )
        if not inside:
            found.append(part)
    return found
