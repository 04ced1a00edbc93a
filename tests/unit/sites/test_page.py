"""`docs/checking.md` shows what happens: its files are written and its commands typed, in order, on one site."""

import shlex
from pathlib import Path

import pytest

from tests.unit.commands.sessions import parts
from tests.unit.tasks.site import Cli
from tests.unit.test_docs import DOCS, blocks


def test_the_page_shows_what_happens(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "inventory").mkdir()
    monkeypatch.chdir(tmp_path)
    typed = 0
    for language, file, text, line in blocks(DOCS / "checking.md"):
        if file:
            (tmp_path / file).write_text(text)
        elif language == "console":
            for part in parts(text):
                done = cli(*shlex.split(part.text)[1:], code=None)
                shown = f"{done.err}{done.out}".replace(str(tmp_path), "/srv/site").splitlines()
                assert shown == [each for each in part.lines if each.strip()], f"checking.md:{line}: {part.text}"
                typed += 1
    assert typed
