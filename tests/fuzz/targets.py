"""The targets by name."""

import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from unittest.mock import patch

from tests.fuzz.target import Target, check_problems, complaints_of
from tests.unit.model.tables import rows
from tests.unit.selection.conftest import DATA as SELECTION
from tests.unit.selection.conftest import definitions
from xcatflow.errors import InvalidInput, Problem
from xcatflow.exchange.importing import Request, bring
from xcatflow.load.definitions import build_definitions
from xcatflow.load.draft import Draft
from xcatflow.load.plain import is_plain, parse_plain
from xcatflow.load.stanza import parse_stanzas
from xcatflow.load.stanza_text import stanza_text
from xcatflow.load.workflow import load_chain, load_workflow
from xcatflow.load.yaml_definitions import parse_definitions
from xcatflow.load.yaml_text import parse_yaml
from xcatflow.model.attributes import ATTRIBUTES
from xcatflow.model.definitions import Definitions
from xcatflow.model.formula import FormulaError, parse_formula
from xcatflow.selection import UnknownNames, abbreviate, evaluate, expand, select

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests" / "unit"
NAMES = ("dh07", "web", "r2c05n11", "x00y1", "a", "-", "10.0.0.1")


def _texts(directory: Path, pattern: str, *more: Path) -> tuple[str, ...]:
    paths = (path for where in (directory, *more) for path in sorted(where.rglob(pattern)))
    return tuple(path.read_text(encoding="utf-8", errors="replace") for path in paths)


def _lefts(*paths: Path) -> tuple[str, ...]:
    """What tables have on the left."""
    return tuple(left.strip().strip("`") for path in paths for left, _ in rows(path))


# --- definitions ---


def _built(drafts: tuple[Draft, ...], problems: tuple[Problem, ...]) -> None:
    """Definitions of what was read, and every value of every node."""
    check_problems(problems, in_file=True)
    found: list[Definitions] = []
    check_problems(complaints_of(lambda: found.append(build_definitions(drafts))), in_file=True)
    for made in found:
        for node in made.nodes:
            for attribute in (*ATTRIBUTES["node"], "nicips.eth0", "vm.host"):
                assert made.value(node, attribute) != ""
        for group in made.group_names:
            made.members(group)
        check_problems(made.warnings, in_file=True)


def stanza(text: str) -> None:
    drafts, problems = parse_stanzas(text, "f.stanza")
    if not problems:
        again, wrong = parse_stanzas(stanza_text((one.objtype, one.name, one.values) for one in drafts), "g.stanza")
        assert not wrong, wrong
        assert [(d.objtype, d.name, _given(d)) for d in again] == [(d.objtype, d.name, _given(d)) for d in drafts]
    _built(drafts, problems)


def _given(draft: Draft) -> dict[str, str]:
    return {attribute: value for attribute, value in draft.values.items() if value}


def yaml(text: str) -> None:
    path = Path("f.yaml")
    try:
        document = parse_yaml(text, path)
    except InvalidInput as error:
        check_problems(error.problems, in_file=True)
        return
    assert document.source_of(("nodes", 0, "x")).line >= 1
    _built(*parse_definitions(document))


def plain(text: str) -> None:
    is_plain(text)
    _built(*parse_plain(text, "<stdin>"))


def brought(text: str) -> None:
    """What `xcatflow import` reads: whatever the text is taken for, as an Ansible inventory, and as a compose file."""
    for form in ("", "ansible", "compose"):
        try:
            result = bring(Request(text, "<stdin>", form), _inventory())
        except InvalidInput as error:
            check_problems(error.problems, in_file=False)
            continue
        check_problems((*result.refused, *result.notes, *result.left), in_file=False)
        assert isinstance(result.kept, str)
        assert isinstance(result.writes, tuple)


# --- workflows ---


@cache
def _site() -> tempfile.TemporaryDirectory[str]:
    """A site whose one workflow, chain and block are the text at hand; removed with the process."""
    made = tempfile.TemporaryDirectory(prefix="xcatflow-fuzz-")
    (Path(made.name) / "workflows" / "chains").mkdir(parents=True)
    return made


def workflow(text: str) -> None:
    root = Path(_site().name)
    path = root / "workflows" / "w.yaml"
    try:
        path.write_text(text, encoding="utf-8")
    except UnicodeEncodeError:
        return
    chain = root / "workflows" / "chains" / "w.yaml"
    chain.write_text(text, encoding="utf-8")
    check_problems(complaints_of(lambda: load_workflow(path, root)), in_file=True)
    check_problems(
        complaints_of(lambda: load_chain(chain, root, lambda _name: load_workflow(path, root))), in_file=True
    )


