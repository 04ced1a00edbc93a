"""Drafts with every attribute under its own name, values of network adapters in their stored form."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from xcatflow.errors import Problem, did_you_mean
from xcatflow.load.draft import Draft
from xcatflow.model.attributes import ALIASES, ATTRIBUTES, KEYS, canonical
from xcatflow.model.names import name_problem
from xcatflow.model.nics import fill, split_nic


def normalised(drafts: Iterable[Draft]) -> tuple[tuple[Draft, ...], tuple[Problem, ...]]:
    """The drafts with their attributes' own names and without empty values, and what is wrong with names; the drafts given stay as
    they are."""
    found: list[Draft] = []
    problems: list[Problem] = []
    for draft in drafts:
        if problem := name_problem(draft.objtype, draft.name):
            problems.append(Problem(problem, draft.source()))
        if _is_plain(draft):
            found.append(draft)
            continue
        places = dict(draft.places)
        values: dict[str, str] = {}
        problems += _fill(values, places, draft)
        found.append(replace(draft, values=values, places=places))
    return tuple(found), tuple(problems)


def _is_plain(draft: Draft) -> bool:
    """Is every attribute there by its own name, and has it a value?"""
    known = ATTRIBUTES.get(draft.objtype)
    return (
        known is not None
        and draft.values.keys() <= known.keys()
        and KEYS[draft.objtype] not in draft.values
        and all(draft.values.values())
    )


def own_values(objtype: str, written: Mapping[str, str]) -> dict[str, str]:
    """What an object has by what is written, in that order: attribute names as they stand in a file to their values."""
    places = dict.fromkeys(written, (0, 0))
    values: dict[str, str] = {}
    for _ in _fill(values, places, Draft(objtype, "", values=dict(written))):
        pass
    return values


def meaning(objtype: str, written: str, values: Mapping[str, str]) -> str | None:
    """The attribute (`ip`, `nicips.eth1`) that a name stands for in an object with these values as written; None for nothing. Where a
    `table.column` name may mean several (`vm.host`) the mgt written beside it decides."""
    attribute = canonical(objtype, written)
    meant = ALIASES.get(objtype, {}).get(written, ())
    if attribute != written or not meant:
        return attribute
    chosen = [name for name, column in meant if any(values.get(key) == value for key, value in column.conditions)]
    return (chosen or [name for name, column in meant if not column.conditions] or [meant[0][0]])[0]


def _fill(values: dict[str, str], places: dict[str, tuple[int, int]], draft: Draft) -> Iterator[Problem]:
    """Put the draft's values into `values` under their own names."""
    known = ATTRIBUTES.get(draft.objtype)
    if known is None:
        values.update({attribute: value for attribute, value in draft.values.items() if value})
        return
    key = KEYS[draft.objtype]
    given: dict[str, str] = {}
    for written, value in draft.values.items():
        attribute = written if written in known else meaning(draft.objtype, written, draft.values)
        if attribute is None:
            hint = did_you_mean(written, known) or ": see the list of attributes, or put the text into usercomment"
            yield Problem(f'unknown attribute "{written}" of a {draft.objtype}{hint}', draft.source(written))
            continue
        if attribute == key:
            yield Problem(f'"{written}" is the name of the {draft.objtype} and cannot be set', draft.source(written))
            continue
        if attribute != written:
            places[attribute] = draft.places.get(written, (draft.line, draft.col))
        head, adapter = split_nic(attribute)
        if adapter:
            places.setdefault(head, places.get(attribute, (draft.line, draft.col)))
        given[attribute] = value
    fill(values, given)
