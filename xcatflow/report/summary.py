"""A run in lines: what every report for people says, in the order it becomes known. Pure: events in, lines out.

A step is told when it is over on all nodes of the workflow, so that a thousand nodes take as many lines as one. Failures are told
there by name, and again at the end with everything known about them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from xcatflow.errors import ExitCode
from xcatflow.model.event import (
    ActEnded,
    ActStarted,
    Event,
    NodeEnded,
    Noted,
    Outcome,
    RunEnded,
    RunStarted,
    StepEnded,
    WorkflowEnded,
    WorkflowStarted,
)
from xcatflow.model.fold import fold
from xcatflow.report.folding import Line, failure_lines, headline, step_lines
from xcatflow.report.text import clean, count, counts, revision, seconds
from xcatflow.report.traffic import traffic_lines

_MOST_HEADING = 200


@dataclass(slots=True)
class _Section:
    """A workflow at work: what ended in each step, and on which nodes each is still to end."""

    name: str
    nodes: frozenset[str]
    steps: tuple[str, ...]
    waiting: dict[str, set[str]]
    ended: dict[str, list[StepEnded]]
    left_out: list[NodeEnded] = field(default_factory=list)
    failures: list[StepEnded] = field(default_factory=list)
    told: int = 0
    over: bool = False

    @classmethod
    def of(cls, event: WorkflowStarted) -> "_Section":
        steps = tuple(step for step, _ in event.steps)
        nodes = frozenset(event.nodes)
        return cls(event.workflow, nodes, steps, {step: set(nodes) for step in steps}, {step: [] for step in steps})


class Summary:
    """Folds a run's events. `verbosity` 1 tells also where nothing was to be done, complete changes with diffs, and the traffic."""

    def __init__(self, *, verbosity: int = 0) -> None:
        self._verbosity = verbosity
        self._run: RunStarted | None = None
        self._sections: list[_Section] = []
        self._over = False
        self._acts: dict[str, str] = {}
        self._touched: set[str] = set()
        """Nodes on which acts were done, and their ways back not."""
        self._bad: set[str] = set()
        self.news = False
        """Has anything changed or failed, or would it?"""

    def feed(self, events: Iterable[Event]) -> list[Line]:
        """The lines that these events complete."""
        return [line for event in events for line in self._one(event)]

    def cut_short(self) -> list[Line]:
        """When nothing more comes: what is left to say of a run whose end did not come. Nothing for one that ended, or never began."""
        if self._run is None or self._over:
            return []
        self._over = self.news = True
        rest = [line for section in self._sections if not section.over for line in self._rest(section)]
        return [*rest, *self._failures(), Line(f"{self._head()}: not finished ({self._origin(self._run.run)})")]

    def _one(self, event: Event) -> list[Line]:
        match event:
            case StepEnded():
                return self._step(event)
            case NodeEnded():
                return self._node(event)
            case WorkflowStarted():
                self._sections.append(_Section.of(event))
                limit = None if self._verbosity else _MOST_HEADING
                nodes = f": {fold(event.nodes, limit_chars=limit)}" if event.nodes else ""
                return [Line(f"{event.workflow}: {count(len(event.nodes), 'node')}{nodes}")]
            case WorkflowEnded():
                return self._workflow_end(event)
            case ActStarted():
                self._acts[event.key] = event.node
                return []
            case ActEnded():
                return self._acted(event)
            case Noted():
                return [Line(f"{'note' if event.level == 'info' else event.level}: {clean(event.text)}")]
            case RunStarted():
                self._run = event
                return [Line(f"run {event.run}: {event.mode} {event.what}")] if self._verbosity else []
            case RunEnded():
                return self._run_end(event)
            case _:
                return []

    # --- steps ---

    def _section(self, workflow: str) -> _Section:
        """The latest of that name: a chain may run one workflow several times."""
        for section in reversed(self._sections):
            if section.name == workflow:
                return section
        self._sections.append(_Section(workflow, frozenset(), (), {}, {}))
        return self._sections[-1]

    def _step(self, event: StepEnded) -> list[Line]:
        section = self._section(event.workflow)
        self.news = self.news or event.outcome not in (Outcome.OK, Outcome.SKIPPED)
        if event.outcome.bad:
            section.failures.append(event)
        if self._verbosity or event.outcome not in (Outcome.OK, Outcome.SKIPPED):
            section.ended.setdefault(event.step, []).append(event)
        if waiting := section.waiting.get(event.step):
            waiting.discard(event.node)
            return [] if waiting else self._complete(section)
        return []

    def _node(self, event: NodeEnded) -> list[Line]:
        section = self._section(event.workflow)
        if event.message:
            section.left_out.append(event)
        if event.outcome.bad:
            self._bad.add(event.node)
        self.news = self.news or event.outcome.bad
        complete = False
        for waiting in section.waiting.values():
            if event.node in waiting:
                waiting.discard(event.node)
                complete = complete or not waiting
        return self._complete(section) if complete else []

    def _acted(self, event: ActEnded) -> list[Line]:
        node = self._acts.pop(event.key, "")
        if node and not event.error and "/undo/" not in event.key:
            self._touched.add(node)
        return []

    def _complete(self, section: _Section) -> list[Line]:
        """The steps that are over on all nodes, in order: one that no node had to take is over early, but told in its place."""
        lines: list[Line] = []
        while section.told < len(section.steps) and not section.waiting[section.steps[section.told]]:
            lines += self._tell(section, section.steps[section.told])
            section.told += 1
        return lines

    def _tell(self, section: _Section, step: str) -> list[Line]:
        return step_lines(section.ended.pop(step, []), verbosity=self._verbosity)

    # --- ends ---

    def _workflow_end(self, event: WorkflowEnded) -> list[Line]:
        section = self._section(event.workflow)
        lines = self._rest(section)
        if self._verbosity:
            mode = self._run.mode if self._run else ""
            lines.append(Line(f"{event.workflow}: {counts(event.counts, mode)} in {seconds(event.duration_s)}"))
            lines += [Line(text) for text in traffic_lines(event.traffic)]
        return lines

    def _rest(self, section: _Section) -> list[Line]:
        """What was not told yet of a workflow that is over, and the nodes it left out."""
        section.over = True
        order = dict.fromkeys([*section.steps, *section.ended])
        lines = [line for step in order for line in self._tell(section, step)]
        return lines + left_out_lines([event for event in section.left_out if not event.outcome.bad])

    def _run_end(self, event: RunEnded) -> list[Line]:
        self._over = True
        self.news = self.news or event.exit_code != ExitCode.OK
        cut = " interrupted:" if event.exit_code == ExitCode.INTERRUPTED else ""
        nodes = count(sum(event.counts.values()), "node")
        numbers = counts(event.counts, self._run.mode if self._run else "")
        if after := len(self._bad & self._touched):
            numbers += f" ({after} of them after changes)"
        took = f"in {seconds(event.duration_s)} ({self._origin(event.run)})"
        return [*self._failures(), Line(f"{self._head()}:{cut} {nodes}: {numbers} {took}")]

    def _head(self) -> str:
        run = self._run
        what = clean(run.what) if run else "run"
        return f"plan of {what}" if run and run.mode == "plan" else what

    def _origin(self, run_id: str) -> str:
        commit = revision(self._run.commit, dirty=self._run.dirty) if self._run else ""
        return f"run {run_id}, {commit}" if commit else f"run {run_id}"

    def _failures(self) -> list[Line]:
        lines: list[Line] = []
        for section in self._sections:
            known = {event.node for event in section.failures}
            others = [one for one in section.left_out if one.outcome.bad]
            found = failure_lines(section.failures) + left_out_lines(others)
            if found:
                nodes = known | {one.node for one in others}
                lines += [Line(""), Line(f"{section.name}: {count(len(nodes), 'node')} with failures:"), *found]
        return lines


def left_out_lines(ended: Iterable[NodeEnded]) -> list[Line]:
    """Nodes whose lane has something to say of its own, those with the same words together."""
    alike: dict[tuple[Outcome, str], list[str]] = {}
    for event in ended:
        alike.setdefault((event.outcome, clean(event.message)), []).append(event.node)
    return [Line(headline(outcome, nodes, "", text), outcome) for (outcome, text), nodes in alike.items()]
