"""What an upgrade of the engine is made of: what runs is noted, stopped only where it must be, started again, and held against the note.

The scripts run on this machine with a docker of the test's own, which keeps containers as lines: name, does it run, since when, status.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell, CannotUndo
from xcatflow.model.change import Verb
from xcatflow.model.question import Answers, Package, Reply
from xcatflow.steps.daemons.info import EngineInfo, Running
from xcatflow.steps.daemons.look import DaemonState
from xcatflow.steps.daemons.running_look import containers, question, start, stop
from xcatflow.steps.docker_drained import DockerDrained, Drain, DrainedParams
from xcatflow.steps.docker_engine import DockerEngine, EngineParams
from xcatflow.steps.docker_running import DockerRunning, RunningParams
from xcatflow.steps.docker_undisturbed import DockerUndisturbed, UndisturbedParams

UNDISTURBED, RUNNING, DRAINED, ENGINE = DockerUndisturbed(), DockerRunning(), DockerDrained(), DockerEngine()
DOCKER = """
shift 2; cd ROOT
case $1 in
ps) [ -f silent ] && exit 1
  case $2 in -q) awk '$2 == "true" {print "id-" $1}' containers;; *) awk '$2 == "true" {print $1 " "}' containers;; esac;;
info) echo '{"ServerVersion":"20.10.24","Containers":3}';;
inspect) shift 6; for i do awk -v n="${i#id-}" '$1 == n {print "/" $0}' containers; done;;
start|stop) v=$1; shift 2
  for i do
    grep -q "^$i " containers || { echo "No such container: $i" >&2; exit 1; }
    case $v in
    start) sed -i "s/^$i .*/$i true 2026-03-01T10:00:00.5Z 0/" containers;;
    stop) sed -i "s/^$i true \\(.*\\) 0/$i false \\1 137/" containers;;
    esac
  done;;
