"""What keeps addresses: records and the keeper's files on a machine, and the keeper itself on network namespaces with a daemon of paper."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import nic
from tests.fakes.netns import Machine, lacks, machine
from tests.fakes.target import SYSTEM_PATH, tools
from xcatflow.errors import ActFailed, CannotTell
from xcatflow.model.question import Answers
from xcatflow.steps.containers import keeper
from xcatflow.steps.containers import keeper_script as script
from xcatflow.steps.containers.address_params import AddressParams
from xcatflow.steps.containers.link import Way, host_end

WAY = Way("br0", ("10.0.0.5/16",), "via 10.0.0.1 dev eth1")


def test_a_record_says_what_is_wanted_and_nothing_else() -> None:
    way = AddressParams(
        container="c1",
        address="10.0.0.5/32",
        addresses=("fd00::5/64",),
        gateway="10.0.0.1",
        gateway6="fe80::1",
        mac="02:00:00:00:00:05",
        mtu=1400,
    ).way
    assert keeper.record_text(way, "none").decode() == (
        "# written by xcatflow (container.address)\n"
        "bridge mydocker0\n"
        "addresses 10.0.0.5/32 fd00::5/64\n"
        "default via 10.0.0.1 dev eth1\n"
        "far 10.0.0.1\n"
        "default6 via fe80::1 dev eth1\n"
        "mac 02:00:00:00:00:05\n"
        "mtu 1400\n"
        "network none\n"
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("the machine has no systemd", 'so the address cannot be kept over restarts: say "keep: false"$'),
        ("no answer", "^no answer$"),
    ],
)
def test_without_systemd_nothing_can_be_kept(said: str, message: str) -> None:
    asked = keeper.questions("c1", "eth1", WAY)
    with pytest.raises(CannotTell, match=message):
        keeper.seen(Answers(dict.fromkeys(asked, CannotTell(said))), "c1", "eth1", WAY)


# --- its files ---

_SYSTEMCTL = """
[ "$1" != -q ] || shift
echo "$*" >>ROOT/asked
case "$*" in
  "is-active "*) [ -e ROOT/active ];;
  "is-enabled "*) [ -e ROOT/enabled ];;
  "enable "*) touch ROOT/enabled;;
  "restart "*) touch ROOT/active;;
  "disable --now "*) rm -f ROOT/enabled ROOT/active;;
  daemon-reload) ;;
  *) exit 64;;
esac
"""


@pytest.fixture
def files(tmp_path: Path) -> Iterator[nic.Machine]:
    """A machine whose /etc and /usr/local may be written to."""
    if reason := lacks():
        pytest.skip(reason)
    with nic.machine(tmp_path / "m") as made:
        tools(made.root / "bin", systemctl=_SYSTEMCTL.replace("ROOT", str(made.root)))
        yield made


def asked(files: nic.Machine) -> list[str]:
    path = files.root / "asked"
    said = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line for line in said if not line.startswith("is-")]


def test_the_keeper_comes_with_the_first_record_and_goes_with_the_last(files: nic.Machine) -> None:
    at: Any = files.at
    text = keeper.record_text(WAY, "none")
    with pytest.raises(ActFailed, match='systemd does not run here: say "keep: false"'):
        keeper.run_keeper(at)
    files.run("mkdir", "-p", "/run/systemd/system")
    for name in ("c1", "c2"):
        keeper.keep(at, name, "eth1", text)
        keeper.run_keeper(at)
    assert asked(files) == [
        "daemon-reload",
        f"enable {script.UNIT}",
        f"restart {script.UNIT}",
    ], "the second time there is nothing to do"
    assert files.read("/etc/xcatflow/addresses/c1@eth1").encode() == text
    assert files.read(script.PROGRAM_FILE).encode() == script.PROGRAM
    assert files.read(script.UNIT_FILE).encode() == script.UNIT_TEXT
    keeper.forget(at, "c1", "eth1")
    keeper.forget(at, "c1", "eth1", only_unused=True)
    assert files.exists(script.PROGRAM_FILE)
    keeper.forget(at, "c2", "eth1")
    assert asked(files) == [f"disable --now {script.UNIT}", "daemon-reload"]
    for path in (script.UNIT_FILE, "/usr/local/lib/xcatflow", "/etc/xcatflow"):
        assert not files.exists(path), path
    keeper.forget(at, "c2", "eth1")
    assert asked(files) == []


def test_drift_of_its_files_is_repaired(files: nic.Machine) -> None:
    at: Any = files.at
    files.run("mkdir", "-p", "/run/systemd/system")
    keeper.run_keeper(at)
    files.write(script.PROGRAM_FILE, "exit 0\n")
    asked(files)
    keeper.run_keeper(at)
    assert files.read(script.PROGRAM_FILE).encode() == script.PROGRAM
    assert f"restart {script.UNIT}" in asked(files)


# --- at work ---

_DOCKER = """
case $1 in
  ps) [ -e ROOT/up ] || exit 1; ls ROOT/running; exit 0;;
  events) [ -e ROOT/up ] || exit 1; echo "$*" >>ROOT/listened; exec tail -s 0.05 -f -n +1 ROOT/events;;
