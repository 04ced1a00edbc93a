"""Facts, probing and pipework on real hosts: one bare, one with an engine. Each test goes on where the one before left off."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import IMAGE, directory
from tests.e2e.test_site import Cli, looked_once
from xcatflow import lab
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

LAB = "host01c01"
LOOK = """\
schema: 1
name: look
summary: What hosts are is known
nodes: host01,host02
steps:
  - {id: facts, use: host.facts}
"""
GATHER = """\
schema: 1
name: gather
summary: What a host is stands in a file of it
nodes: host01,host02
steps:
  - {id: facts, use: host.facts}
  - {id: file, use: file.present, with: {path: /run/facts, content: "${step.facts.os} ${step.facts.engine}\\n"}}
"""
USE = """\
schema: 1
name: use
summary: Only where there is an engine
nodes: host01,host02
steps:
  - {id: file, use: file.present, only: "facts.engine==running", with: {path: /run/engine, content: "${node.facts.engine_version}\\n"}}
"""


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    """host01 has an engine, host02 is as it was made."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=2, say=print)
        for name, text in (("look", LOOK), ("gather", GATHER), ("use", USE), ("image", IMAGE)):
            (site / "workflows" / f"{name}.yaml").write_text(text)
        made = Cli(site)
        made("apply", "provision-dockerhost", "-n", "host01")
        made("apply", "image", "-n", LAB)
        yield made


def facts(cli: Cli, *words: str) -> dict[str, dict[str, object]]:
    return {each["node"]: each for each in json.loads(cli("facts", "--json", *words).stdout)}


def test_what_hosts_are(cli: Cli) -> None:
    found = facts(cli, "host01,host02")
    for name, each in found.items():
        assert each["os"] == "debian12"
        assert each["os_id"] == "debian"
        assert each["hostname"] == name
        assert each["init"] == "systemd"
        assert each["package_manager"] == "apt"
        assert each["python"] == "no"
        assert each["arch"] == cli.ssh(name, "uname -m").strip()
        assert each["kernel"] == cli.ssh(name, "uname -r").strip()
        memory = cli.ssh(name, "grep MemTotal /proc/meminfo").split()[1]
        assert each["memory_mb"] == int(memory) // 1024
        assert each["cpus"] == int(cli.ssh(name, "nproc --all"))
        ip = cli("lsdef", name, "-i", "ip", "-c").stdout.strip().rpartition("=")[2]
        assert each["address"] == ip
        nics = {nic["name"]: nic for nic in each["nics"]}  # type: ignore[attr-defined]
        assert any(address.startswith(f"{ip}/") for address in nics[each["nic"]]["addresses"])
    assert found["host02"]["engine"] == "none"
    assert found["host02"]["nic"] == "eth0"
    engine = found["host01"]
    assert engine["engine"] == "running"
    assert engine["nic"] == "mydocker0"
    version = cli.ssh("host01", "docker version --format '{{.Server.Version}} {{.Server.APIVersion}}'").split()
    assert [engine["engine_version"], engine["engine_api"]] == version
    info = cli.ssh("host01", "docker info --format '{{.Driver}} {{.CgroupDriver}}'").split()
    assert [engine["engine_storage"], engine["engine_cgroup"]] == info


def test_a_host_is_asked_once_in_one_round_trip(cli: Cli) -> None:
    assert facts(cli, "host01", "-i", "kernel")["host01"]["age_s"] > 0  # type: ignore[operator]
    looked_once(cli.events("apply", "look"))


def test_outputs_of_the_kind(cli: Cli) -> None:
    cli("apply", "gather")
    said = [cli.ssh(host, "cat /run/facts").strip() for host in ("host01", "host02")]
    assert said == ["debian12 running", "debian12 none"]


