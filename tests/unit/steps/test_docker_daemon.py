"""`docker.daemon` on this machine with an /etc of the test's own; its engine is a script that is as particular as dockerd.

It refuses hosts that are given twice, and run without `-H` it leaves systemd's socket lost to the next run that counts on it.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Reply
from xcatflow.steps.daemon_acts import restart
from xcatflow.steps.daemon_config import CONFIG, command, flags, merged, parse_config, without_hosts
from xcatflow.steps.daemon_look import DaemonState, read_state
from xcatflow.steps.docker_daemon import DaemonParams, DockerDaemon

STEP = DockerDaemon()

SYSTEMCTL = """
cd ROOT; echo "$1" >>log
units=/etc/systemd/system
alive() { [ "$(cat pid)" -gt 0 ] && kill -0 "$(cat pid)" 2>/dev/null; }
end() { ! alive || kill -9 "$(cat pid)"; echo 0 >pid; [ "$(cat live)" = true ] || : >containers; }
refuse() { echo "$1" >>journal; return 1; }
begin() {
  sleep 0.05
  [ ! -f no-disk ] || { refuse "failed to start daemon: no space left on device"; return; }
  start=$(cat $units/docker.service $units/docker.service.d/*.conf 2>/dev/null | grep '^ExecStart=.' | tail -n 1)
  case $start in *" -H "*)
    ! grep -qs '"hosts"' /etc/docker/daemon.json || { refuse "unable to configure the Docker daemon: hosts are given twice"; return; };;
  *) : >lost;;
  esac
  ! grep -qs '"broken"' /etc/docker/daemon.json || { refuse "unable to configure the Docker daemon: broken"; return; }
  if grep -qs '"live-restore": true' /etc/docker/daemon.json; then echo true >live; else echo false >live; : >containers; fi
  setsid sh -c 'trap "sh ROOT/hup" HUP; while :; do sleep 0.05; done' </dev/null >/dev/null 2>&1 &
  echo $! >pid
}
case "$*" in
*docker.socket)
  case $1 in restart) ! alive || exit 1; rm -f lost;; esac
  exit 0;;
esac
case $1 in
show)
  case " $* " in *" --value "*) cat pid; exit;; esac
  if alive; then active=active; else active=inactive; fi
  printf 'LoadState=%s\\nActiveState=%s\\nMainPID=%s\\n' loaded $active "$(cat pid)"
  printf 'FragmentPath=%s\\nDropInPaths=%s\\n' $units/docker.service "$(cat loaded)";;
daemon-reload) echo $units/docker.service.d/*.conf | grep -v '\\*' >loaded || :;;
restart|start) ! alive || end; begin || { echo "Job for docker.service failed. See the journal." >&2; exit 1; };;
stop) end;;
is-active) alive;;
esac
"""
HUP = "! grep -q '\"live-restore\": true' /etc/docker/daemon.json || [ -f ROOT/deaf ] || echo true >ROOT/live\n"
DOCKER = """
shift 2
case $1 in
version)
  grep -qs '"hosts"' /etc/docker/daemon.json || [ ! -f ROOT/lost ] || exit 1
  ! grep -qs '"mute"' /etc/docker/daemon.json;;
info) case $3 in *Swarm*) cat ROOT/swarm 2>/dev/null;; *) cat ROOT/live;; esac;;
ps) cat ROOT/containers;;
esac
"""
DOCKERD = """
echo "dockerd $*" >>ROOT/log
[ ! -f ROOT/old ] || { echo "Status: unknown flag: --validate" >&2; exit 125; }
for last do :; done
! grep -q '"misspelt"' "$last" || { echo "the following directives don't match any configuration option: misspelt" >&2; exit 1; }
"""


@dataclass
class Engine:
    """A machine with an engine. `etc` is its /etc, `root` holds the engine's state."""

    at: LocalTarget
    etc: Path
    root: Path

    @property
    def config(self) -> Path:
        return self.etc / "docker" / "daemon.json"

    @property
    def drop_in(self) -> Path:
        return self.etc / "systemd" / "system" / "docker.service.d" / "10-xcatflow.conf"

    def commands(self) -> list[str]:
        """What was called since the last time, looks left out."""
        log = self.root / "log"
        words = [line for line in log.read_text().splitlines() if line not in ("show", "is-active", "reset-failed")]
        log.write_text("")
        return words

    def files(self) -> tuple[str | None, str | None]:
        found = (path.read_text() if path.exists() else None for path in (self.drop_in, self.config))
        return next(found), next(found)

    def running(self) -> bool:
        return self.at.reply("systemctl is-active docker.service").code == 0

    def has(self, name: str, text: str = "") -> None:
        (self.root / name).write_text(text)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    if os.geteuid() != 0:
        pytest.skip("an /etc of the test's own needs root")
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    etc, root = tmp_path / "etc", tmp_path / "engine"
    for folder in (etc / "docker" / "tls", etc / "systemd" / "system", root):
        folder.mkdir(parents=True)
    for name in ("passwd", "group", "nsswitch.conf"):
        if Path("/etc", name).exists():
            shutil.copy(Path("/etc", name), etc / name)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (etc / "docker" / "tls" / name).write_text(name)
    scripts = {"systemctl": SYSTEMCTL, "docker": DOCKER, "dockerd": DOCKERD, "journalctl": "cat ROOT/journal"}
    path = tools(root / "bin", **{name: text.replace("ROOT", str(root)) for name, text in scripts.items()})
    (etc / "systemd" / "system" / "docker.service").write_text(
        f"[Service]\nExecStart={path}/dockerd -H fd:// --containerd=/run/x.sock $DOCKER_OPTS\n"
    )
    (root / "hup").write_text(HUP.replace("ROOT", str(root)))
    for name, text in {
        "pid": "0",
        "live": "false",
        "loaded": "",
        "containers": "c1\n",
        "log": "",
        "journal": "",
    }.items():
        (root / name).write_text(text)
    shell = ("unshare", "-m", "sh", "-c", f'mount --bind {etc} /etc && exec sh "$@"', "sh")
    made = Engine(LocalTarget(shell=shell, path=f"{path}:{SYSTEM_PATH}"), etc, root)
    made.at.reply("systemctl daemon-reload; systemctl restart docker.service")
    made.has("containers", "c1\n")
    made.commands()
    yield made
    if (pid := int((root / "pid").read_text())) > 0:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def want(**params: Any) -> DaemonParams:
    return DaemonParams.model_validate(params)


def verbs(changes: tuple[Change, ...]) -> list[Verb]:
    return [change.verb for change in changes]


def test_an_engine_is_opened_and_its_containers_keep_running(engine: Engine) -> None:
    changes = engine.at.converge(STEP, want(tcp_port="2375"))
    assert verbs(changes) == [Verb.CREATE, Verb.CREATE, Verb.RESTART]
    assert changes[-1].why == "its configuration changes; containers keep running"
    assert "\nExecStart=\nExecStart=" in engine.drop_in.read_text()
    assert " -H " not in engine.drop_in.read_text()
    config = parse_config(engine.config.read_bytes())
    assert config["hosts"] == ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2375"]
    assert [path.stat().st_mode & 0o777 for path in (engine.drop_in, engine.config)] == [0o644] * 2
    assert (engine.root / "containers").read_text() == "c1\n"
    program, *rest = engine.commands()[1].split(" --validate --config-file ")
    assert (program, len(rest)) == ("dockerd --containerd=/run/x.sock", 1)
    engine.at.scripts.clear()
    assert engine.at.converge(STEP, want(tcp_port="2375")) == ()
    assert engine.at.scripts == []
    assert STEP.outputs(None, want(tcp_port="2375")) == {"port": "2375"}


def test_without_live_restore_containers_are_stopped_and_the_plan_says_so(engine: Engine) -> None:
    changes = engine.at.converge(STEP, want(live_restore=False))
    assert changes[-1].why == "its configuration changes; containers on it are stopped"
    assert (engine.root / "containers").read_text() == ""


def test_looking_and_planning_change_nothing(engine: Engine) -> None:
    before = engine.files()
    assert STEP.plan(engine.at.look(STEP, want()), want())
    assert (engine.files(), engine.commands()) == (before, [])


def test_other_keys_and_rights_stay(engine: Engine) -> None:
    engine.config.write_text('{"debug": true, "log-opts": {"max-file": "3"}, "hosts": ["fd://"]}')
    engine.config.chmod(0o600)
    engine.at.converge(STEP, want(options={"log-opts": {"max-size": "10m"}}, bridge=""))
    config = parse_config(engine.config.read_bytes())
    assert list(config)[:3] == ["debug", "log-opts", "hosts"]
    assert config["log-opts"] == {"max-file": "3", "max-size": "10m"}
    assert engine.config.stat().st_mode & 0o777 == 0o600


def test_a_renewed_certificate_is_read(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    time.sleep(0.1)
    (engine.etc / "docker" / "tls" / "cert.pem").write_text("new")
    (change,) = engine.at.converge(STEP, want())
    assert str(change) == "restart service docker (cert.pem is newer than the running engine; containers keep running)"
    assert engine.at.converge(STEP, want()) == ()


def test_a_time_to_come_tells_nothing(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    later = time.time() + 3600
    os.utime(engine.config, (later, later))
    assert engine.at.converge(STEP, want()) == ()


@pytest.mark.parametrize("done", [1, 2])
def test_a_run_killed_before_its_restart_is_finished_by_the_next(engine: Engine, done: int) -> None:
    seen = engine.at.look(STEP, want())
    time.sleep(0.1)
    for change in STEP.plan(seen, want())[:done]:
        STEP.apply(engine.at, want(), seen, change)
    assert engine.at.reply("systemctl restart docker.service").code == 0, "what is there in between fits together"
    engine.at.converge(STEP, want())
    assert engine.at.converge(STEP, want()) == ()


def test_files_written_by_a_killed_run_are_put_to_use(engine: Engine) -> None:
    seen = engine.at.look(STEP, want())
    time.sleep(0.1)
    for change in STEP.plan(seen, want())[:2]:
        STEP.apply(engine.at, want(), seen, change)
    (change,) = engine.at.converge(STEP, want())
    assert change.why.startswith(
        "daemon.json, 10-xcatflow.conf are newer than the running engine; containers on it are stopped unless"
    )


def test_an_engine_that_does_not_run_is_started(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    engine.at.reply("systemctl stop docker.service")
    (change,) = engine.at.converge(STEP, want())
    assert str(change) == "start service docker: inactive -> running"
    assert engine.running()


def test_what_does_not_start_is_taken_back(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    before = engine.files()
    with pytest.raises(ActFailed) as caught:
        engine.at.converge(STEP, want(options={"broken": True}))
    assert str(caught.value) == (
        "cannot restart service docker on host01: unable to configure the Docker daemon: broken; "
        "the former files are back and it runs with them"
    )
    assert "Job for docker.service failed" in caught.value.detail
    assert (engine.files(), engine.running()) == (before, True)
    assert engine.at.converge(STEP, want()) == ()


def test_what_does_not_start_the_first_time_stops_no_containers(engine: Engine) -> None:
    with pytest.raises(ActFailed, match="the former files are back and it runs with them"):
        engine.at.converge(STEP, want(options={"broken": True}))
    assert (engine.files(), engine.running()) == ((None, '{\n  "live-restore": true\n}\n'), True)
    assert (engine.root / "containers").read_text() == "c1\n"


def test_what_does_not_start_without_live_restore_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(ActFailed, match="the former files are back and it runs with them"):
        engine.at.converge(STEP, want(options={"broken": True}, live_restore=False))
    assert (engine.files(), engine.running()) == ((None, None), True)


def test_when_the_former_files_do_not_help_either(engine: Engine) -> None:
    engine.has("no-disk")
    with pytest.raises(ActFailed) as caught:
        engine.at.converge(STEP, want(live_restore=False))
    assert str(caught.value).endswith(
        "no space left on device; the former files are back, but it does not run with them either"
    )
    assert engine.files() == (None, None)
    with pytest.raises(ActFailed) as caught:
        restart(engine.at, {}, verb="restart")
    assert (
        str(caught.value) == "cannot restart service docker on host01: failed to start daemon: no space left on device"
    )


def test_an_engine_that_does_not_answer_is_not_waited_for_without_end(engine: Engine) -> None:
    engine.config.write_text('{"mute": 1}')
    with pytest.raises(ActFailed) as caught:
        restart(engine.at, {CONFIG: None}, verb="restart", patience_s=1)
    assert str(caught.value) == (
        "cannot restart service docker on host01: it does not answer at its socket within 1 s; "
        "the former files are back and it runs with them"
    )
    assert not engine.config.exists()


def test_the_engine_s_own_check_comes_first(engine: Engine) -> None:
    with pytest.raises(ActFailed) as caught:
        engine.at.converge(STEP, want(options={"misspelt": 1}))
    assert str(caught.value) == (
        'cannot write "/etc/docker/daemon.json" on host01: the following directives don\'t match any configuration option: misspelt'
    )
    assert "misspelt" not in engine.config.read_text()
    assert "restart" not in engine.commands()
    assert [path.name for path in engine.config.parent.iterdir() if path.name.startswith(".")] == []
    engine.has("old")
    engine.at.converge(STEP, want(options={"misspelt": 1}))
    assert "misspelt" in engine.config.read_text()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("deaf", "the last words of its journal"),
        ("swarm", "it is part of a swarm, and does not start with live restore"),
    ],
)
def test_live_restore_that_cannot_be_had_stops_nobody_s_containers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, state: str, reason: str
) -> None:
    monkeypatch.setattr("xcatflow.steps.daemon_acts.RELOAD_S", 1)
    engine.has(state, "active\n")
    engine.has("journal", "the last words of its journal\n")
    engine.config.write_text('{"debug": true}')
    with pytest.raises(ActFailed) as caught:
        engine.at.converge(STEP, want())
    assert str(caught.value) == (
        'docker cannot leave its containers running over a restart (say "live_restore: false" to have them stopped) '
        f"on host01: {reason}"
    )
    assert engine.config.read_text() == '{"debug": true}'
    assert (engine.root / "containers").read_text() == "c1\n"
    engine.at.converge(STEP, want(live_restore=False))


def test_live_restore_that_cannot_be_had_does_not_matter_without_containers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xcatflow.steps.daemon_acts.RELOAD_S", 1)
    engine.has("deaf")
    engine.has("containers")
    engine.at.converge(STEP, want())


def test_undo(engine: Engine) -> None:
    engine.config.write_text('{"debug": true}')
    seen = engine.at.look(STEP, want())
    before = engine.files()
    changes = engine.at.converge(STEP, want())
    engine.commands()
    for change in reversed(changes):
        STEP.undo(engine.at, want(), seen, change)
    assert engine.files() == before
    assert [word for word in engine.commands() if word != "daemon-reload"] == ["stop", "restart", "start"]
    assert engine.at.reply("docker -H x version").code == 0
    assert (engine.root / "containers").read_text() == "c1\n"
    engine.at.reply("systemctl stop docker.service")
    seen = engine.at.look(STEP, want())
    for change in reversed(engine.at.converge(STEP, want())):
        STEP.undo(engine.at, want(), seen, change)
    assert (engine.files(), engine.running()) == (before, False)


def test_a_drop_in_that_is_needed_no_longer_goes(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    unit = engine.etc / "systemd" / "system" / "docker.service"
    unit.write_text(unit.read_text().replace(" -H fd://", ""))
    seen = engine.at.look(STEP, want())
    changes = engine.at.converge(STEP, want())
    assert verbs(changes) == [Verb.REMOVE, Verb.RESTART]
    assert not engine.drop_in.exists()
    STEP.undo(engine.at, want(), seen, changes[0])
    assert engine.drop_in.exists()


# --- looking ---


def test_no_telling() -> None:
    def state(reply: Reply) -> DaemonState:
        return read_state(reply, None, None, tls_directory="/t")

    with pytest.raises(CannotTell, match=r"cannot look at docker\.service of the machine: it has no systemd"):
        state(Reply(127, b"", b"sh: systemctl: not found"))
    with pytest.raises(CannotTell, match="not been booted with systemd"):
        state(Reply(1, b"", b"System has not been booted with systemd\nmore"))
    whole = "#unit\nLoadState=loaded\nActiveState=active\n#files\n#clock\n{}\n#times\n{}\n#bridge\n"
    for clock, times in (("1.0 2.0", ""), ("1.0 2.0 100\n1 (x) S 1", "1.0 /t/ca.pem"), ("", "x /t/ca.pem")):
        reply = Reply(0, whole.format(clock, times).encode())
        if (clock, times) == ("1.0 2.0", ""):
            assert state(reply).missing == ("/t/ca.pem", "/t/cert.pem", "/t/key.pem")
            continue
        with pytest.raises(CannotTell, match="cannot tell when docker was started"):
            state(reply)


# --- the files ---


@pytest.mark.parametrize(
    ("given", "fitting"),
    [
        ("/usr/sbin/dockerd -H fd:// --containerd=/x $DOCKER_OPTS", "/usr/sbin/dockerd --containerd=/x $DOCKER_OPTS"),
        ("/usr/bin/dockerd --host=fd://", "/usr/bin/dockerd"),
        ("/usr/bin/dockerd --host fd:// -D", "/usr/bin/dockerd -D"),
        ("/usr/bin/dockerd -Hfd:// -H=unix:///a -H 'tcp://0.0.0.0:1' -D", "/usr/bin/dockerd -D"),
        ('/usr/bin/dockerd --host="fd://"', "/usr/bin/dockerd"),
        ("/usr/bin/dockerd --host-gateway-ip=1.2.3.4 --label a-H", "/usr/bin/dockerd --host-gateway-ip=1.2.3.4 --label a-H"),
    ],
)  # fmt: skip
def test_a_command_without_its_listeners(given: str, fitting: str) -> None:
    assert without_hosts(given) == fitting


def test_flags_are_what_systemd_does_not_fill_in() -> None:
    assert flags("-/usr/sbin/dockerd -H fd:// --containerd=/x $DOCKER_OPTS ${MORE}") == (
        "/usr/sbin/dockerd",
        "--containerd=/x",
    )


def test_the_last_command_holds() -> None:
    one = (
        "/lib/a.service",
        "# ExecStart=no\n[Unit]\nExecStart=no\n[Service]\nExecStart = /a \\\n# a comment\n  -b\n[Install]\nExecStart=no",
    )
    two = ("/etc/b.conf", "[Service]\nExecStart=\nExecStart=/b")
    assert command([one]) == ("/lib/a.service", "/a -b")
    assert command([one, two]) == ("/etc/b.conf", "/b")
    with pytest.raises(CannotTell, match=r"docker\.service has no ExecStart"):
        command([one, ("/etc/c.conf", "[Service]\nExecStart=")])


def test_merging() -> None:
    has = {"a": 1, "b": {"c": 1, "d": {"e": 1}}, "f": [1], "g": 1}
    assert merged(
        has, {"a": 2, "b": {"d": {"x": None, "y": 2}, "c": None}, "f": [2], "g": None, "h": {"i": None, "j": 1}}
    ) == {
        "a": 2,
        "b": {"d": {"e": 1, "y": 2}},
        "f": [2],
        "h": {"j": 1},
    }
    assert has["b"] == {"c": 1, "d": {"e": 1}}


def test_an_empty_configuration_and_one_with_a_byte_order_mark() -> None:
    assert parse_config(b" \n") == {}
    assert parse_config(b'\xef\xbb\xbf{"debug": true}') == {"debug": True}
    with pytest.raises(ActFailed, match=r'"/etc/docker/daemon.json" line 2, column 3: .*it is not overwritten'):
        parse_config(b'{"a": 1,\n  b}')


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"tcp_port": 0}, "tcp_port"),
        ({"tcp_port": "x"}, "tcp_port"),
        ({"listen": "localhost"}, 'expected an IP address to listen at such as "0.0.0.0", found "localhost"'),
        ({"options": {"hosts": []}}, '"hosts" is set by the parameter "tcp_port"'),
        ({"options": {"live-restore": False}}, '"live-restore" is set by the parameter "live_restore"'),
        ({"options": {"x": float("nan")}}, "expected what JSON can say"),
        ({"options": {"x": object()}}, "expected what JSON can say"),
        ({"tls_directory": "../tls"}, "expected an absolute path"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        want(**params)


def test_empty_text_is_left_out() -> None:
    assert want(tcp_port="", listen="", bridge="", options="") == want()
    assert want(listen="::").config["hosts"][1] == "tcp://[::]:2376"
    assert "bridge" not in want().config
    assert want(bridge="br0").config["bridge"] == "br0"
