"""xcatflow as a library: a site, and what can be done with it. Builds everything else; prints nothing, keeps no globals.

What a method needs is imported when it is called: who lists nodes does not wait for what runs workflows.

site = Site.load(Path("."))
for event in site.plan("create-instance", nodes="rack1"):
    ...
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from xcatflow.errors import ExitCode, InvalidInput, Locked, Problem, Source, did_you_mean
from xcatflow.model.site import STATE

if TYPE_CHECKING:
    from xcatflow.checking import Checked
    from xcatflow.edit.editing import Editing
    from xcatflow.engine.bus import Listener
    from xcatflow.journal.facts import FactStore
    from xcatflow.journal.store import Journal
    from xcatflow.model.call import Call, Called
    from xcatflow.model.definitions import Definitions
    from xcatflow.model.event import Event
    from xcatflow.model.placed import PlacedChain, PlacedWorkflow
    from xcatflow.readiness import HostReadiness
    from xcatflow.running import Handle, Request


class Site:
    """A directory with `inventory/` and `workflows/`."""

    def __init__(self, root: Path, definitions: Definitions | None = None) -> None:
        """The site at `root`, with these definitions where they are known already."""
        self.root = root
        self._wrote = False
        if definitions is not None:
            definitions.facts = self.facts
            self.definitions = definitions

    @classmethod
    def load(cls, path: Path | None = None) -> Site:
        """The site at `path`; without one `$XCATFLOW_SITE`, else the nearest directory from here upwards with an `inventory/`.

        Raises InvalidInput when there is none.
        """
        named = os.environ.get("XCATFLOW_SITE")
        given = path or (Path(named) if named else None)
        if given is not None:
            if not (given / "inventory").is_dir():
                said = "" if path else " (--site, or $XCATFLOW_SITE)"
                raise InvalidInput(
                    f'no site at "{given}"{said}: expected a directory with "inventory/" (xcatflow init makes one)'
                )
            return cls(given.resolve())
        here = Path.cwd()
        for directory in (here, *here.parents):
            if (directory / "inventory").is_dir():
                return cls(directory)
        raise InvalidInput(
            'no site here: expected "inventory/" in this directory or one above (xcatflow init makes a site)'
        )

    # --- what is written down ---

    @cached_property
    def definitions(self) -> Definitions:
        """All definitions. Raises InvalidInput with every problem."""
        from xcatflow.cache.inventory import load_inventory

        found = load_inventory(self.root / "inventory").definitions
        found.facts = self.facts
        return found

    @cached_property
    def facts(self) -> FactStore:
        """What was found out about the nodes; read when somebody asks."""
        from xcatflow.journal.facts import FactStore

        return FactStore(self.root / STATE / "facts.sqlite")

    def select(self, noderange: str, source: Source | None = None) -> tuple[str, ...]:
        """The nodes a noderange means, sorted. Raises InvalidInput, with `source` as its place."""
        from xcatflow.selection import select

        try:
            return select(noderange, self.definitions)
        except InvalidInput as error:
            if source is None:
                raise
            raise InvalidInput(
                Problem(problem.message, problem.source or source) for problem in error.problems
            ) from None

    def editing(self, waits: Callable[[str], None] = lambda _text: None) -> AbstractContextManager[Editing]:
        """Take the definitions to change them: nobody else does until the context ends. `waits` hears who has them when it takes a while
        to get them. Raises Locked, InvalidInput."""
        from xcatflow.edit.editing import editing

        return editing(self.root, waits=waits)

    def keep_status(self, status: Mapping[str, str]) -> str:
        """Write the new status of nodes into the definitions; what went wrong, empty where nothing did."""
        from xcatflow.model.node_status import status_edits

        try:
            # What was read once is not what stands there now when this has written since.
            if self._wrote or status_edits(self.definitions, status):
                with self.editing() as editing:
                    if edits := status_edits(editing.definitions, status):
                        editing.write(edits)
                        self._wrote = True
        except (InvalidInput, Locked) as error:
            return f"the status of nodes could not be written: {' '.join(str(error).split())}"
        return ""

    def workflows(self) -> tuple[str, ...]:
        """Names of the site's workflows."""
        return _names(self.root / "workflows")

    def chains(self) -> tuple[str, ...]:
        """Names of the site's chains."""
        return _names(self.root / "workflows" / "chains")

    def workflow(self, name: str) -> PlacedWorkflow:
        """A workflow by name, checked as far as the files alone allow. Raises InvalidInput."""
        from xcatflow.engine.check import check_workflow
        from xcatflow.load.workflow import load_workflow
        from xcatflow.steps.registry import find as find_step

        path = self.root / "workflows" / f"{name}.yaml"
        if name not in self.workflows():
            hint = did_you_mean(name, (*self.workflows(), *self.chains()))
            raise InvalidInput(f'no workflow "{name}" in {self.root / "workflows"}{hint}')
        placed = load_workflow(path, self.root)
        if problems := check_workflow(placed, find_step, self.definitions):
            raise InvalidInput(problems)
        return placed

    def chain(self, name: str) -> PlacedChain:
        """A chain by name, with its workflows. Raises InvalidInput."""
        from xcatflow.load.workflow import load_chain

        if name not in self.chains():
            hint = did_you_mean(name, (*self.chains(), *self.workflows()))
            raise InvalidInput(f'no chain "{name}" in {self.root / "workflows" / "chains"}{hint}')
        return load_chain(self.root / "workflows" / "chains" / f"{name}.yaml", self.root, self.workflow)

    def checked(self) -> Checked:
        """Everything that is wrong or odd with the site's files, at once. Opens no connection, raises nothing."""
        from xcatflow.checking import check

        return check(self.root, lambda definitions: Site(self.root, definitions))

    def check(self) -> tuple[Problem, ...]:
        """The errors among it; empty when all is well."""
        return self.checked().problems("error")

    def warnings(self) -> tuple[Problem, ...]:
        """What is odd among it, but can be worked with."""
        return self.checked().problems("warning")

    def journal(self) -> Journal:
        """The record of this site's runs."""
        from xcatflow.journal.store import Journal

        return Journal(self.root / STATE / "journal.sqlite")

    # --- running ---

    def plan(self, what: str, *, nodes: str = "", inputs: Mapping[str, str] | None = None) -> Iterator[Event]:
        """What `apply` would do, as events; touches nothing. Raises InvalidInput before the first event."""
        from xcatflow.running import Request

        return self._events(Request(what=what, mode="plan", nodes=nodes, inputs=inputs or {}))

    def apply(self, what: str, *, nodes: str = "", inputs: Mapping[str, str] | None = None) -> Iterator[Event]:
        """Run a workflow or chain; events as they happen, RunEnded last. Who leaves off reading stops the run: what is being done is
        finished first. Raises InvalidInput and Locked before the first event."""
        from xcatflow.running import Request

        return self._events(Request(what=what, mode="apply", nodes=nodes, inputs=inputs or {}))

    def run(
        self,
        request: Request,
        reporters: Sequence[Listener] = (),
        started: Callable[[Handle], None] = lambda _handle: None,
    ) -> ExitCode:
        """Run to the end; `reporters` hear the events, `started` gets the reins. Raises InvalidInput and Locked, nothing touched."""
        from xcatflow.running import Runner

        return Runner(self).run(request, reporters, started)

    def call(
        self,
        call: Call,
        reporters: Sequence[Listener] = (),
        started: Callable[[Handle], None] = lambda _handle: None,
    ) -> Called:
        """Run a command's own steps to the end. Raises InvalidInput where definitions cannot be read."""
        from xcatflow.running import Runner

        return Runner(self).call(call, reporters, started)

    def readiness(self, nodes: str, *, bridge: str = "mydocker0") -> tuple[HostReadiness, ...]:
        """Are these nodes Docker hosts, with an engine that runs, this bridge, and certificates by which it lets us in? Looked at now.
        Raises InvalidInput."""
        from xcatflow.readiness import readiness

        names = self.select(nodes)
        return readiness(self.call, self.definitions, names, bridge=bridge, workflows=self.workflows())

    def _events(self, request: Request) -> Iterator[Event]:
        queue: SimpleQueue[Event | BaseException | None] = SimpleQueue()
        reins: list[Handle] = []
        left = threading.Event()

        def hear(events: Sequence[Event]) -> None:
            for event in events:
                queue.put(event)

        def begun(handle: Handle) -> None:
            reins.append(handle)
            if left.is_set():
                handle.stop()

        def work() -> None:
            try:
                self.run(request, [hear], begun)
                queue.put(None)
            except BaseException as error:  # handed to the thread that reads
                queue.put(error)

        thread = threading.Thread(target=work, name="xcatflow-run", daemon=True)
        thread.start()
        try:
            while (item := queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            left.set()
            for handle in reins:
                handle.stop()
            thread.join()


def _names(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in directory.glob("*.yaml")))
