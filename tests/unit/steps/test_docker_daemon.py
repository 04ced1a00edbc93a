"""`docker.daemon` on this machine with an /etc of the test's own; its engine is a script that is as particular as dockerd.

It refuses hosts that are given twice, and run without `-H` it leaves systemd's socket lost to the next run that counts on it.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.target import SYSTEM_PATH, LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Reply
from xcatflow.steps.daemons.acts import restart
from xcatflow.steps.daemons.config import CONFIG, changed_keys, command, flags, merged, parse_config, without_hosts
from xcatflow.steps.daemons.info import Running, read_info
from xcatflow.steps.daemons.look import DaemonState, read_state
from xcatflow.steps.daemons.params import DaemonParams
from xcatflow.steps.docker_daemon import DockerDaemon

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
  rm -f hears
  setsid sh -c 'trap "sh ROOT/hup" HUP; : >ROOT/hears; while :; do sleep 0.05; done' </dev/null >/dev/null 2>&1 &
  echo $! >pid
  until [ -f hears ]; do sleep 0.01; done
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
HUP = """
[ ! -f ROOT/deaf ] || exit
if grep -q '"labels": "wrong"' /etc/docker/daemon.json; then echo 'time="x" level=error msg="labels are wrong"' >>ROOT/journal; exit; fi
echo reload >>ROOT/events
if grep -q '"live-restore": true' /etc/docker/daemon.json; then echo true >ROOT/live; else echo false >ROOT/live; fi
"""
DOCKER = """
shift 2
case $1 in
version)
  grep -qs '"hosts"' /etc/docker/daemon.json || [ ! -f ROOT/lost ] || exit 1
  ! grep -qs '"mute"' /etc/docker/daemon.json;;
info)
  n=$(wc -l <ROOT/containers)
  case $3 in
  *json*) printf '{"ServerVersion":"25.0.3","LiveRestoreEnabled":%s,"Containers":%s,"Swarm":{"LocalNodeState":"%s"}' \\
    "$(cat ROOT/live)" "$n" "$(cat ROOT/swarm 2>/dev/null)"
    printf ',"Driver":"overlay2","DockerRootDir":"/var/lib/docker"}';;
  *Swarm*) cat ROOT/swarm 2>/dev/null;;
  *) cat ROOT/live;;
  esac;;
ps) case $2 in -q) sed 's/ .*//' ROOT/containers;; *) cat ROOT/containers;; esac;;
stop) : >ROOT/containers;;
events) cat ROOT/events 2>/dev/null;;
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
    etc, root, run = tmp_path / "etc", tmp_path / "engine", tmp_path / "run"
    for folder in (etc / "docker" / "tls", etc / "systemd" / "system", root, run):
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
    shell = ("unshare", "-m", "sh", "-c", f'mount --bind {etc} /etc && mount --bind {run} /run && exec sh "$@"', "sh")
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
    assert changes[-1].why == (
        "hosts, tls, tlscacert, tlscert and 2 more are read when it starts, its command changes; 1 container keeps running"
    )
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
    assert changes[-1].why == (
        "hosts, tls, tlscacert, tlscert and 2 more are read when it starts, its command changes; stops 1 container: c1"
    )
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
    assert (
        str(change) == "restart service docker (cert.pem is newer than the running engine; 1 container keeps running)"
    )
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
    assert change.why == (
        "hosts, tls, tlscacert, tlscert and 2 more are read when it starts, 10-xcatflow.conf is newer than the running engine; "
        "1 container keeps running"
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
        (
            "deaf",
            "docker cannot leave its containers running over a restart "
            '(say "live_restore: false" to have them stopped) on host01: the last words of its journal',
        ),
        (
            "swarm",
            "the engine is part of a swarm, and does not start with live restore: "
            'say "live_restore: false", and its containers are stopped while it is restarted',
        ),
    ],
)
def test_live_restore_that_cannot_be_had_stops_nobody_s_containers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, state: str, reason: str
) -> None:
    monkeypatch.setattr("xcatflow.steps.daemons.reload.RELOAD_S", 1)
    engine.has(state, "active\n")
    engine.has("journal", 'time="now" level=error msg="the last words of its journal"\nlevel=info msg="no words"\n')
    engine.config.write_text('{"debug": true}')
    with pytest.raises(ActFailed) as caught:
        engine.at.converge(STEP, want())
    assert str(caught.value) == reason
    assert engine.config.read_text() == '{"debug": true}'
    assert (engine.root / "containers").read_text() == "c1\n"
    engine.at.converge(STEP, want(live_restore=False))


