"""Machines that are folders: scripts that steps run over SSH run here, with the machine's own directories below a folder.

Only for steps that keep to these directories. Packages are those of `with_packages`.
"""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tests.fakes.packages import apt_machine
from tests.fakes.target import SYSTEM_PATH
from xcatflow.errors import Unreachable
from xcatflow.model.question import Reply
from xcatflow.transport.protocols import ShellSession
from xcatflow.wiring import Wiring

_OWN = re.compile(r"(?<![\w.])/(?:xcatpost|var|opt)\b")


@dataclass
class FolderSession:
    """Implements protocols.ShellSession; a machine that is `off` lets nobody in."""

    name: str
    root: Path
    off: bool = False

    def ask(self, scripts: Sequence[str], *, timeout_s: float) -> tuple[Reply, ...]:
        return tuple(self.act(script, timeout_s=timeout_s) for script in scripts)

    def act(self, script: str, *, stdin: bytes = b"", timeout_s: float) -> Reply:
        if self.off:
            raise Unreachable(f'cannot connect to "{self.name}" over SSH: no route to host')
        script = _OWN.sub(lambda found: f"{self.root}{found[0]}", script)
        done = subprocess.run(
            ["sh", "-c", script],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            env={"PATH": f"{self.root}/apt/bin:{SYSTEM_PATH}", "DPKG_ADMINDIR": f"{self.root}/apt/dpkg", "LC_ALL": "C"},
        )
        return Reply(done.returncode, done.stdout, done.stderr)

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def with_packages(root: Path, text: str) -> None:
    """Give the machine in the folder `root` an apt that knows these packages (tests/fakes/packages.py): lines of name and version."""
    for folder in ("apt", "var/tmp"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    apt_machine(root / "apt").put("known", **dict(line.split() for line in text.splitlines()))


@contextmanager
def machines(root: Path, off: Sequence[str] = ()) -> Iterator[None]:
    """Until the context ends every node's machine is the folder of its name below `root`."""

    def shell(_wiring: Wiring, name: str) -> ShellSession:
        place = root / name
        place.mkdir(parents=True, exist_ok=True)
        return FolderSession(name, place, name in off)

    with patch.object(Wiring, "shell", shell):
        yield
