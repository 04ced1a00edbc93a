"""The Docker engine on a real host, under containers that run: set otherwise, gone wrong, and asked whether it is ready.

Each test goes on where the one before left off.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import IMAGE, directory, ssh
from tests.e2e.test_site import Cli, changed, looked_once
from xcatflow import lab
from xcatflow.load.shipped import make_site
from xcatflow.transport.pki import SiteAuthority

pytestmark = pytest.mark.lab

HAS = "20.10.24"
STARTED = "docker inspect -f '{{.Name}} {{.State.StartedAt}}' web job"


@contextmanager
def running_site(hosts: int) -> Iterator[Cli]:
    """A site with Docker hosts, two containers on each: `web` with a published port, and `job`."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=hosts, containers=1, say=print)
        (site / "workflows" / "image.yaml").write_text(IMAGE)
        made = Cli(site)
        made("apply", "provision-dockerhost")
        made("apply", "image")
        everywhere(
            made,
            hosts,
            "docker run -d --name web --stop-timeout 0 -p 8080:80 busybox sleep 100000 && "
            "docker run -d --name job --stop-timeout 0 --restart unless-stopped busybox sleep 100000",
        )
        yield made


def everywhere(cli: Cli, hosts: int, command: str, stdin: bytes = b"") -> None:
    """A command on that many hosts at a time."""
    names = [f"host{number + 1:02}" for number in range(hosts)]
    with ThreadPoolExecutor(hosts) as pool:
        list(pool.map(lambda name: ssh(cli.site, name, command, stdin), names))


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    with running_site(1) as made:
        yield made


def engine(cli: Cli, **params: Any) -> None:
    """A workflow that wants host01's engine like this."""
    step = {"id": "daemon", "use": "docker.daemon", "with": {"tcp_port": 2375, **params}}
    workflow = {"schema": 1, "name": "engine", "summary": "the engine", "nodes": "host01", "steps": [step]}
    (cli.site / "workflows" / "engine.yaml").write_text(json.dumps(workflow))


def pid(cli: Cli) -> str:
    return cli.ssh("host01", "systemctl show -p MainPID --value docker.service").strip()


def log_opts(cli: Cli) -> object:
    return json.loads(cli.ssh("host01", "cat /etc/docker/daemon.json")).get("log-opts")


