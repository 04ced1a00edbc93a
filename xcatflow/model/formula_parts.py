"""The replacement part of a formula: text with captures and integer arithmetic in parentheses.

    expr    = term { ("+" | "-") term }
    term    = unary { ("*" | "/" | "%") unary }          "/" truncates toward zero, "%" has the sign of the dividend
    unary   = [ "-" ] primary
    primary = INTEGER | "$" DIGITS | "(" expr ")" | FUNCTION "(" [ expr { "," expr } ] ")" | STRING

A replacement is compiled once into functions from captures to text, and evaluated for many nodes. With a `note` every operation
is told as it is done: `14 - 1 = 13`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from xcatflow.errors import did_you_mean
from xcatflow.model.formula_functions import FUNCTIONS, FormulaError, Value, number

Captures = Sequence[str]
Evaluate = Callable[[Captures], Value]
Note = Callable[[str], None]

_TOKEN = re.compile(r"[ \t]*(?:([0-9]+)|\$([0-9]+)|([A-Za-z_][A-Za-z0-9_]*)|'([^']*)'|\"([^\"]*)\"|([-+*/%(),]))")
_CAPTURE = re.compile(r"\$([0-9]{1,9})")
_MOST_NESTED = 40
_MOST_DIGITS = 18


def compile_plain(text: str) -> tuple[Evaluate, ...]:
    """The parts of a replacement without arithmetic: literal text and captures."""
    parts: list[Evaluate] = []
    at = 0
    for found in _CAPTURE.finditer(text):
        parts += [_constant(text[at : found.start()]), _capture(int(found.group(1)))]
        at = found.end()
    return (*parts, _constant(text[at:]))


def compile_arithmetic(text: str, note: Note | None = None, *, before: int = 0) -> tuple[Evaluate, ...]:
    """The parts of a replacement whose outermost parentheses are arithmetic. Raises FormulaError telling what was expected, and at which
    column of the formula: `before` characters of it stand before `text`."""
    parts: list[Evaluate] = []
    at = 0
    while (opening := text.find("(", at)) >= 0:
        parser = _Parser(text, opening, note, before)
        parts += [*compile_plain(text[at:opening]), parser.parenthesised(0)]
        at = parser.at
    return (*parts, *compile_plain(text[at:]))


def _constant(value: Value) -> Evaluate:
    return lambda _captures: value


def _capture(index: int) -> Evaluate:
    if index == 0:
        raise FormulaError('captures are counted from "$1"')

    def evaluate(captures: Captures) -> Value:
        if index > len(captures):
            raise FormulaError(f'there is no "${index}", only {len(captures)} captured')
        return captures[index - 1]

    return evaluate


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise FormulaError("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_OPERATORS: MappingProxyType[str, Callable[[int, int], int]] = MappingProxyType(
    {
        "+": lambda left, right: left + right,
        "-": lambda left, right: left - right,
        "*": lambda left, right: left * right,
        "/": _divide,
        "%": lambda left, right: left - right * _divide(left, right),
    }
)


def _binary(operator: str, left: Evaluate, right: Evaluate, note: Note | None) -> Evaluate:
    compute = _OPERATORS[operator]
    if note is None:
        return lambda captures: compute(number(left(captures)), number(right(captures)))

    def noted(captures: Captures) -> Value:
        one, other = number(left(captures)), number(right(captures))
        result = compute(one, other)
        note(f"{one} {operator} {other} = {result}")
        return result

    return noted


def _called(function: str, arguments: Sequence[Evaluate], note: Note | None) -> Evaluate:
    call = FUNCTIONS[function]
    if note is None:
        return lambda captures: call(*(argument(captures) for argument in arguments))

    def noted(captures: Captures) -> Value:
        values = [argument(captures) for argument in arguments]
        result = call(*values)
        note(f"{function}({', '.join(map(_written, values))}) = {_written(result)}")
        return result

    return noted


def _written(value: Value) -> str:
    return str(value) if isinstance(value, int) else f"'{value}'"


@dataclass(slots=True)
class _Parser:
    """Reads one parenthesised expression of `text`; `at` is where the next token begins."""

    text: str
    at: int
    note: Note | None = None
    before: int = 0

    def parenthesised(self, depth: int) -> Evaluate:
        self._expect("(")
        inner = self._expr(depth + 1)
        self._expect(")")
        return inner

    def _expr(self, depth: int) -> Evaluate:
        if depth > _MOST_NESTED:
            raise self._at("parentheses are nested too deep")
        left = self._term(depth)
        while operator := self._one_of("+-"):
            left = _binary(operator, left, self._term(depth), self.note)
        return left

    def _term(self, depth: int) -> Evaluate:
        left = self._unary(depth)
        while operator := self._one_of("*/%"):
            left = _binary(operator, left, self._unary(depth), self.note)
        return left

    def _unary(self, depth: int) -> Evaluate:
        if self._one_of("-"):
            inner = self._primary(depth)
            return lambda captures: -number(inner(captures))
        return self._primary(depth)

    def _primary(self, depth: int) -> Evaluate:
        found = _TOKEN.match(self.text, self.at)
        digits, capture, function, single, double, mark = found.groups() if found else (None,) * 6
        if mark == "(":
            return self.parenthesised(depth)
        if found is None or mark:
            raise self._wrong('a number, "$1", a function or "("')
        if digits and len(digits) > _MOST_DIGITS:
            raise self._at(f"the number {digits[:20]}... is too long")
        if function and function not in FUNCTIONS:
            hint = did_you_mean(function, FUNCTIONS) or f", expected {', '.join(FUNCTIONS)}"
            raise self._at(f'unknown function "{function}"{hint}')
        self.at = found.end()
        if digits:
            return _constant(int(digits))
        if capture:
            return _capture(int(capture[:9]))
        if function:
            return self._call(function, depth)
        return _constant(single if single is not None else double or "")

    def _call(self, function: str, depth: int) -> Evaluate:
        arguments: list[Evaluate] = []
        self._expect("(")
        while not self._one_of(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._expr(depth + 1))
        return _called(function, arguments, self.note)

    def _one_of(self, marks: str) -> str:
        found = _TOKEN.match(self.text, self.at)
        if found and found.group(6) and found.group(6) in marks:
            self.at = found.end()
            return found.group(6)
        return ""

    def _expect(self, mark: str) -> None:
        if not self._one_of(mark):
            raise self._wrong(f'"{mark}"')

    def _wrong(self, expected: str) -> FormulaError:
        rest = self.text[self.at :].strip()
        return self._at(f"expected {expected}, found {chr(34) + rest + chr(34) if rest else 'the end'}")

    def _at(self, reason: str) -> FormulaError:
        """`reason` with the column, counted from 1, of the next token."""
        blanks = len(self.text[self.at :]) - len(self.text[self.at :].lstrip(" \t"))
        return FormulaError(f"{reason} (column {self.before + self.at + blanks + 1})")
