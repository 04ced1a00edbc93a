"""Durations as people write them: `90`, `5 s`, `2 min`, `1.5 h`, `1 h 30 min`; in the models they are seconds."""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

_SECONDS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*")
_EXPECTED = 'expected a time such as "5 s", "2 min" or "1 h 30 min"'


def seconds(value: object) -> float:
    """Seconds of a number or text. Raises ValueError saying what was expected."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _positive(float(value), value)
    text = str(value).strip().lower() if isinstance(value, str) else ""
    total, at = 0.0, 0
    while part := _PART.match(text, at):
        number, unit = part.groups()
        if unit not in _SECONDS or (not unit and part.end() - at != len(text)):
            raise ValueError(f'{_EXPECTED}, found "{value}"')
        total, at = total + float(number) * _SECONDS[unit], part.end()
    if at == 0 or at != len(text):
        raise ValueError(f'{_EXPECTED}, found "{value}"')
    return _positive(total, value)


def _positive(number: float, value: object) -> float:
    if not math.isfinite(number) or number < 0:
        raise ValueError(f'{_EXPECTED}, found "{value}"')
    return number


Duration = Annotated[float, BeforeValidator(seconds, json_schema_input_type=float | str)]
"""Seconds, written as a number or as text with a unit."""
