"""The canonical stanza text, what `lsdef -z` writes and a stanza file of ours looks like.

    # <xCAT data object stanza file>

    c21:
        objtype=node
        groups=docker,all
        nicips.eth1=10.30.0.7

Reading it gives the same values again.
"""

from collections.abc import Iterable, Iterator, Mapping

from xcatflow.errors import InvalidInput, Problem
from xcatflow.load.stanza import HEADER, attribute_problem, name_problem
from xcatflow.model.attributes import NICS
from xcatflow.model.nics import by_adapter, nic_entries

__all__ = ["INDENT", "quoted", "stanza_lines", "stanza_text", "unwritable"]

INDENT = "    "


def stanza_text(objects: Iterable[tuple[str, str, Mapping[str, str]]]) -> str:
    """The text of (type, name, values) in the order given: attributes sorted, one line per network adapter (adapters in the order
    stored); an empty value is written as `attribute=`.

    Raises InvalidInput with everything that a stanza cannot hold: line breaks, names such as `default-node`.
    """
    lines = [HEADER]
    problems: list[Problem] = []
    for objtype, name, values in objects:
        lines += ["", *stanza_lines(objtype, name, values)]
        problems += unwritable(objtype, name, values)
    if problems:
        raise InvalidInput(problems)
    return "\n".join(lines) + "\n"


def spread(objtype: str, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Attributes as they are written in a new object: sorted by name, those of network adapters one by one where that says the same."""
    found: list[tuple[str, str]] = []
    for attribute, value in sorted(values.items()):
        if attribute in NICS and objtype in ("node", "group") and by_adapter(value):
            found += [(f"{attribute}.{nic}", one) for nic, one in nic_entries(value)]
        else:
            found.append((attribute, value))
    return found


def stanza_lines(objtype: str, name: str, values: Mapping[str, str]) -> list[str]:
    """The lines of one object."""
    attributes = [f"{INDENT}{written}={quoted(value)}" for written, value in spread(objtype, values)]
    return [f"{name}:", f"{INDENT}objtype={objtype}", *attributes]


def unwritable(objtype: str, name: str, values: Mapping[str, str]) -> Iterator[Problem]:
    """What of an object a stanza cannot hold."""
    if problem := name_problem(name):
        yield Problem(f'{objtype} "{name}" {problem}')
    for attribute, value in values.items():
        if "\n" in value:
            yield Problem(f'"{attribute}" of {objtype} "{name}" has a line break, which a stanza cannot hold')
        if problem := attribute_problem(attribute):
            yield Problem(f'"{attribute}" of {objtype} "{name}" {problem}')


def quoted(value: str) -> str:
    """A value as it stands behind "=": in quotes where it would not be read as it is."""
    if not value:
        return ""
    edges = value[0] + value[-1]
    return f'"{value}"' if any(letter in '" \t' for letter in edges) or value[-1] in ":\r" else value
