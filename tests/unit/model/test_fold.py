"""Folding names, and that nothing is lost by it."""

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xcatflow.model.fold import fold
from xcatflow.selection import expand

NAMES = st.from_regex(r"[a-z]{1,2}[0-9]{0,2}([-.a-c][0-9]{0,2}){0,3}", fullmatch=True)
ANY_NAMES = st.from_regex(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,12}", fullmatch=True).filter(lambda name: not name.isdigit())


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        ("", ""),
        ("web", "web"),
        ("host01", "host01"),
        ("web host03 host01 host02 host02", "host[01-03],web"),
        ("host01 host02 host04 host07 host08", "host[01-02,04,07-08]"),
        ("host01c01 host01c02 host02c01 host02c02", "host[01-02]c[01-02]"),
        ("host01c01 host01c02 host02c01 host02c02 host03c01", "host[01-02]c[01-02],host03c01"),
        ("host01c01 host02c01 host03c01", "host[01-03]c01"),
        ("n8 n9 n10 n11", "n[8-11]"),
        ("n08 n09 n10 n11", "n[08-11]"),
        ("n8 n9 n08 n09 n10", "n[8-9,08-10]"),
        ("n99 n100 n099", "n[99,099-100]"),
        ("n0 n1 n00 n01", "n[0-1,00-01]"),
        ("n01-ib n02-ib n03-ib", "n[01-03]-ib"),
        ("r1s1 r1s2 r2s1 r2s2 r2s3", "r1s[1-2],r2s[1-3]"),
        ("b10 b9 a2", "a2,b[9-10]"),
        ("10.0.0.1 10.0.0.2", "10.0.0.[1-2]"),
        ("1a 2a", "1a,2a"),
        ("7 8", "7,8"),
        ("n1-n3", "n1-[n3]"),
        ("n1-n3 n1-n4", "n1-n[3-4]"),
        ("a-a 1-2 a--a-", "1-[2],a--[a]-,a-[a]"),
        ("a-b n3-n1", "a-b,n3-n1"),
        ("-x1 -x2 n+1 n+2 a,b", "-x1,-x2,a,b,n+1,n+2"),
    ],
)
def test_names_fold(names: str, folded: str) -> None:
    assert fold(names.split()) == folded


@given(st.one_of(st.sets(NAMES, max_size=60), st.sets(ANY_NAMES, max_size=30)))
@example({"a1-a2", "a1", "a2"})
@example({"1-2", "a-a", "01.-1."})
def test_expanding_gives_back_exactly_what_was_folded(names: set[str]) -> None:
    assert expand(fold(names), environ={}) == tuple(sorted(names))


@given(st.sets(NAMES, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_matter(names: set[str], chance: random.Random) -> None:
    shuffled = sorted(names)
    chance.shuffle(shuffled)
    assert fold(shuffled) == fold(sorted(names))


@given(st.sets(NAMES, min_size=1, max_size=40), st.integers(0, 80))
def test_a_limit_is_kept_and_tells_how_many_are_left_out(names: set[str], limit: int) -> None:
    text = fold(names, limit_chars=limit)
    whole = fold(names)
    if len(whole) <= limit:
        assert text == whole
        return
    shown, _, rest = text.partition("… (+")
    left = int(rest.removesuffix(")"))
    assert len(expand(shown, environ={})) + left == len(names)
    assert set(expand(shown, environ={})) <= names
    assert len(text) <= limit or text == f"… (+{len(names)})"


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (100, "host[01-03],lab,web"),
        (19, "host[01-03],lab,web"),
        (18, "host[01-03],… (+2)"),
        (17, "host01,… (+4)"),
        (5, "… (+5)"),
    ],
)
def test_a_limit_leaves_out_names(limit: int, text: str) -> None:
    assert fold(["host01", "host02", "host03", "lab", "web"], limit_chars=limit) == text


def test_very_many_names_and_very_long_ones() -> None:
    names = [f"r{rack}n{node:03}" for rack in range(100) for node in range(1000)]
    assert fold(names) == "r[0-99]n[000-999]"
    long = ["n" + "1" * 5000, "n" + "1" * 4999 + "2"]
    assert fold(long) == ",".join(sorted(long))
