"""The names found by the quick look are those that reading the files gives."""

from pathlib import Path

import pytest

from tests.unit.selection.conftest import definitions
from xcatflow.completion.inventory import Inventory, site_of
from xcatflow.completion.noderange import MOST_SHOWN, fitting, last_item
from xcatflow.load.definitions import load_definitions
from xcatflow.load.stanza_text import stanza_text
from xcatflow.model.attributes import TYPES
from xcatflow.model.definitions import Definitions

SHIPPED = Path(__file__).parents[3]


def check(site: Path, found: Definitions) -> None:
    inventory = Inventory(str(site))
    for objtype in TYPES:
        if objtype == "site":  # there is only one
            continue
        names = set(found.group_names) if objtype == "group" else set(found.objects(objtype))
        assert inventory.names([objtype]) == names
        for prefix in {name[:2] for name in names}:
            assert inventory.names([objtype], prefix) == {name for name in names if name.startswith(prefix)}


def test_the_shipped_inventory() -> None:
    check(SHIPPED, load_definitions(SHIPPED / "inventory"))


def test_every_form_of_stanzas(site: Path) -> None:
    (site / "inventory" / "more" / "b.yaml").unlink()
    check(site, load_definitions(site / "inventory"))


def test_an_inventory_as_xcatflow_writes_it(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    objects = definitions()
    written = stanza_text(
        (item.objtype, item.name, item.attributes)
        for objtype in ("node", "group")
        for item in objects.objects(objtype).values()
    )
    (tmp_path / "inventory" / "x.stanza").write_text(written.replace("\n", "\r\n"))
    check(tmp_path, objects)


def test_values_are_those_that_need_no_quotes(site: Path) -> None:
    (site / "inventory" / "c.stanza").write_text(
        "c1:\n objtype=node\n os=a b\n arch=|x|y|\n postscripts=one,two args,three\n"
    )
    inventory = Inventory(str(site))
    assert inventory.values("os", items=False) == {"ubuntu22.04", "debian12"}
    assert inventory.values("arch", items=False) == set()
    assert inventory.values("postscripts", items=True) == {"one", "three"}
    assert inventory.values("mgt", items=False) == {"ipmi", "docker"}


def test_a_site_is_looked_for_upwards(site: Path) -> None:
    assert site_of(str(site / "inventory" / "more"), {}) == str(site)
    assert site_of("/", {}) == ""
    assert site_of("/", {"XCATFLOW_SITE": "/x"}) == "/x"
    assert Inventory("/nowhere").names(["node"]) == set()


@pytest.mark.parametrize(
    ("text", "head", "item"),
    [
        ("web", "", "web"),
        ("a,b", "a,", "b"),
        ("a,-b", "a,-", "b"),
        ("a@b@c", "a@b@", "c"),
        ("a,-(b,c", "a,-(b,", "c"),
        ("a[1,2", "", "a[1,2"),
        ("a[1,2],b", "a[1,2],", "b"),
        ("a, b", "a, ", "b"),
        ("a,", "a,", ""),
        ("a,-", "a,-", ""),
    ],
)
def test_the_last_item(text: str, head: str, item: str) -> None:
    assert last_item(text) == (head, item)


def test_of_very_many_names_only_how_they_go_on() -> None:
    names = {f"r{rack:02}n{number:03}" for rack in range(100) for number in range(100)} | {"all", "r-x"}
    assert fitting(names, "", end=" ") == ["all ", "r-x ", *(f"r{rack:02}" for rack in range(100))]
    assert fitting(names, "r4") == [f"r4{rack}" for rack in range(10)]
    assert fitting(names, "r42n04") == [f"r42n04{number} " for number in range(10)]
    assert fitting(names, "r42n042", head="x,") == ["x,r42n042 "]
    for typed in ("", "r", "r0", "r42"):
        shown = fitting(names, typed)
        assert len(shown) <= MOST_SHOWN
        assert all(any(name.startswith(each.rstrip()) for each in shown) for name in names if name.startswith(typed))
        assert all(each.rstrip() in names for each in shown if each.endswith(" "))
