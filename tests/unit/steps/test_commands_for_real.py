"""`ssh.command`, `wait.port` and `ping` on the machine the tests run on."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell, DeadlineExceeded, Interrupted
from xcatflow.model.question import Answers, Reply
from xcatflow.steps.ping import Answering, Ping, PingParams
from xcatflow.steps.ssh_command import CommandParams, SshCommand
from xcatflow.steps.wait_port import PortParams, WaitPort

COMMAND, PORT, PING = SshCommand(), WaitPort(), Ping()


def command(**params: Any) -> CommandParams:
    return CommandParams.model_validate(params)


def run(at: LocalTarget, want: CommandParams) -> Any:
    seen = at.look(COMMAND, want)
    (change,) = COMMAND.plan(seen, want)
    return COMMAND.apply(at, want, seen, change)


@pytest.mark.parametrize("guard", ["creates", "unless"])
def test_a_guarded_command_runs_once(tmp_path: Path, guard: str) -> None:
    at, path = LocalTarget(), tmp_path / "it's made"
    test = {"creates": str(path)} if guard == "creates" else {"unless": f'test -e "{path}" # there?'}
    want = command(run=f'echo one; echo x >>"{path}"', **test)
    assert len(at.converge(COMMAND, want)) == 1
    assert at.converge(COMMAND, want) == ()
    assert path.read_text() == "x\n"
    assert COMMAND.verifies(want)


def test_a_dangling_link_is_something(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    assert LocalTarget().look(COMMAND, command(run="true", creates=str(tmp_path / "link"))) is True


def test_always_is_always_and_asks_nothing(tmp_path: Path) -> None:
    at, want = LocalTarget(), command(run=f"echo said; echo x >>{tmp_path}/log", always=True)
    assert COMMAND.ask(want) == ()
    assert not COMMAND.verifies(want)
    assert run(at, want) == {"stdout": "said"}
    assert run(at, want) == {"stdout": "said"}
    assert (tmp_path / "log").read_text() == "x\nx\n"


def test_it_ends_at_the_first_failure(tmp_path: Path) -> None:
    want = command(run=f"echo out; echo err >&2\n( exit 7 )\ntouch {tmp_path}/after", always=True)
    with pytest.raises(ActFailed) as caught:
        run(LocalTarget(), want)
    assert str(caught.value) == '"echo out; echo err >&2..." ended with status 7 on host01: err'
    assert caught.value.detail == "out\nerr"
    assert not (tmp_path / "after").exists()
    with pytest.raises(ActFailed, match="it said nothing"):
        run(LocalTarget(), command(run="false", always=True))


def test_a_killed_guard_is_no_telling() -> None:
    with pytest.raises(CannotTell, match="was ended by signal 9"):
        LocalTarget().look(COMMAND, command(run="true", unless="sh -c 'kill -9 $$'"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"run": "x"}, 'expected exactly one guard of "unless", "creates", "always: true", found none'),
        ({"run": "x", "always": False}, "found none"),
        ({"run": "x", "always": True, "unless": "y"}, 'found "unless" and "always"'),
        ({"run": "", "always": True}, "at least 1 character"),
        ({"run": "x", "always": True, "timeout": "soon"}, 'expected a time such as "5 s"'),
    ],
)
def test_commands_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        command(**params)


def test_a_port_is_waited_for_with_growing_pauses() -> None:
    at = LocalTarget(ports=[False] * 8 + [True])
    want = PortParams(host="h", port=22)
    PORT.apply(at, want, False, PORT.plan(False, want)[0])
    assert at.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, 2.0]
    assert PORT.outputs(True, want) == {"host": "h", "port": "22"}
    assert at.converge(PORT, want) == ()


def test_a_port_that_never_opens() -> None:
    at = LocalTarget(ports=[False])
    with pytest.raises(DeadlineExceeded, match="port 22 of h lets nobody in after 0 s"):
        at.converge(PORT, PortParams(host="h", port=22, timeout=0))


def test_waiting_ends_with_the_run() -> None:
    class Stopping(LocalTarget):
        def pause(self, seconds: float) -> None:
            raise Interrupted("stop")

    with pytest.raises(Interrupted):
        Stopping(ports=[False]).converge(PORT, PortParams(host="h", port=22))


def ping(to: Any, **params: Any) -> PingParams:
    return PingParams.model_validate({"to": to, **params})


def answering(tmp_path: Path, *addresses: str) -> LocalTarget:
    """A machine whose ping gets answers from these, and from those that a file names."""
    (tmp_path / "up").write_text("\n".join(addresses) + "\n")
    script = f'for a do :; done; echo "$*" >>{tmp_path}/log; exec grep -qx "$a" {tmp_path}/up'
    docker = (
        'case "$*" in "inspect -f {{.State.Pid}} -- c1") echo 77;; *down) echo 0;; *) echo "no such" >&2; exit 1;; esac'
    )
    nsenter = 'echo "$1 $2 $3" >>LOG; shift 3; exec "$@"'.replace("LOG", f"{tmp_path}/entered")
    return LocalTarget(path=tools(tmp_path / "bin", ("grep",), ping=script, docker=docker, nsenter=nsenter))


def test_who_does_not_answer(tmp_path: Path) -> None:
    at = answering(tmp_path, "10.0.0.1", "10.0.0.3")
    seen = at.look(PING, ping("10.0.0.1,10.0.0.2, 10.0.0.3,10.0.0.4", count=2))
    assert seen == Answering(("10.0.0.2", "10.0.0.4"))
    assert sorted((tmp_path / "log").read_text().splitlines())[0] == "-n -q -c 2 -W 1 10.0.0.1"


def test_from_a_container(tmp_path: Path) -> None:
    at = answering(tmp_path, "10.0.0.1")
    assert at.look(PING, ping(["10.0.0.1"], from_container="c1")) == Answering(())
    assert (tmp_path / "entered").read_text() == "-t 77 -n\n"
    for name in ("down", "unknown"):
        seen = at.look(PING, ping(["10.0.0.1"], from_container=name))
        assert seen == Answering(("10.0.0.1",), f"container {name} is not running")


def test_a_machine_without_ping(tmp_path: Path) -> None:
    seen = LocalTarget(path=tools(tmp_path / "empty")).look(PING, ping("a"))
    assert seen == Answering(("a",), "there is no ping on the machine")


def test_a_ping_that_cannot_be_told() -> None:
    want = ping("a")
    (question,) = PING.ask(want)
    with pytest.raises(CannotTell, match="cannot ping: oh"):
        PING.seen(Answers({question: Reply(2, b"", b"oh")}), want)


def test_waiting_for_an_answer(tmp_path: Path) -> None:
    class Booting(LocalTarget):
        def pause(self, seconds: float) -> None:
            with (tmp_path / "up").open("a") as up:
                up.write("10.0.0.2\n")
            super().pause(seconds)

    want = ping("10.0.0.1,10.0.0.2")
    at = Booting(path=answering(tmp_path, "10.0.0.1").path)
    assert len(at.converge(PING, want)) == 1
    assert at.pauses == [1.0]
    assert PING.outputs(None, want) == {"to": "10.0.0.1,10.0.0.2"}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "no answer from b, c to pings from host01 within 0 s"),
        ({"from_container": "c1"}, 'no answer from b, c to pings from container "c1" on host01 within 0 s'),
        ({"from_container": "c2"}, 'cannot ping from container "c2" on host01: container c2 is not running'),
    ],
)
def test_no_answer_in_time(tmp_path: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        answering(tmp_path, "a").converge(PING, ping("a,b,c", timeout="0 s", **params))
    assert str(caught.value) == message


@pytest.mark.parametrize("params", [{"to": ""}, {"to": ["a;b"]}, {"to": "-f"}, {"to": "a", "from_container": "a b"}])
def test_pings_that_make_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PingParams.model_validate(params)
