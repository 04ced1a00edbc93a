"""One step on one node: look, compare, act, look again; everything that can go wrong becomes an outcome."""

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from xcatflow.contract import Target
from xcatflow.engine.bus import JournalFailed
from xcatflow.engine.context import Context, Face, Faces, Given, Result, gather, gather_more, more_of
from xcatflow.engine.prepare import Prepared
from xcatflow.errors import ActFailed, CannotTell, Interrupted, InvalidInput, NotConverged, Unreachable, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.event import ActEnded, ActProgressed, ActStarted, Outcome, StepStarted
from xcatflow.model.question import Answers, Question

_NOT_SHOWN = "(not shown)"
_VALUES = (Verb.UPDATE, Verb.REPLACE, Verb.REMOVE)
"""Verbs whose changes have what was there before; with others it is a state."""


@dataclass(slots=True)
class Looks:
    """A lane's answers: good until the lane's own next act (`stale`), then asked again with those of its remaining steps."""

    faces: Faces
    steps: list[Prepared]
    given: dict[Face, Given]
    stale: bool = False

    def answers(self, index: int, prepared: Prepared) -> Answers:
        """Answers for this step; asked again, with those of the lane's remaining steps, once after each act of the lane."""
        if self.stale:
            self.given = {}
            self.stale = False
        if self._missing(prepared, prepared.questions):
            self._ask(gather(self.steps[index:], first=prepared))
        more = more_of(prepared, self.given)
        if self._missing(prepared, more):
            self._ask(gather_more(self.steps[index:], self.given, first=prepared))
        ref = prepared.target
        assert ref is not None
        return Answers({q: self.given[ref.face(q.face)][q] for q in (*prepared.questions, *more)})

    def _missing(self, prepared: Prepared, questions: Iterable[Question[Any]]) -> bool:
        ref = prepared.target
        assert ref is not None
        return any(q not in self.given.get(ref.face(q.face), {}) for q in questions)

    def _ask(self, asked: Mapping[Face, tuple[Question[Any], ...]]) -> None:
        for face, questions in asked.items():
            known = self.given.get(face, {})
            if wanted := tuple(q for q in questions if q not in known):
                self.given[face] = {**known, **self.faces.ask(face, wanted)}


@dataclass(slots=True)
class Applied:
    """One change that was made, for the way back."""

    prepared: Prepared
    seen: object
    change: Change

    @property
    def shown(self) -> Change:
        """The change, as it may be told."""
        return _shown(self.prepared, self.change)


