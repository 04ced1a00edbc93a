"""Nobody is locked out: a bridge is made by a real run, the machine is cut off in the middle of it, and finds its way back by itself."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e import stacks
from tests.e2e.conftest import directory, ssh
from xcatflow import lab

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0, reason="to cut a host's cable needs root"),
]

HOSTS = {stack: f"host{number:02}" for number, stack in enumerate(stacks.STACKS, start=1)}
WINDOW_S = 6


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    with directory() as made:
        lab.up(made, hosts=len(HOSTS), containers=0, say=print)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda it: stacks.become(made, it[1], it[0]), HOSTS.items()))
        yield made


def answers(site: Path, host: str, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            return bool(ssh(site, host, "echo yes"))
        except AssertionError:
            time.sleep(0.2)
    return False


@pytest.mark.parametrize("stack", stacks.STACKS)
def test_a_link_that_is_cut_in_the_middle(site: Path, stack: str) -> None:
    host = HOSTS[stack]
    stacks.write_workflow(site, window=f"{WINDOW_S} s")
    before = stacks.network(site, host), stacks.files(site, host)
    cable = stacks.Cable(site, host)
    watch = cable.cut_in_the_middle()
    with subprocess.Popen(
        stacks.command(site, "apply", "bridge", "-n", host), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            assert cable.was_cut.wait(60)
            time.sleep(WINDOW_S + 1)
        finally:
            cable.set("up")
        assert answers(site, host, WINDOW_S), "at its old address, soon after the link is back"
        said = running.communicate(timeout=90)[0]
    watch.join(5)
    assert running.returncode == 1, said
    assert (
        f"nobody came back to confirm it within {WINDOW_S} s; undone: addresses, routes and files are as they were"
        in said
    )
    assert (stacks.network(site, host), stacks.files(site, host)) == before
    assert not stacks.has_bridge(site, host)


@pytest.mark.parametrize("stack", stacks.STACKS)
def test_what_was_made_is_undone_byte_for_byte(site: Path, stack: str) -> None:
    host = HOSTS[stack]
    stacks.write_workflow(
        site,
        window="30 s",
        more="  - {id: fails, use: ssh.command, on_failure: undo, with: {run: 'ip link show mydocker0 && exit 3', always: true}}\n",
    )
    before = stacks.network(site, host), stacks.files(site, host)
    done = stacks.run(site, "apply", "bridge", "-n", host)
    assert done.returncode == 1, done.stdout
    assert "undone: create bridge mydocker0" in done.stdout
    assert "not undone" not in done.stdout
    assert (stacks.network(site, host), stacks.files(site, host)) == before
    stacks.reboot(site, host)
    assert (stacks.network(site, host), stacks.files(site, host)) == before


def test_a_controller_that_is_killed(site: Path) -> None:
    host = HOSTS["networkd"]
    stacks.write_workflow(site, window=f"{WINDOW_S} s")
    before = stacks.network(site, host), stacks.files(site, host)
    with subprocess.Popen(stacks.command(site, "apply", "bridge", "-n", host), stdout=subprocess.DEVNULL) as running:
        inside = stacks.Cable(site, host).inside
        look = [*inside, "ip", "-o", "link", "show", "mydocker0"]
        deadline = time.monotonic() + 60
        while subprocess.run(look, capture_output=True, check=False).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 3 * WINDOW_S
    while stacks.has_bridge(site, host) or "busy" in ssh(site, host, "ls /run/xcatflow-network 2>/dev/null; :"):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert (stacks.network(site, host), stacks.files(site, host)) == before


@pytest.mark.parametrize("stack", ["netplan", "networkmanager"])
def test_a_machine_that_reboots_in_the_middle(site: Path, stack: str) -> None:
    host = HOSTS[stack]
    stacks.write_workflow(site, window="60 s")
    before = stacks.network(site, host), stacks.files(site, host)
    cable = stacks.Cable(site, host)
    watch = cable.cut_in_the_middle()
    with subprocess.Popen(stacks.command(site, "apply", "bridge", "-n", host), stdout=subprocess.DEVNULL) as running:
        assert cable.was_cut.wait(60)
        time.sleep(2)
        running.send_signal(signal.SIGKILL)
    watch.join(5)
    enter = ["nsenter", "-t", str(stacks.pid_of(site, host)), "-m", "-u", "-i", "-n", "-p"]
    subprocess.run([*enter, "systemctl", "reboot", "--force"], check=False)
    assert answers(site, host, 60)
    assert ssh(site, host, "systemctl is-system-running --wait || :").strip() == "running"
    assert (stacks.network(site, host), stacks.files(site, host)) == before


def test_sshd_that_does_not_come_back(site: Path) -> None:
    """The machine is well, and nobody can log in: for the controller that is the same."""
    host = HOSTS["ifupdown"]
    stacks.write_workflow(site, window=f"{WINDOW_S} s")
    before = stacks.network(site, host), stacks.files(site, host)
    trap = (
        "until [ -e /sys/class/net/mydocker0 ]; do sleep 0.02; done; systemctl stop ssh; sleep 12; systemctl start ssh"
    )
    ssh(site, host, f"systemd-run -q --collect sh -c '{trap}'")
    done = stacks.run(site, "apply", "bridge", "-n", host)
    assert done.returncode == 1, done.stdout
    assert "undone: addresses, routes and files are as they were" in done.stdout
    assert (stacks.network(site, host), stacks.files(site, host)) == before
