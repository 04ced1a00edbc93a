"""`docker.volume` and `docker.exec` with a daemon: the same tests for the fake and, where root can run one, for a real daemon."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.archive import write_archive
from tests.fakes.docker import FakeDocker
from tests.fakes.docker_target import DockerTarget
from tests.fakes.dockerd import Engine
from xcatflow.contract import Step
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, Source, Unreachable
from xcatflow.model.change import Verb
from xcatflow.model.complaints import problems_of
from xcatflow.model.question import Execute, Reply
from xcatflow.steps.docker_exec import DockerExec
from xcatflow.steps.docker_volume import DockerVolume
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.protocols import Traffic

VOLUME, EXEC = DockerVolume(), DockerExec()
DATA = Path(__file__).parent / "data"
COMPLAINTS = [
    pytest.param(step, base, case["params"], case["complaint"], id=f"{step.kind} {json.dumps(case['params'])}")
    for step, base in ((VOLUME, {"name": "data"}), (EXEC, {"container": "c1", "command": "true"}))
    for case in json.loads((DATA / step.kind / "complaints.json").read_text())
]


@pytest.fixture(scope="module")
def engine_with_busybox(real_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    archive = tmp_path_factory.mktemp("image") / "busybox.tar"
    write_archive(archive, "busybox:latest")
    with closing(DockerDaemon(real_engine.socket, traffic=Traffic())) as daemon:
        daemon.load_image(archive)
    return real_engine


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.lab)])
def at(request: pytest.FixtureRequest) -> Iterator[DockerTarget]:
    """A daemon with the running container `c1`, which has the volume `used`."""
    daemon: Any = FakeDocker(images=["busybox"])
    if request.param == "real":
        daemon = DockerDaemon(request.getfixturevalue("engine_with_busybox").socket, traffic=Traffic())
    else:
        daemon.runs = InMemory()
    host = {"NetworkMode": "none", "Binds": ["used:/used"]}
    daemon.create_container("c1", {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": host})
    daemon.start_container("c1")
    yield DockerTarget(daemon=daemon)
    for container in daemon.containers():
        daemon.remove_container(container.name, force=True)
    for volume in daemon.volumes():
        daemon.remove_volume(volume.name)
    daemon.close()


class InMemory:
    """Commands in the fake's container: what the tests run, as the real one answers."""

    def __init__(self) -> None:
        self.files: set[str] = set()

    def __call__(self, _name: str, command: tuple[str, ...]) -> Reply:
        match command:
            case ("sh", "-c", script) if script.startswith("> "):
                self.files.add(script.removeprefix("> "))
                return Reply(0)
            case ("sh", "-c", script) if script.startswith("[ -e "):
                return Reply(0 if script.split()[2] in self.files else 1)
            case ("sh", "-c", "echo out; echo err >&2; exit 3"):
                return Reply(3, b"out\n", b"err\n")
            case ("sh", "-c", "kill -9 $$"):
                return Reply(137)
            case ("sh", "-c", script):
                return Reply(0, script.removeprefix("echo ").encode() + b"\n")
        words = f'OCI runtime exec failed: exec failed: unable to start container process: exec: "{command[0]}": executable file not found'
        return Reply(126, f"{words} in $PATH: unknown\r\n".encode())


def params(step: Step[Any, Any], **given: Any) -> Any:
    return step.params.model_validate(given)


def converge(at: DockerTarget, step: Step[Any, Any], **given: Any) -> list[Verb]:
    """What was done; that nothing is left to do is looked at."""
    want = params(step, **given)
    changes = at.converge(step, want)
    assert not step.verifies(want) or at.plan(step, want) == ()
    return [change.verb for change in changes]


@pytest.mark.parametrize(("step", "base", "given", "message"), COMPLAINTS)
def test_complaints(step: Step[Any, Any], base: dict[str, Any], given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=step.params.__name__) as caught:
        step.params.model_validate({**base, **given})
    problems = problems_of(caught.value, step.params, lambda path, key=False: Source("x"))  # type: ignore[arg-type]
    assert [problem.message for problem in problems] == [message]


# --- volumes ---