@dataclass(slots=True)
class Converger:
    """Takes the steps of one lane to what they want."""

    context: Context
    node: str
    looks: Looks
    outputs: dict[str, Mapping[str, str]] = field(default_factory=dict)
    applied: list[Applied] = field(default_factory=list)
    _times_alone: dict[str, int] = field(default_factory=dict)

    def attempts(self, index: int, prepared: Prepared) -> Result:
        """The step, again as often as its `retry` says."""
        retry = prepared.placed.spec.retry
        for left in range((retry.attempts if retry and self.context.apply else 1) - 1, -1, -1):
            result = self._guarded(index, prepared)
            if not result.outcome.bad or not left or self.context.stopping.is_set():
                break
            self.looks.stale = True
            assert retry is not None
            self.context.stopping.wait(retry.wait)
        return result

    def _guarded(self, index: int, prepared: Prepared) -> Result:
        """The step with everything that can go wrong turned into an outcome."""
        try:
            return self._converge(index, prepared)
        except Interrupted:
            return Result(Outcome.SKIPPED, message="stopped before it was done")
        except JournalFailed as error:
            self.context.stopping.set()
            return Result(Outcome.FAILED, message=str(error))
        except (CannotTell, Unreachable, ActFailed, InvalidInput) as error:
            if self._may_come(prepared):
                return Result(Outcome.DEFERRED, message="known after apply")
            outcome = Outcome.UNREACHABLE if isinstance(error, Unreachable) else Outcome.FAILED
            return Result(outcome, message=one_line(error), detail=getattr(error, "detail", ""))
        except XcatflowError as error:
            return Result(Outcome.FAILED, message=one_line(error))
        except Exception as error:  # a bug in a step must not take the other lanes with it
            self.context.bugs.append(f"{prepared.step.kind}: {error!r}")
            return Result(
                Outcome.FAILED, message=f"bug in {prepared.step.kind}: {error!r}", detail=traceback.format_exc()
            )

    def _may_come(self, prepared: Prepared) -> bool:
        """In a plan: could an earlier would-be change of this lane, or of the step's machine, be what is missing here?"""
        if self.context.apply:
            return False
        names = {self.node, prepared.target.name if prepared.target else ""}
        return bool(names & self.context.pending)

    def _converge(self, index: int, prepared: Prepared) -> Result:
        if prepared.late:
            if not self.context.apply and self._may_come(prepared):
                return Result(Outcome.DEFERRED, message="known after apply")
            self.context.finish(prepared, self.outputs)
        if not self.context.apply or prepared.target is None:
            return self._brought(index, prepared)
        machine, turns = prepared.target.name, self.context.turns
        with turns.taken(machine, alone=prepared.step.alone):
            if (times := turns.times_alone(machine)) != self._times_alone.get(machine, 0):
                self._times_alone[machine] = times
                self.looks.stale = True
            return self._brought(index, prepared)

    def _brought(self, index: int, prepared: Prepared) -> Result:
        step, want = prepared.step, prepared.want
        seen = step.seen(self.looks.answers(index, prepared), want)
        changes = self._planned(prepared, seen)
        if not changes:
            return Result(Outcome.OK, outputs=step.outputs(seen, want))
        if not self.context.apply:
            return self._would(prepared, tuple(_shown(prepared, change) for change in changes))
        acted = self._apply(prepared, seen, changes)
        if not step.verifies(want):
            made = tuple(_shown(prepared, change) for change in changes)
            return Result(Outcome.CHANGED, made, outputs={**step.outputs(seen, want), **acted})
        after = step.seen(self.looks.answers(index, prepared), want)
        if left := self._planned(prepared, after):
            told = "; ".join(str(_shown(prepared, change)) for change in left)
            raise NotConverged(f"still to do after the act: {told}")
        changed = () if step.proof else step.made(seen, after, want, changes)
        made = tuple(_shown(prepared, change) for change in changed)
        return Result(Outcome.CHANGED if made else Outcome.OK, made, outputs={**step.outputs(after, want), **acted})

    def _planned(self, prepared: Prepared, seen: object) -> tuple[Change, ...]:
        """The step's plan. Raises TypeError for what is no plan: steps may be anybody's."""
        changes = prepared.step.plan(seen, prepared.want)
        if not (isinstance(changes, tuple) and all(isinstance(change, Change) for change in changes)):
            raise TypeError(f"plan gave {changes!r}, expected a tuple of changes")
        return changes

    def _would(self, prepared: Prepared, changes: tuple[Change, ...]) -> Result:
        if not prepared.step.proof:
            return Result(Outcome.WOULD_CHANGE, changes)
        if self._may_come(prepared):
            return Result(Outcome.DEFERRED, message="known after apply")
        return Result(
            Outcome.FAILED, message="; ".join(f"{change.what}: {change.after or change.why}" for change in changes)
        )

    def _apply(self, prepared: Prepared, seen: object, changes: tuple[Change, ...]) -> dict[str, str]:
        """Make the changes, each on record before it begins; the outputs that only the acts know."""
        context, at, common = self.context, self._target(prepared), self._common(prepared)
        context.bus.emit(StepStarted(at=time.time(), **common))
        outputs: dict[str, str] = {}
        for number, change in enumerate(changes):
            if context.stopping.is_set():
                raise Interrupted if not number else ActFailed(f"stopped half-way, after: {self.applied[-1].shown}")
            key = f"{context.run}/{context.workflow}/{self.node}/{prepared.id}/{number}"
            self.looks.stale = True
            with self._recorded(key, _shown(prepared, change), common):
                outputs |= prepared.step.apply(at, prepared.want, seen, change) or {}
            self.applied.append(Applied(prepared, seen, change))
        return outputs

    def take_back(self, number: int, done: Applied) -> None:
        """Undo one change, on record as well. Raises what undoing it raises."""
        key = f"{self.context.run}/{self.context.workflow}/{self.node}/{done.prepared.id}/undo/{number}"
        shown = done.shown
        back = replace(shown, before=shown.after, after=shown.before, why="taken back", diff="")
        with self._recorded(key, back, self._common(done.prepared)):
            done.prepared.step.undo(self._target(done.prepared), done.prepared.want, done.seen, done.change)

    def _target(self, prepared: Prepared) -> Target:
        assert prepared.target is not None
        context, common = self.context, self._common(prepared)

        def tell(text: str) -> None:
            said = context.redactor.text(" ".join(text.split()))
            context.bus.emit(ActProgressed(at=time.time(), text=said, **common))

        timeout_s = prepared.placed.spec.timeout or context.step_timeout_s
        return context.faces.target(prepared.target, timeout_s, tell)

    def _common(self, prepared: Prepared) -> dict[str, str]:
        target = prepared.target.name if prepared.target else ""
        return {"workflow": self.context.workflow, "node": self.node, "step": prepared.id, "target": target}

    @contextmanager
    def _recorded(self, key: str, change: Change, common: Mapping[str, str]) -> Iterator[None]:
        """An act is on disk before it begins, and how it ended afterwards. Raises JournalFailed."""
        context = self.context
        context.bus.write(ActStarted(at=time.time(), key=key, change=context.redactor.change(change), **common))
        error = ""
        try:
            yield
        except XcatflowError as failure:
            error = one_line(failure)
            raise
        except BaseException as failure:
            error = f"bug: {failure!r}"
            raise
        finally:
            context.bus.emit(ActEnded(at=time.time(), key=key, error=context.redactor.text(error)))


def _shown(prepared: Prepared, change: Change) -> Change:
    """A change as it may be told: without old values where a secret is in what is wanted. The old secret may be in them as well, and that
    is not known as one any more."""
    if not prepared.confidential:
        return change
    before = _NOT_SHOWN if change.verb in _VALUES and change.before is not None else change.before
    return replace(change, before=before, diff="(not shown: a secret is in it)\n" if change.diff else "")


def one_line(error: Exception) -> str:
    """An error's message without line breaks."""
    return " ".join(str(error).split())
