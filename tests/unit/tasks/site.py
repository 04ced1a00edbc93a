"""A small site whose workflows need no host, and the program run on it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from xcatflow.tasks.program import main

NODES = """\
n1:
    objtype=node
    groups=web,all
    ip=127.0.0.1
n2:
    objtype=node
    groups=db,all
    ip=127.0.0.2
"""
WAIT = """\
schema: 1
name: wait
summary: The port answers
nodes: all
inputs:
  port: {type: int, default: 1, help: the port}
  patience: {default: 0.1 s}
steps:
  - id: answers
    use: wait.port
    with: {host: "${node.ip}", port: "${input.port}", timeout: "${input.patience}"}
"""
NIGHT = """\
schema: 1
name: night
summary: Every port answers
schedule: 17 3 * * *
workflows:
  - workflow: wait
"""


def make(root: Path) -> Path:
    """The site, written to `root`. Nothing but its inventory and its workflow files are there."""
    for name, text in {
        "inventory/n.stanza": NODES,
        "workflows/wait.yaml": WAIT,
        "workflows/chains/night.yaml": NIGHT,
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@contextmanager
def listening() -> Iterator[int]:
    """A port of this machine that answers, at every address of 127.0.0.0/8."""
    with closing(socket.create_server(("0.0.0.0", 0), backlog=64)) as server:
        yield server.getsockname()[1]


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command line."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Cli:
    """`xcatflow` in this process, in the working directory."""

    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def __call__(self, *words: str, code: int | None = 0) -> Done:
        self.patch.setattr(sys, "argv", ["xcatflow", *words])
        self.capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capture.readouterr()
        done = Done(int(ended.value.code or 0), said.out, said.err)
        if code is not None:
            assert done.code == code, done
        return done


def start(*words: str, cwd: Path, program: str = "", **more: str) -> subprocess.Popen[str]:
    """A command line as a process of its own: `xcatflow`, or another program beside the interpreter."""
    command = [str(Path(sys.executable).with_name(program))] if program else [sys.executable, "-m", "xcatflow"]
    environ = {name: value for name, value in os.environ.items() if name != "XCATFLOW_SITE"}
    return subprocess.Popen(
        [*command, *words],
        cwd=cwd,
        env={**environ, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def ended(process: subprocess.Popen[str]) -> Done:
    """The process's end, which has to come within a minute."""
    out, err = process.communicate(timeout=60)
    return Done(process.returncode, out, err)


def run(*words: str, cwd: Path, program: str = "", **more: str) -> Done:
    """Start and wait."""
    return ended(start(*words, cwd=cwd, program=program, **more))
