"""The rooms and what each may import: `docs/design.md`, held against the code."""

import ast
import sys
from pathlib import Path

import pytest

import xcatflow

ROOT = Path(xcatflow.__file__).parent
CONTRACT = "contract"
PROTOCOLS = "transport.protocols"

# What each room may import of ours. A dotted entry is one module, a plain one a whole room; a room may always import itself.
MAY: dict[str, set[str]] = {
    "errors": set(),
    "locks": {"errors"},
    "model": {"errors"},
    "load": {"errors", "model"},
    "cache": {"errors", "model", "load"},
    "edit": {"errors", "model", "load", "cache", "locks"},
    "machine": {"errors"},
    "media": {"errors", "model"},
    "selection": {"errors", "model"},
    "journal": {"errors", "model"},
    "report": {"errors", "model"},
    "transport": {"errors", "model"},
    "contract": {"errors", "model", PROTOCOLS},
    "steps": {"errors", "model", "selection", CONTRACT, PROTOCOLS},
    "engine": {"errors", "locks", "model", CONTRACT, PROTOCOLS, "journal"},
    "lab": {"errors", "model", "transport"},
    "wiring": {"errors", "model", "load", "selection", "transport", "engine", "contract"},
    "running": {"errors", "model", "load", "journal", "transport", "steps", "engine", "wiring"},
    "checking": {"contract", "wiring", "errors", "model", "load", "selection", "steps", "engine"},
    "app": {
        "errors",
        "model",
        "load",
        "cache",
        "edit",
        "selection",
        "journal",
        "steps",
        "engine",
        "wiring",
        "running",
        "checking",
        "readiness",
    },
    "readiness": {"errors", "model"},
    "commands": {"errors", "model", "load", "machine", "selection"},
    "completion": set(),
    "exchange": {"errors", "model", "load", "selection", PROTOCOLS},
    "inspecting": {"errors", "model", "engine", "exchange", "wiring"},
    "tailing": {"errors", "model", PROTOCOLS, "engine", "wiring", "following"},
    "following": {"errors", "model", PROTOCOLS},
    "certifying": {"errors", "model", "engine", "steps", "transport", "wiring"},
    "watching": {"errors", "model", PROTOCOLS, "engine", "wiring"},
    "tasks": {
        *("errors", "model", "load", "commands", "completion", "media", "report", "transport", "steps", "lab"),
        *("app", "running", "exchange", "certifying", "inspecting", "tailing", "watching"),
    },
    "__main__": {"tasks"},
}

# Third-party libraries: where each may be imported, and how many files of a room may do so.
THIRD_PARTY: dict[str, set[str]] = {
    "pydantic": {"model", "contract", "steps", "engine", "load"},
    "ruamel": {"load"},
    "jinja2": {"load"},
    "rich": {"report"},
    "fabric": {"transport"},
    "paramiko": {"transport"},
    "docker": {"transport", "lab"},
    "requests": {"transport", "lab"},
    "urllib3": {"transport"},
    "cryptography": {"transport"},
    "invoke": {"tasks"},
    "pycdlib": {"media"},
}
ONE_FILE = ("ruamel", "jinja2", "rich", "fabric", "cryptography", "invoke", "pycdlib")


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    return module.split(".")[0]


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module)
                found |= {f"{module}.{alias.name}" for alias in node.names if module == "xcatflow"}
            case ast.ImportFrom(level=level) if level:
                pytest.fail(f"{path}: relative import")
    return found


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    module = name_of(path)
    room = room_of(module)
    if not room:
        return
    allowed = MAY[room]
    for name in imports(path):
        top = name.split(".")[0]
        if top == "xcatflow":
            ours = name.removeprefix("xcatflow").lstrip(".")
            target = room_of(ours)
            if target in ("", "__version__", room):
                continue
            assert target in allowed or ours in allowed, f"{module} may not import {ours}"
        elif top not in sys.stdlib_module_names:
            assert top in THIRD_PARTY, f"{module} imports {top}, which the table does not know"
            assert room in THIRD_PARTY[top], f"{module} may not import {top}"


@pytest.mark.parametrize("library", ONE_FILE)
def test_a_heavy_library_is_imported_in_one_file(library: str) -> None:
    users = [name_of(path) for path in modules() if any(name.split(".")[0] == library for name in imports(path))]
    assert len(users) == 1, users


def test_there_is_no_import_cycle() -> None:
    edges = {
        name_of(path): {
            name.removeprefix("xcatflow.")
            for name in top_level_imports(path)
            if name.startswith("xcatflow.") and (ROOT / Path(*name.split(".")[1:])).with_suffix(".py").exists()
        }
        for path in modules()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in done:
            for target in edges.get(module, ()):
                visit(target, (*trail, module))
            done.add(module)

    for module in edges:
        visit(module, ())


def top_level_imports(path: Path) -> set[str]:
    """Imports at the top of a module: those inside functions are late on purpose."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module)
    return found


def test_files_stay_small_enough_to_be_one_idea() -> None:
    long = {name_of(path): lines for path in modules() if (lines := len(path.read_text().splitlines())) > 310}
    assert not long, long
