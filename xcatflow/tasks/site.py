"""Tasks about what is written down: init, check, nodes, kinds, schema."""

import json as json_text
import os
import sys
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from xcatflow.errors import ExitCode, InvalidInput, Problem, did_you_mean
from xcatflow.tasks.common import say, site, warn
from xcatflow.tasks.face import face

if TYPE_CHECKING:
    from xcatflow.app import Site
    from xcatflow.model.definitions import Definitions
    from xcatflow.model.findings import Finding

_ATTRIBUTES = "groups,ip,mgt,dockerhost"


@face(words=["directory"], help={"directory": "where to make it; that of --site, else this directory when left out"})
def init(directory: str = "") -> None:
    """Make a site: workflows, an example inventory, tasks.py. Keeps every file that is there."""
    from xcatflow.load.shipped import make_site, not_ignored
    from xcatflow.report.text import count

    root = Path(directory or os.environ.get("XCATFLOW_SITE") or ".")
    has_inventory = (root / "inventory").is_dir() and any((root / "inventory").iterdir())
    made = tuple(make_site(root, inventory=not has_inventory))
    written = [name for name, new in made if new]
    say(*(f"wrote {root / name}" for name in written))
    kept = len(made) - len(written)
    news = f"{count(len(written), 'file')} written" if written else "nothing written"
    say(f"{root.resolve()}: {news}" + (f", {count(kept, 'file')} kept as they were" if kept else ""))
    if missing := not_ignored(root):
        warn(f'warning: "{root / ".gitignore"}" lacks {", ".join(missing)}: keys and secrets could get into git')
    if written:
        say("next: edit inventory/, then xcatflow check, then xcatflow plan site")


