"""Which nodes belong to a dynamic group: terms such as `mgt==docker::os=~^ubuntu`, all of which must hold."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xcatflow.errors import did_you_mean
from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.regex import compile_regex

_OPERATOR = re.compile(r"!=|=~|==|!~|=")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_.:@-]+")


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on an attribute. A node without the attribute never satisfies it, whatever the operator."""

    attribute: str
    operator: str
    value: str
    pattern: re.Pattern[str] | None = None

    def holds(self, value: str | None) -> bool:
        """Does it hold for a node whose attribute has this value?"""
        if not value:
            return False
        match self.operator:
            case "==":
                return value == self.value
            case "!=":
                return value != self.value
        assert self.pattern is not None
        return (self.pattern.search(value) is not None) == (self.operator == "=~")


def parse_terms(text: str, canonical: Callable[[str], str | None]) -> tuple[Term, ...]:
    """The terms of a `wherevals` value; `canonical` gives the attribute that a name means. Raises ValueError."""
    return tuple(parse_term(part, canonical) for part in text.split("::"))


def parse_term(text: str, canonical: Callable[[str], str | None]) -> Term:
    """One condition, as `mgt==docker`; `canonical` gives the attribute that a name means. Raises ValueError."""
    text = text.strip()
    found = _OPERATOR.search(text)
    name = text[: found.start()].strip() if found else ""
    if not found or not _ATTRIBUTE.fullmatch(name):
        raise ValueError(f'expected terms such as mgt==docker::os=~^ubuntu, found "{text}"')
    attribute = canonical(name)
    if attribute is None:
        raise ValueError(f'nodes have no attribute "{name}"{did_you_mean(name, ATTRIBUTES["node"])}')
    value, operator = text[found.end() :].strip(), found[0] if found[0] != "=" else "=="
    if operator in ("==", "!="):
        return Term(attribute, operator, value)
    if len(value) > 1 and value[0] == value[-1] == "/":
        value = value[1:-1]
    try:
        return Term(attribute, operator, value, compile_regex(value))
    except ValueError as error:
        raise ValueError(f'bad regular expression "{value}": {error}') from None


def matches(terms: Sequence[Term], value: Callable[[str], str | None]) -> bool:
    """Do all terms hold for the node whose attributes `value` gives?"""
    return all(term.holds(value(term.attribute)) for term in terms)
