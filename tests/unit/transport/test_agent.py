"""The remote end of a session under every shell that may be a machine's `sh`: dash, bash (Red Hat, SUSE, Arch) and busybox."""

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from xcatflow.transport.agent import (
    Frames,
    act_frame,
    agent_text,
    look_frame,
    new_marker,
    pass_frame,
    read_hello,
    taken,
)

LIMIT_S = 20.0


class Shell:
    """One shell, called `sh` on its PATH, that was told to be an agent."""

    def __init__(self, name: str, directory: Path) -> None:
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"{name} is not installed")
        (directory / "sh").symlink_to(program)
        marker = new_marker()
        self._frames = Frames(marker)
        self._process = subprocess.Popen(
            [str(directory / "sh"), "-s"],
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": f"{directory}:/usr/bin:/bin:/usr/sbin:/sbin"},
            start_new_session=True,  # when its input ends it ends its whole process group
        )
        self._send(agent_text(marker) + look_frame(["echo looked"]))
        self.hello = read_hello(self._take()[1])
        assert self._take()[0] == b"looked\n"

    def act(self, script: str, stdin: bytes = b"") -> tuple[bytes, int]:
        """What the act printed, and its exit status."""
        frame = act_frame(script, stdin, LIMIT_S)
        self._send(taken(frame) if self.hello.bash else frame)
        content, note = self._take()
        return content, int(note.split()[0])

    def passed(self, script: str, stdin: bytes, sent: bytes | None = None) -> tuple[bytes, int]:
        """The same with input that travels as it is, or only some of it."""
        frame = pass_frame(script, len(stdin), LIMIT_S)
        self._send(taken(frame) if self.hello.bash else frame)
        assert self._take()[1] == b"go"
        if sent is not None:
            self._send(sent)
            return b"", 0
        sending = threading.Thread(target=self._send, args=(stdin,))
        sending.start()
        content, note = self._take()
        sending.join(LIMIT_S)
        return content, int(note.split()[0])

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(LIMIT_S)

    def _send(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _take(self) -> tuple[bytes, bytes]:
        assert self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)
        deadline = time.monotonic() + LIMIT_S
        while (found := self._frames.take()) is None:
            assert time.monotonic() < deadline, "no answer in time"
            self._frames.feed(self._process.stdout.read() or b"")
            time.sleep(0.01)
        return found


@pytest.mark.parametrize("name", ["dash", "bash", "busybox"])
def test_acts_run_under_this_shell_with_and_without_input(name: str, tmp_path: Path) -> None:
    shell = Shell(name, tmp_path)
    assert shell.hello.bash == (name == "bash")
    assert shell.act("echo done") == (b"done\n", 0)
    assert shell.act("cat", b"given\n") == (b"given\n", 0)
    assert shell.act("cat") == (b"", 0), "without input there is none, and nobody waits for some"
    assert shell.act("exit 7", b"not read") == (b"", 7)
    large = os.urandom(200_000)
    assert shell.act("cat", large) == (large, 0)
    shell.close()


@pytest.mark.parametrize("name", ["dash", "bash", "busybox"])
def test_much_input_travels_as_it_is_and_is_never_taken_for_commands(name: str, tmp_path: Path) -> None:
    shell = Shell(name, tmp_path)
    assert shell.hello.passes
    large = os.urandom(3_000_000)
    assert shell.passed("cat", large) == (large, 0)
    trap = f"\n'\"\ntouch {tmp_path}/taken\n".encode() * 100_000
    # Who does not read its input, or stops half-way, leaves nothing of it to the shell.
    assert shell.passed("exit 7", trap) == (b"", 7)
    assert shell.passed("head -c 5 >/dev/null; echo enough", trap) == (b"enough\n", 0)
    assert shell.act("echo still here") == (b"still here\n", 0)
    assert shell.passed("sleep 0.2; wc -c", trap)[0].strip() == str(len(trap)).encode()
    assert not (tmp_path / "taken").exists()
    shell.close()


@pytest.mark.parametrize("name", ["dash", "bash", "busybox"])
def test_who_goes_away_half_way_ends_the_act(name: str, tmp_path: Path) -> None:
    shell = Shell(name, tmp_path)
    shell.passed(f"cat >/dev/null; sleep 30; touch {tmp_path}/went-on", b"x" * 500_000, sent=b"x" * 1000)
    started = time.monotonic()
    shell.close()
    assert time.monotonic() - started < 10
    assert not (tmp_path / "went-on").exists()
