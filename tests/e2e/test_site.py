"""The main job on real hosts, in the order in which an administrator meets it. Each test goes on where the one before left off."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

NODES = ("host01c01", "host01c02", "host02c01", "host02c02")


class Cli:
    """`xcatflow` as a process, in a site."""

    def __init__(self, site: Path) -> None:
        self.site = site

    def __call__(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "xcatflow", "--site", str(self.site), *arguments],
            capture_output=True,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def events(self, *arguments: str, code: int | None = 0) -> list[dict[str, object]]:
        done = self(*arguments, "--json", code=code)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ssh(self, host: str, command: str) -> str:
        done = subprocess.run(
            ["ssh", "-n", "-F", str(self.site / "ssh" / "config"), host, command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{host}: {command}: {done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def cli(lab_site: Path) -> Cli:
    return Cli(lab_site)


def changed(events: list[dict[str, object]], outcome: str = "changed") -> list[tuple[str, str]]:
    return sorted(
        (str(e["node"]), str(e["step"])) for e in events if e["event"] == "step-ended" and e["outcome"] == outcome
    )


def ended(events: list[dict[str, object]]) -> dict[str, object]:
    assert events[-1]["event"] == "run-ended"
    return events[-1]


def looked_once(events: list[dict[str, object]]) -> None:
    """Every workflow cost each host one round trip at most, and each daemon one listing."""
    for event in events:
        if event["event"] == "workflow-ended":
            traffic = event["traffic"]
            assert isinstance(traffic, dict)
            for target, counts in traffic.get("per_target", {}).items():
                assert counts.get("ssh_round_trips", 0) <= 1, (event["workflow"], target, counts)
                assert counts.get("docker_container_lists", 0) <= 1, (event["workflow"], target, counts)


SNAPSHOT = "dpkg -l; ip -o addr; ip route; find /etc /var/lib/docker -xdev -printf '%p %T@ %m\\n' 2>/dev/null | sort; systemctl list-units"


def test_a_plan_names_every_change_and_touches_nothing(cli: Cli) -> None:
    before = {host: cli.ssh(host, SNAPSHOT) for host in ("host01", "host02")}
    done = cli("plan", "site")
    assert "docker.io" in done.stdout
    assert "mydocker0" in done.stdout
    assert "known after apply" in done.stdout
    events = cli.events("plan", "site")
    assert {step for _, step in changed(events, "would-change")} >= {
        "scripts/otherpkgs",
        "scripts/xHRM",
        "scripts/setupdockerhost/certificate",
    }
    assert {step for _, step in changed(events, "deferred")} >= {"image", "instance", "address"}
    assert cli("plan", "site", "--check", code=5)
    assert {host: cli.ssh(host, SNAPSHOT) for host in before} == before
    assert not (cli.site / ".xcatflow" / "pki").exists()


def test_the_chain_makes_hosts_and_containers(cli: Cli) -> None:
    done = cli("chain", "site")
    assert "6 nodes" in done.stdout
    for host in ("host01", "host02"):
        running = cli.ssh(host, "docker ps --format '{{.Names}}'").split()
        assert sorted(running) == [node for node in NODES if node.startswith(host)]


def test_containers_of_different_hosts_reach_each_other(cli: Cli) -> None:
    addresses = {row["node"]: row["ip"] for row in json.loads(cli("nodes", "docker", "--json").stdout)}
    for node in NODES:
        for other, address in addresses.items():
            if other[:6] != node[:6]:
                cli.ssh(node[:6], f"docker exec {node} ping -c 1 -W 2 {address}")


def test_a_second_run_changes_nothing_and_looks_once(cli: Cli) -> None:
    events = cli.events("chain", "site")
    assert changed(events) == []
    assert ended(events)["counts"] == {"ok": 6}
    looked_once(events)
    assert "0 changed" in cli("chain", "site").stdout
    assert "ssh round trip" in cli("chain", "site", "-v").stdout


def test_nothing_is_pending_afterwards(cli: Cli) -> None:
    cli("plan", "site", "--check")


def test_drift_is_repaired_and_nothing_else(cli: Cli) -> None:
    cli.ssh("host01", "docker stop -t 0 host01c01 && docker rm -f host01c02")
    cli.ssh(
        "host02",
        "sed -i 's/tlsverify\": true/tlsverify\": false/' /etc/docker/daemon.json && grep -q false /etc/docker/daemon.json",
    )
    events = cli.events("chain", "site")
    made = changed(events)
    assert ("host01c01", "instance") in made
    assert ("host01c02", "instance") in made
    assert ("host02", "scripts/setupdockerhost/daemon") in made
    assert not [entry for entry in made if entry[0] == "host01"]
    assert not [entry for entry in made if entry[0] != "host02" and entry[1] not in ("instance", "address")]
    assert not changed(cli.events("chain", "site"))


def test_a_run_is_told_afterwards(cli: Cli) -> None:
    assert "site" in cli("runs").stdout
    story = cli("show", "last").stdout
    assert "create-instance" in story
    assert "0 changed" in story or "ok" in story


def test_one_host_off_leaves_the_others_alone(cli: Cli, lab_host_off: object) -> None:
    events = cli.events("chain", "site", code=1)
    outcomes = {
        str(e["node"]): e["outcome"] for e in events if e["event"] == "node-ended" and e["outcome"] != "skipped"
    }
    assert {node for node, outcome in outcomes.items() if outcome == "unreachable"} == {
        "host02",
        "host02c01",
        "host02c02",
    }
    assert {node for node, outcome in outcomes.items() if outcome == "ok"} == {"host01", "host01c01", "host01c02"}
    done = cli("chain", "site", code=1)
    assert "host02" in done.stdout.splitlines()[-1] or "unreachable" in done.stdout