esac
[ "$1 $2 $3 $4 $6" = "inspect --type container -f --" ] || { echo "docker: cannot do $*" >&2; exit 64; }
form=$5 code=0; shift 6
for name do
  if [ ! -f "ROOT/running/$name" ]; then code=1; continue; fi
  case $form in *NetworkMode*) echo "$(cat "ROOT/running/$name") none /$name";; *) cat "ROOT/running/$name";; esac
done
exit $code
"""


@dataclass
class Keeping:
    """A machine with its keeper's files; `program` runs it."""

    here: Machine
    root: Path
    program: tuple[str, ...]

    def record(self, name: str, text: str) -> None:
        (self.root / "records").mkdir(exist_ok=True)
        (self.root / "records" / name).write_text(text)

    def runs(self, name: str, process: str = "") -> None:
        """The daemon has a running container of this name."""
        (self.root / "running" / name).write_text(self.here.pid(process or name) + "\n")

    def tell(self, line: str) -> None:
        """What the daemon says to those who listen."""
        with (self.root / "events").open("a") as events:
            events.write(f"{line}\n")

    def up(self) -> None:
        (self.root / "up").touch()

    def give(self, record: str, process: str, mode: str = "none") -> subprocess.CompletedProcess[str]:
        command = (*self.program, "give", record, self.here.pid(process), mode)
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def has(self, container: str, address: str) -> Callable[[], bool]:
        return lambda: f" {address} " in self.here.inside(container, "-o", "addr")

    def listeners(self) -> list[str]:
        """Processes of this keeper's that follow the daemon."""
        done = subprocess.run(
            ["pgrep", "-f", f"^tail .*{self.root}/events"], capture_output=True, text=True, check=False
        )
        return done.stdout.split()

    def listened(self) -> int:
        path = self.root / "listened"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture(params=["dash", "bash"])
def keeping(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Keeping]:
    if reason := lacks():
        pytest.skip(reason)
    shell = str(request.param)
    if not shutil.which(shell, path=SYSTEM_PATH):
        pytest.skip(f"{shell} is missing")
    root = tmp_path / "daemon"
    (root / "running").mkdir(parents=True)
    (root / "events").touch()
    with machine(tmp_path / "machine", running=("c1", "c2"), sharing=("c4",)) as here:
        path = tools(root / "bin", docker=_DOCKER.replace("ROOT", str(root)), arping="exit 0")
        tools(root / "bin", sh=f'exec {shell} "$@"')
        text = script.PROGRAM.decode().replace("PATH=/usr/local/sbin", f"PATH={path}:/usr/local/sbin")
        program = root / "address-keeper"
        program.write_text(
            f"XCATFLOW_ADDRESSES={root}/records RUNTIME_DIRECTORY={root}/run\n{text.replace('sleep 2', 'sleep 0.1')}"
        )
        yield Keeping(here, root, ("ip", "netns", "exec", here.space, shell, str(program)))


