"""A noderange cut into tokens: the signs `,` `@` `(` `)` `-`, and atoms.

Where an atom ends depends on what it is: brackets belong to words and regular expressions, a regular expression keeps everything it
has opened until it is closed, and a value in quotes is taken as it is. Quotes are dropped everywhere else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from xcatflow.errors import InvalidInput
from xcatflow.model.regex import compile_regex
from xcatflow.selection.tree import Atom, Criterion, File, Operator, Regex, Word

_QUOTES = "'\""
_IGNORED = re.compile(r"[\s'\"]*")
_PLAIN = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:+-]*(?=,|$)")
_OPERATOR = re.compile(r"!=|=~|==|!~|=")
_SIGN = re.compile(r"![=~]|[=~]")
_AFTER_VALUE = re.compile(r"[\s'\"]*(?:[,@)]|$)")
_VALUE = re.compile(r"[^,@)]*")
_CLASS_START = re.compile(r"\[\^?\]?")
_CLOSER = {"(": ")", "{": "}"}


@dataclass(frozen=True, slots=True)
class Token:
    """`sign` is empty for atoms."""

    sign: str
    atom: Atom | None
    column: int


def wrong(noderange: str, reason: str, column: int) -> InvalidInput:
    """The complaint about a noderange that cannot be read."""
    return InvalidInput(f"Invalid noderange '{noderange}': {reason} (column {column})")


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a noderange. Raises InvalidInput where it cannot be read."""
    at, last = 0, ","
    while (at := _skip(text, at)) < len(text):
        sign = text[at]
        if sign in ",@()" or (sign == "-" and last in ",@("):
            yield Token(sign, None, at + 1)
            at, last = at + 1, sign
        else:
            atom, end = _atom(text, at)
            yield Token("", atom, at + 1)
            at, last = end, "atom"


def _skip(text: str, at: int) -> int:
    found = _IGNORED.match(text, at)
    return found.end() if found else at


def _atom(text: str, at: int) -> tuple[Atom, int]:
    if plain := _PLAIN.match(text, at):
        return Word(plain[0], at + 1), plain.end()
    match text[at]:
        case "^":
            end = _word_end(text, at)
            path = _unquoted(text[at + 1 : end])
            if not path:
                raise wrong(text, 'expected a file name after "^"', at + 1)
            return File(path, at + 1), end
        case "/":
            return _regex(text, at)
    return _word(text, at)


def _regex(text: str, at: int) -> tuple[Atom, int]:
    end = _expression_end(text, at + 1)
    written = _unquoted(text[at:end], expression=True)
    expression = written[1:]
    if len(expression) > 1 and expression.endswith("/") and not expression.endswith("\\/"):
        expression = expression[:-1]
    if not expression:
        raise wrong(text, 'expected a regular expression after "/"', at + 1)
    return Regex(_compiled(text, expression, at), written, at + 1), end


def _word(text: str, at: int) -> tuple[Atom, int]:
    end = _word_end(text, at, operators=True)
    operator = _OPERATOR.match(text, end)
    if operator:
        return _criterion(text, at, operator)
    if text[end : end + 1] == "~":
        name = _unquoted(text[end + 1 : _word_end(text, end + 1)]) or "web.*"
        hint = f'names that match a regular expression are "/{name}"' if end == at else 'matching is "=~"'
        raise wrong(text, f'"~" is no operator: {hint}', end + 1)
    return Word(_unquoted(text[at:end]), at + 1), end


def _criterion(text: str, at: int, operator: re.Match[str]) -> tuple[Atom, int]:
    attribute = _unquoted(text[at : operator.start()])
    if not attribute:
        raise wrong(text, f'expected an attribute before "{operator[0]}"', at + 1)
    sign = cast(Operator, operator[0] if operator[0] != "=" else "==")
    regular = sign in ("=~", "!~")
    value, end, quoted = _value(text, operator.end(), regular=regular)
    blank_in = attribute if regular or quoted else attribute + value
    if any(letter.isspace() for letter in blank_in):
        return Word(_unquoted(text[at:end]), at + 1), end
    pattern = _compiled(text, value, operator.end()) if regular else None
    return Criterion(attribute, sign, value, pattern, at + 1), end


def _value(text: str, at: int, *, regular: bool) -> tuple[str, int, bool]:
    """The value of a criterion, where it ends, and whether it stood in quotes."""
    if text[at : at + 1] in ("'", '"'):
        close = text.find(text[at], at + 1)
        if close > 0 and _AFTER_VALUE.match(text, close + 1):
            return text[at + 1 : close], close + 1, True
    if not regular:
        found = _VALUE.match(text, at)
        end = found.end() if found else at
        # Only the end: a blank after the operator is inside the atom.
        return _bare(text[at:end]).rstrip(), end, False
    if text[at : at + 1] == "/":
        close = _expression_end(text, at + 1, stops="/")
        if close < len(text) and _AFTER_VALUE.match(text, close + 1):
            return _bare(text[at + 1 : close]), close + 1, False
    end = _expression_end(text, at)
    value = _unquoted(text[at:end], expression=True)
    inside = len(value) > 1 and value[0] == value[-1] == "/"
    return value[1:-1] if inside else value, end, False


def _word_end(text: str, at: int, *, operators: bool = False) -> int:
    """Where a word that begins at `at` ends: before a sign, or with `operators` before one of them."""
    bracket = False
    while at < len(text):
        letter = text[at]
        if bracket:
            bracket = letter != "]"
        elif letter in ",@()" or (operators and letter in "!=~" and _SIGN.match(text, at)):
            break
        else:
            bracket = letter == "["
        at += 1
    return at


def _expression_end(text: str, at: int, stops: str = ",@)") -> int:
    """Where a regular expression ends: before the first of `stops` outside all brackets."""
    closers: list[str] = []
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            at += 1
        elif closers and letter == closers[-1]:
            closers.pop()
        elif closers and closers[-1] == "]":
            pass
        elif not closers and letter in stops:
            break
        elif letter in _CLOSER:
            closers.append(_CLOSER[letter])
        elif found := _CLASS_START.match(text, at):
            closers.append("]")
            at = found.end() - 1
        at += 1
    return min(at, len(text))


def _bare(text: str) -> str:
    return "".join(letter for letter in text if letter not in _QUOTES)


def _unquoted(text: str, *, expression: bool = False) -> str:
    """Without quotes and without blanks at the end; in an expression a blank after a backslash stays."""
    bare = _bare(text)
    short = bare.rstrip()
    kept = expression and (len(short) - len(short.rstrip("\\"))) % 2
    return bare[: len(short) + 1] if kept else short


def _compiled(noderange: str, expression: str, at: int) -> re.Pattern[str]:
    try:
        return compile_regex(expression)
    except ValueError as error:
        raise wrong(noderange, f'invalid regular expression "{expression}": {error}', at + 1) from None
