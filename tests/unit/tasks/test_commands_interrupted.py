"""Commands on containers that are interrupted while a daemon does not answer: they end soon, and say what is known and what is not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.peer import Peer
from tests.unit.commands.scripted import serve
from xcatflow.tasks.impatient import LEFT_S

NODES = [f"c{number:02}" for number in range(1, 81)]
NODE = """
{name}:
    objtype=node
    groups=all
    mgt=docker
    dockerhost=tcp+plain://127.0.0.1:{port}
"""
RULES = f"""\
containers {",".join(f"{name} exited" for name in NODES)}
POST /containers/c01/start -> 204
{"".join(f"POST /containers/{name}/start -> silence{chr(10)}" for name in NODES[1:])}"""


def site(root: Path, daemon: Peer) -> None:
    (root / "inventory").mkdir()
    text = "".join(NODE.format(name=name, port=daemon.port) for name in NODES)
    (root / "inventory" / "nodes.stanza").write_text(text)


def started(root: Path, daemon: Peer) -> "subprocess.Popen[str]":
    site(root, daemon)
    process = subprocess.Popen(
        [sys.executable, "-m", "xcatflow", "--site", str(root), "rpower", "c01-c80", "start"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    until = time.monotonic() + 60
    while sum("/start" in path for path in daemon.paths) < 9 and time.monotonic() < until:
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_while_a_daemon_is_silent(tmp_path: Path, times: int) -> None:
    with serve(RULES) as daemon:
        process = started(tmp_path, daemon)
        began = time.monotonic()
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        out, err = process.communicate(timeout=60)
        took_s = time.monotonic() - began
        asked = sum("/start" in path for path in daemon.paths)
    assert process.returncode == 130
    assert out == "c01: success\n"
    said = err.splitlines()
    assert said[0].startswith("stopping: what was begun has 5 seconds to end")
    assert any(line.startswith("Error: ended before the daemon answered, look at c[02-") for line in said)
    assert any(line.startswith("Error: ended before anything was done for c") and line.endswith("80]") for line in said)
    assert asked < 12, "nothing more is begun"
    assert (took_s > LEFT_S) is (times == 1)
    assert took_s < LEFT_S + 10


WELL = """\
GET /images/json -> 200 [{"Id":"sha256:12","RepoTags":["busybox:latest"]}]
POST /containers/create -> 201 {"Id":"ab","Warnings":[]}
"""


def test_what_cannot_be_told_is_done_and_written_back_all_the_same(tmp_path: Path) -> None:
    with serve(WELL) as daemon, Path("/dev/full").open("w") as full:
        site(tmp_path, daemon)
        done = subprocess.run(
            [sys.executable, "-m", "xcatflow", "--site", str(tmp_path), "mkdocker", "c01-c20", "image=busybox"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        created = sum(path.startswith("POST") for path in daemon.paths)
    assert created == 20
    assert "nothing was done" not in done.stderr
    assert "No space left" in done.stderr or "no space left" in done.stderr
    assert done.returncode not in (0, 130)
    assert (tmp_path / "inventory" / "nodes.stanza").read_text().count("status=created") == 20


SLOW = """\
containers c01 exited
POST /containers/c01/start -> 204
GET /containers/c01/json -> 200 {"State":{"Status":"running","Health":{"Status":"starting"}}}
"""


def test_an_interrupt_while_health_is_waited_for(tmp_path: Path) -> None:
    with serve(SLOW) as daemon:
        site(tmp_path, daemon)
        process = subprocess.Popen(
            [sys.executable, "-m", "xcatflow", "--site", str(tmp_path), "rpower", "c01", "start", "--wait", "healthy"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 60
        while not any(path.endswith("/c01/json") for path in daemon.paths) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "c01: Error: it runs, but the run was stopped before it was healthy"
    assert "status=running" in (tmp_path / "inventory" / "nodes.stanza").read_text()
