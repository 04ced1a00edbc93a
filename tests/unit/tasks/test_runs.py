"""Tasks that run something, and those that tell about runs: exit codes, what is printed, what is recorded, interrupts."""

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from tests.unit.tasks.site import Cli, ended, listening, make, run, start
from xcatflow.app import Site
from xcatflow.engine.bus import Listener
from xcatflow.errors import ExitCode
from xcatflow.model.event import Outcome, StepEnded
from xcatflow.running import Request


@pytest.fixture
def port() -> Iterator[str]:
    """A port that answers."""
    with listening() as number:
        yield f"port={number}"


# --- exit codes and output ---


def test_a_plan_and_a_run_where_all_is_well(cli: Cli, site: Path, port: str) -> None:
    for task in ("plan", "apply"):
        done = cli(task, "wait", "-i", port)
        assert done.out.splitlines()[0] == "wait: 2 nodes: n[1-2]"
        assert "2 ok" in done.out.splitlines()[-1]
        assert done.err == ""
    assert cli("plan", "wait", "-i", port, "--check").code == 0
    assert cli("apply", "wait", "-i", port, "--quiet").out == ""
    assert "2 ok" in cli("chain", "night", "-i", port).out
    assert "2 ok" in cli("apply", "night", "-i", port).out


def test_nodes_on_which_it_fails(cli: Cli, site: Path) -> None:
    assert "failed  n1  answers: port 127.0.0.1:1: it lets nobody in" in cli("plan", "wait", code=1).out
    assert "failed  n2  answers: port 1 of 127.0.0.2 lets nobody in after 0.1 s" in cli("apply", "wait", code=1).out
    assert "2 failed" in cli("apply", "wait", "-q", code=1).out
    assert cli("plan", "wait", "--check", code=1).out


