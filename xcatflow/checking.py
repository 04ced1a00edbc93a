"""Everything that can be found wrong with a site without a connection, at once. Part of the composition root."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from xcatflow.contract import Step
from xcatflow.engine.check import check_workflow
from xcatflow.engine.lint import Lint
from xcatflow.engine.prepare import Preparer
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import InvalidInput, NotGathered, Problem, Source
from xcatflow.load.oddities import unread_definitions, unread_workflows
from xcatflow.load.survey import Survey, survey
from xcatflow.load.workflow import place_chain, place_workflow
from xcatflow.model import checks
from xcatflow.model.definitions import Definitions
from xcatflow.model.findings import Finding, Findings
from xcatflow.model.lookup import BadTemplate, templates_in
from xcatflow.model.placed import PlacedStep, PlacedWorkflow
from xcatflow.selection import UnknownNames
from xcatflow.steps.registry import find as find_step
from xcatflow.wiring import Wiring

_NEEDS = re.compile(r'step "[^"]*" needs "\$\{')
"""How complaints about a lookup without a value begin: these are told by others, or are of the environment."""


class Files(Protocol):
    """What is checked of a site."""

    root: Path

    def select(self, noderange: str) -> tuple[str, ...]: ...
    def workflows(self) -> tuple[str, ...]: ...
    def chains(self) -> tuple[str, ...]: ...
    def workflow(self, name: str) -> PlacedWorkflow: ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, in order of files and lines, and how much was looked at."""

    findings: tuple[Finding, ...]
    nodes: int
    workflows: int
    chains: int

    def problems(self, severity: str) -> tuple[Problem, ...]:
        """The problems of one severity."""
        return tuple(each.problem for each in self.findings if each.severity == severity)


def check(root: Path, site_of: Callable[[Definitions], Files]) -> Checked:
    """Check the site at `root`; `site_of` makes one that has the given definitions."""
    read = survey(root / "inventory")
    site = site_of(read.definitions)
    found = Findings()
    found.add("error", *read.errors)
    found.add("warning", *read.warnings)
    found.add("warning", *unread_definitions(root / "inventory"))
    found.add("warning", *unread_workflows(root / "workflows"))
    for file in read.unread:
        message = "what refers to objects of this file is not checked until it is put right"
        found.warn(message, Source(file))
    checks.check(found, read.definitions, read.lost)
    _excluded(found, site, read.definitions)
    _workflows(found, site, read)
    return Checked(found.all, len(read.definitions.nodes), len(site.workflows()), len(site.chains()))


def _excluded(found: Findings, site: Files, definitions: Definitions) -> None:
    """Nodes that the site's `excludenodes` names and nobody defines: they exclude nothing."""
    text = definitions.site.get("excludenodes", "").strip()
    if not text:
        return
    place = definitions.records["site", "clustersite"].source("excludenodes")
    try:
        site.select(text)
    except UnknownNames as error:
        found.warn(f'"excludenodes" of the site: {error.problems[0].message}', place)
    except InvalidInput as error:
        found.error(error.problems[0].message, place)


def _workflows(found: Findings, site: Files, read: Survey) -> None:
    lint = Lint(found, read.definitions, lambda noderange: _selected(site, read, noderange))
    loaded: dict[str, PlacedWorkflow] = {}
    for name in site.workflows():
        with _told(found):
            workflow, problems = place_workflow(site.root / "workflows" / f"{name}.yaml", site.root)
            found.add("error", *problems)
            loaded[name] = workflow
            found.add("error", *check_workflow(workflow, find_step, read.definitions))
            lint.workflow(workflow)
    if not any(each.severity == "error" for each in found.all):
        _from_files(found, site, read, loaded.values())
    for name in site.chains():
        if name in site.workflows():
            message = f'"{name}" is the name of a workflow as well: rename one of them'
            found.error(message, Source(f"workflows/chains/{name}.yaml"))
        with _told(found):
            path = site.root / "workflows" / "chains" / f"{name}.yaml"
            chain, problems = place_chain(path, site.root, lambda wanted: loaded.get(wanted) or site.workflow(wanted))
            found.add("error", *problems)
            lint.chain(chain)


@contextmanager
def _told(found: Findings) -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        found.add("error", *error.problems)
    except BadTemplate:
        return  # told already, by whoever read the file


def _selected(site: Files, read: Survey, noderange: str) -> tuple[str, ...]:
    """The nodes that a noderange means; names that may stand in a file that could not be read are no mistake."""
    try:
        return site.select(noderange)
    except UnknownNames as error:
        if all(read.lost(name) for name in error.names):
            return error.valid
        raise


def _from_files(found: Findings, site: Files, read: Survey, workflows: Iterable[PlacedWorkflow]) -> None:
    """What is wrong in files that steps are prepared from, and in the script lists of nodes. Other mistakes come first: with them, what is
    said here would be said of what nobody means."""
    wiring = Wiring(site.root, read.definitions, Redactor(), rehearse=True)

    def select(noderange: str, _source: Source) -> tuple[str, ...]:
        try:
            return _selected(site, read, noderange)
        except NotGathered:  # files can be right where nothing was gathered
            return ()

    preparer = Preparer(read.definitions, find_step, select, wiring.desk, lambda name: wiring.secret(name) or name)
    try:
        for workflow in workflows:
            try:
                nodes = select(workflow.spec.nodes, workflow.place(("nodes",))) if workflow.spec.nodes else ()
                steps = tuple(placed for placed in workflow.steps if _reads_files(placed))
                preparer.lanes(replace(workflow, steps=steps), nodes, {})
            except InvalidInput as error:
                found.add("error", *(it for it in error.problems if not _NEEDS.match(it.message)))
    finally:
        wiring.close()


def _reads_files(placed: PlacedStep) -> bool:
    """Is there more to a step than its parameters, and can it be known without inputs that are given for a run?"""
    kind = find_step(placed.spec.use)
    if isinstance(kind, Step) and type(kind).prepare is Step.prepare:
        return False
    declared = placed.inputs.declared
    asked = [
        lookup.path[1]
        for _, template in templates_in(placed.spec.with_)
        for lookup in template.lookups
        if lookup.path[0] == "input" and lookup.default is None
    ]
    return not any(name in declared and declared[name].default in (None, "") for name in asked)