@pytest.fixture
def working(keeping: Keeping) -> Iterator[Keeping]:
    """The keeper runs; there is no daemon yet."""
    with subprocess.Popen(
        keeping.program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        yield keeping
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def text_of(way: Way) -> str:
    return keeper.record_text(way, "none").decode()


def test_everything_on_record_is_put_in_and_kept(working: Keeping) -> None:
    working.record("c1@eth1", text_of(WAY))
    working.record("c1@a-long-name0", text_of(Way("br0", ("10.1.0.5/16",), mtu=1300)))
    working.record("gone@eth1", text_of(Way("br0", ("10.0.0.9/16",))))
    working.runs("c1")
    working.up()
    until(working.has("c1", "10.0.0.5/16"))
    until(working.has("c1", "10.1.0.5/16"))
    links = working.here.ip("-br", "link")
    for interface in ("eth1", "a-long-name0"):
        assert f"{host_end(interface, int(working.here.pid('c1')))}@" in links, "named as the step names them"
    until(lambda: working.here.inside("c1", "route", "show", "default").strip() == "default via 10.0.0.1 dev eth1")
    # One that starts later, and one that starts again.
    working.record("c2@eth1", text_of(Way("br0", ("10.0.0.6/16",))))
    working.runs("c2")
    until(lambda: working.listened() > 0)
    working.tell("c2 start <no value>")
    until(working.has("c2", "10.0.0.6/16"))
    working.here.inside("c1", "link", "del", "eth1")
    working.tell("unknown start <no value>")
    working.tell("c1 start <no value>")
    until(working.has("c1", "10.0.0.5/16"))


def test_a_daemon_that_comes_back_is_listened_to_again(working: Keeping) -> None:
    working.record("c1@eth1", text_of(WAY))
    working.record("c2@eth1", text_of(Way("br0", ("10.0.0.6/16",))))
    working.runs("c2")
    working.up()
    until(working.has("c2", "10.0.0.6/16"))
    until(lambda: bool(working.listeners()))
    before = working.listened()
    (working.root / "up").unlink()
    subprocess.run(["kill", *working.listeners()], check=True)
    working.runs("c1")
    working.up()
    until(working.has("c1", "10.0.0.5/16"))
    assert working.listened() > before
    line = (working.root / "listened").read_text().splitlines()[-1].split()
    assert line[:2] == ["events", "--since"]
    assert time.time() - int(line[2]) < 60


def test_the_address_goes_with_the_name(working: Keeping) -> None:
    """A container is replaced by one that ran beside it: the old one gives the address up, whatever becomes of it."""
    working.record("c1@eth1", text_of(WAY))
    working.runs("c1")
    working.up()
    until(working.has("c1", "10.0.0.5/16"))
    until(lambda: working.listened() > 0)
    (working.root / "running" / "c1").unlink()
    working.runs("c1.xcatflow-old", "c1")
    working.runs("c1", "c2")
    working.tell("c1.xcatflow-old rename /c1")
    working.tell("c1 rename /c1.xcatflow-new")
    until(working.has("c2", "10.0.0.5/16"))
    assert "eth1" not in working.here.inside("c1", "-br", "link")


def test_what_fails_is_tried_again(working: Keeping) -> None:
    working.record("c1@eth1", text_of(Way("later0", ("10.0.0.5/16",))))
    working.runs("c1")
    working.up()
    until(lambda: working.listened() > 0)
    time.sleep(0.2)
    working.here.ip("link", "add", "later0", "type", "bridge")
    until(working.has("c1", "10.0.0.5/16"))


@pytest.mark.parametrize(
    ("record", "text", "message"),
    [
        ("c1@eth1", "bridge br0\naddresses 10.0.0.5/16\nmac $(id)\n", 'c1@eth1: strange letters in "mac"'),
        ("c1@eth1", "bridge br0\naddresses 10.0.0.5/16\ncommand id\n", 'c1@eth1: unknown word "command"'),
        ("c1@eth1", "bridge br0\n", "c1@eth1: not whole"),
        ("c1@eth1", "bridge br9\naddresses 10.0.0.5/16\nnetwork none\n", 'there is no bridge "br9"'),
        ("c1@lo", "bridge br0\naddresses 10.0.0.5/16\nnetwork none\n", '"lo" of container "c1" is somebody else\'s'),
    ],
)
def test_records_that_are_not_carried_out(keeping: Keeping, record: str, text: str, message: str) -> None:
    keeping.record(record, text)
    done = keeping.give(record, "c1")
    assert (done.returncode, done.stderr.strip()) == (1, message)
    assert "10.0.0.5" not in keeping.here.inside("c1", "-o", "addr")


def test_a_container_made_anew_for_a_network_of_dockers_is_left_alone(keeping: Keeping) -> None:
    keeping.record("c1@eth1", text_of(WAY))
    done = keeping.give("c1@eth1", "c1", "lan")
    assert (done.returncode, done.stdout) == (0, "c1: left alone, its network is lan now, not none\n")
    assert "eth1" not in keeping.here.inside("c1", "-br", "link")


def test_the_machine_itself_never_gets_an_address(working: Keeping) -> None:
    working.record("c4@eth1", text_of(WAY))
    working.record("c1@eth1", text_of(Way("br0", ("10.0.0.7/16",))))
    working.runs("c4")
    working.runs("c1")
    working.up()
    until(working.has("c1", "10.0.0.7/16"))
    working.tell("c4 start <no value>")
    working.tell("c1 start <no value>")
    time.sleep(0.3)
    assert "10.0.0.5" not in working.here.ip("-o", "addr")
