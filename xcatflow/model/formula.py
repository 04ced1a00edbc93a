"""Attribute values that are computed from the node's name.

    /regex/replacement/   the first match of `regex` in the name is replaced; captures are `$1`, `$2`, ...
    |regex|replacement|   likewise, and parenthesised parts of the replacement are integer arithmetic
    |replacement|         `$1` is the first number in the name without leading zeros, `$2` the second; arithmetic as before

Any other text is literal. Regular expressions are Python's, with `\\z` read as the end of the text.

Source: xCAT's manual page for its database, "regular expressions". Where the original answers with the node's own name because nothing
matched, there is no value here, and the caller is told why.
"""

import re
from dataclasses import dataclass

from xcatflow.model.formula_functions import FormulaError
from xcatflow.model.formula_parts import Captures, Evaluate, Note, compile_arithmetic, compile_plain
from xcatflow.model.regex import compile_regex

__all__ = ["Formula", "FormulaError", "is_formula", "parse_formula"]

_NUMBER = re.compile(r"[0-9]+")


def is_formula(text: str) -> bool:
    """Has `text` one of the three shapes?"""
    if len(text) < 2 or text[0] != text[-1]:
        return False
    return text[0] == "|" or (text[0] == "/" and text.count("/") == 3)


@dataclass(frozen=True, slots=True)
class Formula:
    """A compiled formula. `pattern` is None in the form that counts the numbers of the name."""

    text: str
    pattern: re.Pattern[str] | None
    parts: tuple[Evaluate, ...]

    def value(self, name: str) -> str:
        """The value for a node's name; empty means that the attribute has none. Raises FormulaError telling why there is no value."""
        if self.pattern is None:
            return self._render(numbers_of(name))
        found = self.pattern.search(name)
        if not found:
            raise FormulaError("the name does not match")
        return name[: found.start()] + self._render(captures_of(found)) + name[found.end() :]

    def _render(self, captures: Captures) -> str:
        return "".join(str(part(captures)) for part in self.parts)


def numbers_of(name: str) -> Captures:
    """The numbers in a name, without leading zeros. Raises FormulaError where there is none."""
    numbers = tuple(digits.lstrip("0") or "0" for digits in _NUMBER.findall(name))
    if not numbers:
        raise FormulaError("there is no number in the name")
    return numbers


def captures_of(found: re.Match[str]) -> Captures:
    """What the groups of a regular expression captured; one that took no part is empty."""
    return tuple(capture or "" for capture in found.groups())


def parse_formula(text: str, note: Note | None = None) -> Formula | None:
    """The formula that `text` is, None where it is literal; `note` hears the arithmetic whenever it is evaluated. Raises FormulaError when
    it has the shape of one but is not well formed."""
    if not is_formula(text):
        return None
    if text[0] == "/":
        _, pattern, replacement, _ = text.split("/")
        return Formula(text, _compile(pattern), compile_plain(replacement))
    pattern, bar, replacement = text[1:-1].partition("|")
    if not bar:
        return Formula(text, None, compile_arithmetic(pattern, note, before=1))
    before = len(pattern) + 2
    return Formula(text, _compile(pattern), compile_arithmetic(replacement, note, before=before))


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return compile_regex(pattern, ascii_only=True)
    except ValueError as error:
        raise FormulaError(f'bad regular expression "{pattern}": {error}') from None
