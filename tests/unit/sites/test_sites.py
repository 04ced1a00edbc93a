"""Every site of `data/`: its files, and exactly what `xcatflow` says about them.

The form is that of `tests/unit/commands/sessions.py`. The site's own directory is shown as `SITE`.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.commands.sessions import Part, parts, put
from tests.unit.tasks.site import Cli

DATA = Path(__file__).parent / "data"
CASES = sorted(DATA.rglob("*.txt"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.relative_to(DATA).with_suffix("")))
def test_a_site_is_told_exactly_this(path: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    played = list(play(path.read_text(), cli, tmp_path))
    assert played
    for part, expected, found in played:
        assert found == expected, f"{path.name}:{part.line}: {part.text}"


def play(text: str, cli: Cli, root: Path) -> Iterator[tuple[Part, str, str]]:
    """Write the files, run the commands: for each what was expected and what came."""
    (root / "inventory").mkdir()
    for part in parts(text):
        match part.mark:
            case "===":
                put(part, root)
            case "$":
                program, *words = shlex.split(part.text)
                assert program == "xcatflow", part.text
                yield part, _expected(part), _said(cli, words, root)


def _expected(part: Part) -> str:
    lines = part.lines[:-1] if part.lines and not part.lines[-1] else part.lines
    return "\n".join(lines)


def _said(cli: Cli, words: list[str], root: Path) -> str:
    done = cli(*words, code=None)
    lines = [*done.out.splitlines(), *(f"! {line}" for line in done.err.splitlines())]
    if done.code:
        lines.append(f"? {done.code}")
    return "\n".join(lines).replace(str(root), "SITE")


def test_there_are_enough_wrong_sites() -> None:
    wrong = [path for path in CASES if "\n? 2\n" in f"{path.read_text()}\n" or "\n! warning:" in path.read_text()]
    assert len(wrong) >= 25
