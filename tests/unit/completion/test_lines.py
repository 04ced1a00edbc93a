"""Lines as they are typed, and the candidates for their last word."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xcatflow.completion.answer import answer
from xcatflow.completion.line import read_line

DATA = Path(__file__).parent / "data"
WORDS = (DATA / "words.txt").read_text()
BREAKS = " \t\n\"'@><=;|&(:"
LINES = (DATA / "lines.txt").read_text().splitlines()
ROWS = [line.partition(" =>")[::2] for line in LINES if line and not line.startswith("# ")]


def shown(candidates: list[str]) -> str:
    return " ".join(f"{each[:-1]}_" if each.endswith(" ") else each for each in candidates)


@pytest.mark.parametrize(("line", "candidates"), ROWS)
def test_a_line_gets_these_candidates(line: str, candidates: str, site: Path) -> None:
    assert shown(answer(line, "", WORDS, {})) == candidates.strip()


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("lsdef all@dock", "@docker_ @dockerhost_"),
        ("lsdef web1:web1", "web1_ web10_"),
        ("lsdef web1,dh", "web1,dh01_ web1,dh02_"),
        ("lsdef --type=gr", "group_"),
        ("lsdef 'all@dock", "all@docker all@dockerhost"),
        ("lsdef all@'dock", "docker dockerhost"),
        ("lsdef 'all'@dock", "@docker_ @dockerhost_"),
        ("lsdef all@web,dock", "@web,docker_ @web,dockerhost_"),
        ("chdef web1 dockerhost=dh01:", "2375_"),
    ],
)
def test_bash_hears_from_its_last_break_on(line: str, candidates: str, site: Path) -> None:
    assert shown(answer(line, BREAKS, WORDS, {})) == candidates


def test_the_last_command_of_a_line_counts() -> None:
    line = read_line("""a 'b c' "d\\"e" f\\ g; X=1 cmd one | two thr""")
    assert (line.words, line.current) == (["two"], "thr")
    line = read_line("""a 'b c' "d\\"e\\f" f\\ g ''h ' i""")
    assert (line.words, line.current, line.quoted) == (["a", "b c", 'd"e\\f', "f g", "h"], " i", True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=20),
    st.sampled_from(["", *"web1 web1,d lsdef -t chdef xcatflow --site groups= ^ / ' \" @".split()]),
)
def test_no_line_is_too_odd(site: Path, text: str, before: str) -> None:
    for line in (text, f"{before} {text}", f"lsdef {before}{text}", f"xcatflow apply {before}{text}"):
        for candidate in answer(line, BREAKS, WORDS, {}):
            assert "\n" not in candidate