@pytest.mark.parametrize("outcome", [Outcome.WOULD_CHANGE, Outcome.DEFERRED])
def test_what_a_plan_would_change_can_be_told_by_the_exit_code(
    cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    def pending(_site: Site, request: Request, reporters: Sequence[Listener], _started: object) -> ExitCode:
        event = StepEnded(at=0, workflow="w", node="n1", step="s", kind="k", target="n1", outcome=outcome)
        for reporter in reporters:
            reporter([event])
        return ExitCode.FAILED if request.nodes else ExitCode.OK

    monkeypatch.setattr(Site, "run", pending)
    cli("plan", "wait", code=0)
    cli("plan", "wait", "--check", code=5)
    cli("plan", "wait", "--check", "-n", "n1", code=1)


def test_one_event_per_line_as_json(cli: Cli, site: Path, port: str) -> None:
    done = cli("apply", "wait", "-n", "n1", "-i", port, "--json")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert events[0]["schema"] == 1
    assert [event["event"] for event in events] == [
        "run-started",
        "workflow-started",
        "step-ended",
        "node-ended",
        "workflow-ended",
        "run-ended",
    ]
    assert events[-1]["exit_code"] == 0
    failed = [json.loads(line) for line in cli("apply", "wait", "--json", code=1).out.splitlines()]
    assert failed[-1]["counts"] == {"failed": 2}
    assert [json.loads(line) for line in cli("show", "--json").out.splitlines()] == failed


def test_verbose_tells_where_nothing_was_to_be_done(cli: Cli, site: Path, port: str) -> None:
    assert "ok  n[1-2]  answers" in cli("apply", "wait", "-i", port, "-v").out
    assert "ok  n[1-2]  answers" in cli("apply", "wait", "-vi", port).out
    assert "answers" not in cli("apply", "wait", "-i", port).out


def test_a_noderange_instead_of_the_workflows_own(cli: Cli, site: Path, port: str) -> None:
    assert "wait: 1 node: n2" in cli("apply", "wait", "-n", "db", "-i", port).out
    assert "wait: 1 node: n2" in cli("chain", "night", "--nodes=db", "-i", port).out
    empty = 'error: -n "n1,-n1" selects no node for "wait": give another noderange, or say --allow-empty\n'
    assert cli("apply", "wait", "-n", "n1,-n1", code=2).err == empty
    assert cli("plan", "wait", "-n", "n1,-n1", code=2).err == empty
    assert "0 nodes" in cli("apply", "wait", "-n", "n1,-n1", "--allow-empty").out


WRONG = [
    (["apply", "wiat"], 'no workflow "wiat" in {site}/workflows, did you mean "wait"?'),
    (["plan", "nihgt"], 'no workflow "nihgt" in {site}/workflows, did you mean "night"?'),
    (["chain", "nihgt"], 'no chain "nihgt" in {site}/workflows/chains, did you mean "night"?'),
    (["chain", "wait"], '"wait" is a workflow, not a chain: xcatflow apply wait'),
    (["apply", "wait", "-n", "m1"], "Invalid nodes and/or groups in noderange: m1"),
    (["apply", "wait", "-i", "port"], '-i: expected NAME=VALUE, found "port"'),
    (["apply", "wait", "-i", "=1"], '-i: expected NAME=VALUE, found "=1"'),
    (["apply", "wait", "-i", "port=1", "-i", "port=2"], '-i: input "port" is given twice'),
    (["apply", "wait", "-i", "prot=1"], 'workflow "wait" has no input "prot", did you mean "port"?'),
    (["apply", "wait", "-i", "port=x"], 'input "port": expected a whole number, found "x"'),
    (["chain", "night", "-i", "prot=1"], 'no workflow of "night" has an input "prot", did you mean "port"?'),
    (["show"], 'expected a recorded run, found none in "{site}/.xcatflow/journal.sqlite": nothing was run here yet'),
    (["show", "2026"], 'expected the id of a run or "last", found "2026"'),
]


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_input_is_told_and_nothing_is_recorded(cli: Cli, site: Path, words: list[str], expected: str) -> None:
    done = cli(*words, code=2)
    assert (done.out, done.err) == ("", f"error: {expected.format(site=site)}\n")
    assert cli("runs").out == "no runs are recorded\n"


# --- the record ---


def test_runs_and_their_story(cli: Cli, site: Path, port: str) -> None:
    assert cli("runs").out == "no runs are recorded\n"
    assert cli("runs", "--json").out == "[]\n"
    cli("plan", "wait", "-i", port)
    cli("apply", "wait", code=1)
    heading, newest, oldest = cli("runs").out.splitlines()
    assert heading.split() == ["run", "started", "took", "mode", "what", "nodes", "commit", "user", "result"]
    assert " apply " in newest
    assert " plan " in oldest
    assert len(cli("runs", "--limit", "1").out.splitlines()) == 2
    records = json.loads(cli("runs", "--json").out)
    assert [(record["mode"], record["what"], record["exit_code"]) for record in records] == [
        ("apply", "wait", 1),
        ("plan", "wait", 0),
    ]
    story = cli("show").out
    assert story == cli("show", "last").out == cli("show", records[0]["id"]).out
    assert f"run {records[0]['id']}: apply wait" in story
    assert "failed: port 1 of 127.0.0.1 lets nobody in after 0.1 s" in story
    assert "[" not in story.partition("await")[2].partition("\n")[0]
    assert f"[{records[0]['id']}/wait/n1/answers/0]" in cli("show", "-v").out
    assert "plan wait" in cli("show", records[1]["id"]).out


def test_old_runs_can_be_forgotten(cli: Cli, site: Path, port: str) -> None:
    for _ in range(3):
        cli("plan", "wait", "-i", port)
    newest = cli("runs").out.splitlines()[1]
    assert cli("runs", "--keep", "1").out == "2 runs forgotten\n"
    assert cli("runs").out.splitlines()[1:] == [newest]
    for wrong in ("0", "few"):
        expected = f'error: --keep: expected a number of runs, 1 or more, found "{wrong}"\n'
        assert cli("runs", "--keep", wrong, code=2).err == expected


@pytest.mark.parametrize(
    ("words", "recorded"),
    [
        (["-i", "port={}"], ["-i", "port=…"]),
        (["-iport={}"], ["-iport=…"]),
        (["-i=port={}"], ["-i=port=…"]),
        (["-vi", "port={}"], ["-vi", "port=…"]),
        (["--input", "port={}", "-q"], ["--input", "port=…", "-q"]),
        (["--input=port={}"], ["--input=port=…"]),
        (["-i", "port={}", "-i", "patience=1 s"], ["-i", "port=…", "-i", "patience=…"]),
        (["-n", "n1", "--nodes=n2"], ["-n", "n1", "--nodes=n2"]),
    ],
)  # fmt: skip
def test_values_of_inputs_are_kept_out_of_the_record(
    cli: Cli, site: Path, words: list[str], recorded: list[str]
) -> None:
    with listening() as number:
        done = cli("apply", "wait", "--json", *(word.format(number) for word in words), code=None)
    assert json.loads(done.out.splitlines()[0])["arguments"] == ["apply", "wait", "--json", *recorded]


# --- locks ---


def test_a_workflow_that_is_being_run_is_refused_and_its_holder_named(cli: Cli, site: Path, port: str) -> None:
    cli("apply", "wait", "-i", port)
    with (site / ".xcatflow" / "locks" / "wait.lock").open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for words in (["apply", "wait"], ["chain", "night"]):
            done = cli(*words, "-i", port, code=4)
            assert done.out == ""
            assert done.err.startswith('error: "wait" is being run by run ')
            assert f"(wait) (process {os.getpid()}, since " in done.err
            assert done.err.endswith("): wait for its end, or use --wait\n")
        cli("plan", "wait", "-i", port)


# --- as processes ---


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def at_work(site: Path) -> Callable[[], bool]:
    """Is an act recorded as begun?"""
    return lambda: "await port" in run("show", cwd=site).out


def test_the_first_interrupt_lets_nothing_more_begin(tmp_path: Path) -> None:
    site = make(tmp_path / "site")
    process = start("apply", "wait", "-i", "patience=50 s", cwd=site)
    eventually(at_work(site))
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.code == 130
    assert done.err == "stopping: running acts are finished, nothing more is begun (once more: end them too)\n"
    assert "wait: interrupted: 2 nodes: 0 changed, 2 skipped" in done.out
    story = run("show", cwd=site).out
    assert "exit 130 (interrupted)" in story


def test_an_interrupt_before_anything_began(tmp_path: Path) -> None:
    site = make(tmp_path / "site")
    (site / ".xcatflow" / "locks").mkdir(parents=True)
    with (site / ".xcatflow" / "locks" / "wait.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = start("apply", "wait", "--wait", cwd=site)
        eventually(
            lambda: any(
                "->" in line and f" {process.pid} " in line for line in Path("/proc/locks").read_text().splitlines()
            )
        )
        process.send_signal(signal.SIGINT)
        done = ended(process)
    assert (done.code, done.out, done.err) == (130, "", "")


@dataclass(slots=True)
class Reined:
    """A run under way that is interrupted `times`, and what its reins were told."""

    times: int
    heard: list[str] = field(default_factory=list)

    def stop(self) -> None:
        self.heard.append("stop")

    def abandon(self) -> None:
        self.heard.append("abandon")

    def run(self, _request: Request, _reporters: Sequence[Listener], started: Callable[[object], None]) -> ExitCode:
        started(self)
        for _ in range(self.times):
            signal.raise_signal(signal.SIGTERM)
        self.heard.append("end")
        return ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("times", "heard", "said"),
    [(1, ["stop", "end"], 1), (2, ["stop", "abandon", "end"], 2), (3, ["stop", "abandon"], 3)],
)
def test_each_interrupt_is_harsher(
    cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch, times: int, heard: list[str], said: int
) -> None:
    reined = Reined(times)
    monkeypatch.setattr(Site, "run", lambda _site, *arguments: reined.run(*arguments))
    monkeypatch.setattr(os, "_exit", sys.exit)  # this process goes on
    before = signal.getsignal(signal.SIGTERM)
    done = cli("apply", "wait", code=130)
    assert reined.heard == heard
    assert len(done.err.splitlines()) == said
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_hangup_that_is_to_be_ignored_is_ignored(tmp_path: Path) -> None:
    site = make(tmp_path / "site")
    command = ["nohup", sys.executable, "-m", "xcatflow", "apply", "wait", "-i", "patience=50 s"]
    process = subprocess.Popen(command, cwd=site, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, text=True)
    eventually(at_work(site))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert ended(process).err.count("stopping") == 1


def test_a_third_interrupt_ends_the_process_whatever_its_threads_wait_for(tmp_path: Path) -> None:
    site = make(tmp_path / "site")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"tcp+plain://127.0.0.1:{silent.getsockname()[1]}"
        (site / "workflows" / "hang.yaml").write_text(
            "name: hang\nsummary: asks a daemon that never answers\nnodes: n1\n"
            f"steps:\n  - {{id: ask, use: docker.image, at: '{place}', with: {{name: busybox}}}}\n"
        )
        process = start("apply", "hang", cwd=site)
        connection, _ = silent.accept()
        for _ in range(3):
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
        done = ended(process)
        connection.close()
    assert done.code == 130
    said = ("stopping", "ending running acts", "ended at once")
    assert all(line.startswith(begin) for line, begin in zip(done.err.splitlines(), said, strict=True))


def test_a_thousand_hosts_may_be_connected_at_once(cli: Cli, site: Path, port: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        cli("plan", "wait", "-i", port)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(hard, 65536), hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_reader_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    site = make(tmp_path / "site")
    (site / "inventory" / "many.stanza").write_text(
        "".join(f"m{i}:\n    objtype=node\n    groups=many\n" for i in range(3000))
    )
    xcatflow = f"{sys.executable} -m xcatflow"
    for line in (
        f"{xcatflow} nodes | head -n 1",
        f"{xcatflow} --help | true",
        f"{xcatflow} apply wait -n n1 --json | head -n 1",
    ):
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {line}"],
            cwd=site,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == "", line
        assert done.returncode == (1 if "apply" in line else 0), line
    assert "1 failed" in run("runs", cwd=site).out
