"""A recorded run told to a reader, and the list of runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from shlex import join

from xcatflow.errors import ExitCode
from xcatflow.model.event import (
    ActEnded,
    ActStarted,
    Event,
    NodeEnded,
    Noted,
    RunEnded,
    RunStarted,
    StepEnded,
    WorkflowEnded,
    WorkflowStarted,
)
from xcatflow.model.fold import fold
from xcatflow.model.run import RunRecord
from xcatflow.report.folding import INDENT, failure_lines, step_lines
from xcatflow.report.summary import left_out_lines
from xcatflow.report.text import clean, columns, count, counts, moment, seconds
from xcatflow.report.traffic import traffic_lines

_EXITS = {
    ExitCode.OK: "well",
    ExitCode.FAILED: "some node failed",
    ExitCode.INVALID: "wrong input",
    ExitCode.BUG: "a bug in xcatflow",
    ExitCode.LOCKED: "locked",
    ExitCode.PENDING: "changes pending",
    ExitCode.STALE: "plan stale",
    ExitCode.INTERRUPTED: "interrupted",
}


@dataclass(slots=True)
class _Act:
    """A change as it was made; `ended` None while nothing tells that it came back."""

    begun: ActStarted
    ended: ActEnded | None = None


@dataclass(slots=True)
class _Chapter:
    """A workflow of the run."""

    started: WorkflowStarted
    steps: dict[str, list[StepEnded]]
    acts: dict[str, list[_Act]] = field(default_factory=dict)
    nodes: list[NodeEnded] = field(default_factory=list)
    ended: WorkflowEnded | None = None


@dataclass(slots=True)
class _Book:
    """The events of a run, by what they belong to."""

    run: RunStarted | None = None
    chapters: list[_Chapter] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    end: RunEnded | None = None
    _open: dict[str, _Act] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        match event:
            case RunStarted():
                self.run = event
            case WorkflowStarted():
                self.chapters.append(_Chapter(event, {step: [] for step, _ in event.steps}))
            case StepEnded():
                self._chapter(event.workflow, event.at).steps.setdefault(event.step, []).append(event)
            case ActStarted():
                act = self._open[event.key] = _Act(event)
                self._chapter(event.workflow, event.at).acts.setdefault(event.step, []).append(act)
            case ActEnded():
                if act_ended := self._open.pop(event.key, None):
                    act_ended.ended = event
            case NodeEnded():
                self._chapter(event.workflow, event.at).nodes.append(event)
            case WorkflowEnded():
                self._chapter(event.workflow, event.at).ended = event
            case Noted():
                self.notes.append(event)
            case RunEnded():
                self.end = event
            case _:
                pass

    def _chapter(self, workflow: str, at: float) -> _Chapter:
        """The latest of that name: a chain may run one workflow several times."""
        for chapter in reversed(self.chapters):
            if chapter.started.workflow == workflow:
                return chapter
        unknown = WorkflowStarted(at=at, workflow=workflow, summary="", nodes=(), steps=())
        self.chapters.append(_Chapter(unknown, {}))
        return self.chapters[-1]


def tell(record: RunRecord, events: Iterable[Event], *, verbosity: int = 0, zone: tzinfo | None = None) -> list[str]:
    """The story of a run, in lines: who ran what from which commit, then each workflow with its steps, acts and failures. Times are in
    `zone`, None being this machine's. `verbosity` 1 adds where nothing was done, complete changes with diffs, and keys of acts."""
    book = _Book()
    for event in events:
        book.add(event)
    lines = _header(record, book, zone)
    for chapter in book.chapters:
        lines += ["", *_chapter(chapter, record.mode, verbosity, zone)]
    if book.notes:
        lines += ["", "notes"]
        lines += [f"  {_clock(note.at, zone)}  {note.level}: {clean(note.text)}" for note in book.notes]
    return [*lines, "", *_ending(record, book)]


def table(runs: Sequence[RunRecord], *, zone: tzinfo | None = None) -> list[str]:
    """The runs as aligned columns under a heading, in the order given."""
    if not runs:
        return ["no runs are recorded"]
    heading = ("run", "started", "took", "mode", "what", "nodes", "commit", "user", "result")
    return columns([heading, *(_row(record, zone) for record in runs)])


def _row(record: RunRecord, zone: tzinfo | None) -> tuple[str, ...]:
    took = seconds(record.ended - record.started) if record.ended is not None else "-"
    commit = f"{record.commit[:7]}{' dirty' if record.dirty else ''}" if record.commit else "-"
    started = f"{moment(record.started, zone):%Y-%m-%d %H:%M:%S}"
    what = (record.mode, record.what, record.noderange or "-", commit, record.user or "-", _result(record))
    return (record.id, started, took, *(clean(cell) for cell in what))


