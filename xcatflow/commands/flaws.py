"""What the definitions would be refused for after what was decided, told object by object and value by value."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from xcatflow.commands.planned import Key, Planned
from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.load.definitions import build_definitions
from xcatflow.load.draft import Draft
from xcatflow.model.cross_checks import rules
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import Findings, Severity
from xcatflow.model.objects import Origin, make

# Sorts behind the names of all files, so that what was there first is told to have been there first.
_NEW = chr(0x10FFFF)
_FOLDED = re.compile(r"\b[0-9]+ nodes \"")


@dataclass(frozen=True, slots=True)
class Flaw:
    """A value, or with an empty `attribute` an object, that cannot be; `key` is None where it is about what did not change."""

    key: Key | None
    attribute: str
    message: str


def flaws(planned: Planned) -> tuple[Flaw, ...]:
    """What is wrong with the objects that were decided on, held against groups and networks."""
    drafts = dict(_drafts(planned))
    keys = list(drafts)
    everything = (*drafts.values(), *_measures(planned))
    try:
        build_definitions(everything)
    except InvalidInput as error:
        problems = error.problems
        if any(_FOLDED.search(problem.message) for problem in problems):
            problems = _each(everything)
        return tuple(_flaw(problem, keys, drafts) for problem in problems)
    return ()


class _Each(Findings):
    """Tells of every node by itself: some of them may be mended."""

    def on_node(
        self, severity: Severity, node: str, source: Source | None, before: str, after: str, example: str = ""
    ) -> None:
        self.add(severity, Problem(f'{before}node "{node}"{after}{example}', source))


def _each(drafts: Iterable[Draft]) -> tuple[Problem, ...]:
    """What only shows when objects are seen together; each by itself is well formed."""
    found = _Each()
    rules(
        found,
        Definitions(
            make(draft.objtype, draft.name, draft.values, Origin(draft.file, draft.line, draft.col, draft.places))
            for draft in drafts
        ),
    )
    return found.errors


def _drafts(planned: Planned) -> Iterator[tuple[Key, Draft]]:
    """Each object a line of its own, each attribute a column of its own: so a complaint's place tells what it is about."""
    for number, (key, values) in enumerate(planned.touched().items(), start=1):
        places = {attribute: (number, column) for column, attribute in enumerate(values, start=1)}
        yield key, Draft(*key, _NEW, number, 0, _without_members(key, values), places)


def _measures(planned: Planned) -> Iterator[Draft]:
    """Objects that others are held against."""
    for objtype in ("group", "network", "site"):
        for name, found in planned.definitions.objects(objtype).items():
            key = (objtype, name)
            if key not in planned.touched():
                yield Draft(*key, found.origin.file, found.origin.line, 1, _without_members(key, found.attributes))


def _without_members(key: Key, values: Mapping[str, str]) -> dict[str, str]:
    """A list of members names nodes that are not looked at here."""
    return {name: value for name, value in values.items() if value and (key[0] != "group" or name != "members")}


def _flaw(problem: Problem, keys: list[Key], drafts: Mapping[Key, Draft]) -> Flaw:
    message = re.sub(rf" \({_NEW}[0-9:]*\)|{_NEW}[0-9:]*", "", problem.message)
    if problem.source is None or problem.source.file != _NEW:
        return Flaw(None, "", f"{problem.source}: {message}" if problem.source else message)
    place = (problem.source.line, problem.source.col)
    key = keys[problem.source.line - 1]
    attribute = next((name for name, at in drafts[key].places.items() if at == place), "")
    bare = attribute and message.startswith(f'{key[0]} "{key[1]}": ') and f'"{attribute}"' not in message
    return Flaw(key, attribute, f'"{attribute}" of {message}' if bare else message)
