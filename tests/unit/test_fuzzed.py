"""Texts that once did harm, and the seeds of fuzzing: none does now. `python -m tests.fuzz` looks for more."""

from pathlib import Path

import pytest

from tests.fuzz.mutation import run
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

FOUND = Path(__file__).parents[1] / "fuzz" / "found"
TEXTS = sorted(FOUND.glob("*/*.txt"))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_did_harm_does_no_more(path: Path) -> None:
    TARGETS[path.parent.name].one(path.read_bytes().decode(errors="ignore"))


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_a_few_texts_made_at_random_do_no_harm(target: Target) -> None:
    tried, find = run(target, seconds=0.5, seed=7)
    assert tried
    assert find is None, find


def test_harm_is_noticed() -> None:
    def one(text: str) -> None:
        assert "x" not in text

    tried, find = run(Target("any", one, ("ab",), ("x",)), seconds=5, seed=1)
    assert find is not None
    assert "x" in find[0]
    assert tried < 1000
