"""The pages of `docs/` that show files and commands: played in order on one site, they must say what they show.

A fenced block whose info string ends with a file's name writes that file; a `console` block is typed. Commands that are none of xCAT's are
left out, with what they print. A comment that begins with `daemon` says what the Docker daemon that nodes name answers from there on, one
with `facts` what is known of nodes, one with `network` which machines can be reached, one with `machines` which are off while the others
run scripts in folders, one with `image` and a name what is in an ISO image, as in sessions.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.machines import machines
from tests.fakes.media import described
from tests.fakes.network import Network
from tests.unit.commands.sessions import Daemon, keep_facts, parts, typed
from xcatflow.commands.table import SUMMARIES, find
from xcatflow.model.fact_names import FACTS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [name for name in ("definitions.md", "commands.md", "coming-from-xcat.md") if (DOCS / name).exists()]
_BLOCK = re.compile(
    r"^```(?P<language>\w+)(?: +(?P<file>\S+))?\n(?P<text>.*?)^```$"
    r"|^<!-- (?P<about>daemon|facts|network|machines|image \S+)\n(?P<told>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)
_ENDPOINT = "dh01:2376"
_SITE = "/home/admin/site"


def blocks(page: Path) -> Iterator[tuple[str, str, str, int]]:
    """Language, file, text and first line of each fenced block, and of each comment for this test."""
    text = page.read_text()
    for found in _BLOCK.finditer(text):
        line = text[: found.start()].count("\n") + 2
        if found["about"] is not None:
            yield found["about"], "", found["told"], line
        else:
            yield found["language"], found["file"] or "", found["text"], line


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_happens(name: str, tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    played, daemon, around = 0, Daemon(), ExitStack()
    try:
        for language, file, text, line in blocks(DOCS / name):
            if language == "daemon":
                daemon.start(text)
                _move(tmp_path, daemon)
            elif language == "facts":
                keep_facts(text, tmp_path)
            elif language == "network":
                around.enter_context(Network.of(text).in_place())
            elif language == "machines":
                around.enter_context(machines(tmp_path / "machines", text.split()))
            elif language.startswith("image "):
                described(tmp_path / language.removeprefix("image "), text)
            elif file and language != "usage":
                (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / file).write_text(text)
            elif language == "console":
                played += _play(text, tmp_path, f"{name}:{line}", daemon)
    finally:
        daemon.stop()
        around.close()
    assert played


def _move(root: Path, daemon: Daemon) -> None:
    """The daemon of the page's nodes is from now on the one that answers."""
    for file in (root / "inventory").iterdir():
        file.write_text(daemon.into(file.read_text().replace(_ENDPOINT, "@daemon")))


def _elsewhere(text: str, root: Path) -> str:
    """What is said, as if daemon and site were where the page has them."""
    return text.replace("@daemon", _ENDPOINT).replace(str(root), _SITE)


def _play(text: str, root: Path, place: str, daemon: Daemon) -> int:
    played = 0
    for part in parts(text):
        command = part.text.removeprefix("xcatflow ")
        if part.mark != "$" or command.split()[0] not in (*SUMMARIES, "cat"):
            continue
        said = typed(command, root)
        shown = [line for line in part.lines if line.strip()]
        found = [_elsewhere(daemon.out_of(line), root) for line in (*said.err, *said.out) if line.strip()]
        assert shown == found, f"{place}: $ {part.text}"
        played += 1
    return played


def test_usages_are_the_programs_own() -> None:
    """`python -m tests.usages` writes them anew."""
    shown = {file: text for language, file, text, _ in blocks(DOCS / "commands.md") if language == "usage"}
    assert shown == {name: find(name).usage for name in SUMMARIES}


def test_every_fact_is_told_of() -> None:
    page = (DOCS / "dockerhosts.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page.partition("\n## Facts\n")[2].partition("\n## ")[0], re.MULTILINE)
    assert dict(rows) == dict(FACTS)
