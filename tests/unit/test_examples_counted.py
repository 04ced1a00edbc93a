"""No example gets lost: tables and sessions have at least as many as they had, and no table is left out of the count."""

import pytest

from tests.examples import EXAMPLES, ROOT, UNIT, counts, files, table_rows

AT_LEAST = {
    "noderange": 400,
    "formulas": 70,
    "names": 45,
    "values": 85,
    "stanza lines": 28,
    "completion": 90,
    "schedules": 70,
    "sites": 30,
    "sessions": 0,
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_there_are_as_many_examples_as_there_were(name: str) -> None:
    assert counts()[name] >= AT_LEAST[name]


def test_every_table_is_counted() -> None:
    counted = {path for name in EXAMPLES for path in files(name)}
    tables = {path for path in UNIT.rglob("data/**/*.txt") if table_rows(path)}
    sessions = {path for path in UNIT.rglob("data/**/*.txt") if "\n$ " in path.read_text()}
    assert {str(path.relative_to(ROOT)) for path in (tables | sessions) - counted} == set()
