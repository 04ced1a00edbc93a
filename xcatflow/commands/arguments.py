"""The words behind a command, cut into flags and operands, the way cluster administrators type them.

Flags may stand anywhere; single letters may stand together (`-lz`), and a value may follow its letter at once (`-tnode`); long ones may
be shortened as far as they stay clear, and take `--name=value` or `--name value`. What follows `--` are operands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Takes = Literal["nothing", "value", "perhaps"]


class UsageError(Exception):
    """A flag that the command does not have, or that lacks its value; `flag` is how it was typed."""

    def __init__(self, flag: str) -> None:
        super().__init__(flag)
        self.flag = flag


@dataclass(frozen=True, slots=True)
class Flag:
    """`name` is what the command asks for: the letter, or the long name where it has no letter. A flag that takes `perhaps` a value
    takes the next word unless that is a flag or holds a `=`."""

    letter: str = ""
    long: str = ""
    takes: Takes = "nothing"

    @property
    def name(self) -> str:
        return self.letter or self.long


@dataclass(frozen=True, slots=True)
class Arguments:
    """`given` has the values of each flag by its name, in the order typed; for a flag without one an empty text. `first` is the first
    word as typed."""

    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    operands: tuple[str, ...] = ()
    first: str = ""

    def __contains__(self, name: str) -> bool:
        return name in self.given

    def value(self, name: str, default: str = "") -> str:
        """The last value of a flag."""
        return self.given.get(name, (default,))[-1]

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a flag."""
        return self.given.get(name, ())


def read_arguments(words: Sequence[str], flags: Sequence[Flag]) -> Arguments:
    """Raises UsageError."""
    return replace(_Reader(words, flags).read(), first=words[0] if words else "")


class _Reader:
    def __init__(self, words: Sequence[str], flags: Sequence[Flag]) -> None:
        self._flags = tuple(flags)
        self._letters = {flag.letter: flag for flag in flags if flag.letter}
        self._rest = list(words)
        self._given: dict[str, list[str]] = {}
        self._operands: list[str] = []

    def read(self) -> Arguments:
        while self._rest:
            word = self._rest.pop(0)
            if word == "--":
                self._operands += self._rest
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._short(word)
            else:
                self._operands.append(word)
        return Arguments({name: tuple(values) for name, values in self._given.items()}, tuple(self._operands))

    def _long(self, word: str) -> None:
        name, equals, value = word[2:].partition("=")
        flag = self._named(name)
        if flag is None or (equals and flag.takes == "nothing"):
            raise UsageError(f"--{name}")
        self._add(flag, value if equals else self._next(flag, f"--{name}"))

    def _named(self, name: str) -> Flag | None:
        meant = [flag for flag in self._flags if name and flag.long.startswith(name)]
        found = [flag for flag in meant if flag.long == name] or meant
        return found[0] if len(found) == 1 else None

    def _short(self, word: str) -> None:
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            flag = self._letters.get(letter)
            if flag is None:
                raise UsageError(f"-{letter}")
            if flag.takes != "nothing" and letters:
                self._add(flag, letters.removeprefix("="))
                return
            self._add(flag, self._next(flag, f"-{letter}"))

    def _next(self, flag: Flag, typed: str) -> str:
        match flag.takes:
            case "nothing":
                return ""
            case "value":
                # A value that looks like a flag is one whose own value was forgotten, or a variable that is not set.
                if not self._rest or (self._rest[0].startswith("-") and self._rest[0] != "-"):
                    raise UsageError(typed)
                return self._rest.pop(0)
        if self._rest and not self._rest[0].startswith("-") and "=" not in self._rest[0]:
            return self._rest.pop(0)
        return ""

    def _add(self, flag: Flag, value: str) -> None:
        self._given.setdefault(flag.name, []).append(value)