# --- selection ---


@cache
def _inventory() -> Definitions:
    return definitions("dh02")


def noderange(text: str) -> None:
    if "/dev" in text or "/proc" in text:  # files without end
        return
    inventory = _inventory()
    calls: tuple[Callable[[], tuple[str, ...]], ...] = (
        lambda: select(text, inventory, environ={}, cwd=SELECTION),
        lambda: expand(text, inventory, environ={}, cwd=SELECTION),
        lambda: expand(text, environ={}),
    )
    for at, call in enumerate(calls):
        try:
            with patch.object(evaluate, "MOST_NAMES", 20_000):  # a million takes seconds, and shows nothing new
                found = call()
        except UnknownNames as error:
            assert at == 0
            assert error.names
            check_problems(error.problems, in_file=False)
        except InvalidInput as error:
            check_problems(error.problems, in_file=False)
        else:
            assert list(found) == sorted(set(found))
            if at == 0:
                assert select(abbreviate(found, inventory), inventory, environ={}) == found


# --- formulas ---


def formula(text: str) -> None:
    try:
        made = parse_formula(text)
    except FormulaError as error:
        check_problems([Problem(str(error))], in_file=False)
        return
    if made is None:
        return
    for name in NAMES:
        try:
            assert isinstance(made.value(name), str)
        except FormulaError as error:
            check_problems([Problem(str(error))], in_file=False)


_DEFINITIONS = tuple(
    "members= grouptype=dynamic wherevals= nicips.eth0= dockerflag={ |($1)| hierarchicalattrs= groups= mgt=docker ip=".split()
)
_STANZA = ("objtype=", *"node group osimage network site default-node:".split())
_YAML = (
    *"nodes: groups: site: networks: &a *a !!str <<: { } [ ] %YAML \\u".split(),
    *("- ", "|\n", ">-\n", "---\n", "? "),
)
_NODERANGE = tuple("== =~ != !~ ^hosts.lst web dh01 all mgt [1-3] +2 ,- @ (?: \\".split())
_FORMULA = tuple("sprintf( a2idx( a2zidx( dim2idx( skip( ipadd( $1 '%d' '3:2' (?P<a> (\\d+)".split())
_IMPORT = tuple(
    "all: children: hosts: vars: [all:vars] [web:children] web[01:10] ansible_host= ansible_connection: !vault {{".split()
)
_WORKFLOW = (
    *"steps: use: with: for_each: after: retry: only: ${node.ip} ${input.x:-y} ${ inputs: ./w.yaml".split(),
    "- id:",
)
_LISTINGS = (
    "Object name: c21\n    groups=docker,all\n    ip=10.20.0.21\n    mgt=docker\n",
    "Object name: c21  (node)\n    groups=docker\nObject name: lan  (network)\n    net=10.0.0.0\n    mask=255.0.0.0\n",
)


def _targets() -> dict[str, Target]:
    load, model = UNIT / "load" / "data", UNIT / "model" / "data"
    ranges = sorted(path for path in SELECTION.glob("*.txt") if path.name != "inventory.txt")
    formulas = _lefts(model / "formulas.txt", model / "formula_complaints.txt")
    inventory = ROOT / "inventory"
    found = [
        Target("stanza", stanza, _texts(load / "wrong", "*.stanza", inventory), (*_STANZA, *_DEFINITIONS)),
        Target("yaml", yaml, _texts(load / "wrong", "*.yaml", inventory), (*_YAML, *_DEFINITIONS)),
        Target("noderange", noderange, _lefts(*ranges), _NODERANGE),
        Target("formula", formula, tuple(text.partition(" ")[2].strip() for text in formulas), _FORMULA),
        Target("workflow", workflow, _texts(load / "workflows", "*.yaml", ROOT / "workflows"), _WORKFLOW),
        Target("plain", plain, _LISTINGS, ("Object name: ", "  (node)", "objtype=", *_DEFINITIONS)),
        Target("import", brought, _texts(UNIT / "exchange" / "data", "in.*"), (*_IMPORT, *_DEFINITIONS)),
    ]
    return {target.name: target for target in found}


TARGETS: Mapping[str, Target] = MappingProxyType(_targets())
