"""`docker.tls`: what is proved about a restart. Its engine is a script that says which containers run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, Unreachable
from xcatflow.model.change import Change, Verb
from xcatflow.steps.daemons.look import DaemonState
from xcatflow.steps.docker_tls import DockerTls, EngineTls, EngineTlsParams

STEP = DockerTls()
RESTART = Change(Verb.RESTART, "service docker")
SEEN = EngineTls(DaemonState("loaded", "active"))
WANT = EngineTlsParams()

DOCKER = """
case "$*" in
*" version "*) echo 20.10.24;;
*" ps "*) cut -d ' ' -f 1 ROOT/running;;
*" inspect "*) sed 's/^\\([a-z]*\\) [0-9]* \\(.*\\)$/\\/\\1 true \\2 0/' ROOT/running;;
esac
"""
SYSTEMCTL = """
case $1 in
show) echo active;;
restart) [ ! -f ROOT/after ] || mv ROOT/after ROOT/running; echo restarted >>ROOT/log; [ ! -f ROOT/broken ];;
esac
"""


@dataclass
class Machine(LocalTarget):
    """`answers` are what the daemon does when it is asked from here, the last one stays."""

    answers: list[Callable[[], object]] = field(default_factory=lambda: [lambda: None])

    @property
    def docker(self) -> Any:
        return self

    def daemon(self) -> object:
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()


@pytest.fixture
def at(tmp_path: Path) -> Machine:
    scripts = {
        name: text.replace("ROOT", str(tmp_path)) for name, text in (("docker", DOCKER), ("systemctl", SYSTEMCTL))
    }
    (tmp_path / "running").write_text("web 11 2027-01-01T00:00:01Z\ndb 12 2027-01-01T00:00:02Z\n")
    return Machine(path=f"{tools(tmp_path / 'bin', **scripts, journalctl='echo its last words')}:{SYSTEM_PATH}")


def refusing() -> object:
    raise Unreachable("our client certificate was refused")


def test_containers_that_stay_and_an_engine_that_lets_us_in(at: Machine, tmp_path: Path) -> None:
    at.answers = [refusing, refusing, lambda: None]
    STEP.apply(at, WANT, SEEN, RESTART)
    assert (tmp_path / "log").read_text() == "restarted\n"
    assert len(at.pauses) == 2


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ("web 11 2027-01-01T00:00:01Z\n", "not all containers stayed: db does not run any more"),
        (
            "web 11 2027-01-01T00:00:01Z\ndb 12 2027-01-02T00:00:00Z\n",
            "not all containers stayed: db was restarted",
        ),
        ("web 11 2027-01-01T00:00:09Z\ndb 12 2027-01-01T00:00:02Z\n", "web was restarted"),
    ],
)
def test_containers_that_noticed(at: Machine, tmp_path: Path, after: str, said: str) -> None:
    (tmp_path / "after").write_text(after)
    with pytest.raises(ActFailed, match=said):
        STEP.apply(at, WANT, SEEN, RESTART)


def test_containers_that_may_stop_and_new_ones_are_no_failure(at: Machine, tmp_path: Path) -> None:
    (tmp_path / "after").write_text("")
    STEP.apply(at, EngineTlsParams(containers="may_stop"), SEEN, RESTART)
    (tmp_path / "after").write_text("new 13 2027-01-03T00:00:00Z\n")
    STEP.apply(at, WANT, SEEN, RESTART)


def test_an_engine_that_does_not_let_us_in_ends_it_with_its_reason(
    at: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.answers = [refusing]
    monkeypatch.setattr("xcatflow.steps.docker_tls._PATIENCE_S", 0.0)
    with pytest.raises(Unreachable, match="our client certificate was refused"):
        STEP.apply(at, WANT, SEEN, RESTART)


def test_an_engine_that_does_not_come_up(at: Machine, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    with pytest.raises(ActFailed, match="cannot restart service docker on host01: its last words"):
        STEP.apply(at, WANT, SEEN, RESTART)


def test_without_a_docker_command_nothing_can_be_proved_and_nothing_is_restarted(at: Machine, tmp_path: Path) -> None:
    (tmp_path / "bin" / "docker").unlink()
    at.path = tools(tmp_path / "bin", ["sh"])
    with pytest.raises(CannotTell, match="there is neither docker nor curl on the machine: install one"):
        STEP.apply(at, WANT, SEEN, RESTART)
    assert not (tmp_path / "log").exists()


def test_an_engine_that_knows_only_our_former_certificate_is_restarted_whatever_the_clocks_say() -> None:
    seen = EngineTls(DaemonState("loaded", "active"), by_former=True)
    (change,) = STEP.plan(seen, WANT)
    assert (change.verb, change.what) == (Verb.RESTART, "service docker")
    assert change.why is not None
    assert change.why.startswith("it has not read which clients are let in now; ")


def test_a_restart_cannot_be_taken_back(at: Machine) -> None:
    with pytest.raises(CannotUndo):
        STEP.undo(at, WANT, SEEN, RESTART)
