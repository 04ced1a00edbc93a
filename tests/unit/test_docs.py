"""The pages of `docs/` that show files and commands: played in order on one site, they must say what they show.

A fenced block whose info string ends with a file's name writes that file; a `console` block is typed. Commands that are none of xCAT's are
left out, with what they print. A comment that begins with `daemon` says what the Docker daemon that nodes name answers from there on.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.commands.sessions import Daemon, parts, typed
from xcatflow.commands.table import SUMMARIES, find

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [name for name in ("definitions.md", "commands.md", "coming-from-xcat.md") if (DOCS / name).exists()]
_BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: +(?P<file>\S+))?\n(?P<text>.*?)^```$|^<!-- daemon\n(?P<daemon>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
_ENDPOINT = "dh01:2376"


def blocks(page: Path) -> Iterator[tuple[str, str, str, int]]:
    """Language, file, text and first line of each fenced block, and of each comment about a daemon."""
    text = page.read_text()
    for found in _BLOCK.finditer(text):
        line = text[: found.start()].count("\n") + 2
        if found["daemon"] is not None:
            yield "daemon", "", found["daemon"], line
        else:
            yield found["language"], found["file"] or "", found["text"], line


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_happens(name: str, tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    played, daemon = 0, Daemon()
    try:
        for language, file, text, line in blocks(DOCS / name):
            if language == "daemon":
                daemon.start(text)
                _move(tmp_path, daemon)
            elif file and language != "usage":
                (tmp_path / file).write_text(text)
            elif language == "console":
                played += _play(text, tmp_path, f"{name}:{line}", daemon)
    finally:
        daemon.stop()
    assert played


def _move(root: Path, daemon: Daemon) -> None:
    """The daemon of the page's nodes is from now on the one that answers."""
    for file in (root / "inventory").iterdir():
        file.write_text(daemon.into(file.read_text().replace(_ENDPOINT, "@daemon")))


def _play(text: str, root: Path, place: str, daemon: Daemon) -> int:
    played = 0
    for part in parts(text):
        words = part.text.split()
        if part.mark != "$" or words[0] not in (*SUMMARIES, "cat"):
            continue
        said = typed(part.text, root)
        shown = [line for line in part.lines if line.strip()]
        found = [daemon.out_of(line).replace("@daemon", _ENDPOINT) for line in (*said.err, *said.out) if line.strip()]
        assert shown == found, f"{place}: $ {part.text}"
        played += 1
    return played


def test_usages_are_the_programs_own() -> None:
    """`python -m tests.usages` writes them anew."""
    shown = {file: text for language, file, text, _ in blocks(DOCS / "commands.md") if language == "usage"}
    assert shown == {name: find(name).usage for name in SUMMARIES}
