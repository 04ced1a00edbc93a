"""Tasks about what is written down: init, check, nodes, kinds, schema."""

import json as json_text
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from xcatflow.errors import ExitCode, InvalidInput
from xcatflow.tasks.common import say, site, told, warn


@task(
    positional=["directory"],
    optional=["directory"],
    help={"directory": "where to make it; this directory when left out"},
)
@told
def init(_context: Context, directory: str = ".") -> None:
    """Make a site: workflows, an example inventory, tasks.py. Keeps every file that is there."""
    from xcatflow.load.shipped import make_site

    root = Path(directory)
    inventory = not any((root / "inventory").glob("*")) if (root / "inventory").is_dir() else True
    written = [name for name, new in make_site(root, inventory=inventory) if new]
    say(*(f"wrote {root / name}" for name in written))
    say(f"{root.resolve()}: {len(written)} files written. Edit inventory/, then: xcatflow check; xcatflow plan site")


@task
@told
def check(_context: Context) -> None:
    """Check definitions, workflows and chains; every problem at its place. Opens no connection."""
    here = site()
    if problems := here.check():
        warn(*(f"error: {problem}" for problem in problems))
        raise Exit(code=int(ExitCode.INVALID))
    definitions = here.definitions
    warn(*(f"warning: {problem}" for problem in here.warnings()))
    say(
        f"{here.root}: {len(definitions.nodes)} nodes, {len(here.workflows())} workflows, {len(here.chains())} chains: no problem found"
    )


@task(
    positional=["noderange"],
    optional=["noderange"],
    help={
        "noderange": "which nodes; all when left out",
        "attributes": "attributes to show, joined with commas (default: groups,ip,mgt,dockerhost)",
        "json": "as JSON",
    },
)
@told
def nodes(
    _context: Context, noderange: str = "", attributes: str = "groups,ip,mgt,dockerhost", json: bool = False
) -> None:
    """List nodes with effective attributes."""
    here = site()
    names = here.select(noderange) if noderange else tuple(sorted(here.definitions.nodes))
    wanted = [name.strip() for name in attributes.split(",") if name.strip()]
    columns: list[str] = []
    for name in wanted:
        if (canonical := here.definitions.canonical(name)) is None:
            from xcatflow.errors import did_you_mean
            from xcatflow.model.attributes import ATTRIBUTES

            raise InvalidInput(f'nodes have no attribute "{name}"{did_you_mean(name, ATTRIBUTES["node"])}')
        columns.append(canonical)
    rows = [(name, *((here.definitions.value(name, column) or "") for column in columns)) for name in names]
    if json:
        say(json_text.dumps([dict(zip(("node", *columns), row, strict=True)) for row in rows], indent=2))
        return
    widths = [max(len(row[index]) for row in (("node", *columns), *rows)) for index in range(len(columns) + 1)]
    for row in (("node", *columns), *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@task(positional=["kind"], optional=["kind"], help={"kind": "show this kind's parameters"})
@told
def kinds(_context: Context, kind: str = "") -> None:
    """List the kinds of steps, or tell one kind's parameters."""
    from xcatflow.steps.registry import find
    from xcatflow.steps.registry import kinds as known

    if not kind:
        width = max(len(name) for name in known())
        say(*(f"{name.ljust(width)}  {_summary(find(name))}" for name in known()))
        return
    step = find(kind)
    say(f"{kind}: {_summary(step)}", "")
    for name, field in step.params.model_fields.items():
        if field.exclude:
            continue
        default = (
            "required" if field.is_required() else f"default {_shown(field.get_default(call_default_factory=True))}"
        )
        say(f"  {field.alias or name} ({default})", f"      {field.description}")


@task(
    positional=["sort"],
    optional=["sort"],
    help={"sort": "workflow, block or chain", "write": "write all of them to workflows/schema/ of the site"},
)
@told
def schema(_context: Context, sort: str = "workflow", write: bool = False) -> None:
    """Print the JSON Schema of workflow files, for editors."""
    from xcatflow.model.schema import SORTS, schema_of
    from xcatflow.steps.registry import find
    from xcatflow.steps.registry import kinds as known

    if sort not in SORTS:
        raise InvalidInput(f'no schema "{sort}": expected {", ".join(SORTS)}')
    taught = {name: (_summary(find(name)), find(name).params) for name in known()}
    if not write:
        say(json_text.dumps(schema_of(sort, taught), indent=1, sort_keys=True))
        return
    directory = site().root / "workflows" / "schema"
    directory.mkdir(exist_ok=True)
    for name in SORTS:
        path = directory / f"{name}.json"
        path.write_text(json_text.dumps(schema_of(name, taught), indent=1, sort_keys=True) + "\n")
        say(f"wrote {path}")


def _summary(step: Any) -> str:
    """The first sentence of a step's documentation, on one line."""
    return " ".join((type(step).__doc__ or "").split("\n\n")[0].split())


def _shown(value: object) -> str:
    if value in ("", None, (), []):
        return "none"
    return json_text.dumps(value, default=str)
