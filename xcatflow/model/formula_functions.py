"""The functions that formulas may call. A value is an integer or a text; a text of digits counts as a number where one is needed.

Source: the functions xCAT offers in its regular-expression attributes; nothing else of its language is available here.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from xcatflow.errors import XcatflowError

Value = int | str

_SPEC = re.compile(r"%(?:([-+ 0#]{0,5})([0-9]{0,2})(?:\.([0-9]{1,2}))?([diouxXcs])|(%))")
_RANGE = re.compile(r"\s*([0-9]{1,9})(?::([0-9]{1,9}))?\s*")


class FormulaError(XcatflowError):
    """A formula that is not well formed, or gives no value for a name; the message says why, in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__("".join(letter if letter.isprintable() else " " for letter in reason))


def number(value: Value) -> int:
    """The value as an integer; leading zeros of a capture do not count. Raises FormulaError."""
    if isinstance(value, int):
        return value
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise FormulaError(f'"{value}" is no number')
    return int(value)


def _sprintf(form: Value, *values: Value) -> Value:
    left = list(values)

    def insert(spec: re.Match[str]) -> str:
        if spec.group(5):
            return "%"
        if not left:
            raise FormulaError(f"sprintf needs more values for '{form}'")
        value, conversion = left.pop(0), spec.group(4)
        if conversion == "s":
            return spec.group(0) % (value,)
        if conversion == "c":
            return chr(_within(number(value), 1, 127, "a character code"))
        return spec.group(0).replace("#", "") % (number(value),)

    text = str(form)
    if "%" in _SPEC.sub("", text):
        raise FormulaError(f"sprintf does not know a part of '{text}'; use %d %x %o %s %c with a width below 100")
    done = _SPEC.sub(insert, text)
    if left:
        raise FormulaError(f"sprintf has more values than '{text}' takes")
    return done


def _within(value: int, low: int, high: int, what: str) -> int:
    if not low <= value <= high:
        raise FormulaError(f"{what} is from {low} to {high}, found {value}")
    return value


def _letter(value: Value) -> int:
    text = str(value).lower()
    if len(text) != 1 or not "a" <= text <= "z":
        raise FormulaError(f'expected one letter, found "{value}"')
    return ord(text) - ord("a")


def _dim2idx(first: Value, *rest: Value) -> Value:
    if len(rest) % 2:
        raise FormulaError("dim2idx takes a position, then pairs of size and position")
    index = number(first) - 1
    for size, position in zip(rest[::2], rest[1::2], strict=True):
        index = index * number(size) + number(position) - 1
    return index + 1


def _skip(index: Value, ranges: Value) -> Value:
    wanted = number(index)
    skipped = 0
    for text in str(ranges).split(","):
        found = _RANGE.fullmatch(text)
        if not found:
            raise FormulaError(f"skip expects 'start:count,...', found '{ranges}'")
        start, count = int(found.group(1)), int(found.group(2) or 1)
        if start <= wanted < start + count:
            return -1
        if start < wanted:
            skipped += count
    return wanted - skipped


def _ipadd(o1: Value, o2: Value, o3: Value, o4: Value, add: Value, skip_start: Value = 0, skip_end: Value = 0) -> Value:
    octets = [_within(number(octet), 0, 255, "an octet") for octet in (o1, o2, o3, o4)]
    first = _within(number(skip_start), 0, 255, "what is skipped")
    usable = 256 - first - _within(number(skip_end), 0, 255, "what is skipped")
    if usable < 1:
        raise FormulaError("ipadd skips every address")
    # An address before the first usable one counts as the first.
    carry, place = divmod(max(octets[3] - first, 0) + number(add), usable)
    third = _within(octets[2] + carry, 0, 255, "the third octet")
    return f"{octets[0]}.{octets[1]}.{third}.{first + place}"


def _checked(name: str, function: Callable[..., Value]) -> Callable[..., Value]:
    def call(*arguments: Any) -> Value:
        try:
            return function(*arguments)
        except TypeError:
            raise FormulaError(f"wrong number of values for {name}") from None

    return call


FUNCTIONS: Mapping[str, Callable[..., Value]] = MappingProxyType(
    {
        name: _checked(name, function)
        for name, function in (
            ("sprintf", _sprintf),
            ("a2idx", lambda letter: _letter(letter) + 1),
            ("a2zidx", _letter),
            ("dim2idx", _dim2idx),
            ("skip", _skip),
            ("ipadd", _ipadd),
        )
    }
)
