"""The page docs/noderange.md: every row of its examples, with the inventory and the files that it shows."""

import re
from pathlib import Path

import pytest

from tests.fakes.facts import GivenFacts
from tests.unit.selection.conftest import drafts_of
from xcatflow.errors import InvalidInput
from xcatflow.load.definitions import build_definitions
from xcatflow.load.draft import Draft
from xcatflow.model.definitions import Definitions
from xcatflow.selection import abbreviate, expand, select

PAGE = Path(__file__).parents[3] / "docs" / "noderange.md"
TEXT = PAGE.read_text()
_BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(.*)` \| `(.*)` \|(?: `(.*)`)? ?\|$", re.MULTILINE)
BLOCKS = [(found[1], found[2] or "", found[3]) for found in _BLOCK.finditer(TEXT)]


def rows(language: str) -> list[tuple[str, str]]:
    lines = [line for found, _, text in BLOCKS if found == language for line in text.splitlines()]
    return [(left.rstrip(), right.strip()) for left, _, right in (line.partition(" =>") for line in lines)]


@pytest.fixture(scope="module")
def inventory() -> Definitions:
    objects: list[Draft] = []
    for found in _ROW.finditer(TEXT[: TEXT.index("## In one table")]):
        objects += drafts_of(f"{found[1]} groups={found[2]} {found[3] or ''}")
    dynamic = re.search(r"dynamic group `(\w+)`, which is `(.*?)`", TEXT)
    assert dynamic
    objects += drafts_of(f"group {dynamic[1]} grouptype=dynamic wherevals={dynamic[2]}")
    made = build_definitions(objects)
    made.facts = GivenFacts.of_lines("".join(text for language, _, text in BLOCKS if language == "facts"))
    return made


@pytest.mark.parametrize(("noderange", "meaning"), rows("noderange"))
def test_a_noderange_means_what_the_page_says(
    noderange: str, meaning: str, inventory: Definitions, tmp_path: Path
) -> None:
    for language, name, text in BLOCKS:
        if language == "file":
            (tmp_path / name).write_text(text)
    try:
        found = ",".join(select(noderange, inventory, environ={}, cwd=tmp_path))
    except InvalidInput as error:
        found = f"Error: {error}"
    assert found == meaning


@pytest.mark.parametrize(("noderange", "names"), rows("names"))
def test_names_that_need_not_exist(noderange: str, names: str, inventory: Definitions) -> None:
    assert ",".join(expand(noderange, inventory, environ={})) == names


def test_what_is_said_of_the_other_way_round(inventory: Definitions) -> None:
    said = re.search(r"^`(.*)` is shown as `(.*)`\.$", TEXT, re.MULTILINE)
    assert said
    assert abbreviate(said[1].split(","), inventory) == said[2]


def test_what_is_malformed_is_a_name_that_nobody_has(inventory: Definitions) -> None:
    said = re.search(r"What is malformed \((.*?)\)", TEXT)
    assert said
    forms = said[1].replace("`", "").split(", ")
    assert len(forms) > 3
    for form in forms:
        with pytest.raises(InvalidInput, match=f"in noderange: {re.escape(form)}(, did you mean .*)?$"):
            select(form, inventory, environ={})
