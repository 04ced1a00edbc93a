"""Every session of `data/`: what xCAT's commands say and do, to the letter."""

from pathlib import Path

import pytest

from tests.unit.commands.sessions import parts, play

DATA = Path(__file__).parent / "data"
SESSIONS = sorted(DATA.rglob("*.txt"))


@pytest.mark.parametrize("path", SESSIONS, ids=lambda path: str(path.relative_to(DATA)))
def test_a_session_goes_as_written(path: Path, tmp_path: Path) -> None:
    text = path.read_text()
    checked = 0
    for part, expected, found in play(text, tmp_path):
        assert found == expected, f"{path.name}:{part.line}: {part.mark} {part.text}"
        checked += 1
    assert checked == sum(part.mark in ("$", "---") for part in parts(text)) > 0
