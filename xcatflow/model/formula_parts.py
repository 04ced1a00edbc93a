"""The replacement part of a formula: text with captures and integer arithmetic in parentheses.

    expr    = term { ("+" | "-") term }
    term    = unary { ("*" | "/" | "%") unary }          "/" truncates toward zero, "%" has the sign of the dividend
    unary   = [ "-" ] primary
    primary = INTEGER | "$" DIGITS | "(" expr ")" | FUNCTION "(" [ expr { "," expr } ] ")" | STRING

A replacement is compiled once into functions from captures to text, and evaluated for many nodes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from xcatflow.model.formula_functions import FUNCTIONS, FormulaError, Value, number

Captures = Sequence[str]
Evaluate = Callable[[Captures], Value]

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


def compile_arithmetic(text: str) -> tuple[Evaluate, ...]:
    """The parts of a replacement whose outermost parentheses are arithmetic. Raises FormulaError telling what was expected."""
    parts: list[Evaluate] = []
    at = 0
    while (opening := text.find("(", at)) >= 0:
        parser = _Parser(text, opening)
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


def _binary(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    compute = _OPERATORS[operator]
    return lambda captures: compute(number(left(captures)), number(right(captures)))


@dataclass(slots=True)
class _Parser:
    """Reads one parenthesised expression of `text`; `at` is where the next token begins."""

    text: str
    at: int

    def parenthesised(self, depth: int) -> Evaluate:
        self._expect("(")
        inner = self._expr(depth + 1)
        self._expect(")")
        return inner

    def _expr(self, depth: int) -> Evaluate:
        if depth > _MOST_NESTED:
            raise FormulaError("parentheses are nested too deep")
        left = self._term(depth)
        while operator := self._one_of("+-"):
            left = _binary(operator, left, self._term(depth))
        return left

    def _term(self, depth: int) -> Evaluate:
        left = self._unary(depth)
        while operator := self._one_of("*/%"):
            left = _binary(operator, left, self._unary(depth))
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
        self.at = found.end()
        if digits:
            if len(digits) > _MOST_DIGITS:
                raise FormulaError(f"the number {digits[:20]}... is too long")
            return _constant(int(digits))
        if capture:
            return _capture(int(capture[:9]))
        if function:
            return self._call(function, depth)
        return _constant(single if single is not None else double or "")

    def _call(self, function: str, depth: int) -> Evaluate:
        if function not in FUNCTIONS:
            raise FormulaError(f'unknown function "{function}", expected {", ".join(FUNCTIONS)}')
        call = FUNCTIONS[function]
        arguments: list[Evaluate] = []
        self._expect("(")
        while not self._one_of(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._expr(depth + 1))
        return lambda captures: call(*(argument(captures) for argument in arguments))

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
        return FormulaError(f"expected {expected}, found {chr(34) + rest + chr(34) if rest else 'the end'}")