def test_a_volume_is_made_once_and_removed(at: DockerTarget) -> None:
    given: dict[str, Any] = {"name": "data", "options": {"type": "tmpfs", "device": "tmpfs"}, "labels": {"site": "a"}}
    assert converge(at, VOLUME, **given) == [Verb.CREATE]
    assert converge(at, VOLUME, **given) == []
    (facts,) = (it for it in at.docker.volumes() if it.name == "data")
    assert (facts.driver, dict(facts.options), dict(facts.labels)) == ("local", given["options"], {"site": "a"})
    assert VOLUME.outputs(facts, params(VOLUME, **given)) == {"name": "data", "driver": "local"}
    assert converge(at, VOLUME, name="data", state="absent") == [Verb.REMOVE]
    assert converge(at, VOLUME, name="data", state="absent") == []


def test_a_volume_that_differs_is_left_alone(at: DockerTarget) -> None:
    converge(at, VOLUME, name="data")
    with pytest.raises(ActFailed, match='option "type" is not set, expected "tmpfs"'):
        at.converge(VOLUME, params(VOLUME, name="data", options={"type": "tmpfs", "device": "tmpfs"}))
    assert converge(at, VOLUME, name="data") == []


def test_a_volume_in_use_is_not_removed(at: DockerTarget) -> None:
    with pytest.raises(ActFailed) as caught:
        at.converge(VOLUME, params(VOLUME, name="used", state="absent"))
    message = str(caught.value)
    assert message.startswith('cannot remove volume "used" on host01: remove used: volume is in use - [')
    assert message.endswith("] (used by c1: remove them first)")
    assert converge(at, VOLUME, name="used") == []


def test_what_was_made_is_taken_back_and_what_was_removed_is_gone(at: DockerTarget) -> None:
    want = params(VOLUME, name="data")
    made = at.converge(VOLUME, want)
    at.undo(VOLUME, want, None, made)
    assert [it.verb for it in at.plan(VOLUME, want)] == [Verb.CREATE]
    at.converge(VOLUME, want)
    gone = params(VOLUME, name="data", state="absent")
    removed = at.converge(VOLUME, gone)
    with pytest.raises(CannotUndo, match='volume "data" was removed: its data is gone'):
        at.undo(VOLUME, gone, None, removed)


def test_a_driver_that_the_daemon_has_not_is_told_in_its_words() -> None:
    daemon = FakeDocker()
    daemon.fail_once["create_volume"] = ActFailed('create data: error looking up volume plugin x: plugin "x" not found')
    with pytest.raises(
        ActFailed, match='cannot create volume "data" on host01: create data: error looking up volume plugin'
    ):
        DockerTarget(daemon=daemon).converge(VOLUME, params(VOLUME, name="data", driver="x"))


def test_a_refusal_stays_one_when_nobody_can_tell_who_uses_a_volume() -> None:
    daemon = FakeDocker(images=["busybox"])
    daemon.create_container("c1", {"Image": "busybox", "HostConfig": {"Binds": ["used:/used"]}})
    daemon.create_volume({"Name": "used"})
    at = DockerTarget(daemon=daemon)
    want = params(VOLUME, name="used", state="absent")
    changes = at.plan(VOLUME, want)
    daemon.fail_once["containers"] = Unreachable("gone")
    with pytest.raises(ActFailed, match=r"volume is in use - \[[0-9a-f]{64}\]$"):
        VOLUME.apply(at, want, None, changes[0])


# --- commands ---


def test_a_guarded_command_runs_once(at: DockerTarget) -> None:
    given = {"container": "c1", "command": ["sh", "-c", "> /made"], "unless": ["sh", "-c", "[ -e /made ]"]}
    assert converge(at, EXEC, **given) == [Verb.RUN]
    assert converge(at, EXEC, **given) == []


def test_a_command_that_always_runs_tells_what_it_printed(at: DockerTarget) -> None:
    want = params(EXEC, container="c1", command=["sh", "-c", "echo hello"], always=True)
    for _ in range(2):
        (change,) = at.plan(EXEC, want)
        assert EXEC.apply(at, want, at.look(EXEC, want), change) == {"stdout": "hello", "code": "0"}


def test_a_command_that_fails_tells_its_last_words(at: DockerTarget) -> None:
    given: dict[str, Any] = {
        "container": "c1",
        "command": ["sh", "-c", "echo out; echo err >&2; exit 3"],
        "always": True,
    }
    with pytest.raises(ActFailed) as caught:
        converge(at, EXEC, **given)
    expected = '"sh -c \'echo out; echo err >&2; exit 3\'" ended with status 3 in container "c1" on host01: err'
    assert (str(caught.value), caught.value.detail) == (expected, "out\nerr")
    assert converge(at, EXEC, **given, codes=[0, 3]) == [Verb.RUN]


