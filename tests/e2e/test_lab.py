"""The lab itself: hosts come, grow in number, come back, and leave nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.conftest import directory, power_cut, ssh
from tests.fakes.target import tools
from xcatflow.lab.daemon import running
from xcatflow.lab.engine import running_engine
from xcatflow.lab.places import places
from xcatflow.lab.state import lab_id, load, locked

pytestmark = pytest.mark.lab

SHIPPED = {".gitignore", "tasks.py"}


def lab(task: str, site: Path, *options: str, code: int = 0, **environment: str) -> str:
    """A task of the lab as a process; what it says."""
    done = subprocess.run(
        command(task, site, *options),
        capture_output=True,
        text=True,
        timeout=600,
        stdin=subprocess.DEVNULL,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == code, f"{task}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def command(task: str, site: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "xcatflow", f"lab.{task}", "--dir", str(site), *options]


def files(site: Path) -> dict[str, int]:
    """Files of the site that are not shipped ones, with the time they were written at."""
    found = {str(path.relative_to(site)): path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}
    return {name: time for name, time in found.items() if not name.startswith(("workflows/", "share/"))}


def left_over(site: Path) -> list[str]:
    """Whatever a lab of that site left anywhere."""
    mark = lab_id(site)
    found = [f"file {name}" for name in files(site) if name not in SHIPPED]
    for program in (("iptables-save",), ("ip", "-o", "link")):
        text = subprocess.run(program, capture_output=True, text=True, check=False).stdout
        found += [line for line in text.splitlines() if mark in line]
    private = str(places().socket) if running(places()) else None
    if private is None and places().run.exists():
        found.append(f"directory {places().run}")
    for socket in filter(None, (private, running_engine())):
        client = docker.APIClient(base_url=f"unix://{socket}", version="1.41")
        labelled = {"label": [f"xcatflow.lab={mark}"]}
        found += [str(it["Names"]) for it in client.containers(all=True, filters=labelled)]
        found += [str(it["Name"]) for it in client.networks(filters=labelled)]
        found += [f"volume {it['Name']}" for it in client.volumes({"dangling": True})["Volumes"] or ()]
        client.close()
    return found


def boots(site: Path, host: str) -> str:
    """Which boot of a host this is; the kernel's own is the machine's."""
    return ssh(site, host, "systemctl show -P UserspaceTimestampMonotonic").strip()


def await_(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def mine(lab_possible: None) -> Iterator[Path]:
    """A site with a lab of one host, and more as tests add them."""
    with directory() as site:
        said = lab("up", site, "--hosts", "1")
        assert re.search(r"^ *\d+\.\d s  starting host01$", said, re.MULTILINE)
        assert re.search(r"^ *\d+\.\d s  the lab is up$", said, re.MULTILINE)
        yield site
        lab("down", site)
        assert left_over(site) == []


def test_a_host_is_a_bare_machine(mine: Path) -> None:
    assert ssh(mine, "host01", "hostname; systemctl is-system-running --wait").split() == ["host01", "running"]
    assert ssh(mine, "host01", "command -v python3 docker dockerd iptables; :") == ""
    assert ssh(mine, "host01", "cat /proc/sys/net/ipv4/ip_forward").strip() == "0"
    ssh(mine, "host01", "apt-get install -qy --no-install-recommends iputils-arping && command -v arping")


def test_a_second_time_nothing_happens(mine: Path) -> None:
    before, boot = files(mine), boots(mine, "host01")
    said = lab("up", mine, "--hosts", "1")
    assert "starting" not in said
    after = files(mine)
    assert set(before) == set(after)
    assert {name for name in before if before[name] != after[name]} <= {".xcatflow/lab.json"}
    assert boots(mine, "host01") == boot


def test_hosts_are_added(mine: Path) -> None:
    boot = boots(mine, "host01")
    said = lab("up", mine, "--hosts", "2")
    assert "starting host02" in said
    assert ssh(mine, "host02", "hostname").strip() == "host02"
    assert boots(mine, "host01") == boot
    lines = lab("status", mine).splitlines()
    assert lab_id(mine) in lines[0]
    assert [line.split()[::2][:2] for line in lines[1:]] == [["host01", "running"], ["host02", "running"]]
    assert all(line.endswith("ssh answers") for line in lines[1:])


def test_hosts_see_each_other_and_have_their_own_keys(mine: Path) -> None:
    lab("up", mine, "--hosts", "2")
    state = load(mine)
    assert state
    first, second = state.hosts
    assert "1 received" in ssh(mine, first.name, f"ping -c 1 -W 2 {second.address}")
    keys = {line.split()[-1] for line in (mine / "ssh" / "known_hosts").read_text().splitlines() if line[0] != "#"}
    assert len(keys) == 2


def test_a_host_that_was_switched_off_is_switched_on_again(mine: Path) -> None:
    ssh(mine, "host01", "echo kept >/root/kept")
    with power_cut(mine, "host01"):
        pass
    assert re.search(r"^host01 .* exited  ssh does not answer$", lab("status", mine), re.MULTILINE)
    assert "starting host01" in lab("up", mine, "--hosts", "1")
    assert ssh(mine, "host01", "cat /root/kept").strip() == "kept"


def test_a_reboot_keeps_disk_and_address(mine: Path) -> None:
    ssh(mine, "host01", "echo kept >/root/kept; echo gone >/run/gone")
    boot = boots(mine, "host01")
    addresses = ssh(mine, "host01", "hostname -I")
    subprocess.run(
        ["ssh", "-n", "-F", str(mine / "ssh" / "config"), "host01", "systemctl reboot"], check=False, timeout=60
    )

    def is_back() -> bool:
        line = ["ssh", "-n", "-F", str(mine / "ssh" / "config"), "-o", "ConnectTimeout=1", "host01"]
        done = subprocess.run(
            [*line, "systemctl show -P UserspaceTimestampMonotonic"], capture_output=True, check=False
        )
        return done.returncode == 0 and done.stdout.decode().strip() != boot

    await_(is_back)
    assert ssh(mine, "host01", "cat /root/kept; ls /run/gone 2>/dev/null; hostname -I").split() == [
        "kept",
        *addresses.split(),
    ]
    assert ssh(mine, "host01", "systemctl is-system-running --wait").strip() == "running"


def test_two_labs_side_by_side(mine: Path, own_site: Path) -> None:
    lab("up", own_site, "--hosts", "1", "--containers", "0")
    ours, other = load(mine), load(own_site)
    assert ours
    assert other
    assert ours.subnet != other.subnet
    assert ssh(own_site, "host01", "hostname -I").split() == [other.hosts[0].address]
    lab("down", own_site)
    assert left_over(own_site) == []
    assert ssh(mine, "host01", "hostname").strip() == "host01"


def test_no_lab(own_site: Path) -> None:
    assert "there is no lab" in lab("status", own_site)
    assert "there is no lab" in lab("down", own_site)
    assert "no directory" in lab("down", own_site / "x", code=2)


def test_a_lab_whose_state_was_lost_is_found(own_site: Path) -> None:
    lab("up", own_site, "--hosts", "1")
    boot = boots(own_site, "host01")
    (own_site / ".xcatflow" / "lab.json").unlink()
    assert "starting" not in lab("up", own_site, "--hosts", "1")
    assert boots(own_site, "host01") == boot
    (own_site / ".xcatflow" / "lab.json").unlink()
    lab("down", own_site)
    assert left_over(own_site) == []


def test_a_file_that_is_not_the_labs_stays(own_site: Path) -> None:
    (own_site / "ssh").mkdir()
    (own_site / "ssh" / "config").write_text("mine")
    said = lab("up", own_site, code=2)
    assert f'"{own_site}/ssh/config" exists and is not the lab\'s' in said
    assert (own_site / "ssh" / "config").read_text() == "mine"
    assert left_over(own_site) == ["file ssh/config"]


def test_a_lab_that_does_not_come_up_is_taken_down(own_site: Path, tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", ssh_keygen="echo no entropy >&2; exit 1")
    said = lab("up", own_site, code=1, PATH=f"{path}:{os.environ['PATH']}")
    assert "the lab did not come up: taking down what there is of it" in said
    assert re.search(r'^error: "ssh-keygen .*" failed with status 1\n  no entropy$', said, re.MULTILINE)
    assert left_over(own_site) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle(own_site: Path, sign: signal.Signals) -> None:
    with subprocess.Popen(command("up", own_site), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "starting host01" in line:
                break
        time.sleep(0.3)
        process.send_signal(sign)
        assert process.wait(120) == (130 if sign == signal.SIGINT else -signal.SIGKILL)
    if sign == signal.SIGKILL:
        assert json.loads((own_site / ".xcatflow" / "lab.json").read_text())["id"] == lab_id(own_site)
        lab("down", own_site)
    assert left_over(own_site) == []


def test_who_works_on_a_lab_keeps_others_out(own_site: Path) -> None:
    with locked(own_site / ".xcatflow" / "lab.lock", what="it", wait=False):
        for task in ("up", "down"):
            said = lab(task, own_site, code=4)
            assert f'the lab in "{own_site}" is being worked on by another process: wait until it is done' in said
    (own_site / ".xcatflow" / "lab.lock").unlink()
    assert left_over(own_site) == []
