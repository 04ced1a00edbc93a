"""Conditions on objects (`-w mgt==docker`): all must hold, and an object without the attribute satisfies none."""

from collections.abc import Callable, Sequence
from functools import partial

from xcatflow.errors import InvalidInput
from xcatflow.model.attributes import KEYS, canonical
from xcatflow.model.wherevals import Term, matches, parse_term

_INCORRECT = "Incorrect selection string specified with -w flag."
_UNKNOWN = "Incorrect attribute '{}' in the selection string specified with -w flag."


class UnknownAttribute(InvalidInput):
    """Objects of this type have no such attribute."""


def conditions(expressions: Sequence[str], objtype: str) -> tuple[Term, ...]:
    """One term for each expression, for objects of a type. Raises InvalidInput, UnknownAttribute among it."""
    return tuple(_condition(expression, objtype) for expression in expressions)


def _condition(expression: str, objtype: str) -> Term:
    try:
        return parse_term(expression, partial(_meant, objtype))
    except ValueError as error:
        # The form is shown in the usage; what is wrong with a regular expression is not.
        detail = "" if str(error).startswith("expected") else f" ({error})"
        raise InvalidInput(_INCORRECT + detail) from None


def _meant(objtype: str, name: str) -> str:
    if name == KEYS.get(objtype):
        return name
    found = canonical(objtype, name)
    if found is None:
        raise UnknownAttribute(_UNKNOWN.format(name))
    return found


def satisfies(terms: Sequence[Term], name: str, key: str, value: Callable[[str], str | None]) -> bool:
    """Do all terms hold for the object called `name`, whose key attribute is `key`?"""
    return matches(terms, lambda attribute: name if attribute == key else value(attribute))
