"""Explanations of values as text for people and as plain data."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from xcatflow.errors import Source
from xcatflow.model.explain import Candidate, Explanation, Verdict
from xcatflow.model.fold import fold
from xcatflow.model.formula_trace import Traced

_MOST_VALUES = 6
_WIDEST = 40


def told(explanations: Sequence[Explanation]) -> Iterator[str]:
    """The lines for people: what is explained alike for several nodes is explained once, for the first."""
    alike: dict[object, list[Explanation]] = {}
    for each in explanations:
        alike.setdefault(_way(each), []).append(each)
    for index, together in enumerate(alike.values()):
        if index:
            yield ""
        yield from _one(together[0]) if len(together) == 1 else _several(together)


def listed(explanations: Sequence[Explanation]) -> Iterator[str]:
    """The lines that tell all of one node's attributes in short: attribute, value, where from."""
    rows = [(each.attribute, _shown(each), *_origin(each)) for each in explanations]
    widths = [
        max((len(cell) for cell in column if len(cell) <= _WIDEST), default=0) for column in zip(*rows, strict=True)
    ]
    yield from (each.node for each in explanations[:1])
    for row in rows:
        yield "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def all_data(explanations: Iterable[Explanation]) -> list[dict[str, Any]]:
    """Explanations for programs."""
    return [_data(each) for each in explanations]


def _data(each: Explanation) -> dict[str, Any]:
    return {
        "node": each.node,
        "attribute": each.attribute,
        "value": each.value,
        "candidates": [_candidate_data(candidate) for candidate in each.candidates],
        "notes": [note.text for note in each.notes],
    }


def _way(each: Explanation) -> object:
    """Equal for explanations that differ in the node's name and in what was computed from it only."""
    return (
        each.attribute,
        each.value is None,
        tuple(
            (
                candidate.objtype,
                candidate.name if candidate.objtype == "group" else "",
                candidate.verdict,
                candidate.written,
                candidate.source,
                tuple((nic, traced.problem) for nic, traced in candidate.formulas),
            )
            for candidate in each.candidates
        ),
        tuple(note.amiss for note in each.notes),
    )


def _one(each: Explanation) -> Iterator[str]:
    yield f"{each.node}.{each.attribute} {_is(each.value)}"
    yield from _body(each)


def _several(together: Sequence[Explanation]) -> Iterator[str]:
    first = together[0]
    name = f"{fold(each.node for each in together)}.{first.attribute}"
    if all(each.value == first.value for each in together):
        yield f"{name} {_is(first.value)}"
    else:
        values = [f"{each.node} {each.value}" for each in together]
        if len(values) > _MOST_VALUES:
            values[_MOST_VALUES - 2 : -1] = ["..."]
        yield f"{name} for {len(together)} nodes: {', '.join(values)}"
    yield f"  as for {first.node}:"
    yield from _body(first)


def _is(value: str | None) -> str:
    return "has no value" if value is None else f"= {value}"


def _body(each: Explanation) -> Iterator[str]:
    winner = each.decisive
    for number, candidate in enumerate(each.candidates, start=1):
        yield f"  {number}. {candidate.objtype} {candidate.name}: {_written(candidate)}"
        yield from (f"       {line}" for line in _verdict(candidate, winner, each))
    yield from (f"  {note.text}" for note in each.notes)


def _written(candidate: Candidate) -> str:
    match candidate.verdict:
        case Verdict.NOTHING:
            return "nothing written"
        case Verdict.UNDEFINED:
            return "not defined as an object, so it hands nothing down"
        case Verdict.DYNAMIC:
            return "a dynamic group, so it hands nothing down"
    return candidate.written + (f"    {candidate.source}" if candidate.source else "")


def _verdict(candidate: Candidate, winner: Candidate | None, each: Explanation) -> Iterator[str]:
    match candidate.verdict:
        case Verdict.LATER if winner is not None:
            yield f"does not count: {winner.objtype} {winner.name} comes first"
        case Verdict.COUNTS | Verdict.ADDS:
            yield (
                "counts"
                if candidate.verdict is Verdict.COUNTS
                else f"adds {', '.join(candidate.added) or 'nothing new'}"
            )
            for nic, traced in candidate.formulas:
                yield from _computed(traced, f"{nic}: " if nic else "")
            if not candidate.value and not any(traced.problem for _, traced in candidate.formulas):
                yield _empty(candidate, each)


def _empty(candidate: Candidate, each: Explanation) -> str:
    nic = each.attribute.partition(".")[2]
    if nic and not any(name == nic for name, _ in candidate.formulas):
        return f"has nothing for {nic}, and no later group is asked"
    return "the result is empty: no value, and no later group is asked"


def _computed(traced: Traced, prefix: str) -> Iterator[str]:
    captures = ", ".join(f"${number} = {text}" for number, text in enumerate(traced.captures, start=1))
    if traced.matched or (traced.regex and not traced.problem):
        matched = f'"{traced.matched}"' if traced.matched else "an empty place"
        yield f"{prefix}{traced.regex} matches {matched}" + (f": {captures}" if captures else "")
    elif captures:
        yield f"{prefix}the numbers in the name: {captures}"
    yield from (f"{prefix}{step}" for step in traced.steps)
    if traced.problem:
        yield f"{prefix}no value: {traced.problem}"
    elif traced.value:
        yield f"{prefix}result: {traced.value}"


def _shown(each: Explanation) -> str:
    return "(no value)" if each.value is None else each.value


def _origin(each: Explanation) -> tuple[str, str, str]:
    """Where a value is from: the object, the place, and the formula that made it."""
    holders = [candidate for candidate in each.candidates if candidate.verdict in (Verdict.COUNTS, Verdict.ADDS)]
    names = " and ".join(f"{candidate.objtype} {candidate.name}" for candidate in holders)
    formula = next((candidate.written for candidate in holders if candidate.formulas), "")
    return names, str(holders[0].source or "") if holders else "", formula


def _candidate_data(candidate: Candidate) -> dict[str, Any]:
    return {
        "type": candidate.objtype,
        "name": candidate.name,
        "verdict": str(candidate.verdict),
        "written": candidate.written or None,
        "place": _place(candidate.source),
        "value": candidate.value or None,
        "added": list(candidate.added),
        "formulas": [_formula_data(nic, traced) for nic, traced in candidate.formulas],
    }


def _formula_data(nic: str, traced: Traced) -> dict[str, Any]:
    return {
        "adapter": nic or None,
        "formula": traced.text,
        "regex": traced.regex or None,
        "matched": traced.matched or None,
        "captures": list(traced.captures),
        "steps": list(traced.steps),
        "value": traced.value or None,
        "problem": traced.problem or None,
    }


def _place(source: Source | None) -> dict[str, Any] | None:
    """A place for programs."""
    return {"file": source.file, "line": source.line, "col": source.col} if source and source.file else None
