"""The tables: noderange, and what it means."""

import pytest

from tests.unit.selection.conftest import DATA, definitions
from xcatflow.errors import InvalidInput
from xcatflow.model.definitions import Definitions
from xcatflow.selection import UnknownNames, expand, select


def rows(name: str) -> list[tuple[str, str]]:
    lines = [line for line in (DATA / name).read_text().splitlines() if not line.startswith("# ")]
    halves = [line.partition(" =>") for line in lines]
    return [(left.rstrip().strip("`"), right.strip()) for left, _, right in halves]


def says(noderange: str, inventory: Definitions, environ: dict[str, str]) -> str:
    """In the tables' own words."""
    try:
        return ",".join(select(noderange, inventory, environ=environ, cwd=DATA))
    except UnknownNames as error:
        return f"{','.join(error.valid)} ! {','.join(error.names)}".lstrip()


@pytest.mark.parametrize(("noderange", "meaning"), [*rows("common.txt"), *rows("file.txt"), *rows("changed.txt")])
def test_a_noderange_means(noderange: str, meaning: str, inventory: Definitions) -> None:
    assert says(noderange, inventory, {}) == meaning


@pytest.mark.parametrize(("line", "meaning"), rows("environment.txt"))
def test_the_short_form_takes_prefix_and_suffix_from_the_environment(
    line: str, meaning: str, inventory: Definitions
) -> None:
    *settings, noderange = line.split()
    assert says(noderange, inventory, dict(setting.split("=", 1) for setting in settings)) == meaning


@pytest.mark.parametrize(("noderange", "meaning"), rows("excluded.txt"))
def test_excludenodes_of_the_site_are_left_out(noderange: str, meaning: str) -> None:
    assert says(noderange, definitions("dh02,web10-web11"), {}) == meaning


@pytest.mark.parametrize(("noderange", "names"), rows("syntactic.txt"))
@pytest.mark.parametrize("known", [False, True], ids=["nothing", "inventory"])
def test_names_that_need_not_exist(noderange: str, names: str, known: bool, inventory: Definitions) -> None:
    # No row's names overlap with the inventory, but for the short forms.
    given = inventory if known else None
    assert ",".join(expand(noderange, given, environ={})) == names


@pytest.mark.parametrize(("noderange", "complaint"), rows("complaints.txt"))
def test_what_cannot_be_read_is_told_with_reason_and_column(
    noderange: str, complaint: str, inventory: Definitions
) -> None:
    with pytest.raises(InvalidInput) as raised:
        select(noderange, inventory, environ={}, cwd=DATA)
    assert str(raised.value) == complaint
