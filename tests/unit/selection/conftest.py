"""The inventory that the tables are about."""

from pathlib import Path

import pytest

from xcatflow.model.definitions import Definition, Definitions, Group, Node, Record

DATA = Path(__file__).parent / "data"


def definitions(excludenodes: str = "") -> Definitions:
    objects: list[Definition] = [Record(name="clustersite", kind="site", attributes={"excludenodes": excludenodes})]
    for line in (DATA / "inventory.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        words = line.split()
        values = dict(word.split("=", 1) for word in words if "=" in word)
        names = [word for word in words if "=" not in word]
        kind = Group if names[0] == "group" else Node
        used = {key: value for key, value in values.items() if key in kind.model_fields}
        objects += [
            kind.model_validate({"name": name, "attributes": values, **used}) for name in names if name != "group"
        ]
    return Definitions(objects)


@pytest.fixture(scope="package")
def inventory() -> Definitions:
    return definitions()
