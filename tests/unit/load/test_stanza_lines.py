"""Lines of stanza text that are no attribute, and what nodes have by whole files: tables."""

from pathlib import Path

import pytest

from tests.unit.load.golden import DATA, load_texts
from tests.unit.model.tables import rows
from xcatflow.load.stanza import parse_stanzas

VALUES = sorted((DATA / "values").glob("*.txt"))


@pytest.mark.parametrize(("line", "name"), rows(DATA / "stanza_headers.txt"))
def test_a_header(line: str, name: str) -> None:
    (draft,), problems = parse_stanzas(f"{line}\nobjtype=network\n", "f.stanza")
    assert (draft.name, problems) == (name, ())


@pytest.mark.parametrize(("line", "complaint"), rows(DATA / "stanza_complaints.txt"))
def test_a_line_that_is_neither(line: str, complaint: str) -> None:
    _, problems = parse_stanzas(f"c1:\nobjtype=node\n{line}\nc2:\nobjtype=node\n", "f.stanza")
    assert [str(problem) for problem in problems] == [complaint]


def value_rows(path: Path) -> list[tuple[str, str]]:
    """(node and attribute, value) of a file that begins with stanzas."""
    lines = path.read_text().partition("---\n")[2].splitlines()
    halves = [line.partition(" =>") for line in lines if not line.startswith("# ")]
    return [(left, right.strip()) for left, _, right in halves]


@pytest.mark.parametrize("path", VALUES, ids=lambda path: path.stem)
def test_what_nodes_have_by_whole_files(path: Path, tmp_path: Path) -> None:
    found = load_texts(tmp_path, x_stanza=path.read_text().partition("---\n")[0])
    says = [(left, found.value(*left.split()) or "") for left, _ in value_rows(path)]
    assert says == value_rows(path) != []
