"""The machine the tests run on as a shell session: every script is a process of its own.

Held to the same contract test as the adapter with a real sshd behind it (tests/unit/transport/test_session_contract.py).
"""

import os
import signal
import subprocess
from collections.abc import Sequence

from xcatflow.errors import DeadlineExceeded
from xcatflow.model.question import Reply

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class LocalSession:
    """Implements protocols.ShellSession."""

    def __init__(self, name: str = "local") -> None:
        self.name = name
        self.closed = False

    def ask(self, scripts: Sequence[str], *, timeout_s: float) -> tuple[Reply, ...]:
        return tuple(self._run(script, b"", timeout_s) for script in scripts)

    def act(self, script: str, *, stdin: bytes = b"", timeout_s: float) -> Reply:
        return self._run(script, stdin, timeout_s)

    def cancel(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def _run(self, script: str, stdin: bytes, timeout_s: float) -> Reply:
        process = subprocess.Popen(
            ["/bin/sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"PATH": _PATH, "LC_ALL": "C", "LANG": "C"},
            start_new_session=True,
        )
        try:
            out, err = process.communicate(stdin, timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise DeadlineExceeded(f"{self.name}: it did not end within {timeout_s:g} s and was ended") from None
        return Reply(process.returncode, out, err)