def change(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The last change that was made."""
    made = [each for event in events if event["event"] == "step-ended" for each in event["changes"]]
    found: dict[str, Any] = made[-1]
    return found


def test_a_provisioned_host_is_ready(cli: Cli) -> None:
    lines = cli("check", "--hosts", "dockerhost").stdout.splitlines()
    assert len(lines) == 3
    assert re.fullmatch(rf"host01: docker ok \({re.escape(HAS)}\S*, API 1\.41\)", lines[0])
    assert re.fullmatch(r"host01: bridge ok \(mydocker0, eth0, [0-9.]+/24\)", lines[1])
    assert re.fullmatch(r"host01: tls ok \(certificate until \d{4}-\d\d-\d\d\)", lines[2])
    rows = json.loads(cli("check", "--hosts", "dockerhost", "--json").stdout)
    assert [(row["node"], row["ready"]) for row in rows] == [("host01", True)]


def test_readiness_costs_a_round_trip_and_a_request(cli: Cli) -> None:
    step = {"id": "ready", "use": "docker.ready", "at": "${node.name}:2375"}
    workflow = {"schema": 1, "name": "ready", "summary": "ready", "nodes": "dockerhost", "steps": [step]}
    (cli.site / "workflows" / "ready.yaml").write_text(json.dumps(workflow))
    events = cli.events("apply", "ready")
    looked_once(events)
    traffic = events[-1]["traffic"]
    assert isinstance(traffic, dict)
    assert (traffic["ssh_round_trips"], traffic["docker_requests"]) == (1, 1)


def test_what_it_can_read_as_it_runs_is_reloaded(cli: Cli) -> None:
    before, started = pid(cli), cli.ssh("host01", STARTED)
    engine(cli, options={"debug": True, "labels": ["rack=1"]})
    assert change(cli.events("apply", "engine"))["verb"] == "reload"
    assert cli.ssh("host01", "docker info -f '{{.Debug}} {{.Labels}}'") == "true [rack=1]\n"
    assert (pid(cli), cli.ssh("host01", STARTED)) == (before, started)
    assert changed(cli.events("apply", "engine")) == []
    engine(cli, options={"debug": False, "labels": "rack=1"})
    done = cli("apply", "engine", code=1)
    assert "docker on host01 does not take its configuration" in done.stdout
    assert "cannot unmarshal string into Go struct field" in done.stdout
    assert "the former file is back" in done.stdout
    assert cli.ssh("host01", "docker info -f '{{.Debug}} {{.Labels}}'") == "true [rack=1]\n"


def test_what_it_reads_when_it_starts_takes_a_restart_under_running_containers(cli: Cli) -> None:
    before, started = pid(cli), cli.ssh("host01", STARTED)
    engine(cli, log_max_size="10m", log_max_files=3, options={"debug": None, "labels": ["rack=1"]})
    told = cli("plan", "engine").stdout
    assert "restart service docker (debug, log-opts are read when it starts; 2 containers keep running" in told
    assert "connections through docker-proxy to ports of web end" in told
    assert pid(cli) == before, "a plan touches nothing"
    assert change(cli.events("apply", "engine"))["verb"] == "restart"
    assert pid(cli) != before
    assert cli.ssh("host01", STARTED) == started
    assert log_opts(cli) == {"max-size": "10m", "max-file": "3"}
    cli("check", "--hosts", "host01")


def test_a_configuration_that_it_does_not_start_with_is_taken_back(cli: Cli) -> None:
    started, config = cli.ssh("host01", STARTED), cli.ssh("host01", "cat /etc/docker/daemon.json")
    engine(cli, options={"debug": None, "no-such-option": True})
    done = cli("apply", "engine", code=1)
    assert "no-such-option" in done.stdout
    assert "the former files are back and it runs with them" in done.stdout
    assert cli.ssh("host01", "cat /etc/docker/daemon.json") == config
    assert cli.ssh("host01", STARTED) == started
    cli("check", "--hosts", "host01")


def test_containers_are_not_lost_by_the_way(cli: Cli) -> None:
    engine(cli, storage_driver="vfs")
    done = cli("plan", "engine", code=1)
    assert (
        'changing "storage-driver" from overlay2 to vfs: 2 containers of the engine would be unknown to it; '
        'remove them first, or say "allow_data_loss: true"' in done.stdout
    )
    engine(cli, storage_driver="nosuch", allow_data_loss=True)
    done = cli("apply", "engine", code=1)
    assert "it runs with them, and so do its containers" in done.stdout
    assert cli.ssh("host01", "docker ps --format '{{.Names}}' | sort").split() == ["job", "web"]


def test_setupdockerhost_makes_a_network_of_docker_once(cli: Cli) -> None:
    def scripts(gateway: str) -> None:
        line = f"setupdockerhost mynet1=10.123.7.0/24@{gateway}"
        step = {"id": "scripts", "use": "host.scripts", "with": {"scripts": line}}
        workflow = {"schema": 1, "name": "net", "summary": "a network", "nodes": "host01", "steps": [step]}
        (cli.site / "workflows" / "net.yaml").write_text(json.dumps(workflow))

    scripts("10.123.7.1")
    assert ("host01", "scripts/setupdockerhost/network") in changed(cli.events("apply", "net"))
    assert "10.123.7.1/24" in cli.ssh("host01", "ip -o addr show dev mynet1")
    assert changed(cli.events("apply", "net")) == []
    scripts("10.123.7.2")
    done = cli("apply", "net", code=1)
    assert 'Docker network "mynet1" is there and differs: gateway is "10.123.7.1", expected "10.123.7.2"' in done.stdout


def test_containers_that_a_killed_run_stopped_run_again(cli: Cli) -> None:
    """The next run notes what runs, and finds on the host what should."""
    stop: dict[str, Any] = {"package": "docker.io", "containers": "stop"}
    steps = [
        {"id": "drained", "use": "docker.drained", "with": stop},
        {"id": "wait", "use": "ssh.command", "with": {"run": "sleep 60", "always": True}},
    ]
    back = [{"id": "running", "use": "docker.running", "with": {"since": ""}}]
    for name, given in (("stops", steps), ("back", back)):
        workflow = {"schema": 1, "name": name, "summary": name, "nodes": "host01", "steps": given}
        (cli.site / "workflows" / f"{name}.yaml").write_text(json.dumps(workflow))
    # There is one version in the archive: dpkg has to believe that it is an upgrade.
    older = "sed -i '/^Package: docker.io$/,/^$/s/^Version: .*/Version: 20.10.1-1/' /var/lib/dpkg/status"
    cli.ssh("host01", f"cp -p /var/lib/dpkg/status /root/status && {older}")
    command = [sys.executable, "-m", "xcatflow", "--site", str(cli.site), "apply", "stops", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert any(json.loads(line).get("step") == "drained" and "step-ended" in line for line in process.stdout)
    process.kill()
    process.wait()
    cli.ssh("host01", "mv /root/status /var/lib/dpkg/status")
    assert cli.ssh("host01", "docker ps -q") == ""
    assert changed(cli.events("apply", "back")) == [("host01", "running")]
    assert cli.ssh("host01", "docker ps --format '{{.Names}}' | sort").split() == ["job", "web"]
    assert changed(cli.events("apply", "back")) == []


def test_containers_that_ignore_sigterm_hold_up_no_reboot(cli: Cli) -> None:
    """systemd would wait 90 s for them at the very last."""
    cli.ssh(
        "host01",
        "docker run -d --name deaf --restart unless-stopped busybox sh -c 'trap : TERM; while :; do sleep 1; done'",
    )
    step = {"id": "reboot", "use": "reboot", "with": {"when": "always", "timeout": "75 s", "services": ["docker"]}}
    workflow = {"schema": 1, "name": "again", "summary": "again", "nodes": "host01", "steps": [step]}
    (cli.site / "workflows" / "again.yaml").write_text(json.dumps(workflow))
    cli("apply", "again")
    running = "docker rm -f deaf >/dev/null; docker start web >/dev/null; docker ps --format '{{.Names}}' | sort"
    assert cli.ssh("host01", running).split() == ["job", "web"], "restart policies hold"


# --- each of the three missing ---


def test_a_stopped_engine_is_told(cli: Cli) -> None:
    cli.ssh("host01", "systemctl stop docker.socket docker.service")
    lines = cli("check", "--hosts", "host01", code=1).stdout.splitlines()
    assert lines[0] == "host01: docker failed (docker.service is inactive)"
    assert lines[1].startswith("host01: bridge ok (mydocker0, eth0, ")
    assert re.fullmatch(r"host01: tls ok \(certificate until \d{4}-\d\d-\d\d, not tried\)", lines[2])
    assert lines[3] == "  fix: xcatflow apply provision-dockerhost -n host01"
    assert cli.ssh("host01", "systemctl is-active docker || true") == "inactive\n", "looking started nothing"
    cli(*lines[3].removeprefix("  fix: xcatflow ").split())
    cli("check", "--hosts", "host01")


def test_a_missing_bridge_is_told(cli: Cli) -> None:
    done = cli("check", "--hosts", "host01", "--bridge", "mydocker1", code=1)
    assert "host01: bridge failed (no bridge mydocker1)" in done.stdout.splitlines()
    assert "  fix: xcatflow apply provision-dockerhost -n host01 -i bridge=mydocker1" in done.stdout.splitlines()


def put(cli: Cli, authority: SiteAuthority) -> None:
    """A pair of this authority's on host01."""
    issued = authority.issue_server("host01", ("host01", "localhost"), (), 10)
    for name, text in (("cert", issued.certificate), ("key", issued.key)):
        ssh(cli.site, "host01", f"cat >/etc/docker/tls/{name}.pem", stdin=text.encode())


def test_an_expired_certificate_is_told_and_put_right(cli: Cli, tmp_path: Path) -> None:
    past = datetime.now(UTC) - timedelta(days=20)
    put(cli, SiteAuthority(tmp_path / "pki", now=lambda: past))
    done = cli("check", "--hosts", "host01", code=1)
    assert f"host01: tls failed (certificate expired {past + timedelta(days=10):%Y-%m-%d})" in done.stdout.splitlines()
    cli("apply", "provision-dockerhost", "-n", "host01")
    cli("check", "--hosts", "host01")


def test_a_certificate_of_another_site_is_told_and_put_right(cli: Cli, tmp_path: Path) -> None:
    put(cli, SiteAuthority(tmp_path / "pki"))
    done = cli("check", "--hosts", "host01", code=1)
    assert "host01: tls failed (certificate of another CA than the site's)" in done.stdout.splitlines()
    assert "-i other_authority=replace" in done.stdout
    cli("apply", "provision-dockerhost", "-n", "host01", "-i", "other_authority=replace")
    cli("check", "--hosts", "host01")


def test_a_host_that_cannot_be_reached_is_no_news_about_the_three(cli: Cli) -> None:
    cli.ssh("host01", "systemctl stop ssh.socket ssh.service 2>/dev/null; true")
    done = cli("check", "--hosts", "host01", code=1)
    assert done.stdout.startswith('host01: cannot tell: cannot connect to "host01"')