esac
"""
SYSTEMCTL = "case $* in *--value*) cat ROOT/active;; *) exit 1;; esac\n"
APT_CACHE = '[ $1 = policy ] && printf \'%s:\\n  Installed: x\\n  Candidate: %s\\n\' "$3" "$(cat ROOT/candidate)"\n'
DPKG = "printf '%s amd64 install ok installed %s\\n' docker.io \"$(cat ROOT/installed)\"\n"
BEFORE = "a 2026-01-01T10:00:00.123456789Z,b 2026-01-02T10:00:00Z".replace(" ", "@")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalTarget:
    monkeypatch.setattr("xcatflow.steps.daemons.running_look.STOPPED", str(tmp_path / "state" / "engine.stopped"))
    root = tmp_path / "engine"
    root.mkdir()
    (root / "dpkg").mkdir()
    (root / "dpkg" / "status").write_text("Package: x\n")
    scripts = {"docker": DOCKER, "systemctl": SYSTEMCTL, "apt_cache": APT_CACHE, "dpkg_query": DPKG}
    path = tools(tmp_path / "bin", **{name: text.replace("ROOT", str(root)) for name, text in scripts.items()})
    for name, text in {
        "containers": "a true 2026-01-01T10:00:00.123456789Z 0\nb true 2026-01-02T10:00:00Z 0\nc false 2026-01-02T10:00:00Z 1\n",
        "active": "active\n",
        "candidate": "20.10.25-1\n",
        "installed": "20.10.24+dfsg1-1",
    }.items():
        (root / name).write_text(text)
    made = LocalTarget(path=f"{path}:{SYSTEM_PATH}", environment={"DPKG_ADMINDIR": str(root / "dpkg")})
    made.root = root  # type: ignore[attr-defined]
    return made


def has(host: Any, name: str, text: str = "") -> None:
    (host.root / name).write_text(text)


def drained(**params: Any) -> DrainedParams:
    return DrainedParams.model_validate({"package": "docker.io", **params})


# --- what runs ---


def test_what_runs_is_noted(host: LocalTarget) -> None:
    want = UndisturbedParams()
    seen = host.look(UNDISTURBED, want)
    assert UNDISTURBED.plan(seen, want) == ()
    assert UNDISTURBED.outputs(seen, want) == {"containers": BEFORE, "number": "2"}
    has(host, "containers")
    seen = host.look(UNDISTURBED, want)
    assert UNDISTURBED.outputs(seen, want) == {"containers": "nobody", "number": "0"}
    assert UNDISTURBED.plan({}, UndisturbedParams(since="nobody")) == ()


def test_what_was_disturbed_is_named(host: LocalTarget) -> None:
    want = UndisturbedParams(since=BEFORE)
    assert UNDISTURBED.plan(host.look(UNDISTURBED, want), want) == ()
    has(
        host,
        "containers",
        "a true 2026-01-03T10:00:00.1Z 0\nb false 2026-01-02T10:00:00Z 137\nnew true 2026-01-03T10:00:00Z 0\n",
    )
    (change,) = UNDISTURBED.plan(host.look(UNDISTURBED, want), want)
    assert change.why == "a was started again at 2026-01-03T10:00:00Z; b does not run, it ended with status 137"
    with pytest.raises(ActFailed, match=r"^containers on host01 were disturbed: a was started again"):
        UNDISTURBED.apply(host, want, None, change)
    want = UndisturbedParams(since=BEFORE, restarted=("a", "b"), ignore="x*")
    (change,) = UNDISTURBED.plan(host.look(UNDISTURBED, want), want)
    assert change.why == "b does not run, it ended with status 137"
    want = UndisturbedParams(since=BEFORE, ignore="a,b*")
    assert UNDISTURBED.plan(host.look(UNDISTURBED, want), want) == ()
    has(host, "containers", "b true 2026-01-02T10:00:00Z 0\n")
    want = UndisturbedParams(since=BEFORE)
    (change,) = UNDISTURBED.plan(host.look(UNDISTURBED, want), want)
    assert change.why == "a is gone"


@pytest.mark.parametrize("kind", [UndisturbedParams, RunningParams])
def test_a_note_is_an_output_of_the_kind(kind: Any) -> None:
    with pytest.raises(ValidationError, match=r'expected the output "containers" of docker.undisturbed, found "web"'):
        kind(since="web")


def test_no_telling_what_runs(host: LocalTarget) -> None:
    has(host, "silent")
    with pytest.raises(CannotTell, match=r"^cannot tell which containers run: docker does not answer$"):
        host.look(UNDISTURBED, UndisturbedParams())
    has(host, "active", "inactive\n")
    with pytest.raises(CannotTell, match=r"^cannot tell which containers run: docker.service does not run$"):
        host.look(UNDISTURBED, UndisturbedParams())
    with pytest.raises(CannotTell, match=r"status 9"):
        containers(Reply(9))
    assert "set -- 'a b'" in question(["a b"]).script


CURL = r"""
for u; do :; done
case "$u" in
*/containers/json) echo '[{"Id":"aa11","ImageID":"sha256:ff","Labels":{"x":"\",\"Id\":\"bb22\"}"}},{"Id":"cc33"}]';;
*/containers/aa11/json) echo '{"Id":"aa11","Name":"/a","State":{"Running":true,"StartedAt":"2026-01-01T10:00:00.5Z","ExitCode":0}}';;
*/containers/b/json) echo '{"Id":"bb22","Name":"/b","State":{"Running":false,"StartedAt":"2026-01-02T10:00:00Z","ExitCode":137}}';;
*/containers/b/start) echo b >>ROOT/started;;
*) exit 22;;
esac
"""


def test_without_a_docker_command_curl_asks_the_engine(host: Any, tmp_path: Path) -> None:
    """One that was removed between the two requests is passed over."""
    commands = ["sh", "cat", "tr", "sed", "grep", "printf"]
    host.path = tools(tmp_path / "other", commands, curl=CURL.replace("ROOT", str(host.root)), systemctl="echo active")
    want = UndisturbedParams(since="b@2026-01-02T10:00:00Z")
    seen = host.look(UNDISTURBED, want)
    assert {name: (ran.running, ran.code) for name, ran in seen.items()} == {"a": (True, 0), "b": (False, 137)}
    start(host, ["b"])
    assert (host.root / "started").read_text() == "b\n"
    with pytest.raises(ActFailed, match="cannot stop the containers on host01: cannot stop b"):
        stop(host, ["b"])
    host.path = tools(tmp_path / "none", commands, systemctl="echo active")
    with pytest.raises(CannotTell, match="there is neither docker nor curl on the machine: install one"):
        host.look(UNDISTURBED, want)


def test_what_was_stopped_runs_again(host: LocalTarget) -> None:
    want = RunningParams(since=BEFORE)
    assert host.converge(RUNNING, want) == ()
    has(host, "containers", "a false 2026-01-01T10:00:00Z 0\nb true 2026-01-02T10:00:00Z 0\n")
    seen = host.look(RUNNING, want)
    (change,) = host.converge(RUNNING, want)
    assert str(change) == "start container a: exited -> running"
    RUNNING.undo(host, want, seen, change)
    assert verbs_of(RUNNING.plan(host.look(RUNNING, want), want)) == [Verb.START]
    has(host, "containers", "b true 2026-01-02T10:00:00Z 0\n")
    with pytest.raises(ActFailed, match=r"^there is no container a any more: make it again$"):
        RUNNING.plan(host.look(RUNNING, want), want)


def test_what_a_killed_run_stopped_runs_again(host: LocalTarget, tmp_path: Path) -> None:
    """The next run notes what runs, and that is less."""
    want, note = drained(containers="stop"), tmp_path / "state" / "engine.stopped"
    seen = host.look(DRAINED, want)
    DRAINED.apply(host, want, seen, DRAINED.plan(seen, want)[0])
    assert note.read_text() == "a\nb\n"
    has(host, "containers", "a false 2026-01-01T10:00:00Z 137\nc false 2026-01-02T10:00:00Z 1\n")
    changes = host.converge(RUNNING, RunningParams(since=""))
    assert [str(change) for change in changes] == [
        "start container a: exited -> running",
        "remove note of stopped containers (they run again)",
    ], "b was removed by somebody, c was stopped by somebody else"
    assert not note.exists()
    assert host.converge(RUNNING, RunningParams(since="")) == ()


def test_what_is_put_back_is_noted_no_longer(host: LocalTarget, tmp_path: Path) -> None:
    want, note = drained(containers="stop"), tmp_path / "state" / "engine.stopped"
    note.parent.mkdir()
    note.write_text("former\n")
    seen = host.look(DRAINED, want)
    (change,) = DRAINED.plan(seen, want)
    DRAINED.apply(host, want, seen, change)
    assert note.read_text() == "a\nb\nformer\n"
    DRAINED.undo(host, want, seen, change)
    assert note.read_text() == "former\n"
    assert seen.info
    ghost = replace(seen, info=replace(seen.info, running=(Running("a"), Running("ghost"))))
    with pytest.raises(ActFailed, match="cannot stop the containers on host01: No such container: ghost"):
        DRAINED.apply(host, want, ghost, change)
    assert "a true" in (host.root / "containers").read_text(), "what was stopped before runs again"  # type: ignore[attr-defined]


def test_a_container_that_does_not_start_keeps_none_of_the_others_from_it(host: LocalTarget) -> None:
    has(host, "containers", "a false 2026-01-01T10:00:00Z 0\nb false 2026-01-02T10:00:00Z 0\n")
    want = RunningParams(since=BEFORE)
    seen = host.look(RUNNING, want)
    first, _ = RUNNING.plan(seen, want)
    RUNNING.apply(host, want, seen, first)
    assert "b true" in (host.root / "containers").read_text()  # type: ignore[attr-defined]


def verbs_of(changes: Any) -> list[Verb]:
    return [change.verb for change in changes]


# --- what has to stop ---


def test_within_a_release_line_nothing_stops(host: LocalTarget) -> None:
    seen = host.look(DRAINED, drained())
    assert seen == Drain(
        EngineInfo("20.10.24", containers=3, running=(Running("a"), Running("b"))), "20.10.24+dfsg1-1", "20.10.25-1"
    )
    for word in ("keep", "auto"):
        assert DRAINED.plan(seen, drained(containers=word)) == ()
    assert DRAINED.outputs(seen, drained()) == {"from": "20.10.24+dfsg1-1", "to": "20.10.25-1", "stopped": ""}
    assert DRAINED.outputs(seen, drained(version="20.10.24*"))["to"] == "20.10.24*"


def test_over_a_release_line_containers_stop_when_that_is_said(host: LocalTarget) -> None:
    has(host, "candidate", "5:23.0.1-1\n")
    seen = host.look(DRAINED, drained())
    with pytest.raises(ActFailed) as caught:
        DRAINED.plan(seen, drained())
    assert str(caught.value) == (
        "2 containers (a, b) cannot run on through the upgrade: from 20.10 to 23.0, and live restore holds within a release line only; "
        'say "containers: auto" to have them stopped, and started again afterwards'
    )
    want = drained(containers="auto")
    (change,) = DRAINED.plan(seen, want)
    assert str(change) == (
        "stop 2 containers: a, b (from 20.10 to 23.0, and live restore holds within a release line only)"
    )
    assert DRAINED.apply(host, want, seen, change) == {"stopped": "a,b"}
    assert DRAINED.plan(host.look(DRAINED, want), want) == ()
    DRAINED.undo(host, want, seen, change)
    assert len(DRAINED.plan(host.look(DRAINED, want), want)) == 1


def test_where_nothing_comes_nothing_stops(host: LocalTarget) -> None:
    has(host, "candidate", "20.10.24+dfsg1-1\n")
    seen = host.look(DRAINED, drained())
    for params in ({"containers": "stop"}, {"version": "20.10.24*", "containers": "stop"}):
        assert DRAINED.plan(seen, drained(**params)) == ()
    assert len(DRAINED.plan(seen, drained(version="20.10.23-1", containers="stop"))) == 1, "also backwards"
    assert DRAINED.plan(replace(seen, info=None), drained(version="1.0", containers="keep")) == ()
    assert DRAINED.plan(replace(seen, installed=""), drained(version="1.0", containers="keep")) == ()


def test_a_swarm_and_a_version_that_tells_nothing(host: LocalTarget) -> None:
    seen = host.look(DRAINED, drained())
    assert seen.info
    swarm = replace(seen, info=replace(seen.info, swarm=True))
    with pytest.raises(ActFailed, match=r"the engine is part of a swarm, and has no live restore; say"):
        DRAINED.plan(swarm, drained())
    with pytest.raises(ActFailed, match=r'"nightly" does not say which release line it is of'):
        DRAINED.plan(seen, drained(version="nightly"))
    with pytest.raises(ActFailed, match=r'no package source of the machine has "docker.io"'):
        DRAINED.plan(Drain(None), drained())
    with pytest.raises(ValidationError, match=r'expected the name of a package, found "a b"'):
        drained(package="a b")


def test_no_telling_about_a_package() -> None:
    (package, look) = DRAINED.ask(drained())
    assert package == Package("docker.io")
    with pytest.raises(CannotTell, match=r'cannot tell about package "docker.io": broken'):
        DRAINED.seen(Answers({package: None, look: Reply(1, b"", b"broken")}), drained())


# --- the engine ---


STATE = DaemonState("loaded", "active", info=EngineInfo("20.10.24", live_restore=True, running=(Running("a"),)))


def test_an_engine_is_restarted_only_where_its_program_was_replaced() -> None:
    want = EngineParams()
    assert ENGINE.plan(STATE, want) == ()
    (change,) = ENGINE.plan(replace(STATE, replaced=True), want)
    assert str(change) == "restart service docker (its program was replaced; 1 container keeps running)"
    assert ENGINE.outputs(STATE, want) == {"version": "20.10.24", "live_restore": "true"}
    assert STATE.info
    off = replace(STATE, info=replace(STATE.info, live_restore=False), replaced=True)
    assert [str(change) for change in ENGINE.plan(off, want)] == [
        "update service docker live restore: off -> on",
        "restart service docker (its program was replaced; 1 container keeps running)",
    ]
    (change,) = ENGINE.plan(off, EngineParams(containers="stop"))
    assert str(change) == "restart service docker (its program was replaced; stops a)"
    with pytest.raises(CannotUndo):
        ENGINE.undo(LocalTarget(), want, STATE, change)


def test_an_engine_that_is_not_well() -> None:
    want = EngineParams()
    (change,) = ENGINE.plan(replace(STATE, active="failed", info=None), want)
    assert str(change) == "start service docker: failed -> running"
    with pytest.raises(ActFailed, match=r"docker.service is not-found: install the engine first"):
        ENGINE.plan(replace(STATE, load="not-found"), want)
    with pytest.raises(ActFailed, match=r"does not answer at its socket"):
        ENGINE.plan(replace(STATE, info=None), want)
    assert STATE.info
    swarm = replace(STATE, info=replace(STATE.info, swarm=True, live_restore=False))
    with pytest.raises(ActFailed, match=r"is part of a swarm, and has no live restore: drain the node"):
        ENGINE.plan(swarm, want)
    assert ENGINE.plan(swarm, EngineParams(containers="auto")) == ()


def test_a_version_that_does_not_exist_is_refused_before_anything_is_stopped(host: LocalTarget) -> None:
    known = ("5:27.5.1-1", "5:27.5.0-1", "20.10.25-1")
    seen = replace(host.look(DRAINED, drained()), versions=known)
    for version in ("27*", "20.10.99"):
        with pytest.raises(ActFailed, match=r"in no version .*, found 5:27\.5\.1-1, 5:27\.5\.0-1, 20\.10\.25-1"):
            DRAINED.plan(seen, drained(version=version, containers="auto"))
    assert DRAINED.outputs(seen, drained(version="5:27.5*"))["to"] == "5:27.5.1-1", "the newest that fits"
    (change,) = DRAINED.plan(seen, drained(version="5:27.5*", containers="auto"))
    assert change.why.startswith("from 20.10 to 27.5")
    assert DRAINED.plan(seen, drained(version="20.10.25*")) == ()
