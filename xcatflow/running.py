"""A run from request to end: jobs made, locks taken, adapters built, events recorded. Part of the composition root."""

import getpass
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from xcatflow import __version__
from xcatflow.engine.bus import Bus, Listener
from xcatflow.engine.check import checked_inputs
from xcatflow.engine.lock import locked
from xcatflow.engine.prepare import Preparer
from xcatflow.engine.run import Job, Run
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import ExitCode, InvalidInput, Problem, Source, did_you_mean
from xcatflow.journal.facts import FactStore
from xcatflow.journal.store import Journal
from xcatflow.load.git import revision
from xcatflow.model.call import Call, Called
from xcatflow.model.cross_checks import check_addresses
from xcatflow.model.definitions import Definitions
from xcatflow.model.event import Event, NodeEnded, Outcome, RunStarted, StepEnded
from xcatflow.model.fold import fold
from xcatflow.model.placed import PlacedChain, PlacedWorkflow, placed_call, with_batch
from xcatflow.model.run import new_run_id
from xcatflow.model.site import STATE
from xcatflow.steps.registry import find as find_step
from xcatflow.transport.pool import Machines
from xcatflow.wiring import Wiring

Entry = tuple[PlacedWorkflow, tuple[str, ...], Mapping[str, Any]]
Mode = Literal["plan", "apply", "look"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to run: a workflow or chain by name, on which nodes (empty: its own), with which inputs."""

    what: str
    mode: Mode
    nodes: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    allow_empty: bool = False
    wait: bool = False
    accept_new: bool = False
    arguments: tuple[str, ...] = ()
    batch: str = ""
    """Nodes at a time instead of the workflow's own number."""


@dataclass(slots=True)
class Handle:
    """The reins of a run under way: `stop` finishes what is being done and begins nothing more, `abandon` ends even that."""

    run: Run
    machines: Machines

    def stop(self) -> None:
        self.run.stop()

    def abandon(self) -> None:
        self.run.stop()
        self.machines.cancel()


class Files(Protocol):
    """What a run needs of a site."""

    root: Path

    @property
    def definitions(self) -> Definitions: ...
    def select(self, noderange: str, source: Source | None = None) -> tuple[str, ...]: ...
    def chains(self) -> tuple[str, ...]: ...
    def workflow(self, name: str) -> PlacedWorkflow: ...
    def chain(self, name: str) -> PlacedChain: ...
    def keep_status(self, status: Mapping[str, str]) -> str: ...
    def journal(self) -> Journal: ...
    @property
    def facts(self) -> FactStore: ...


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs requests on a site."""

    site: Files

    def run(
        self,
        request: Request,
        reporters: Sequence[Listener] = (),
        started: Callable[[Handle], None] = lambda _handle: None,
    ) -> ExitCode:
        """Run to the end; `reporters` hear the events, `started` gets the reins. Raises InvalidInput and Locked, nothing touched."""
        redactor = Redactor()
        wiring = Wiring(self.site.root, self.site.definitions, redactor, request.mode == "plan", request.accept_new)
        preparer = Preparer(self.site.definitions, find_step, self.site.select, wiring.desk, wiring.secret)
        try:
            with redactor.hiding():
                jobs, chain = self._jobs(request, preparer)
            names = (request.what, *(job.workflow.spec.name for job in jobs)) if request.mode == "apply" else ()
            run_id = new_run_id(time.time())
            wait = request.wait or (chain is not None and chain.spec.overlap == "wait")
            with (
                locked(self.site.root / STATE / "locks", names, holder=f"run {run_id} ({request.what})", wait=wait),
                self._recorded(request, run_id, reporters) as bus,
            ):
                return self._execute(wiring, preparer, bus, run_id, request, jobs, chain, started)
        finally:
            wiring.close()

    def call(
        self,
        call: Call,
        reporters: Sequence[Listener] = (),
        started: Callable[[Handle], None] = lambda _handle: None,
    ) -> Called:
        """Run a command's own steps to the end; nodes for which they make no sense are left out. Takes no lock: of two commands for one
        node the daemon decides."""
        redactor = Redactor()
        wiring = Wiring(self.site.root, self.site.definitions, redactor, call.looks, user=call.user)
        preparer = Preparer(self.site.definitions, find_step, self.site.select, wiring.desk, wiring.secret)
        placed = placed_call(call.workflow)
        request = Request(
            what=call.what, mode="look" if call.looks else "apply", nodes=fold(call.given), arguments=call.arguments
        )
        try:
            lanes, wrong = preparer.lanes_apart(placed, call.given)
            refused = {node: _once(problems) for node, problems in wrong.items()}
            if not lanes:
                return Called(ExitCode.FAILED if refused else ExitCode.OK, refused)
            run_id = new_run_id(time.time())
            with self._recorded(request, run_id, reporters, brief=True) as bus:
                code = self._execute(wiring, preparer, bus, run_id, request, (Job(placed, lanes),), None, started)
            return Called(code, refused)
        finally:
            wiring.close()

    def _execute(
        self,
        wiring: Wiring,
        preparer: Preparer,
        bus: Bus,
        run_id: str,
        request: Request,
        jobs: Sequence[Job],
        chain: PlacedChain | None,
        started: Callable[[Handle], None],
    ) -> ExitCode:
        stopping = threading.Event()
        machines = Machines(
            open_shell=wiring.shell, open_docker=wiring.docker, authority=wiring.authority, stopping=stopping
        )
        run = Run(
            id=run_id,
            apply=request.mode != "plan",
            bus=bus,
            faces=machines,
            finish=preparer.finish,
            redactor=wiring.redactor,
            traffic=wiring.counted,
            chain_stops=chain is not None and chain.spec.on_failure == "stop",
            keep_status=self.site.keep_status,
            stopping=stopping,
        )
        started(Handle(run, machines))
        try:
            return run.execute(jobs)
        finally:
            machines.close()

    def _jobs(self, request: Request, preparer: Preparer) -> tuple[tuple[Job, ...], PlacedChain | None]:
        chain = self.site.chain(request.what) if request.what in self.site.chains() else None
        if problems := check_addresses(self.site.definitions):
            raise InvalidInput(problems)
        entries: list[tuple[PlacedWorkflow, tuple[str, ...], Mapping[str, Any]]] = []
        if chain is None:
            workflow = with_batch(self.site.workflow(request.what), request.batch)
            nodes = self._nodes(workflow, request.nodes or workflow.spec.nodes, workflow.place(("nodes",)), request)
            entries.append((workflow, nodes, self._inputs(workflow, request.inputs)))
        else:
            wanted = frozenset(self.site.select(request.nodes)) if request.nodes else None
            for index, (entry, workflow) in enumerate(zip(chain.spec.workflows, chain.workflows, strict=True)):
                place = chain.place(("workflows", index, "nodes")) if entry.nodes else workflow.place(("nodes",))
                found = self.site.select(entry.nodes or workflow.spec.nodes, place)
                nodes = tuple(node for node in found if wanted is None or node in wanted)
                given = {name: value for name, value in request.inputs.items() if name in workflow.spec.inputs}
                entries.append((workflow, nodes, self._inputs(workflow, {**entry.inputs, **given})))
            self._all_known(request.inputs, chain)
        if not any(nodes for _, nodes, _ in entries) and not request.allow_empty:
            raise InvalidInput(_empty(request))
        return self._lanes(entries, preparer), chain

    def _lanes(
        self, entries: Sequence[tuple[PlacedWorkflow, tuple[str, ...], Mapping[str, Any]]], preparer: Preparer
    ) -> tuple[Job, ...]:
        jobs: list[Job] = []
        problems: list[Problem] = []
        for workflow, nodes, inputs in entries:
            try:
                jobs.append(Job(workflow, preparer.lanes(workflow, nodes, inputs)))
            except InvalidInput as error:
                problems += error.problems
        if problems:
            raise InvalidInput(dict.fromkeys(problems))
        return tuple(jobs)

    def _nodes(self, workflow: PlacedWorkflow, noderange: str, place: Source, request: Request) -> tuple[str, ...]:
        if not noderange and not request.allow_empty:
            raise InvalidInput(f'workflow "{workflow.spec.name}" names no nodes: give a noderange with -n')
        return self.site.select(noderange, None if request.nodes else place)

    def _inputs(self, workflow: PlacedWorkflow, given: Mapping[str, Any]) -> dict[str, Any]:
        return checked_inputs(workflow, given)

    def _all_known(self, given: Mapping[str, Any], chain: PlacedChain) -> None:
        known = {name for workflow in chain.workflows for name in workflow.spec.inputs}
        if unknown := [name for name in given if name not in known]:
            raise InvalidInput(
                f'no workflow of "{chain.spec.name}" has an input "{unknown[0]}"{did_you_mean(unknown[0], known)}'
            )

    @contextmanager
    def _recorded(
        self, request: Request, run_id: str, reporters: Sequence[Listener], *, brief: bool = False
    ) -> Iterator[Bus]:
        """The way of events to the journal and the reporters; `brief` keeps no record of what needed nothing, since commands that look at a
        thousand nodes may be run every minute."""
        state = revision(self.site.root)
        journal = self.site.journal()

        def write_what_matters(events: Sequence[Event]) -> None:
            journal.write([event for event in events if not _needed_nothing(event)])

        try:
            with Bus(write_what_matters if brief else journal.write, (self.site.facts.hear, *reporters)) as bus:
                bus.write(
                    RunStarted(
                        at=time.time(),
                        run=run_id,
                        mode=request.mode,
                        what=request.what,
                        noderange=request.nodes,
                        commit=state.commit,
                        dirty=state.dirty,
                        arguments=request.arguments,
                        user=getpass.getuser(),
                        version=__version__,
                    )
                )
                yield bus
        finally:
            journal.close()


def _needed_nothing(event: Event) -> bool:
    return isinstance(event, StepEnded | NodeEnded) and event.outcome is Outcome.OK


def _once(problems: Sequence[Problem]) -> tuple[str, ...]:
    """Messages of problems; what several steps say of one value, each by its own name of it, once."""
    return tuple(
        {problem.message.partition(": ")[2] or problem.message: problem.message for problem in problems}.values()
    )


def _empty(request: Request) -> str:
    """The complaint about a request that selects no node."""
    if request.nodes:
        return (
            f'-n "{request.nodes}" selects no node for "{request.what}": give another noderange, or say --allow-empty'
        )
    return f'"{request.what}" selects no node: give a noderange with -n, or say --allow-empty'
