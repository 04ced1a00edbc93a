"""What a foreign text says, in our words, and what of it has none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xcatflow.errors import Problem, Source
from xcatflow.load.draft import Draft
from xcatflow.model.fold import fold


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to be told about a place. `who` stands for the `{who}` in `text`: remarks that differ in nothing else are told as one."""

    text: str
    source: Source
    who: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """A value that a node should finally have without it being its own."""

    node: str
    attribute: str
    value: str
    source: Source


@dataclass(frozen=True, slots=True)
class Brought:
    """`drafts` are objects as they are to be; `left` has no place in definitions; `notes` tell what was taken in another form;
    `kept` is what was left, as a tree that can be written; `aside` the same as lines of text. `workflows` are texts of workflows that
    make what the objects need, by their names."""

    drafts: tuple[Draft, ...] = ()
    left: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()
    expected: tuple[Expected, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)
    aside: tuple[str, ...] = ()
    workflows: Mapping[str, str] = field(default_factory=dict)


def told(remarks: Iterable[Remark]) -> tuple[Problem, ...]:
    """The remarks in order of places, equal ones about different names folded into one that has all places."""
    alike: dict[tuple[str, str], list[Remark]] = {}
    for remark in remarks:
        alike.setdefault((remark.text, remark.source.file), []).append(remark)
    found = [(remarks[0].source, _one(text, file, remarks)) for (text, file), remarks in alike.items()]
    return tuple(problem for _, problem in sorted(found, key=lambda pair: pair[0]))


def _one(text: str, file: str, remarks: list[Remark]) -> Problem:
    whole = text.replace("{who}", fold(remark.who for remark in remarks)) if remarks[0].who else text
    return Problem(whole, remarks[0].source if len(remarks) == 1 else _places(file, remarks))


def _places(file: str, remarks: list[Remark]) -> Source:
    """All lines as one place: `hosts.ini:3,4,9`."""
    lines = sorted({remark.source.line for remark in remarks if remark.source.line})
    return Source(f"{file}:{','.join(map(str, lines))}" if lines else file)
