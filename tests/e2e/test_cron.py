"""Chains in the real crontab of whoever runs the tests; it is put back as it was, byte for byte."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_site import Cli

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("crontab") is None, reason='there is no "crontab": install the package "cron"'),
]

FOREIGN = b"# mine \\ 100\\%\nMAILTO=\"\"\n\n  0 0 29 2 *\techo 'a\\r' % input\r\n@yearly true \xff\n"
STANZA = "n1:\n    objtype=node\n    groups=all\n    ip=127.0.0.1\n"
WORKFLOW = """\
schema: 1
name: wait
summary: s
nodes: all
steps:
  - {id: answers, use: wait.port, with: {host: "${node.ip}", port: 1, timeout: 0}}
"""
CHAIN = "schema: 1\nname: night\nsummary: s\nschedule: {}\nworkflows: [{{workflow: wait}}]\n"


def read() -> bytes | None:
    """The crontab's own bytes (`-l` shows a carriage return as two characters); None where there is none."""
    if subprocess.run(["crontab", "-l"], capture_output=True, check=False).returncode:
        return None
    environ = {**os.environ, "EDITOR": "cat", "VISUAL": "cat"}
    return subprocess.run(
        ["crontab", "-e"], env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=True
    ).stdout


def put(content: bytes | None) -> None:
    if content is None:
        subprocess.run(["crontab", "-r"], capture_output=True, check=False)
    else:
        subprocess.run(["crontab", "-"], input=content, capture_output=True, check=True)
    assert read() == content


@pytest.fixture
def before() -> Iterator[bytes]:
    """Somebody's crontab, odd in every way, in place of the user's own."""
    own = read()
    try:
        put(FOREIGN)
        yield FOREIGN
    finally:
        put(own)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setenv("HOME", str(tmp_path))  # the lock is there; which crontab is meant goes by the user
    site = tmp_path / "100% my site #1"
    (site / "inventory").mkdir(parents=True)
    (site / "workflows" / "chains").mkdir(parents=True)
    (site / "inventory" / "n.stanza").write_text(STANZA)
    (site / "workflows" / "wait.yaml").write_text(WORKFLOW)
    (site / "workflows" / "chains" / "night.yaml").write_text(CHAIN.format("'17 3 * * 5-7'"))
    return Cli(site)


def test_chains_come_and_go_and_all_else_stays(before: bytes, cli: Cli) -> None:
    cli("cron.install")
    installed = read()
    assert installed is not None
    assert installed.startswith(before)
    (line,) = installed.removeprefix(before).decode().splitlines()
    assert line.startswith("17 3 * * 5-7 ")
    cli("cron.install")
    assert read() == installed
    assert "17 3 * * 5-7  night  next 20" in cli("cron.list").stdout

    (cli.site / "workflows" / "chains" / "night.yaml").write_text(CHAIN.format("'@daily'"))
    cli("cron.install")
    assert (read() or b"").removeprefix(before).startswith(b"@daily ")
    cli("cron.remove")
    assert read() == before


def test_an_installed_line_runs_as_cron_runs_it(before: bytes, cli: Cli, tmp_path: Path) -> None:
    cli("cron.install")
    (line,) = (read() or b"").removeprefix(before).decode().splitlines()
    command = line.split(maxsplit=5)[5].replace(r"\%", "%")
    environ = {"HOME": str(tmp_path), "LOGNAME": "root", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd="/",
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done
    assert "port 1 of 127.0.0.1 lets nobody in" in done.stdout
    assert "night" in cli("runs").stdout


def test_a_user_without_a_crontab_gets_one(before: bytes, cli: Cli) -> None:
    put(None)
    cli("cron.install")
    assert b"# xcatflow night " in (read() or b"")
    cli("cron.remove")
    assert read() == b""


def test_a_schedule_that_we_take_is_one_that_crontab_takes(before: bytes, cli: Cli) -> None:
    for schedule in ("*/7 1-5/2 1,15 jan-mar,DEC mon-fri", "@hourly", "1,*/30 0 * * sun,7", "05 007 */2 * 0-7"):
        (cli.site / "workflows" / "chains" / "night.yaml").write_text(CHAIN.format(f"'{schedule}'"))
        cli("cron.install")
        assert (read() or b"").removeprefix(before).startswith(schedule.encode())
