"""One run: workflows in order, nodes in batches, lanes in parallel."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

from xcatflow.engine.bus import Bus
from xcatflow.engine.context import Context, Face, Faces, Given, gather, gather_more, lanes_that_meet
from xcatflow.engine.jobs import Jobs
from xcatflow.engine.lane import LaneRun
from xcatflow.engine.prepare import Lane, Prepared
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import ExitCode
from xcatflow.model.event import NodeEnded, Noted, Outcome, RunEnded, WorkflowEnded, WorkflowStarted
from xcatflow.model.placed import PlacedWorkflow
from xcatflow.model.question import Question
from xcatflow.model.workflow import StopAfter

_SEVERITY = tuple(Outcome)
_FACES_AT_ONCE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """A workflow of the run, with its lanes."""

    workflow: PlacedWorkflow
    lanes: tuple[Lane, ...]


@dataclass(slots=True)
class Run:
    """Runs jobs in order. `traffic` gives the counters of the outside so far; `chain_stops` is a chain's `on_failure: stop`; `keep_status`
    gets the new status of nodes and writes it down, or tells why it could not."""

    id: str
    apply: bool
    bus: Bus
    faces: Faces
    finish: Callable[[Prepared, Mapping[str, Mapping[str, str]]], None]
    redactor: Redactor
    traffic: Callable[[], dict[str, Any]]
    chain_stops: bool = False
    keep_status: Callable[[Mapping[str, str]], str] = lambda _status: ""
    stopping: threading.Event = field(default_factory=threading.Event)
    interrupted: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _pending: set[str] = field(default_factory=set)
    _would: set[tuple[str, str]] = field(default_factory=set)
    _failed_in: dict[str, str] = field(default_factory=dict)
    _bugs: list[str] = field(default_factory=list)

    def stop(self) -> None:
        """Finish what is being done, begin nothing more: the first interrupt."""
        self.interrupted = True
        self.stopping.set()

    def execute(self, jobs: Sequence[Job]) -> ExitCode:
        """Run all jobs; emits everything but the first event of the run."""
        started = time.monotonic()
        for job in jobs:
            if self.stopping.is_set():
                break
            self._workflow(job)
            if self.chain_stops and self._failed_in:
                self._note("warning", f'the chain stops after "{job.workflow.spec.name}": nodes failed')
                break
        code = self._exit_code()
        counts = Counter(str(outcome) for outcome in self.outcomes.values())
        self.bus.write(
            RunEnded(
                at=time.time(),
                run=self.id,
                exit_code=code,
                counts=dict(counts),
                traffic=self.traffic(),
                duration_s=round(time.monotonic() - started, 3),
            )
        )
        return code

    def _exit_code(self) -> ExitCode:
        if self._bugs:
            return ExitCode.BUG
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if any(outcome.bad for outcome in self.outcomes.values()):
            return ExitCode.FAILED
        return ExitCode.OK

    def _workflow(self, job: Job) -> None:
        spec, started, before = job.workflow.spec, time.monotonic(), self.traffic()
        lanes = [lane for lane in job.lanes if lane.node not in self._failed_in]
        self.bus.emit(
            WorkflowStarted(
                at=time.time(),
                workflow=spec.name,
                summary=spec.summary,
                nodes=tuple(lane.node for lane in lanes),
                steps=tuple(_announced(job.workflow, lanes)),
            )
        )
        ended: dict[str, Outcome] = {}
        for lane in job.lanes:
            if where := self._failed_in.get(lane.node):
                self._leave_out(spec.name, lane.node, f'failed before, in "{where}"', ended)
        self._batches(job, lanes, ended)
        for node, outcome in ended.items():
            self.outcomes[node] = max(self.outcomes.get(node, outcome), outcome, key=_SEVERITY.index)
            if outcome.bad:
                self._failed_in.setdefault(node, spec.name)
        if self.apply and spec.status and (problem := self.keep_status(self._statuses(spec.status, ended))):
            self._note("warning", problem)
        self.bus.emit(
            WorkflowEnded(
                at=time.time(),
                workflow=spec.name,
                counts=dict(Counter(str(outcome) for outcome in ended.values())),
                traffic=difference(before, self.traffic()),
                duration_s=round(time.monotonic() - started, 3),
            )
        )

    def _statuses(self, well: str, ended: Mapping[str, Outcome]) -> dict[str, str]:
        """The status of nodes of which it is known now. Of a run that was stopped only failures are: lanes may have ended half-way."""
        known = {Outcome.FAILED: "failed"}
        if not self.stopping.is_set():
            known |= {Outcome.OK: well, Outcome.CHANGED: well}
        return {node: known[outcome] for node, outcome in ended.items() if outcome in known}

    def _batches(self, job: Job, lanes: list[Lane], ended: dict[str, Outcome]) -> None:
        limits = job.workflow.spec.limits
        size = limits.batch.of(len(lanes)) if limits.batch and lanes else max(1, len(lanes))
        context = Context(
            workflow=job.workflow.spec.name,
            apply=self.apply,
            bus=self.bus,
            faces=self.faces,
            finish=self.finish,
            jobs=Jobs(),
            stopping=self.stopping,
            redactor=self.redactor,
            step_timeout_s=limits.step_timeout,
            run=self.id,
            pending=self._pending,
            would=self._would,
            bugs=self._bugs,
        )
        gate = _Gate(limits.stop_after if self.apply else StopAfter(), len(lanes))  # a plan names everything
        with (
            ThreadPoolExecutor(limits.fanout, "lane") as pool,
            ThreadPoolExecutor(limits.fanout, "look") as looks,
        ):
            for start in range(0, len(lanes), size):
                batch = lanes[start : start + size]
                looking = {looks.submit(self._first_look, near, gate): near for near in lanes_that_meet(batch)}
                runs: dict[Future[Outcome], Lane] = {}
                for looked in as_completed(looking):
                    given = looked.result()
                    runs |= {pool.submit(self._lane, context, lane, given, gate): lane for lane in looking[looked]}
                for future in as_completed(runs):
                    ended[runs[future].node] = future.result()
        if gate.held:
            self._note("warning", gate.reason)

    def _lane(self, context: Context, lane: Lane, given: Mapping[Face, Given], gate: "_Gate") -> Outcome:
        if gate.reason or self.stopping.is_set():
            ended: dict[str, Outcome] = {}
            gate.held = gate.held or bool(gate.reason)
            self._leave_out(context.workflow, lane.node, gate.reason or "the run was stopped", ended)
            return Outcome.SKIPPED
        outcome = LaneRun.begin(context, lane, given).run()
        gate.count(outcome)
        return outcome

    def _first_look(self, lanes: Sequence[Lane], gate: "_Gate") -> dict[Face, Given]:
        """Everything that lanes want to know, asked once per machine and daemon; once more where answers lead to further questions."""
        if self.stopping.is_set() or gate.reason:
            return {}
        steps = [prepared for lane in lanes for prepared in lane.steps if not prepared.placed.after]
        given = self._ask(gather(steps))
        for face, more in self._ask(gather_more(steps, given)).items():
            given[face] = {**given.get(face, {}), **more}
        return given

    def _ask(self, wanted: Mapping[Face, tuple[Question[Any], ...]]) -> dict[Face, Given]:
        if len(wanted) < 2:
            return {face: self.faces.ask(face, questions) for face, questions in wanted.items()}
        with ThreadPoolExecutor(min(len(wanted), _FACES_AT_ONCE), "ask") as pool:
            return dict(zip(wanted, pool.map(self.faces.ask, wanted, wanted.values()), strict=True))

    def _leave_out(self, workflow: str, node: str, why: str, ended: dict[str, Outcome]) -> None:
        ended[node] = Outcome.SKIPPED
        self.bus.emit(NodeEnded(at=time.time(), workflow=workflow, node=node, outcome=Outcome.SKIPPED, message=why))

    def _note(self, level: str, text: str) -> None:
        self.bus.emit(Noted(at=time.time(), level=level, text=text))


def _announced(workflow: PlacedWorkflow, lanes: Sequence[Lane]) -> Iterator[tuple[str, str]]:
    """(id, kind) of all steps in their order: of those that are several, by `for_each` or by what they stand for, each one."""
    known = {prepared.id: prepared.step.kind for lane in lanes for prepared in lane.steps}
    for step in workflow.steps:
        inner = [each for each in known.items() if each[0].startswith((f"{step.id}/", f"{step.id}["))]
        yield from inner if inner and step.id not in known else ((step.id, step.spec.use),)


class _Gate:
    """Closes when a workflow's `stop_after` is reached."""

    def __init__(self, thresholds: StopAfter, nodes: int) -> None:
        self._limits = {
            Outcome.FAILED: thresholds.failed.of(nodes) if thresholds.failed else None,
            Outcome.UNREACHABLE: thresholds.unreachable.of(nodes) if thresholds.unreachable else None,
        }
        self._counts: Counter[Outcome] = Counter()
        self._guard = threading.Lock()
        self.reason = ""
        self.held = False
        """Was a node left out by it?"""

    def count(self, outcome: Outcome) -> None:
        with self._guard:
            self._counts[outcome] += 1
            limit = self._limits.get(outcome)
            if limit is not None and self._counts[outcome] >= limit and not self.reason:
                self.reason = f"stop_after: {self._counts[outcome]} {outcome}, no further node was begun"


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What counters grew by; nested mappings likewise, without what did not grow."""
    grown: dict[str, Any] = {}
    for key, value in after.items():
        if isinstance(value, Mapping):
            if inner := difference(before.get(key, {}), value):
                grown[key] = inner
        elif more := value - before.get(key, 0):
            grown[key] = more
    return grown
