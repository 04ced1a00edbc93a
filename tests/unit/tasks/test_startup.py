"""Nobody waits for libraries that are not used: what a command line loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tasks.site import make

HEAVY = ("fabric", "paramiko", "docker", "requests", "ruamel", "rich", "jinja2", "cryptography", "invoke")
NEVER = (*HEAVY, "sqlite3", "pydantic", "asyncio", "concurrent", "logging", "unittest")
"""What a command's help has no use for."""
PROGRAM = """
import sys
from xcatflow.tasks.program import main
sys.argv = ["xcatflow", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
print(code or 0, *(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


def loaded(site: Path, *words: str) -> set[str]:
    """Packages that are loaded when a well-ended command line is through."""
    # Coverage would come along, and what it loads.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=site,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    code, *modules = done.stderr.splitlines()[-1].split()
    assert code == "0", done
    assert "xcatflow" in modules
    return set(modules)


@pytest.mark.parametrize("words", [["nodes"], ["nodes", "web", "--json"]], ids=" ".join)
def test_nothing_heavy_is_loaded(tmp_path: Path, words: list[str]) -> None:
    assert not loaded(make(tmp_path / "site"), *words) & set(HEAVY)


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["plan", "--help"], ["runs"], ["init", "new"]], ids=" ".join
)
def test_what_reads_no_definitions_does_not_load_the_models(tmp_path: Path, words: list[str]) -> None:
    assert not loaded(make(tmp_path / "site"), *words) & {*HEAVY, "pydantic"}


def test_reading_workflows_takes_the_yaml_library_and_no_connection_takes_no_other(tmp_path: Path) -> None:
    assert loaded(make(tmp_path / "site"), "check") & set(HEAVY) == {"ruamel"}
    assert loaded(make(tmp_path / "site"), "kinds") & set(HEAVY) == set()
    assert loaded(make(tmp_path / "site"), "apply", "wait", "-n", "n1,-n1", "--allow-empty") & set(HEAVY) == {"ruamel"}


@pytest.mark.parametrize("words", ["lsdef -h", "lsdef -h -t node", "lsdef --version", "lsdef --template"])
def test_help_of_a_command_loads_next_to_nothing(tmp_path: Path, words: str) -> None:
    assert not loaded(make(tmp_path / "site"), *words.split()) & set(NEVER)


@pytest.mark.parametrize("words", ["lsdef", "lsdef n1", "lsdef -a -z", "lsdef --yaml -w groups=~web"])
def test_listing_definitions_loads_nothing_heavy(tmp_path: Path, words: str) -> None:
    assert not loaded(make(tmp_path / "site"), *words.split()) & set(HEAVY)
