"""Nobody is locked out: a bridge is made by a real run, the machine is cut off in the middle of it, and finds its way back by itself.

The four hosts, one for each network manager, go through each case at the same time: most of it is waiting.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import stacks
from tests.e2e.conftest import directory, ssh
from tests.e2e.stacks import answers, before_and_after
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
        stacks.at_once(HOSTS.values(), lambda host: stacks.become(made, host, _stack(host)))
        yield made


def _stack(host: str) -> str:
    return next(stack for stack, name in HOSTS.items() if name == host)


def test_a_link_that_is_cut_in_the_middle(site: Path) -> None:
    def cut_off(host: str) -> None:
        stacks.write_workflow(site, window=f"{WINDOW_S} s", name=host)
        before = before_and_after(site, host)
        cable = stacks.Cable(site, host)
        watch = cable.cut_in_the_middle()
        with subprocess.Popen(
            stacks.command(site, "apply", host, "-n", host),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            try:
                assert cable.was_cut.wait(60), host
                time.sleep(WINDOW_S + 1)
            finally:
                cable.set("up")
            assert answers(site, host, WINDOW_S), f"{host}: at its old address, soon after the link is back"
            said = running.communicate(timeout=90)[0]
        watch.join(5)
        assert running.returncode == 1, said
        why = f"nobody came back to confirm it within {WINDOW_S} s"
        assert f"{why}; undone: addresses, routes and files are as they were" in said
        assert before_and_after(site, host) == before, host
        assert not stacks.has_bridge(site, host)

    stacks.at_once(HOSTS.values(), cut_off)


def test_what_was_made_is_undone_byte_for_byte(site: Path) -> None:
    stacks.write_workflow(
        site,
        window="30 s",
        more="  - {id: fails, use: ssh.command, on_failure: undo, with: {run: 'ip link show mydocker0 && exit 3', always: true}}\n",
    )
    before = {host: before_and_after(site, host) for host in HOSTS.values()}
    done = stacks.run(site, "apply", "bridge", "-n", ",".join(HOSTS.values()))
    assert done.returncode == 1, done.stdout
    assert "undone: create bridge mydocker0" in done.stdout
    assert "not undone" not in done.stdout
    assert {host: before_and_after(site, host) for host in before} == before
    stacks.at_once(HOSTS.values(), lambda host: stacks.reboot(site, host))
    assert {host: before_and_after(site, host) for host in before} == before


def test_a_machine_that_reboots_in_the_middle(site: Path) -> None:
    def rebooted(host: str) -> None:
        stacks.write_workflow(site, window="60 s", name=host)
        before = before_and_after(site, host)
        cable = stacks.Cable(site, host)
        watch = cable.cut_in_the_middle()
        with subprocess.Popen(stacks.command(site, "apply", host, "-n", host), stdout=subprocess.DEVNULL) as running:
            assert cable.was_cut.wait(60), host
            time.sleep(2)
            running.send_signal(signal.SIGKILL)
        watch.join(5)
        enter = ["nsenter", "-t", str(stacks.pid_of(site, host)), "-m", "-u", "-i", "-n", "-p"]
        subprocess.run([*enter, "systemctl", "reboot", "--force"], check=False)
        assert answers(site, host, 60), host
        assert ssh(site, host, "systemctl is-system-running --wait || :").strip() == "running"
        assert before_and_after(site, host) == before, host

    stacks.at_once(HOSTS.values(), rebooted)


def test_sshd_that_does_not_come_back(site: Path) -> None:
    """The machine is well, and nobody can log in: for the controller that is the same."""
    host = HOSTS["ifupdown"]
    stacks.write_workflow(site, window=f"{WINDOW_S} s")
    before = before_and_after(site, host)
    trap = (
        "until [ -e /sys/class/net/mydocker0 ]; do sleep 0.02; done; systemctl stop ssh; sleep 12; systemctl start ssh"
    )
    ssh(site, host, f"systemd-run -q --collect sh -c '{trap}'")
    done = stacks.run(site, "apply", "bridge", "-n", host)
    assert done.returncode == 1, done.stdout
    assert "undone: addresses, routes and files are as they were" in done.stdout
    assert before_and_after(site, host) == before
