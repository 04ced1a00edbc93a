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
from xcatflow.model.formula_parts import Captures, Evaluate, compile_arithmetic, compile_plain

__all__ = ["Formula", "FormulaError", "is_formula", "parse_formula"]

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
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
            numbers = [digits.lstrip("0") or "0" for digits in _NUMBER.findall(name)]
            if not numbers:
                raise FormulaError("there is no number in the name")
            return self._render(numbers)
        found = self.pattern.search(name)
        if not found:
            raise FormulaError("the name does not match")
        captures = [capture or "" for capture in found.groups()]
        return name[: found.start()] + self._render(captures) + name[found.end() :]

    def _render(self, captures: Captures) -> str:
        return "".join(str(part(captures)) for part in self.parts)


def parse_formula(text: str) -> Formula | None:
    """The formula that `text` is, None where it is literal. Raises FormulaError when it has the shape of one but is not well formed."""
    if not is_formula(text):
        return None
    if text[0] == "/":
        _, pattern, replacement, _ = text.split("/")
        return Formula(text, _compile(pattern), compile_plain(replacement))
    pattern, bar, replacement = text[1:-1].partition("|")
    if not bar:
        return Formula(text, None, compile_arithmetic(pattern))
    return Formula(text, _compile(pattern), compile_arithmetic(replacement))


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(_ESCAPED.sub(lambda found: r"\Z" if found[1] == "z" else found[0], pattern), re.ASCII)
    except re.error as error:
        raise FormulaError(f'bad regular expression "{pattern}": {error}') from None
