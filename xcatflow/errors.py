"""Every error raised on purpose, where it points to, and what the process says about it when it ends.

A message is one line in lower case: what was expected, what was found, what to do; the thing in quotes, the place in front.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit status means."""

    OK = 0
    FAILED = 1
    INVALID = 2
    BUG = 3
    LOCKED = 4
    PENDING = 5
    STALE = 6
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A place in a text: file, line and column, both counted from 1; 0 where not known."""

    file: str
    line: int = 0
    col: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(number) for number in (self.line, self.col) if number)])


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint about input: the message, and where it points to. The message is one line: what cannot be shown in one, such as a
    line break that somebody wrote, becomes a blank."""

    message: str
    source: Source | None = None

    def __post_init__(self) -> None:
        if not self.message.isprintable():
            message = "".join(letter if letter.isprintable() else " " for letter in self.message)
            object.__setattr__(self, "message", message)

    def __str__(self) -> str:
        return f"{self.source}: {self.message}" if self.source else self.message


class XcatflowError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the process ends with when nobody handles it."""

    exit_code = ExitCode.FAILED


class InvalidInput(XcatflowError):
    """Something the user wrote cannot be used; nothing was touched. Carries every problem that was found at once."""

    exit_code = ExitCode.INVALID

    def __init__(self, problems: str | Problem | Iterable[Problem], source: Source | None = None) -> None:
        match problems:
            case str():
                self.problems: tuple[Problem, ...] = (Problem(problems, source),)
            case Problem():
                self.problems = (problems,)
            case _:
                self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class NotGathered(InvalidInput):
    """What the user wrote is well, but asks for what has to be found out first."""


class Unreachable(XcatflowError):
    """A machine or daemon did not let us in: no route, no answer, wrong host key, no permission, bad certificate."""


class CannotTell(XcatflowError):
    """A look gave no usable answer. Never to be confused with "it is not there"."""


class ActFailed(XcatflowError):
    """An act was refused or failed; `detail` is what the machine said (standard error, a daemon's message)."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class DeadlineExceeded(ActFailed):
    """An act or look did not end in time and was ended."""


class NotConverged(XcatflowError):
    """The act reported success, but looking again shows that it did not do what was wanted."""


class CannotUndo(XcatflowError):
    """This change has no way back; the message says why."""


class Locked(XcatflowError):
    """Somebody else is at work on the same thing; the message names the holder."""

    exit_code = ExitCode.LOCKED


class Interrupted(XcatflowError):
    """The user asked to stop."""

    exit_code = ExitCode.INTERRUPTED


def reason_of(error: OSError) -> str:
    """What the system says about an error, as the rest of a sentence."""
    return (error.strerror or str(error)).lower()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean "x"?` for the known word closest to `word`; empty when none is close."""
    # Only who has to guess pays for it.
    from difflib import get_close_matches

    choices: Sequence[str] = sorted(set(known))
    close = get_close_matches(word, choices, n=1, cutoff=0.65) or get_close_matches(
        word.lower(), choices, n=1, cutoff=0.65
    )
    return f', did you mean "{close[0]}"?' if close else ""