def test_live_restore_that_cannot_be_had_does_not_matter_without_containers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xcatflow.steps.daemons.reload.RELOAD_S", 1)
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


# --- reloading ---


def test_what_can_be_read_as_it_runs_is_reloaded(engine: Engine) -> None:
    engine.at.converge(STEP, want(live_restore=False))
    engine.commands()
    pid = (engine.root / "pid").read_text()
    changes = engine.at.converge(STEP, want(live_restore=False, options={"debug": True, "labels": ["a=b"]}))
    assert verbs(changes) == [Verb.UPDATE, Verb.RELOAD]
    assert str(changes[-1]) == "reload service docker (debug, labels are read again as it runs)"
    assert not {"restart", "stop"} & set(engine.commands())
    assert (engine.root / "pid").read_text() == pid
    assert engine.at.converge(STEP, want(live_restore=False, options={"debug": True, "labels": ["a=b"]})) == ()
    (_, change) = engine.at.converge(STEP, want(live_restore=False, options={"debug": None, "labels": ["a=b"]}))
    assert str(change).startswith("restart service docker (debug is read when it starts; ")


def test_one_key_for_which_it_has_to_start_is_enough(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    *_, change = engine.at.converge(STEP, want(mtu="1400", options={"debug": True}))
    assert str(change) == "restart service docker (mtu is read when it starts; 1 container keeps running)"


def test_what_it_does_not_read_is_put_back(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xcatflow.steps.daemons.reload.RELOAD_S", 1)
    engine.at.converge(STEP, want())
    before = engine.files()
    with pytest.raises(ActFailed) as caught:
        engine.at.converge(STEP, want(options={"labels": "wrong"}))
    assert str(caught.value) == (
        "docker on host01 does not take its configuration: labels are wrong; the former file is back"
    )
    assert engine.files() == before
    engine.has("journal")
    (change,) = engine.at.converge(STEP, want(options={"labels": ["right=1"]}))[1:]
    assert change.verb is Verb.RELOAD, "what it has read is still known"


def test_a_run_killed_before_its_reload_is_finished_by_a_reload(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    wanted = want(options={"debug": True})
    seen = engine.at.look(STEP, wanted)
    time.sleep(0.1)
    STEP.apply(engine.at, wanted, seen, STEP.plan(seen, wanted)[0])
    (change,) = engine.at.converge(STEP, wanted)
    assert change.verb is Verb.RELOAD


def test_a_reload_is_taken_back(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    wanted, before = want(options={"debug": True}), engine.files()
    seen = engine.at.look(STEP, wanted)
    for change in reversed(engine.at.converge(STEP, wanted)):
        STEP.undo(engine.at, wanted, seen, change)
    assert engine.files() == before
    assert engine.at.converge(STEP, want()) == ()


def test_a_file_written_by_hand_is_put_to_use_by_a_restart(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    time.sleep(0.1)
    engine.config.write_text(engine.config.read_text().replace("{", '{"debug": true,', 1))
    (change,) = engine.at.converge(STEP, want())
    assert change.why == "daemon.json is newer than the running engine; 1 container keeps running"


def test_a_program_that_was_replaced(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    seen = engine.at.look(STEP, want())
    (change,) = STEP.plan(replace(seen, replaced=True), want())
    assert change.why == "its program was replaced; 1 container keeps running"


# --- storage ---


def test_containers_are_not_lost_unless_that_is_said(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    engine.at.converge(STEP, want(storage_driver="overlay2", data_root="/var/lib/docker"))
    with pytest.raises(ActFailed) as caught:
        engine.at.converge(STEP, want(storage_driver="vfs", data_root="/srv/docker"))
    assert str(caught.value) == (
        'changing "storage-driver" from overlay2 to vfs and "data-root" from /var/lib/docker to /srv/docker: '
        '1 container of the engine would be unknown to it; remove them first, or say "allow_data_loss: true"'
    )
    changes = STEP.plan(engine.at.look(STEP, want()), want(storage_driver="vfs", allow_data_loss=True))
    assert verbs(changes) == [Verb.UPDATE, Verb.STOP, Verb.RESTART]
    assert changes[-1].why == "storage-driver is read when it starts; no container runs then"
    STEP.apply(engine.at, want(), engine.at.look(STEP, want()), changes[1])
    assert (engine.root / "containers").read_text() == ""
    assert verbs(STEP.plan(engine.at.look(STEP, want()), want(data_root="/srv/docker")))[-1] is Verb.RESTART


def test_ports_through_docker_proxy_are_named(engine: Engine) -> None:
    engine.at.converge(STEP, want())
    engine.has("containers", "a \nb 0.0.0.0:80->80/tcp, :::80->80/tcp\nc \nd \ne \n")
    seen = engine.at.look(STEP, want())
    wanted = want(mtu=1400)
    assert STEP.plan(seen, wanted)[-1].why == (
        "mtu is read when it starts; 5 containers keep running, connections through docker-proxy to ports of b end"
    )
    wanted = want(mtu=1400, live_restore=False)
    assert STEP.plan(seen, wanted)[-1].why == "mtu is read when it starts; stops 5 containers: a, b, c, d and 1 more"


# --- looking ---


def test_what_an_engine_says_of_itself() -> None:
    api = {"info": json.dumps({"ServerVersion": "1", "Swarm": {"LocalNodeState": "active"}, "Containers": 2})}
    api["running"] = json.dumps(
        [{"Names": ["/b"], "Ports": [{"PublicPort": 80}]}, {"Names": ["/a"], "Ports": [{"PrivatePort": 1}]}]
    )
    info = read_info(api)
    assert info
    assert (info.swarm, info.containers, info.running) == (True, 2, (Running("a"), Running("b", published=True)))
    for text in ("", "{", '{"ServerErrors": ["cannot connect"]}', "[]"):
        assert read_info({"info": text}) is None


def test_no_telling() -> None:
    def state(reply: Reply) -> DaemonState:
        return read_state(reply, None, None, tls_directory="/t")

    with pytest.raises(CannotTell, match=r"cannot look at docker\.service of the machine: it has no systemd"):
        state(Reply(127, b"", b"sh: systemctl: not found"))
    with pytest.raises(CannotTell, match="not been booted with systemd"):
        state(Reply(1, b"", b"System has not been booted with systemd\nmore"))
    whole = "#unit\nLoadState=loaded\nActiveState=active\n#files\n#clock\n{}\n#times\n{}\n#bridges\n"
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
        ({"data_root": "docker"}, "expected an absolute path"),
        ({"storage_driver": "over lay"}, 'expected the name of a driver such as "overlay2", found "over lay"'),
        ({"mtu": 1400, "options": {"mtu": 1}}, '"mtu" is given twice: by the parameter "mtu", and as an option'),
        ({"log_max_size": "10 MB"}, 'expected a size such as "10m" \\(k, m or g\\), found "10 MB"'),
        ({"log_max_files": 3}, '"log_max_files" needs "log_max_size"'),
        (
            {"log_driver": "journald", "log_max_size": "1m"},
            '"log_max_size" goes with json-file and local, found "journald"',
        ),
        ({"registry_mirrors": "mirror"}, 'expected a mirror such as "https://mirror.example", found "mirror"'),
        ({"insecure_registries": "http://a"}, 'expected a registry such as "host:5000" or a subnet, found "http://a"'),
        ({"default_address_pools": [{"base": "10.0.0.1/8", "size": 24}]}, "expected a subnet such as"),
        (
            {"default_address_pools": [{"base": "10.0.0.0/16", "size": 8}]},
            "size 8 is no part of 10.0.0.0/16: expected 16 or more",
        ),
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


def test_parameters_in_the_words_of_the_configuration() -> None:
    config = want(
        storage_driver="overlay2",
        data_root="/srv/docker",
        log_driver="local",
        log_max_size="10m",
        log_max_files=3,
        registry_mirrors="https://a.example, https://b.example:5000/x",
        insecure_registries=["r:5000", "10.0.0.0/8"],
        default_address_pools=[{"base": "10.99.0.0/16", "size": 24}],
        mtu="",
        options={"log-opts": {"compress": "true"}},
    ).config
    assert {key: value for key, value in config.items() if not key.startswith(("tls", "hosts", "live"))} == {
        "storage-driver": "overlay2",
        "data-root": "/srv/docker",
        "log-driver": "local",
        "log-opts": {"max-size": "10m", "max-file": "3", "compress": "true"},
        "registry-mirrors": ["https://a.example", "https://b.example:5000/x"],
        "insecure-registries": ["r:5000", "10.0.0.0/8"],
        "default-address-pools": [{"base": "10.99.0.0/16", "size": 24}],
    }


def test_which_keys_an_engine_reads_again() -> None:
    old = {"debug": True, "mtu": 1, "max-concurrent-downloads": 3, "labels": ["a=b"]}
    assert changed_keys(old, {"debug": False, "mtu": 1, "labels": []}) == (
        (),
        ("debug", "labels", "max-concurrent-downloads"),
    )
    assert changed_keys(old, {}) == (("debug", "labels", "mtu"), ("max-concurrent-downloads",))
