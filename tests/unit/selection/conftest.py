"""The inventory that the tables are about."""

from pathlib import Path

import pytest

from xcatflow.load.definitions import build_definitions
from xcatflow.load.draft import Draft
from xcatflow.model.definitions import Definitions

DATA = Path(__file__).parent / "data"


def definitions(excludenodes: str = "") -> Definitions:
    objects = [Draft("site", "clustersite", values={"excludenodes": excludenodes})] if excludenodes else []
    for line in (DATA / "inventory.txt").read_text().splitlines():
        if not line.startswith("#"):
            objects += drafts_of(line)
    return build_definitions(objects)


def drafts_of(line: str) -> list[Draft]:
    """The objects of a line: names, after "group" those of groups, and what all of them have."""
    words = line.split()
    values = dict(word.split("=", 1) for word in words if "=" in word)
    names = [word for word in words if "=" not in word]
    objtype, *names = names if names[0] == "group" else ["node", *names]
    return [Draft(objtype, name, values=dict(values)) for name in names]


@pytest.fixture(scope="package")
def inventory() -> Definitions:
    return definitions()
