"""The task `top`: what it shows, and how it ends."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.tasks.site import Cli
from tests.unit.test_watching import Engine
from xcatflow.errors import Unreachable
from xcatflow.tasks import watch
from xcatflow.wiring import Wiring

NODES = """\
c1:
    objtype=node
    groups=cells,all
    mgt=docker
    dockerhost=dh01
c2:
    objtype=node
    groups=cells,all
    mgt=docker
    dockerhost=tcp://dh01
dh01:
    objtype=node
    groups=hosts,all
    mgt=ipmi
dh02:
    objtype=node
    groups=hosts,all
lost:
    objtype=node
    groups=all
    mgt=docker
"""


@pytest.fixture
def engine(site: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The daemon of a site with two containers."""
    (site / "inventory" / "n.stanza").write_text(NODES)
    found = Engine("c1", "c2", own_second_look=True)
    monkeypatch.setattr(Wiring, "docker", lambda _self, text: found if text == "dh01:2376" else None)
    return found


TABLE = """\
2 nodes: 2 running; CPU 100.0 %, memory 2.0 MiB
NODE  STATE    UPTIME     CPU %   MEMORY    LIMIT  NET IN/s  NET OUT/s  PIDS  HOST
c1    running  5 minutes   50.0  1.0 MiB  1.0 GiB         -          -     3  dh01
c2    running  5 minutes   50.0  1.0 MiB  1.0 GiB         -          -     3  dh01
"""


@pytest.mark.parametrize("words", [["--once"], [], ["--once", "--sort", "name", "--interval", "500 ms"]])
def test_once_and_where_there_is_no_terminal_a_table(cli: Cli, engine: Engine, words: list[str]) -> None:
    done = cli("top", "cells", *words)
    assert done.out == TABLE
    assert done.err == ""
    assert engine.lists == 1
    assert engine.closed


def test_as_json(cli: Cli, engine: Engine) -> None:
    rows = json.loads(cli("top", "c1", "--once", "--json").out)
    assert [(row["node"], row["state"], row["cpu_percent"]) for row in rows] == [("c1", "running", 50.0)]


def test_nodes_that_are_no_containers_are_named_and_left_out(cli: Cli, engine: Engine) -> None:
    done = cli("top", "all", "--once")
    assert done.out == TABLE
    assert done.err.splitlines() == [
        "warning: left out, these are no containers (mgt is not docker): dh[01-02]",
        "warning: left out, these have no dockerhost: lost",
    ]


def test_a_missing_container_is_a_failure(cli: Cli, engine: Engine) -> None:
    del engine.listed["c2"]
    done = cli("top", "cells", "--once", code=1)
    assert "c2    missing" in done.out
    assert done.err == "c2: no such container\n"
    assert json.loads(cli("top", "cells", "--once", "--json", code=1).out)[1]["state"] == "missing"


def test_a_daemon_that_is_away_is_a_failure(cli: Cli, engine: Engine) -> None:
    engine.dead = Unreachable("cannot connect to docker host dh01:2376: no route to host")
    done = cli("top", "cells", "--once", code=1)
    assert done.out.startswith("2 nodes: 2 unreachable\n")
    assert done.err == "c[1-2]: cannot connect to docker host dh01:2376: no route to host\n"


def test_a_silent_daemon_is_not_waited_for_for_ever(cli: Cli, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_PATIENCE_S", 0.3)
    engine.silent.clear()
    done = cli("top", "cells", "--once", code=1)
    engine.silent.set()
    assert "c1    waiting  -" in done.out
    assert done.err == "c[1-2]: no answer yet\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["hosts"], 'no container in "hosts": expected nodes with mgt=docker and a dockerhost'),
        (["lost"], 'no container in "lost": expected nodes with mgt=docker and a dockerhost'),
        (["c1", "--sort", "cpus"], '--sort: no order "cpus", did you mean "cpu"?: expected cpu, memory, name, state'),
        (["c1", "--interval", "0"], '--interval: expected 0.5 s or more, found "0"'),
        (["c1", "--interval", "x"], '--interval: expected a time such as "5 s", "2 min" or "1 h 30 min", found "x"'),
        ([], "xcatflow top: NODERANGE is missing (see xcatflow top --help)"),
    ],
)
def test_wrong_lines(cli: Cli, site: Path, words: list[str], expected: str) -> None:
    (site / "inventory" / "n.stanza").write_text(NODES)
    assert cli("top", *words, code=2).err == f"error: {expected}\n"


def test_json_goes_on_until_it_is_interrupted(cli: Cli, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt is how it ends: no failure."""
    waited: list[float] = []

    def sleep(wait_s: float) -> None:
        waited.append(wait_s)
        if len(waited) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("xcatflow.tasks.watch.time", SimpleNamespace(sleep=sleep))
    done = cli("top", "cells", "--json", "--interval", "3")
    assert waited == [3.0] * 3
    assert [[row["node"] for row in json.loads(line)] for line in done.out.splitlines()] == [["c1", "c2"]] * 3
