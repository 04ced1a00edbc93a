"""Formulas: every worked example, and why the others give nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.model.tables import DATA, rows
from xcatflow.model.formula import FormulaError, is_formula, parse_formula
from xcatflow.model.formula_trace import trace


@pytest.mark.parametrize(("left", "effective"), rows(DATA / "formulas.txt"))
def test_worked_examples(left: str, effective: str) -> None:
    name, _, stored = left.partition(" ")
    stored = stored.strip()
    formula = parse_formula(stored)
    assert (formula.value(name) or "unset" if formula else stored) == effective


@pytest.mark.parametrize(("left", "reason"), rows(DATA / "formula_complaints.txt"))
def test_no_value_and_why(left: str, reason: str) -> None:
    name, _, stored = left.partition(" ")
    with pytest.raises(FormulaError) as caught:
        parse_formula(stored).value(name)
    assert str(caught.value) == reason


@pytest.mark.parametrize("row", [*rows(DATA / "formulas.txt"), *rows(DATA / "formula_complaints.txt")])
def test_told_step_by_step_it_comes_to_the_same(row: tuple[str, str]) -> None:
    name, _, stored = row[0].partition(" ")
    stored = stored.strip()
    if is_formula(stored):
        told = trace(stored, name)
        assert (told.problem or told.value or "unset") == row[1]


def test_steps() -> None:
    told = trace("|web(\\d+)x?(y)?|dh(sprintf('%02d',($1-1)/4+1)):($1 * -2)|", "web14")
    assert (told.regex, told.matched, told.captures) == ("web(\\d+)x?(y)?", "web14", ("14", ""))
    assert told.steps == ("14 - 1 = 13", "13 / 4 = 3", "3 + 1 = 4", "sprintf('%02d', 4) = '04'", "14 * -2 = -28")
    assert told.value == "dh04:-28"
    assert trace("|($1)-($2/0)|", "r2c3").steps == ()
    assert trace("|($1+1)-($2/0)|", "r2c3").steps == ("2 + 1 = 3",)
    assert trace("/^/ilo-/", "dh7").matched == ""


def test_padding_and_conversions_of_sprintf() -> None:
    formula = parse_formula("|dh(\\d+)|[(sprintf('%3d|%-3d|%x|%X|%o|%s|%%|%c', $1, $1, 255, 255, 8, 'abc', 65))]|")
    assert formula.value("dh07") == "[  7|7  |ff|FF|10|abc|%|A]"


def test_parentheses_do_not_nest_without_end() -> None:
    with pytest.raises(FormulaError, match="nested too deep"):
        parse_formula("|" + "(" * 60 + "1" + ")" * 60 + "|")


@pytest.mark.parametrize("text", ["", "|", "a|b", "|a", "/a/b", "/a/b/c/", "a/b/c/d"])
def test_literals(text: str) -> None:
    assert not is_formula(text)
    assert parse_formula(text) is None


@given(st.integers(0, 10**6), st.integers(-999, 999), st.integers(1, 99))
def test_arithmetic_truncates_toward_zero(number: int, shift: int, divisor: int) -> None:
    formula = parse_formula(f"|n(\\d+)|(($1 + (0-{-shift}))/{divisor}),(($1 + (0-{-shift}))%{divisor})|")
    assert formula is not None
    quotient, remainder = map(int, formula.value(f"n{number}").split(","))
    assert quotient == int((number + shift) / divisor)
    assert quotient * divisor + remainder == number + shift


@given(st.text(alphabet="|/()$123+-*%'ab,\\d ", max_size=30))
def test_any_text_gives_a_value_or_a_reason(text: str) -> None:
    try:
        formula = parse_formula(text)
        found = formula.value("dh07") if formula else text
    except FormulaError as error:
        found = str(error) or None
    assert isinstance(found, str)
