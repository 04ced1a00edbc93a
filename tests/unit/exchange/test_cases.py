"""Every case of `data/`: what is written of a dump, an inventory or containers, and what is said about the rest."""

from pathlib import Path

import pytest

from tests.unit.exchange.cases import RESULTS, played

DATA = Path(__file__).parent / "data"
CASES = sorted({path.parent for path in DATA.rglob("in.*")})


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.relative_to(DATA)))
def test_a_case_comes_out_as_written(case: Path) -> None:
    expected = {name: (case / name).read_text() for name in RESULTS if (case / name).exists()}
    assert expected, "a case says what comes of it"
    assert played(case) == expected
