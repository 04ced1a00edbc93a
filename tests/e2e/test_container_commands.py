"""The life of containers through xCAT's commands, on real daemons: one node, forty on four hosts, and a noderange that is partly broken."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import directory, power_cut, ssh
from tests.e2e.test_site import Cli
from xcatflow import lab
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

HOSTS, EACH = 4, 10
COMMAND = "/bin/sh -c 'echo hello, world; trap \"exit 0\" TERM; while :; do sleep 1; done'"


@pytest.fixture(scope="module")
def farm(lab_possible: None) -> Iterator[Cli]:
    """Four Docker hosts with ten container nodes defined on each."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=HOSTS, containers=EACH, say=print)
        cli = Cli(site)
        cli("apply", "provision-dockerhost")
        yield cli


def inspect(cli: Cli, node: str, form: str) -> str:
    return ssh(cli.site, node[:6], f"docker inspect -f '{form}' {node}").strip()


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    return sorted(done.stdout.splitlines())


def test_one_container_through_all_verbs(farm: Cli) -> None:
    node = "host01c01"
    assert told(farm("mkdocker", node, "image=busybox", f"command={COMMAND}")) == [
        f"{node}: Load image busybox done", f"{node}: Load image busybox start", f"{node}: success",
    ]  # fmt: skip
    assert told(farm("rpower", node, "state")) == [f"{node}: created"]
    assert inspect(farm, node, "{{json .Config.Cmd}}") == json.dumps(
        ["/bin/sh", "-c", 'echo hello, world; trap "exit 0" TERM; while :; do sleep 1; done'], separators=(",", ":")
    )
    assert told(farm("rpower", node, "start")) == [f"{node}: success"]
    assert told(farm("rpower", node, "start")) == [f"{node}: container already started"]
    first = inspect(farm, node, "{{.State.Status}} {{.State.StartedAt}}")
    assert first.startswith("running ")
    assert farm("lsdocker", node, "--logs").stdout == f"{node}: hello, world\n"
    line = farm("lsdocker", "host01").stdout
    assert line.startswith(f"host01: {inspect(farm, node, '{{.Id}}')[:12]}   busybox ")
    assert line.endswith(f" {node}\n")
    assert told(farm("rpower", node, "pause")) == [f"{node}: success (paused)"]
    assert inspect(farm, node, "{{.State.Paused}}") == "true"
    assert "is already paused" in farm("rpower", node, "pause", code=1).stderr
    assert told(farm("rpower", node, "unpause")) == [f"{node}: success (running)"]
    assert told(farm("rpower", node, "restart")) == [f"{node}: success"]
    assert inspect(farm, node, "{{.State.Status}} {{.State.StartedAt}}") > first
    assert farm("lsdef", node, "-i", "status").stdout.split("status=")[1].strip() == "running"
    assert "running container" in farm("rmdocker", node, code=1).stderr
    assert told(farm("rpower", node, "stop", "-t", "1")) == [f"{node}: success"]
    assert told(farm("rpower", node, "off")) == [f"{node}: container already stopped"]
    assert told(farm("rmdocker", node)) == [f"{node}: success"]
    gone = farm("rpower", node, "state", code=1)
    assert gone.stderr == f"{node}: Error: No such container: {node}\n"
    assert "status=\n" in farm("lsdef", node, "-i", "status").stdout


def test_what_was_given_is_kept_and_makes_it_again(farm: Cli) -> None:
    node = "host01c01"
    assert told(farm("mkdocker", node)) == [f"{node}: success"]
    assert "hello, world" in inspect(farm, node, "{{.Config.Cmd}}")
    conflict = farm("mkdocker", node, "image=busybox", "command=sleep 7", code=1)
    assert conflict.stderr.startswith(f'{node}: Error: Conflict. The container name "/{node}" is already in use')
    assert "sleep 7" not in farm("lsdef", node).stdout
    farm("rmdocker", node)


def test_an_image_that_is_not_there(farm: Cli) -> None:
    node = "host01c01"
    done = farm("mkdocker", node, "image=nothing/like:this", "pull=never", code=1)
    assert done.stderr == f"{node}: Error: No such image: nothing/like:this\n"
    assert "provmethod=busybox" in farm("lsdef", node).stdout


