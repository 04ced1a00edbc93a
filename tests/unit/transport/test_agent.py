"""The remote end of a session under every shell that may be a machine's `sh`: dash, bash (Red Hat, SUSE, Arch) and busybox."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from xcatflow.transport.agent import Frames, act_frame, agent_text, look_frame, new_marker, read_hello, taken

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
