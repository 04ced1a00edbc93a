"""The pages about import and export: played in order on one site, they must say what they show."""

import io
import sys
from pathlib import Path

import pytest

from tests.unit.commands.sessions import parts
from tests.unit.test_docs import DOCS, blocks
from xcatflow.tasks.program import main

PAGES = ("import-export.md", "coming-from-ansible.md")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_happens(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventory").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XCATFLOW_SITE", str(tmp_path))
    played = 0
    for language, file, text, line in blocks(DOCS / name):
        if file:
            (tmp_path / file).write_text(text)
        elif language == "console":
            for part in parts(text):
                shown = [row for row in part.lines if row.strip()]
                assert shown == _said(part.text.split(), tmp_path, monkeypatch), f"{name}:{line}: $ {part.text}"
                played += 1
    assert played


def _said(words: list[str], root: Path, patch: pytest.MonkeyPatch) -> list[str]:
    if words[0] == "cat":
        return [line for line in (root / words[1]).read_text().splitlines() if line.strip()]
    out, err = io.StringIO(), io.StringIO()
    with patch.context() as streams:
        streams.setattr(sys, "stdout", out)
        streams.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit):
            main(words[1:])
    return [line for line in (*err.getvalue().splitlines(), *out.getvalue().splitlines()) if line.strip()]
