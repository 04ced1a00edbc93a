"""Lists as values: adding items to the end, taking items away."""

TERMS = "::"
"""What stands between the conditions of a dynamic group."""


def items_of(text: str, delimiter: str = ",") -> tuple[str, ...]:
    """The items of a list, without blanks around them."""
    return tuple(item for part in text.split(delimiter) if (item := part.strip()))


def added(old: str, given: str, delimiter: str = ",") -> str:
    """The list with those items behind it that it does not have."""
    there = items_of(old, delimiter)
    new = dict.fromkeys(item for item in items_of(given, delimiter) if item not in there)
    return delimiter.join((*there, *new)) if new else old


def removed(old: str, given: str, delimiter: str = ",") -> tuple[str, tuple[str, ...]]:
    """The list without these items, and those of them that it does not have."""
    there, unwanted = items_of(old, delimiter), items_of(given, delimiter)
    left = delimiter.join(item for item in there if item not in unwanted)
    return left, tuple(dict.fromkeys(item for item in unwanted if item not in there))
