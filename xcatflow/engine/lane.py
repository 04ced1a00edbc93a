"""One node's steps in order, and what is told about them."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xcatflow.engine.context import Context, Face, Given, Result
from xcatflow.engine.converge import Converger, Looks, one_line
from xcatflow.engine.prepare import Lane, Prepared
from xcatflow.errors import XcatflowError
from xcatflow.model.event import NodeEnded, Outcome, StepEnded

_SEVERITY = tuple(Outcome)


@dataclass(slots=True)
class LaneRun:
    """Runs one lane; begins with the answers of the first look."""

    context: Context
    lane: Lane
    converger: Converger
    results: dict[str, Result] = field(default_factory=dict)

    @classmethod
    def begin(cls, context: Context, lane: Lane, given: Mapping[Face, Given]) -> "LaneRun":
        return cls(context, lane, Converger(context, lane.node, Looks(context.faces, lane.steps, dict(given))))

    def run(self) -> Outcome:
        """Take every step until one fails for good. The severest outcome."""
        context, worst, message = self.context, Outcome.SKIPPED if not self.lane.steps else Outcome.OK, ""
        for step_id in self.lane.skipped:
            self._end_skipped(step_id)
        failed: Prepared | None = None
        groups: set[tuple[str, str]] = set()
        for index, prepared in enumerate(self.lane.steps):
            if failed and prepared.whole != failed.whole:
                break
            if context.stopping.is_set():
                worst = _stopped(worst)
                message = f'stopped before step "{prepared.id}"'
                break
            if (prepared.whole, prepared.group) in groups or self._not_after(prepared):
                self._end_skipped(prepared.id)
                continue
            result = self._step(index, prepared)
            self.results[prepared.id] = result
            self.converger.outputs[prepared.id] = result.outputs
            if result.outcome == Outcome.SKIPPED and context.stopping.is_set():
                worst = _stopped(worst)
                message = f'stopped in step "{prepared.id}"'
                break
            worst = _worst(worst, result.outcome)
            if result.outcome.bad and prepared.group:
                groups.add((prepared.whole, prepared.group))
            if result.outcome.bad and prepared.placed.spec.on_failure != "continue":
                failed = prepared
                if not prepared.group or result.outcome is Outcome.UNREACHABLE:
                    break
        if failed and failed.placed.spec.on_failure == "undo" and context.apply and not message:
            message = self._undo()
        context.bus.emit(
            NodeEnded(at=time.time(), workflow=context.workflow, node=self.lane.node, outcome=worst, message=message)
        )
        return worst

    # --- one step ---

    def _step(self, index: int, prepared: Prepared) -> Result:
        started = time.monotonic()
        shared_with = ""
        if prepared.shared:
            result, owner = self.context.jobs.run(
                prepared.key, self.lane.node, lambda: self.converger.attempts(index, prepared)
            )
            if owner != self.lane.node:
                shared_with = owner
                result = self._follow(prepared, result, owner)
        else:
            result = self.converger.attempts(index, prepared)
        if result.outcome is Outcome.UNREACHABLE and prepared.placed.spec.on_unreachable == "skip":
            result = replace(result, outcome=Outcome.SKIPPED)
        if result.outcome is Outcome.OK and self._undone_by_then(prepared):
            result = Result(Outcome.DEFERRED, message="known after apply")
        result = self._redacted(result)
        self._note_pending(prepared, result)
        self.context.bus.emit(
            StepEnded(
                at=time.time(),
                workflow=self.context.workflow,
                node=self.lane.node,
                step=prepared.id,
                kind=prepared.step.kind,
                target=prepared.target.name if prepared.target else "",
                outcome=result.outcome,
                changes=result.changes,
                message=result.message,
                detail=result.detail,
                shared_with=shared_with,
                duration_s=round(time.monotonic() - started, 4),
                outputs={name: self.context.redactor.text(value) for name, value in result.outputs.items()},
            )
        )
        return result

    def _follow(self, prepared: Prepared, result: Result, owner: str) -> Result:
        """What another lane's result means here: its change is ours as well, but counted once."""
        match result.outcome:
            case Outcome.CHANGED:
                self.converger.looks.stale = True
                return Result(Outcome.OK, message=f"made once, by {owner}", outputs=result.outputs)
            case Outcome.WOULD_CHANGE:
                self._note_pending(prepared, result)
                return Result(Outcome.OK, message=f"would be made once, by {owner}")
            case Outcome.FAILED | Outcome.UNREACHABLE:
                return Result(
                    result.outcome, message=f"the same step failed on {owner}: {result.message}", detail=result.detail
                )
        return result

    # --- around ---

    def _not_after(self, prepared: Prepared) -> bool:
        """Is this an `after:` step whose earlier steps changed nothing?"""
        if not prepared.placed.after:
            return False
        changed = (Outcome.CHANGED, Outcome.WOULD_CHANGE, Outcome.DEFERRED)
        names = prepared.placed.after
        return not any(
            result.outcome in changed
            for step_id, result in self.results.items()
            if any(step_id == name or step_id.startswith((name + "/", name + "[")) for name in names)
        )

    def _end_skipped(self, step_id: str) -> None:
        self.context.bus.emit(
            StepEnded(
                at=time.time(),
                workflow=self.context.workflow,
                node=self.lane.node,
                step=step_id,
                kind="",
                target="",
                outcome=Outcome.SKIPPED,
            )
        )

    def _undone_by_then(self, prepared: Prepared) -> bool:
        """In a plan: would an earlier step change what this one sees well now?"""
        return any((kind, self.lane.node) in self.context.would for kind in prepared.step.follows)

    def _note_pending(self, prepared: Prepared, result: Result) -> None:
        if result.outcome in (Outcome.WOULD_CHANGE, Outcome.DEFERRED):
            self.context.pending.add(self.lane.node)
            self.context.would.add((prepared.step.kind, self.lane.node))
            if prepared.target:
                self.context.pending.add(prepared.target.name)

    def _redacted(self, result: Result) -> Result:
        redactor = self.context.redactor
        if not redactor.active:
            return result
        return replace(
            result,
            changes=tuple(redactor.change(change) for change in result.changes),
            message=redactor.text(result.message),
            detail=redactor.text(result.detail),
        )

    def _undo(self) -> str:
        """Take back what this lane did, last first; what is shared with other lanes stays."""
        notes: list[str] = []
        for number, done in enumerate(reversed(self.converger.applied)):
            if done.prepared.shared:
                notes.append(f"left, others use it: {done.shown}")
                continue
            try:
                self.converger.take_back(number, done)
                notes.append(f"undone: {done.shown}")
            except XcatflowError as error:
                notes.append(f"not undone: {done.shown}: {one_line(error)}")
            except Exception as error:  # a bug in a step must not take the other lanes with it
                self.context.bugs.append(f"{done.prepared.step.kind}: {error!r}")
                notes.append(f"not undone, bug in {done.prepared.step.kind}: {done.shown}: {error!r}")
        return self.context.redactor.text("; ".join(notes))


def _stopped(worst: Outcome) -> Outcome:
    """What becomes of a lane that was stopped before its end: what it did or failed to do, else it was left out."""
    return Outcome.SKIPPED if worst is Outcome.OK else worst


def _worst(one: Outcome, other: Outcome) -> Outcome:
    return max(one, other, key=_SEVERITY.index)
