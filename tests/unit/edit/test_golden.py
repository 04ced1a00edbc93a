"""Edits of stanza and YAML files: exactly which characters change."""

from pathlib import Path

import pytest

from tests.unit.edit.edit_cases import Case, cases, play

FILES = sorted((Path(__file__).parent / "data").glob("*.txt"))
CASES = [pytest.param(case, id=f"{path.stem}-{case.line}") for path in FILES for case in cases(path)]


@pytest.mark.parametrize("case", CASES)
def test_exactly_this_changes(case: Case, tmp_path: Path) -> None:
    refused, found = play(case, tmp_path)
    assert refused == case.refused
    assert found == case.after
