"""`service.state` with a systemctl of the test's own, which keeps its units in files."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import ActFailed, CannotUndo
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import UnitFacts
from xcatflow.steps.service_state import ServiceParams, ServiceState

STEP = ServiceState()
SYSTEMCTL = """
cd ROOT; echo "$*" >>log
verb=$1; shift
for name do :; done
case $verb in
show)
  shift 3
  first=1
  for name do
    [ -n "$first" ] || echo
    first=
    if [ -f "$name" ]; then . "./$name"; printf 'LoadState=loaded\\nActiveState=%s\\nUnitFileState=%s\\n' "$active" "$enabled"
    else printf 'LoadState=not-found\\nActiveState=inactive\\nUnitFileState=\\n'; fi
  done;;
daemon-reload) ;;
is-active) . "./$name"; [ "$active" = active ];;
*)
  [ -f "$name" ] || { echo "Failed to $verb $name: Unit $name not found." >&2; exit 5; }
  . "./$name"
  case $verb in
    start|restart|reload-or-restart) active=${becomes:-active};;
    stop) active=inactive;; enable) enabled=enabled;; disable) enabled=disabled;;
  esac
  echo "active=$active enabled=$enabled becomes=$becomes" >"$name";;
esac
"""


@pytest.fixture
def at(tmp_path: Path) -> LocalTarget:
    (tmp_path / "good.service").write_text("active=inactive enabled=disabled")
    (tmp_path / "bad.service").write_text("active=inactive enabled=disabled becomes=failed")
    journal = "echo '-- the journal --'; echo 'bad: cannot bind port 80'"
    path = tools(tmp_path / "bin", systemctl=SYSTEMCTL.replace("ROOT", str(tmp_path)), journalctl=journal)
    return LocalTarget(path=path)


def want(name: str, **params: Any) -> ServiceParams:
    return ServiceParams.model_validate({"name": name, **params})


def verbs(changes: tuple[Change, ...]) -> list[Verb]:
    return [change.verb for change in changes]


def test_up_and_down(at: LocalTarget) -> None:
    up, down = want("good", enabled=True), want("good", state="stopped", enabled=False)
    assert verbs(at.converge(STEP, up)) == [Verb.ENABLE, Verb.START]
    assert at.converge(STEP, up) == ()
    assert verbs(at.converge(STEP, down)) == [Verb.DISABLE, Verb.STOP]
    assert at.converge(STEP, down) == ()


@pytest.mark.parametrize(
    ("how", "verb", "command"),
    [("restarted", Verb.RESTART, "restart"), ("reloaded", Verb.RELOAD, "reload-or-restart")],
)
def test_restarts_happen_every_time(at: LocalTarget, tmp_path: Path, how: str, verb: Verb, command: str) -> None:
    at.converge(STEP, want("good"))
    wanted = want("good", **{how: True})
    assert not STEP.verifies(wanted)
    for _ in range(2):
        (tmp_path / "log").write_text("")
        assert verbs(at.converge(STEP, wanted)) == [verb]
        log = (tmp_path / "log").read_text().splitlines()
        assert log[-3:] == ["daemon-reload", f"{command} -- good.service", "is-active -- good.service"]


def test_a_service_that_does_not_stay_up_tells_its_journal(at: LocalTarget) -> None:
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, want("bad"))
    assert str(caught.value) == "cannot start service bad on host01: it did not stay up"
    assert "bad: cannot bind port 80" in caught.value.detail


def test_a_service_that_is_not_there(at: LocalTarget) -> None:
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, want("no"))
    assert (
        str(caught.value) == "cannot start service no on host01: Failed to start no.service: Unit no.service not found."
    )


def test_what_cannot_start_at_boot(at: LocalTarget) -> None:
    wanted, seen = want("good", enabled=True), UnitFacts("loaded", "active", "static")
    (change,) = STEP.plan(seen, wanted)
    with pytest.raises(ActFailed, match="cannot start at boot by itself"):
        STEP.apply(at, wanted, seen, change)


def test_undo(at: LocalTarget) -> None:
    wanted = want("good", enabled=True)
    seen = at.look(STEP, wanted)
    for change in reversed(at.converge(STEP, wanted)):
        STEP.undo(at, wanted, seen, change)
    assert at.look(STEP, wanted) == seen
    with pytest.raises(CannotUndo, match=r'"good.service" was restarted'):
        STEP.undo(at, wanted, seen, Change(Verb.RESTART, "service good"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"name": "a b"}, 'expected the name of a systemd unit such as "docker"'),
        ({"name": "-x"}, "expected the name of a systemd unit"),
        ({"name": "x", "restarted": True, "reloaded": True}, 'expected one of "restarted" and "reloaded", found both'),
        ({"name": "x", "restarted": True, "state": "stopped"}, 'a service cannot be "stopped" and "restarted"'),
        ({"name": "x", "enabled": "maybe"}, "enabled"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ServiceParams.model_validate(params)


def test_suffixes() -> None:
    assert [want(name).name for name in ("docker", "docker.socket", "getty@tty1", "dbus-org.freedesktop.login1")] == [
        "docker.service",
        "docker.socket",
        "getty@tty1.service",
        "dbus-org.freedesktop.login1.service",
    ]
