"""Containers on real hosts watched from outside of runs: what they use, and what they write."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import directory, ssh
from tests.e2e.test_site import NODES, Cli
from tests.fakes.logs import until
from xcatflow import lab
from xcatflow.app import Site
from xcatflow.load.shipped import make_site
from xcatflow.model.logs import LogLine, LogsWanted
from xcatflow.tailing import read_logs

pytestmark = pytest.mark.lab

BUSY = "host01c01"
CPU_NS = """\
id=$(docker inspect -f '{{.Id}}' %s)
cat /sys/fs/cgroup/cpuacct/docker/$id/cpuacct.usage 2>/dev/null ||
  awk '$1 == "usage_usec" { print $2 * 1000 }' /sys/fs/cgroup/system.slice/docker-$id.scope/cpu.stat
"""
EXTRA = """\
nowhere:
    objtype=node
    groups=extra
    mgt=docker
    dockerhost=127.0.0.1:1

nothing:
    objtype=node
    groups=extra
    mgt=docker
    dockerhost=host01:2375
"""


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    """A whole site of its own, with its containers."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=2, say=print)
        found = Cli(site)
        found("chain", "site")
        yield found


def rows(text: str) -> dict[str, dict[str, object]]:
    return {str(row["node"]): row for row in json.loads(text)}


def test_what_runs_is_shown_with_what_it_uses(cli: Cli) -> None:
    found = rows(cli("top", "docker", "--once", "--json").stdout)
    assert sorted(found) == sorted(NODES)
    for node, row in found.items():
        assert row["state"] == "running"
        assert row["host"] == node[:6]
        assert row["uptime"]
        assert row["problem"] is None
        assert 0 < int(str(row["memory_bytes"])) < int(str(row["limit_bytes"]))
        assert row["cpu_percent"] is not None
        assert row["pids"] == 1


def test_nodes_that_are_no_containers_are_left_out(cli: Cli) -> None:
    done = cli("top", "all", "--once", "--sort", "name")
    assert done.stderr.startswith("warning: left out, these are no containers")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("4 nodes: 4 running; CPU ")
    assert [line.split()[0] for line in lines[2:]] == sorted(NODES)
    assert "no container in" in cli("top", "host01", "--once", code=2).stderr


def test_a_busy_container_is_seen_to_be_busy(cli: Cli) -> None:
    """As busy as the kernel says: other tests may want the same processors."""
    cli.ssh("host01", f"docker exec -d {BUSY} busybox timeout 60 sh -c 'while :; do :; done'")
    try:
        before, began = int(cli.ssh("host01", CPU_NS % BUSY)), time.monotonic()
        with process(cli, "top", "docker", "--json", "--interval", "2") as top:
            looks = [rows(top.stdout.readline()) for _ in range(4)]  # type: ignore[union-attr]
            really = (int(cli.ssh("host01", CPU_NS % BUSY)) - before) / (time.monotonic() - began) / 1e7
    finally:
        cli.ssh("host01", "pkill -f '[w]hile :;'")
    seen = float(str(looks[-1][BUSY]["cpu_percent"]))
    assert really / 3 < seen < really * 3
    assert seen > 5 * max(float(str(looks[-1][node]["cpu_percent"])) for node in NODES if node != BUSY)
    assert next(iter(looks[-1])) == BUSY


