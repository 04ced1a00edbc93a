"""Golden tables: `left => right` lines in `data/`, comments skipped."""

from pathlib import Path

DATA = Path(__file__).parent / "data"


def rows(path: Path) -> list[tuple[str, str]]:
    """(left, right) of each line."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("# ")]
    pairs = (line.partition(" =>") for line in lines)
    return [(left, right.removeprefix(" ")) for left, _, right in pairs]
