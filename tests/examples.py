"""Every worked example that the unit tests hold the code to, counted: `python -m tests.examples`.

Examples are data: a table has one in each line with ` => `, a session one in each command and each file it looks at.
"""

# ruff: noqa: T201

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from tests.unit.commands.sessions import parts

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "tests" / "unit"


def table_rows(path: Path) -> int:
    """The rows of a table; lines that begin with "# " are remarks."""
    lines = path.read_text().splitlines()
    return sum(not line.startswith("# ") and " =>" in line for line in lines)


def session_steps(path: Path) -> int:
    """The commands of a session, and the files it looks at."""
    return sum(part.mark in ("$", "---") for part in parts(path.read_text()))


EXAMPLES: Mapping[str, tuple[tuple[str, ...], Callable[[Path], int]]] = MappingProxyType(
    {
        "noderange": (("tests/unit/selection/data/*.txt", "docs/noderange.md"), table_rows),
        "formulas": (("tests/unit/model/data/formula*.txt",), table_rows),
        "names": (("tests/unit/model/data/names.txt",), table_rows),
        "values": (("tests/unit/model/data/values.txt", "tests/unit/load/data/values/*.txt"), table_rows),
        "stanza lines": (("tests/unit/load/data/stanza_*.txt",), table_rows),
        "completion": (("tests/unit/completion/data/lines.txt",), table_rows),
        "schedules": (("tests/unit/model/data/schedule*.txt",), table_rows),
        "sites": (("tests/unit/sites/data/**/*.txt",), session_steps),
        "sessions": (("tests/unit/commands/data/**/*.txt",), session_steps),
    }
)
"""What is counted together: patterns of files, and how many examples such a file has."""


def files(name: str) -> list[Path]:
    """The files of one sort of examples."""
    return sorted(path for pattern in EXAMPLES[name][0] for path in ROOT.glob(pattern))


def counts() -> dict[str, int]:
    """How many examples there are of each sort."""
    return {name: sum(map(count, files(name))) for name, (_, count) in EXAMPLES.items()}


if __name__ == "__main__":
    found = counts()
    print(", ".join(f"{name}: {count}" for name, count in found.items()), f"in all: {sum(found.values())}", sep="; ")
