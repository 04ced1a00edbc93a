"""Durations as people write them."""

import pytest
from pydantic import BaseModel, ValidationError

from xcatflow.model.duration import Duration, seconds


class Timed(BaseModel):
    """Something with a time."""

    timeout: Duration = 5.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5.0),
        (0.5, 0.5),
        ("90", 90.0),
        ("5 s", 5.0),
        ("5s", 5.0),
        ("2 min", 120.0),
        ("2m", 120.0),
        ("1.5 h", 5400.0),
        ("1 h 30 min", 5400.0),
        (" 2 Days ", 172800.0),
        ("100 ms", 0.1),
        ("0", 0.0),
    ],
)
def test_seconds(value: object, expected: float) -> None:
    assert seconds(value) == expected
    assert Timed.model_validate({"timeout": value}).timeout == expected


@pytest.mark.parametrize(
    "value", ["", "5 5", "x", "5 parsec", "5 s!", -1, "-1 s", True, None, float("nan"), float("inf"), []]
)
def test_what_is_no_time(value: object) -> None:
    with pytest.raises(ValueError, match=r'expected a time such as "5 s", "2 min" or "1 h 30 min", found'):
        seconds(value)
    with pytest.raises(ValidationError):
        Timed.model_validate({"timeout": value})


def test_both_forms_are_in_the_schema() -> None:
    assert Timed.model_json_schema()["properties"]["timeout"]["anyOf"] == [{"type": "number"}, {"type": "string"}]