def test_forty_containers_on_four_hosts(farm: Cli) -> None:
    done = farm("mkdocker", "docker", "image=busybox", f"command={COMMAND}", "start")
    lines = done.stdout.splitlines()
    assert sum(line.endswith(": success") for line in lines) == HOSTS * EACH
    assert sum("Load image busybox done" in line for line in lines) == HOSTS - 1  # the first host has it already
    assert farm("rpower", "docker", "state", "--fold").stdout == "host[01-04]c[01-10]: running\n"
    newest = json.loads(farm("runs", "--json", "--limit", "1").stdout)[0]
    assert (newest["mode"], newest["what"]) == ("look", "rpower state")
    traffic = json.loads(farm("show", newest["id"], "--json").stdout.splitlines()[-1])["traffic"]
    assert traffic["docker_container_lists"] == HOSTS
    listed = farm("lsdocker", "dockerhost", "--sort").stdout.splitlines()
    assert len(listed) == HOSTS * EACH
    assert {line.partition(":")[0] for line in listed} == {f"host0{number}" for number in range(1, HOSTS + 1)}
    assert farm("lsdef", "-w", "status==running", "-s").stdout.count("(node)") == HOSTS * EACH
    logs = farm("lsdocker", "docker", "-l", "--tail", "1").stdout.splitlines()
    assert len(logs) == HOSTS * EACH
    assert all(line.endswith(": hello, world") for line in logs)


def test_a_host_down_and_a_container_missing(farm: Cli) -> None:
    farm("rmdocker", "host02c03", "--force")
    with power_cut(farm.site, "host04"):
        done = farm("rpower", "docker", "restart", "-t", "1", code=1)
    well = [line for line in done.stdout.splitlines() if line.endswith(": success")]
    assert len(well) == (HOSTS - 1) * EACH - 1
    wrong = sorted(done.stderr.splitlines())
    assert wrong[0] == "host02c03: Error: No such container: host02c03"
    assert len(wrong) == 1 + EACH
    assert all(
        line.startswith("host04c") and ": Error: cannot connect to docker host host04:2375" in line
        for line in wrong[1:]
    )
    lab.up(farm.site, hosts=HOSTS, containers=EACH, say=print)


def test_names_and_commands_with_signs_of_the_shell(farm: Cli) -> None:
    node = "host03c01"
    farm("rmdocker", node, "-f")
    command = """/bin/sh -c 'echo "a, b" $HOME; echo `id -u`; sleep 60'"""
    farm("mkdocker", node, "image=busybox", f"command={command}", 'dockerflag={"Env":["HOME=/x=y,z"]}', "start")
    assert farm("lsdocker", node, "-l").stdout == f"{node}: a, b /x=y,z\n{node}: 0\n"
    assert farm("mkdef", "-t", "node", "a;reboot", "mgt=docker", "groups=all", code=1).stderr


def test_waiting_for_health(farm: Cli) -> None:
    node = "host03c02"
    farm("rmdocker", node, "-f")
    check = {"Test": ["CMD-SHELL", "test -f /ready || { echo not ready; exit 1; }"], "Interval": 10**9, "Retries": 3}
    flag = f"dockerflag={json.dumps({'Healthcheck': check})}"
    farm("mkdocker", node, "image=busybox", "command=/bin/sh -c 'sleep 1; touch /ready; exec sleep 600'", flag)
    assert told(farm("rpower", node, "start", "--wait", "healthy")) == [f"{node}: success"]
    assert inspect(farm, node, "{{.State.Health.Status}}") == "healthy"
    farm("rmdocker", node, "-f")
    farm("mkdocker", node, "image=busybox", "command=sleep 600", flag)
    failed = farm("rpower", node, "start", "--wait", "healthy", "--timeout", "30s", code=1)
    assert failed.stderr == f"{node}: Error: it is started, but unhealthy: not ready\n"


def test_every_command_is_on_record(farm: Cli) -> None:
    runs = json.loads(farm("runs", "--json", "--limit", "200").stdout)
    assert {run["what"] for run in runs} >= {"mkdocker", "rmdocker", "rpower start", "rpower state", "lsdocker"}
    shown = farm("show", runs[0]["id"]).stdout
    assert "mkdocker" in shown or "rpower" in shown


def test_files_are_as_they_were_but_for_what_commands_keep(farm: Cli, tmp_path: Path) -> None:
    checked = farm("check", code=None)
    assert checked.returncode == 0, checked.stdout + checked.stderr
