"""Running the machine's own programs for the lab: one place that says what failed and shows what they said."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from xcatflow.errors import ActFailed

TAIL_LINES = 15


def run(arguments: Sequence[str], *, timeout_s: float = 60, env: Mapping[str, str] | None = None) -> str:
    """Standard output of a program. Raises ActFailed when it is missing, fails, or does not end in time."""
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            env=None if env is None else {**os.environ, **env},
        )
    except FileNotFoundError:
        raise ActFailed(f'"{arguments[0]}" is not installed: {hint(arguments[0])}') from None
    except subprocess.TimeoutExpired:
        raise ActFailed(f'"{" ".join(arguments)}" did not end within {timeout_s:g} s') from None
    if done.returncode:
        raise ActFailed(f'"{" ".join(arguments)}" failed with status {done.returncode}', done.stderr.strip())
    return done.stdout


def logged(arguments: Sequence[str], log: Path, *, timeout_s: float, env: Mapping[str, str] | None = None) -> None:
    """Run a program with all it says appended to `log`. Raises ActFailed with the log's last lines."""
    with log.open("ab") as file:
        try:
            code = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=timeout_s,
                check=False,
                env=None if env is None else {**os.environ, **env},
            ).returncode
        except FileNotFoundError:
            raise ActFailed(f'"{arguments[0]}" is not installed: {hint(arguments[0])}') from None
        except subprocess.TimeoutExpired:
            raise ActFailed(f'"{arguments[0]}" did not end within {timeout_s:g} s, see "{log}"', tail(log)) from None
    if code:
        raise ActFailed(f'"{arguments[0]}" failed with status {code}, see "{log}"', tail(log))


def tail(path: Path) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-TAIL_LINES:])
    except OSError:
        return ""


def hint(program: str) -> str:
    """How to get a program on Debian."""
    packages = {
        "ssh-keygen": "openssh-client",
        "apt-get": "apt",
        "apt-config": "apt",
        "dockerd": "docker.io",
        "busybox": "busybox-static",
        "ip": "iproute2",
        "umount": "mount",
        "unshare": "util-linux",
    }
    return f"apt-get install {packages.get(program, program)}"
