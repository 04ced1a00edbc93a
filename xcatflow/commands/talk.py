"""What a command says, and whether it found anything wrong."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from xcatflow.errors import InvalidInput

_AT_ONCE = 500


class Stream(Protocol):
    """What takes the text. It may be closed while somebody writes: what is written then goes nowhere."""

    @property
    def closed(self) -> bool: ...

    def write(self, text: str, /) -> int: ...


@dataclass(slots=True)
class Talk:
    """Information goes to `out`, errors and warnings to `err`. `failed` says whether there was an error."""

    out: Stream
    err: Stream
    failed: bool = False
    interrupted: bool = False

    @property
    def code(self) -> int:
        """The exit code: 0, 1 where anything was wrong, 130 where the user stopped it."""
        return 130 if self.interrupted else int(self.failed)

    def say(self, *lines: str) -> None:
        """Lines of information."""
        self.out.write("".join(f"{line}\n" for line in lines))

    def error(self, text: str, *, node: str = "") -> None:
        """Something went wrong; `node` is the one it went wrong for."""
        self.failed = True
        self.err.write(f"{node}: Error: {text}\n" if node else f"Error: {text}\n")

    def warn(self, text: str, *, node: str = "") -> None:
        """Something is odd."""
        self.err.write(f"{node}: Warning: {text}\n" if node else f"Warning: {text}\n")

    def problems(self, error: InvalidInput) -> None:
        """Every problem of wrong input as an error."""
        for problem in error.problems:
            self.error(str(problem))

    def usage(self, text: str) -> None:
        """The usage of the command, since its words are wrong."""
        self.failed = True
        self.err.write(text)

    def each(self, lines: Iterable[str]) -> None:
        """Many lines of information, while they are made; no more are made when nobody reads them any more."""
        rest = iter(lines)
        while not self.out.closed and (some := list(islice(rest, _AT_ONCE))):
            self.say(*some)
