"""How a formula comes to its value for a name, told step by step."""

from dataclasses import dataclass

from xcatflow.model.formula import FormulaError, captures_of, numbers_of, parse_formula


@dataclass(frozen=True, slots=True)
class Traced:
    """What the regular expression (empty in the form that counts numbers) matched, the captures from `$1` on, each operation as text, the
    value, and why there is none."""

    text: str
    regex: str = ""
    matched: str = ""
    captures: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    value: str = ""
    problem: str = ""


def trace(text: str, name: str) -> Traced:
    """Compute a formula for a name and tell how. `text` has the shape of one (`is_formula`)."""
    steps: list[str] = []
    regex, matched = "", ""
    captures: tuple[str, ...] = ()
    try:
        formula = parse_formula(text, steps.append)
        assert formula is not None
        if formula.pattern is None:
            captures = tuple(numbers_of(name))
        else:
            regex = text[1:-1].partition(text[0])[0]
            if found := formula.pattern.search(name):
                matched, captures = found[0], tuple(captures_of(found))
        value = formula.value(name)
        return Traced(text, regex, matched, captures, tuple(steps), value)
    except FormulaError as error:
        return Traced(text, regex, matched, captures, tuple(steps), problem=str(error))
