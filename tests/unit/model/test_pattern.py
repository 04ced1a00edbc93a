"""Words that stand for several names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcatflow.errors import InvalidInput
from xcatflow.model.pattern import MOST_NAMES, parse_pattern


def names(word: str) -> list[str] | None:
    pattern = parse_pattern(word)
    if pattern is None:
        return None
    found = list(pattern)
    assert pattern.count == len(found)
    return found


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("n[2,1,2]", "n2 n1 n2"),
        ("n[01-02,b]x[3:4]", "n01x3 n01x4 n02x3 n02x4 nbx3 nbx4"),
        ("n[1][2]", "n12"),
        ("n1.lab+1", "n1.lab n2.lab"),
        ("n1.lab2+1", "n1.lab2 n2.lab2"),
        ("10.0.0.254+1", "10.0.0.254 10.0.0.255"),
        ("n01-ib+1", "n01-ib n02-ib"),
        ("7+1", "7 8"),
        ("1-01", "1"),
        ("a1-b:a2-b", "a1-b a2-b"),
        ("n0-n2", "n0 n1 n2"),
        ("n00-n02", "n00 n01 n02"),
        ("n1a2-n1a3", "n1a2 n1a3"),
    ],
)
def test_forms(word: str, meaning: str) -> None:
    assert names(word) == meaning.split()


@pytest.mark.parametrize(
    "word",
    "n n1 n[] n[,] n[1-a] n[1-2-3] n[-1] n[1-] n[2-1] n[01-2] n]1[ n[1 n1] n[[1]] [1] n[1]+1 n[1]:n2 n1+ n+1 n1+1+1 n1- -n1 "
    "n1-n2-n3 a:b:c n1-n2:n3 n1-m2 n1-n2x n001-n3 n1a2-n2a3 n1:".split()
    + ["n1 - n2", "n[1, 2]", "n[1]\t", "n1+1 ", "", f"n1-n{'9' * 2000}", f"n1+{'9' * 2000}"],
)
def test_what_has_no_form_or_a_broken_one_is_only_itself(word: str) -> None:
    assert names(word) is None


@pytest.mark.parametrize("word", [f"n1-n{MOST_NAMES + 1}", "n[1-2000][1-2000]", f"n1+{'9' * 900}"])
def test_a_word_that_means_too_many_names_is_an_error(word: str) -> None:
    pattern = parse_pattern(word)
    assert pattern is not None
    with pytest.raises(InvalidInput, match="it means more than 1000000 names"):
        iter(pattern)


@given(st.integers(0, 1200), st.integers(0, 300), st.integers(1, 5))
def test_a_range_counts_and_pads_by_its_left_number(first: int, more: int, width: int) -> None:
    left = str(first).zfill(width)
    right = str(first + more).zfill(len(left) if left != str(first) else 0)
    padded = left if left[0] == "0" and len(left) > 1 else ""
    wanted = [f"n{str(number).zfill(len(padded))}" for number in range(first, first + more + 1)]
    for word in (f"n{left}-n{right}", f"n{left}:n{right}", f"n[{left}-{right}]", f"n{left}+{more}"):
        assert names(word) == wanted
