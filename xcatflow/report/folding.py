"""Folding: what happened in a step on many nodes, in few lines.

Nodes to which the same happened share a line. "The same" leaves the node's own name out: `create container host01c01` and `create
container host01c02` are one thing done twice. Where it still differs from node to node (addresses do), a line says what is common.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from xcatflow.model.change import Change
from xcatflow.model.event import Outcome, StepEnded
from xcatflow.model.fold import fold
from xcatflow.report.text import clean, clean_lines

INDENT = "    "
_MOST_VARIANTS = 6
_MOST_NAMES = 8
_MOST_CHARACTERS = 300
_LATER = "known after apply"
_NODE, _TARGET = "\ue000", "\ue001"
"""Stand for the names of node and target while texts are compared; no machine says these characters."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be shown; `outcome` is what it tells of, None for headings and the like."""

    text: str
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    """One node's end of a step: its text from the least that can be said of it to all of it, and what stands below the line."""

    ended: StepEnded
    levels: tuple[str, ...]
    detail: tuple[str, ...] = ()


def step_lines(ended: Sequence[StepEnded], *, verbosity: int = 0) -> list[Line]:
    """Lines for what ended in one step. Those of failures only name the nodes (`failure_lines` has the rest), and nothing is said of
    nodes where there was nothing to do; with `verbosity` 1 these are shown too, and every change is complete, with its diff."""
    lines: list[Line] = []
    for outcome in Outcome:
        these = [one for one in ended if one.outcome is outcome]
        if not these or (not verbosity and outcome in (Outcome.OK, Outcome.SKIPPED)):
            continue
        if outcome.bad:
            lines.append(Line(headline(outcome, [one.node for one in these], these[0].step), outcome))
        else:
            lines += _lines([_whole(one) if verbosity else _brief(one) for one in these], fold_all=not verbosity)
    return lines


def failure_lines(ended: Iterable[StepEnded]) -> list[Line]:
    """Lines for failures of one workflow, complete: every node with its message and what the machine said."""
    by_step: dict[tuple[str, Outcome], list[_Item]] = {}
    for one in ended:
        by_step.setdefault((one.step, one.outcome), []).append(_failure(one))
    return [line for items in by_step.values() for line in _lines(items, fold_all=False)]


def headline(outcome: Outcome, nodes: Iterable[str], step: str, text: str = "") -> str:
    """`changed  host[01-02]  docker: install package docker.io`."""
    return "  ".join(part for part in (str(outcome), fold(nodes), step) if part) + (f": {text}" if text else "")


def change_text(changes: Iterable[Change], *, most: int = 0) -> str:
    """Changes on one line; plain ones of a sort are told together: `install package curl, jq`. `most` limits how many names are given
    then, 0 means all."""
    parts: list[str] = []
    for sort, run in groupby(changes, key=_plain_sort):
        if not sort:
            parts += [str(change) for change in run]
            continue
        names = [change.what.partition(" ")[2] for change in run]
        shown = names[:most] if most and len(names) > most + 1 else names
        more = len(names) - len(shown)
        parts.append(f"{sort} {', '.join(shown)}" + (f" and {more} more" if more else ""))
    return clean("; ".join(parts))


def _plain_sort(change: Change) -> str:
    """`install package` for a change that says nothing but what is done to which thing."""
    sort, _, name = change.what.partition(" ")
    bare = not (change.field or change.why) and change.before is None and change.after is None
    return f"{change.verb} {sort}" if bare and name else ""


# --- what is said of one node ---


def _brief(one: StepEnded) -> _Item:
    if one.outcome is Outcome.DEFERRED or not one.changes:
        return _Item(one, ("", _general(one, _remark(one))))
    sorts = dict.fromkeys(f"{change.verb} {change.what.partition(' ')[0]}" for change in one.changes)
    parts = dict.fromkeys(f"{change.verb} {change.what} {change.field}".rstrip() for change in one.changes)
    whole = change_text(one.changes, most=_MOST_NAMES)
    texts = ("; ".join(sorts), clean("; ".join(parts)), whole)
    return _Item(one, ("", *(_general(one, _clipped(text)) for text in texts)))


def _whole(one: StepEnded) -> _Item:
    texts = (change_text(one.changes), _remark(one))
    diffs = [line for change in one.changes if change.diff for line in clean_lines(change.diff)]
    text = "; ".join(text for text in texts if text)
    return _Item(one, ("", _general(one, text)), tuple(_general(one, line) for line in diffs))


def _failure(one: StepEnded) -> _Item:
    """A node that shares another one's failure does not repeat what the machine said: it stands there."""
    detail = () if one.shared_with else clean_lines(one.detail)
    return _Item(one, ("", _general(one, clean(one.message))), tuple(_general(one, line) for line in detail))


def _remark(one: StepEnded) -> str:
    message = clean(one.message)
    if one.outcome is Outcome.DEFERRED:
        return f"({_LATER}: {message})" if message not in ("", _LATER) else f"({_LATER})"
    return message


def _clipped(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _general(one: StepEnded, text: str) -> str:
    """`text` with placeholders for the names of the node and its target."""
    text = _replaced(text, one.node, _NODE)
    return text if one.target in ("", one.node) else _replaced(text, one.target, _TARGET)


def _replaced(text: str, name: str, by: str) -> str:
    """`text` with `by` for `name` where it stands as a whole name, not as part of a longer one."""
    first, *others = text.split(name)
    parts = [first]
    for before, after in pairwise((first, *others)):
        whole = not (_inside(before[-1:]) or _inside(after[:1]))
        parts += [by if whole else name, after]
    return "".join(parts)


def _inside(character: str) -> bool:
    return character.isalnum() or (character != "" and character in "-_")


# --- together ---


def _lines(items: Sequence[_Item], *, fold_all: bool) -> Iterator[Line]:
    for text, members in _groups(items, 0, _MOST_VARIANTS if fold_all else len(items)):
        outcome, step = members[0].ended.outcome, members[0].ended.step
        yield Line(headline(outcome, [one.ended.node for one in members], step, _particular(text, members)), outcome)
        for line in members[0].detail:
            yield Line(f"{INDENT}{_particular(line, members)}".rstrip())


def _groups(items: Sequence[_Item], level: int, most: int) -> Iterator[tuple[str, Sequence[_Item]]]:
    """Texts with those they hold for, each as complete as it can be with at most `most` variants at a level."""
    last = level + 1 == len(items[0].levels)
    if last:
        yield items[0].levels[level], items
        return
    finer: dict[tuple[str, tuple[str, ...]], list[_Item]] = {}
    for item in items:
        finer.setdefault((item.levels[level + 1], item.detail), []).append(item)
    if len(finer) > most:
        yield f"{items[0].levels[level]} ({len(finer)} different ones)".lstrip(), items
        return
    for members in finer.values():
        yield from _groups(members, level + 1, most)


def _particular(text: str, members: Sequence[_Item]) -> str:
    """`text` with the names put back in that are the same for all members, and said to differ where they do."""
    nodes, targets = {one.ended.node for one in members}, {one.ended.target for one in members}
    for placeholder, names, differs in ((_NODE, nodes, "<node>"), (_TARGET, targets, "<target>")):
        text = text.replace(placeholder, names.pop() if len(names) == 1 else differs)
    return text
