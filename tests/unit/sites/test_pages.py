"""Pages show what happens: their files are written and their commands typed, in order, on one site."""

import shlex
from pathlib import Path

import pytest

from tests.unit.commands.sessions import parts
from tests.unit.tasks.site import Cli
from tests.unit.test_docs import DOCS, blocks

PAGES = ("checking.md", "import-export.md", "coming-from-ansible.md")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_happens(name: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventory").mkdir()
    monkeypatch.chdir(tmp_path)
    typed = 0
    for language, file, text, line in blocks(DOCS / name):
        if file:
            (tmp_path / file).write_text(text)
        elif language == "console":
            for part in parts(text):
                shown = [each for each in part.lines if each.strip()]
                assert shown == _said(shlex.split(part.text), cli, tmp_path), f"{name}:{line}: $ {part.text}"
                typed += 1
    assert typed


def _said(words: list[str], cli: Cli, root: Path) -> list[str]:
    """The lines of a file, or what the program says, without empty ones."""
    if words[0] == "cat":
        text = (root / words[1]).read_text()
    else:
        done = cli(*words[1:], code=None)
        text = f"{done.err}{done.out}".replace(str(root), "/srv/site")
    return [line for line in text.splitlines() if line.strip()]