@face(
    help={
        "strict": "warnings count as errors",
        "hosts": "a noderange: look whether these machines are Docker hosts, instead of checking the files",
        "bridge": "the bridge that --hosts looks for",
        "json": "as JSON",
    }
)
def check(strict: bool = False, hosts: str = "", bridge: str = "mydocker0", json: bool = False) -> None:
    """Check definitions, workflows and chains: every problem at its place, all at once. Opens no connection, but with --hosts."""
    from xcatflow.report.text import count

    here = site()
    if hosts:
        _check_hosts(here, hosts, bridge, json=json)
        return
    checked = here.checked()
    errors, warnings = len(checked.problems("error")), len(checked.problems("warning"))
    if json:
        say(json_text.dumps([_as_data(finding) for finding in checked.findings], indent=2))
    else:
        warn(*map(str, checked.findings))
        counted = (count(checked.nodes, "node"), count(checked.workflows, "workflow"), count(checked.chains, "chain"))
        parts = [count(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number]
        say(f"{here.root}: {', '.join(counted)}: {', '.join(parts) or 'no problem found'}")
    if errors or (strict and warnings):
        raise SystemExit(int(ExitCode.INVALID))


def _check_hosts(here: "Site", noderange: str, bridge: str, *, json: bool) -> None:
    """Tell what each Docker host has and lacks. Ends the process unless all are ready."""
    from xcatflow.tasks.execute import allow_many_files

    allow_many_files()
    found = here.readiness(noderange, bridge=bridge)
    if json:
        say(json_text.dumps([host.data for host in found], indent=2))
    else:
        say(*(line for host in found for line in host.lines))
    if not found:
        warn(f'no node in "{noderange}"')
    if not all(host.well for host in found):
        raise SystemExit(int(ExitCode.FAILED))


def _as_data(finding: "Finding") -> dict[str, object]:
    source = finding.problem.source
    return {
        "severity": finding.severity,
        "file": source.file if source else None,
        "line": source.line or None if source else None,
        "col": source.col or None if source else None,
        "message": finding.problem.message,
    }


@face(
    words=["noderange"],
    help={
        "noderange": "which nodes; all when left out",
        "attributes": f"attributes to show, joined with commas ({_ATTRIBUTES})",
        "json": "as JSON",
    },
)
def nodes(noderange: str = "", attributes: str = _ATTRIBUTES, json: bool = False) -> None:
    """List nodes with effective attributes."""
    from xcatflow.report.text import columns as aligned

    here = site()
    columns = _columns(here.definitions, attributes)
    names = here.select(noderange) if noderange else tuple(sorted(here.definitions.nodes))
    rows = [(name, *(here.definitions.value(name, column) or "" for column in columns)) for name in names]
    heading = ("node", *columns)
    if json:
        say(json_text.dumps([dict(zip(heading, row, strict=True)) for row in rows], indent=2))
    elif rows:
        say(*aligned([heading, *rows]))
    else:
        warn(f'no node in "{noderange}"' if noderange else "no nodes are defined")


@face(words=["kind"], help={"kind": "show this kind's parameters"})
def kinds(kind: str = "") -> None:
    """List the kinds of steps, or tell one kind's parameters."""
    from xcatflow.steps.registry import find
    from xcatflow.steps.registry import kinds as known

    if not kind:
        width = max(len(name) for name in known())
        say(*(f"{name.ljust(width)}  {_summary(find(name))}" for name in known()))
        return
    step = find(kind)
    more = _paragraph(type(step).__doc__ or "")
    say(f"{kind}: {_summary(step)}", *([more] if more != _summary(step) else []), "")
    if not step.params.model_fields:
        say("  (no parameters)")
    for name, field in step.params.model_fields.items():
        if field.exclude:
            continue
        say(f"  {field.alias or name} ({_allowed(field)})", f"      {field.description}")


@face(
    words=["sort"],
    help={
        "sort": "workflow (the default), block or chain",
        "write": "write all three to workflows/schema/ of the site",
    },
)
def schema(sort: str = "workflow", write: bool = False) -> None:
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
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name in SORTS:
            path = directory / f"{name}.json"
            path.write_text(json_text.dumps(schema_of(name, taught), indent=1, sort_keys=True) + "\n")
            say(f"wrote {path}")
    except OSError as error:
        raise InvalidInput(f'cannot write to "{directory}": {error.strerror}') from None


def _columns(definitions: "Definitions", attributes: str) -> list[str]:
    """The attributes that a text names, as they are called. Raises InvalidInput with every one that nodes do not have."""
    from xcatflow.model.attributes import ATTRIBUTES
    from xcatflow.model.values import split_list

    found = {name: definitions.canonical(name) for name in split_list(attributes)}
    if unknown := [name for name, canonical in found.items() if canonical is None]:
        raise InvalidInput(
            Problem(f'nodes have no attribute "{name}"{did_you_mean(name, ATTRIBUTES["node"])}') for name in unknown
        )
    return [canonical for canonical in found.values() if canonical]


def _summary(step: Any) -> str:
    """What a kind of step is for, in a sentence: its module says it behind the kind's name, else its class does."""
    named = f"`{step.kind}`: "
    module = sys.modules[type(step).__module__].__doc__ or ""
    text = module.removeprefix(named) if module.startswith(named) else type(step).__doc__ or ""
    sentence = _paragraph(text)
    return sentence[:1].upper() + sentence[1:]


def _paragraph(text: str) -> str:
    return " ".join(text.split("\n\n")[0].split())


def _allowed(field: Any) -> str:
    """Whether a parameter has to be given, which values it may have where these are few, and what holds when it is left out."""
    choices = _choices(field.annotation)
    words = [f"one of {', '.join(json_text.dumps(choice) for choice in choices)}"] if choices else []
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if field.is_required():
        words.insert(0, "required")
    elif default in ("", None, (), [], {}):
        words.insert(0, "optional")
    else:
        words.append(f"default {json_text.dumps(default, default=str)}")
    return "; ".join(words)


def _choices(annotation: Any) -> tuple[object, ...]:
    """The values that an annotation names, where it names them all."""
    if annotation is bool:
        return (True, False)
    match get_origin(annotation):
        case origin if origin is Literal:
            return get_args(annotation)
        case origin if origin is Annotated:
            return _choices(get_args(annotation)[0])
        case origin if origin in (Union, UnionType):
            found = [_choices(inner) for inner in get_args(annotation) if inner is not type(None)]
            return tuple(choice for choices in found for choice in choices) if all(found) else ()
    return ()