@contextmanager
def process(cli: Cli, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "xcatflow", "--site", str(cli.site), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        try:
            yield it
        finally:
            it.terminate()
            began = time.monotonic()
            it.communicate(timeout=10)
            assert time.monotonic() - began < 2
            assert it.returncode == 0


def test_a_dead_daemon_and_a_missing_container_do_not_hide_the_others(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    shutil.copy(cli.site / "inventory" / "lab.stanza", tmp_path / "inventory")
    (tmp_path / "inventory" / "extra.stanza").write_text(EXTRA)
    shutil.copytree(cli.site / ".xcatflow" / "pki", tmp_path / ".xcatflow" / "pki")
    done = Cli(tmp_path)("top", "docker,extra", "--once", "--json", code=1)
    states = {node: row["state"] for node, row in rows(done.stdout).items()}
    assert states == {**dict.fromkeys(NODES, "running"), "nowhere": "unreachable", "nothing": "missing"}


def wanted(site: Path, nodes: Sequence[str], **how: float) -> LogsWanted:
    definitions = Site(site).definitions
    return LogsWanted({node: definitions.value(node, "dockerhost") or "" for node in nodes}, **how)  # type: ignore[arg-type]


def write(cli: Cli, node: str, text: str, stream: int = 1) -> None:
    """A line in the log of a container, as if its main process had written it."""
    cli.ssh(node[:6], f"docker exec {node} sh -c 'echo {text} >/proc/1/fd/{stream}'")


def test_logs_come_node_after_node(cli: Cli) -> None:
    began_s, said = time.time() - 1, list[str]()
    for node in NODES:
        write(cli, node, "one")
        write(cli, node, "grün", 2)
    found = wanted(cli.site, tuple(reversed(NODES)))
    found = LogsWanted({**found.nodes, "nothing": found.nodes[NODES[0]]}, since_s=began_s)
    errors = read_logs(
        cli.site,
        Site(cli.site).definitions,
        found,
        said=lambda line: said.append(f"{line.node} {line.stream} {line.text}"),
        stopping=threading.Event(),
    )
    assert said == [text for node in reversed(NODES) for text in (f"{node} 1 one", f"{node} 2 grün")]
    assert errors == {"nothing": "No such container: nothing"}


@contextmanager
def followed(cli: Cli, logs: LogsWanted) -> Iterator[list[LogLine]]:
    """The lines that came so far. In the end it stops within a second."""
    said, errors, stopping = list[LogLine](), list[dict[str, str]](), threading.Event()
    definitions = Site(cli.site).definitions

    def work() -> None:
        errors.append(read_logs(cli.site, definitions, logs, said=said.append, stopping=stopping))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield said
    finally:
        began = time.monotonic()
        stopping.set()
        thread.join(10)
        assert time.monotonic() - began < 1
    assert errors == [{}]


def test_followed_logs_are_seen_at_once_and_over_a_restart(cli: Cli) -> None:
    with followed(cli, wanted(cli.site, NODES, follow=True, tail=0)) as said:
        time.sleep(1)
        for node in NODES:
            write(cli, node, "new")
        until(lambda: len(said) == 4, 2)
        assert {line.node for line in said} == set(NODES)
        cli.ssh("host02", "docker restart -t 0 host02c01")
        write(cli, "host02c01", "again")
        until(lambda: len(said) > 4, 5)
        assert [(line.node, line.text) for line in said[4:]] == [("host02c01", "again")]


def test_more_logs_of_a_daemon_are_followed_than_requests_go_to_it_at_once(cli: Cli) -> None:
    names = [f"talks{number:02}" for number in range(12)]
    make = "for n in {}; do docker run -d --name $n --network none busybox sh -c 'while :; do echo tick; sleep 0.5; done'; done"
    ssh(cli.site, "host01", make.format(" ".join(names)))
    try:
        endpoint = wanted(cli.site, NODES[:1]).nodes[NODES[0]]
        with followed(cli, LogsWanted(dict.fromkeys(names, endpoint), follow=True, tail=0)) as said:
            until(lambda: {line.node for line in tuple(said)} == set(names), 10)
    finally:
        ssh(cli.site, "host01", f"docker rm -f {' '.join(names)}")


def test_the_command_follows_until_it_is_interrupted(cli: Cli) -> None:
    command = [
        sys.executable,
        "-m",
        "xcatflow",
        "--site",
        str(cli.site),
        "lsdocker",
        "docker",
        "-l",
        "-f",
        "--tail",
        "0",
    ]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        assert it.stdout
        reader = threading.Thread(target=lambda: lines.extend(it.stdout or ()))
        reader.start()
        while not lines:  # until it follows; what was written before is not shown
            write(cli, "host02c02", "ready")
        began = time.monotonic()
        write(cli, "host01c01", "here")
        until(lambda: "host01c01: here\n" in tuple(lines), 2)
        assert time.monotonic() - began < 4
        it.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert it.wait(10) == 0
        assert time.monotonic() - began < 1
        reader.join()
    assert set(lines) == {"host01c01: here\n", "host02c02: ready\n"}
