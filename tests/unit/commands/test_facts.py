"""`facts` on machines: what is asked once, what again, and what is kept of it."""

import os
from pathlib import Path

import pytest

from tests.fakes.machines import machines
from tests.unit.commands.sessions import typed
from xcatflow.app import Site
from xcatflow.model.fact_names import FACTS

RELEASE = os.uname().release


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    nodes = "".join(f"{name}:\n    objtype=node\n    groups=hosts\n" for name in ("dh01", "dh02", "dh03"))
    (tmp_path / "inventory" / "nodes.stanza").write_text(nodes)
    return tmp_path


def test_a_machine_is_asked_once(site: Path) -> None:
    with machines(site / "machines", ["dh03"]):
        said = typed("facts hosts -i kernel", site)
        assert (sorted(said.out), said.code) == ([f"{name}: kernel={RELEASE}" for name in ("dh01", "dh02")], 1)
        assert said.err == ['dh03: Error: cannot connect to "dh03" over SSH: no route to host']
    with machines(site / "machines", ["dh01", "dh02", "dh03"]):
        assert typed("facts dh01,dh02 -i kernel", site).out == [f"dh{n}: kernel={RELEASE}" for n in ("01", "02")]
        again = typed("facts dh01 --refresh -i kernel", site)
        assert (again.out, again.code) == ([], 1)
    known = Site(site).facts.known(["dh01", "dh02", "dh03"])
    assert [known[name].facts.values["kernel"] for name in sorted(known)] == [RELEASE, RELEASE]
    assert typed(f"nodels facts.kernel=={RELEASE}", site).out == ["dh01", "dh02"]


def test_all_of_it_is_shown_by_name(site: Path) -> None:
    with machines(site / "machines"):
        said = typed("facts dh02,dh01 --sort", site)
    names = [line.partition(": ")[2].partition("=")[0] for line in said.out if line.startswith("dh01: ")]
    assert names[:2] == ["gathered", "os"]
    assert [line[:4] for line in said.out] == sorted(line[:4] for line in said.out)
    assert said.out[0].endswith(" s ago)")


def test_the_record_of_a_look_is_short(site: Path) -> None:
    with machines(site / "machines"):
        typed("facts dh01", site)
    with Site(site).journal() as journal:
        (run,) = journal.runs(9)
        assert (run.mode, run.what) == ("look", "facts")
        assert not any(event.name == "step-ended" for event in journal.events(run.id))


def test_help_names_every_fact(site: Path) -> None:
    said = typed("facts --help", site)
    assert said.out[0].startswith("Usage: facts ")
    assert set(FACTS) <= set(" ".join(said.out).replace(",", "").split())
