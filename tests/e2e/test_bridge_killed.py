"""Whenever xcatflow is killed while it makes a bridge, the machine has all of it or nothing; and two runs at once do not meet on it."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import stacks
from tests.e2e.conftest import directory, ssh
from tests.e2e.stacks import before_and_after
from xcatflow import lab
from xcatflow.steps.network_bridge import NetworkBridge
from xcatflow.steps.networks.made import Made
from xcatflow.steps.networks.transaction import change_script
from xcatflow.steps.networks.want import BridgeParams

pytestmark = pytest.mark.lab

HOSTS = {stack: f"host{number:02}" for number, stack in enumerate(stacks.STACKS, start=1)}
WINDOW_S = 6
MOMENTS = 3
"""How often each host loses its controller; each time, and on each host, at another moment."""
LONGEST_S = 4.0
STEP = NetworkBridge()


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    with directory() as made:
        lab.up(made, hosts=len(HOSTS), containers=0, say=print)
        names = {host: stack for stack, host in HOSTS.items()}
        stacks.at_once(names, lambda host: stacks.become(made, host, names[host]))
        yield made


def is_waiting(site: Path, host: str) -> bool:
    """Is a change on its way there?"""
    return "busy" in ssh(site, host, "ls /run/xcatflow-network 2>/dev/null; :")


def test_all_or_nothing_at_every_moment(site: Path) -> None:
    ends: list[str] = []

    def killed(host: str) -> None:
        stacks.write_workflow(site, window=f"{WINDOW_S} s", name=host)
        number = list(HOSTS.values()).index(host)
        for moment in range(MOMENTS):
            ends.append(kill_after(host, LONGEST_S * (moment + number / len(HOSTS)) / MOMENTS))

    def kill_after(host: str, seconds: float) -> str:
        """Kill it so long after it began to change the host; tells how that ended."""
        before, there, wanted = before_and_after(site, host), stacks.Host(site, host), BridgeParams(port="eth0")
        seen = there.look(STEP, wanted)
        with subprocess.Popen(
            stacks.command(site, "apply", host, "-n", host, "--json"), stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout
            assert any('"act-started"' in line for line in running.stdout), host
            time.sleep(seconds)
            running.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 4 * WINDOW_S
        time.sleep(1)  # for what was on its way
        while is_waiting(site, host):
            assert time.monotonic() < deadline, host
            time.sleep(0.3)
        if stacks.has_bridge(site, host):
            again = stacks.run(site, "plan", host, "-n", host, "--check")
            assert again.returncode == 0, again.stdout
            for change in reversed(STEP.plan(seen, wanted)):
                STEP.undo(there, wanted, seen, change)
        assert before_and_after(site, host) == before, (host, seconds)
        return "all" if stacks.has_bridge(site, host) else "nothing"

    stacks.at_once(HOSTS.values(), killed)
    assert len(ends) == MOMENTS * len(HOSTS)


def test_a_change_that_nobody_confirms_is_waited_for(site: Path) -> None:
    def twice(host: str) -> None:
        stacks.write_workflow(site, window="30 s", name=host)
        place = "/run/xcatflow-network/first"
        first = change_script(BridgeParams(port="eth0").chain, Made(()), directory=place, confirm_s=WINDOW_S, check=())
        ssh(site, host, f"mkdir -p {place} && cat >{place}/tx && sh {place}/tx begin", first.encode())
        assert is_waiting(site, host)
        done = stacks.run(site, "apply", host, "-n", host)
        assert done.returncode == 0, done.stdout
        again = stacks.run(site, "plan", host, "-n", host, "--check")
        assert again.returncode == 0, again.stdout

    stacks.at_once(HOSTS.values(), twice)


def test_two_runs_at_once(site: Path, tmp_path: Path) -> None:
    """Of two sites, which know nothing of each other's locks: one after the other."""
    other = tmp_path / "other"
    shutil.copytree(site, other, ignore=shutil.ignore_patterns(".xcatflow"))
    running = []
    for each in (site, other):
        stacks.write_workflow(each, window="30 s")
        path = each / "workflows" / "bridge.yaml"
        path.write_text(path.read_text().replace("port: eth0", "port: eth0, mtu: 1400"))
        words = stacks.command(each, "apply", "bridge", "-n", ",".join(HOSTS.values()))
        running.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    for host in HOSTS.values():
        assert ssh(site, host, "cat /sys/class/net/mydocker0/mtu") == "1400\n"
        assert not is_waiting(site, host)
    again = stacks.run(site, "plan", "bridge", "-n", ",".join(HOSTS.values()), "--check")
    assert again.returncode == 0, again.stdout
