"""What a target of fuzzing is, and what no input may do to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from xcatflow.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Target:
    """`one` reads a text and checks what comes of it; whatever it raises is a find. `words` are put into texts as they are."""

    name: str
    one: Callable[[str], None]
    seeds: tuple[str, ...]
    words: tuple[str, ...] = ()


def complaints_of(read: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems that reading ends with; empty when it is read."""
    try:
        read()
    except InvalidInput as error:
        assert error.problems, "a complaint without a problem"
        return error.problems
    return ()


def check_problems(problems: Iterable[Problem], *, in_file: bool) -> None:
    """Each is one line that says something, and names its place where a file was read."""
    for problem in problems:
        assert problem.message.strip(), "a problem without a message"
        assert "\n" not in str(problem), f"a problem of several lines: {problem!r}"
        if in_file:
            assert problem.source is not None, f"a problem without a place: {problem.message}"
            assert problem.source.file, f"a place without a file: {problem.message}"
            assert problem.source.line >= 1, f"a place without a line: {problem.message}"
