"""The pages of `docs/` that show files and commands: played in order on one site, they must say what they show.

A fenced block whose info string ends with a file's name writes that file; a `console` block is typed. Commands that are none of xCAT's are
left out, with what they print.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.commands.sessions import parts, typed
from xcatflow.commands.table import SUMMARIES, find

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [name for name in ("definitions.md", "commands.md", "coming-from-xcat.md") if (DOCS / name).exists()]
_BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str, str, int]]:
    """Language, file, text and first line of each fenced block."""
    text = page.read_text()
    for found in _BLOCK.finditer(text):
        yield found[1], found[2] or "", found[3], text[: found.start()].count("\n") + 2


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_happens(name: str, tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    played = 0
    for language, file, text, line in blocks(DOCS / name):
        if file and language != "usage":
            (tmp_path / file).write_text(text)
        elif language == "console":
            played += _play(text, tmp_path, f"{name}:{line}")
    assert played


def _play(text: str, root: Path, place: str) -> int:
    played = 0
    for part in parts(text):
        words = part.text.split()
        if part.mark != "$" or words[0] not in (*SUMMARIES, "cat"):
            continue
        said = typed(part.text, root)
        shown = [line for line in part.lines if line.strip()]
        assert shown == [line for line in (*said.err, *said.out) if line.strip()], f"{place}: $ {part.text}"
        played += 1
    return played


def test_usages_are_the_programs_own() -> None:
    """`python -m tests.usages` writes them anew."""
    shown = {file: text for language, file, text, _ in blocks(DOCS / "commands.md") if language == "usage"}
    assert shown == {name: find(name).usage for name in SUMMARIES}