def test_a_command_that_does_not_make_the_guard_true_is_no_success(at: DockerTarget) -> None:
    with pytest.raises(AssertionError, match="not converged"):
        at.converge(EXEC, params(EXEC, container="c1", command=["sh", "-c", "> /a"], unless=["sh", "-c", "[ -e /b ]"]))


def test_a_command_that_is_not_there_is_no_answer_and_no_success(at: DockerTarget) -> None:
    missing = 'OCI runtime exec failed: .*"nosuch": executable file not found in \\$PATH$'
    with pytest.raises(ActFailed, match=f'^cannot run "nosuch" in container "c1" on host01: {missing}'):
        converge(at, EXEC, container="c1", command="nosuch", always=True)
    with pytest.raises(CannotTell, match=f'^the guard "nosuch" cannot run in container "c1": {missing}'):
        at.plan(EXEC, params(EXEC, container="c1", command="true", unless="nosuch"))
    with pytest.raises(CannotTell, match=r'write "unless" with a command that the container has instead of "creates"$'):
        at.plan(EXEC, params(EXEC, container="c1", command="true", creates="/x"))


def test_a_guard_that_is_killed_does_not_tell(at: DockerTarget) -> None:
    with pytest.raises(CannotTell, match="was ended by signal 9"):
        at.plan(EXEC, params(EXEC, container="c1", command="true", unless=["sh", "-c", "kill -9 $$"]))


def test_a_container_that_does_not_run_is_told(at: DockerTarget) -> None:
    given: dict[str, Any] = {"command": "true", "always": True}
    with pytest.raises(ActFailed, match='there is no container "c2"'):
        at.plan(EXEC, params(EXEC, container="c2", **given))
    at.docker.pause_container("c1")
    with pytest.raises(ActFailed, match='container "c1" is paused: a command needs one that runs'):
        at.plan(EXEC, params(EXEC, container="c1", **given))
    at.docker.unpause_container("c1")
    at.docker.stop_container("c1", grace_s=0)
    with pytest.raises(ActFailed, match='container "c1" is exited: a command needs one that runs'):
        at.plan(EXEC, params(EXEC, container="c1", command="true", unless="true"))


@pytest.mark.lab
def test_user_directory_environment_and_time(real_engine: Engine) -> None:
    daemon = DockerDaemon(real_engine.socket, traffic=Traffic())
    host = {"NetworkMode": "none"}
    daemon.create_container("c2", {"Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": host})
    daemon.start_container("c2")
    at = DockerTarget(daemon=daemon)
    script = ["sh", "-c", 'pwd; echo "$A"; touch /no 2>/dev/null || echo refused']
    want = params(EXEC, container="c2", command=script, always=True, user="1000", workdir="/bin", env={"A": "b c"})
    (change,) = at.plan(EXEC, want)
    assert EXEC.apply(at, want, None, change)["stdout"] == "/bin\nb c\nrefused"
    slow = params(EXEC, container="c2", command="sleep 30", always=True, timeout=0.5)
    with pytest.raises(ActFailed, match=r'cannot run "sleep 30" in container "c2" on host01: timeout after 0.5 s'):
        EXEC.apply(at, slow, None, change)
    daemon.remove_container("c2", force=True)
    daemon.close()


def test_what_may_be_secret_is_shown_nowhere() -> None:
    want = params(EXEC, container="c1", command="true", unless="true", env={"A": "s3cret"})
    assert want.guard == Execute("c1", ("true",), environment=(("A", "s3cret"),))
    assert "s3cret" not in repr(want.guard)


def test_guards_of_many_containers_are_asked_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=10)

    class Waiting:
        """Implements what a look needs of a daemon: it answers when four ask."""

        def execute(self, name: str, command: tuple[str, ...], **_given: Any) -> Reply:
            if name == "c3":
                raise ActFailed("Container c3 is not running")
            together.wait()
            return Reply(0, name.encode())

    answers = DockerTarget(daemon=Waiting()).answer([Execute(f"c{number}", ("true",)) for number in (0, 1, 2, 3, 4)])  # type: ignore[arg-type]
    assert [answers[Execute(f"c{number}", ("true",))].text for number in (0, 1, 2, 4)] == ["c0", "c1", "c2", "c4"]
    with pytest.raises(CannotTell, match="Container c3 is not running"):
        answers[Execute("c3", ("true",))]