def test_facts_in_noderanges_and_lookups(cli: Cli) -> None:
    assert cli("nodels", "facts.engine==running").stdout.split() == ["host01"]
    assert cli("nodels", "os=~^debian").stdout.split() == ["host01", "host02"]
    cli("apply", "use")
    version = cli.ssh("host01", "cat /run/engine").strip()
    assert version == facts(cli, "host01")["host01"]["engine_version"]
    cli.ssh("host02", "! test -e /run/engine")


def test_an_engine_that_is_stopped_is_told(cli: Cli) -> None:
    cli.ssh("host01", "systemctl stop docker.socket docker.service")
    try:
        found = facts(cli, "host01", "--refresh")["host01"]
        assert found["engine"] == "stopped"
        assert str(found["engine_version"]).split(".")[0].isdigit()
        assert found["engine_api"] is None
    finally:
        cli.ssh("host01", "systemctl start docker.service")


def test_os_and_arch_are_adopted_on_demand(cli: Cli) -> None:
    assert cli("lsdef", "host02", "-c", "-i", "os").stdout == "host02: os=\n"
    cli("facts", "host02", "--write", "os,arch")
    assert cli("lsdef", "host02", "-c", "-i", "os").stdout == "host02: os=debian12\n"


def test_services_and_pings(cli: Cli) -> None:
    stats = dict(line.split(": ") for line in cli("nodestat", "host01,host02").stdout.splitlines())
    assert stats == {"host01": "docker,sshd", "host02": "sshd"}
    assert cli("pping", "host01,host02", "--fail").stdout == "host01: ping\nhost02: ping\n"
    assert cli("pping", "-f", "host01,host02", "--fail").stdout == "host01: ping\nhost02: ping\n"


def test_pipework_gives_an_address_once(cli: Cli) -> None:
    """As in xCAT's document: a container without a network, an address on the bridge, from another host a ping."""
    cli("mkdocker", LAB, "image=busybox", "command=/bin/sleep 1000000", 'dockerflag={"NetworkDisabled":true}')
    cli("rpower", LAB, "start")
    assert cli("nodestat", LAB).stdout == f"{LAB}: running\n"
    ip = cli("lsdef", LAB, "-i", "ip", "-c").stdout.strip().rpartition("=")[2]
    prefix = cli.ssh("host01", "ip -o -4 addr show mydocker0").split()[3].partition("/")[2]
    place = f"{ip}/{prefix}"
    assert cli("pipework", "mydocker0", LAB, place, "--no-keep").stdout == f"{LAB}: success\n"
    cli.ssh("host02", f"for n in 1 2 3 4 5; do ping -c 1 -W 1 {ip} >/dev/null && exit; done; exit 1")
    cli.ssh("host01", "! test -e /etc/xcatflow/addresses")
    assert cli("pipework", "mydocker0", LAB, place, "--no-keep").stdout == f"{LAB}: {place} is on eth1 already\n"
    assert cli("facts", LAB, "-i", "state").stdout == f"{LAB}: state=running\n"


def test_an_address_is_kept_where_that_is_not_declined(cli: Cli) -> None:
    ip = cli("lsdef", LAB, "-i", "ip", "-c").stdout.strip().rpartition("=")[2]
    prefix = cli.ssh("host01", "ip -o -4 addr show mydocker0").split()[3].partition("/")[2]
    cli("pipework", "mydocker0", LAB, f"{ip}/{prefix}")
    cli("rpower", LAB, "restart", "-t", "0")
    cli.ssh("host02", f"for n in $(seq 20); do ping -c 1 -W 1 {ip} >/dev/null && exit; sleep 0.2; done; exit 1")


def test_pipework_speaks_as_pipework_does(cli: Cli) -> None:
    said = cli("pipework", "br9", LAB, "10.9.0.2/24", code=1).stderr
    assert said.startswith(f"{LAB}: Error: I do not know how to setup interface br9. (there is no bridge")
    cli("rpower", LAB, "stop", "-t", "0")
    said = cli("pipework", "mydocker0", LAB, "10.9.0.2/24", code=1).stderr
    assert "is not running" in said
    cli("rmdocker", LAB)