def _result(record: RunRecord) -> str:
    """The counts, and the exit status where they do not tell it."""
    if record.exit_code is None:
        return "not finished"
    numbers = counts(record.counts, record.mode)
    if record.exit_code in (ExitCode.OK, ExitCode.FAILED):
        return numbers
    return f"{_exit(record.exit_code)}: {numbers}"


def _exit(code: int) -> str:
    return _EXITS[ExitCode(code)] if code in ExitCode._value2member_map_ else f"exit {code}"


# --- parts of the story ---


def _header(record: RunRecord, book: _Book, zone: tzinfo | None) -> list[str]:
    run = book.run
    who = f" by {clean(record.user)}" if record.user else ""
    version = f" with xcatflow {run.version}" if run and run.version else ""
    lines = [
        f"run {record.id}: {record.mode} {clean(record.what)}"
        + (f" on {clean(record.noderange)}" if record.noderange else ""),
        f"  started  {moment(record.started, zone):%Y-%m-%d %H:%M:%S %Z}{who}{version}",
    ]
    if record.ended is None:
        lines.append("  ended    not recorded: still at work, or killed")
    else:
        ended = f"{moment(record.ended, zone):%Y-%m-%d %H:%M:%S %Z}"
        code = record.exit_code or 0
        lines.append(f"  ended    {ended} after {seconds(record.ended - record.started)}, exit {code} ({_exit(code)})")
    dirty = " dirty: files differed from it" if record.dirty else ""
    lines.append(f"  commit   {record.commit}{dirty}" if record.commit else "  commit   none: not in git")
    if run and run.arguments:
        lines.append(f"  command  {clean(join(run.arguments))}")
    return lines


def _chapter(chapter: _Chapter, mode: str, verbosity: int, zone: tzinfo | None) -> list[str]:
    started = chapter.started
    nodes = f": {fold(started.nodes)}" if started.nodes else ""
    lines = [f"{started.workflow}: {count(len(started.nodes), 'node')}{nodes}"]
    if started.summary:
        lines.append(f"  {clean(started.summary)}")
    for step in dict.fromkeys([*chapter.steps, *chapter.acts]):
        lines += [f"  {line.text}" for line in step_lines(chapter.steps.get(step, []), verbosity=verbosity)]
        lines += [f"  {INDENT}{text}" for act in chapter.acts.get(step, []) for text in _act(act, verbosity, zone)]
    lines += [f"  {line.text}" for line in left_out_lines(one for one in chapter.nodes if one.message)]
    failures = failure_lines(one for ended in chapter.steps.values() for one in ended if one.outcome.bad)
    if failures:
        lines += ["  failures:", *(f"  {line.text}" for line in failures)]
    return lines + _balance(chapter, mode)


def _act(act: _Act, verbosity: int, zone: tzinfo | None) -> list[str]:
    begun, key = act.begun, f"  [{act.begun.key}]" if verbosity else ""
    at = f" at {begun.target}" if begun.target not in ("", begun.node) else ""
    what = f"{_clock(begun.at, zone)}  {begun.node}{at}  {clean(str(begun.change))}"
    if act.ended is None:
        return [f"{what}  interrupted here: begun, and no end is recorded{key}"]
    error = f"  failed: {clean(act.ended.error)}" if act.ended.error else ""
    return [f"{what}  {seconds(act.ended.at - begun.at)}{error}{key}"]


def _balance(chapter: _Chapter, mode: str) -> list[str]:
    if (ended := chapter.ended) is None:
        return ["  not finished"]
    return [
        f"  {counts(ended.counts, mode)} in {seconds(ended.duration_s)}",
        *(f"  {line}" for line in traffic_lines(ended.traffic)),
    ]


def _ending(record: RunRecord, book: _Book) -> list[str]:
    cut = [act for chapter in book.chapters for acts in chapter.acts.values() for act in acts if act.ended is None]
    lines = [f"interrupted here: {one.begun.node}  {one.begun.step}: {clean(str(one.begun.change))}" for one in cut]
    if book.end is None:
        return [*lines, "the run did not finish"]
    traffic = traffic_lines(book.end.traffic) if len(book.chapters) > 1 else []
    return [*lines, f"in all: {counts(book.end.counts, record.mode)}", *traffic]


def _clock(at: float, zone: tzinfo | None) -> str:
    return f"{moment(at, zone):%H:%M:%S}"
