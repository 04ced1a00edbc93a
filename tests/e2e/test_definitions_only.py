"""From a machine with nothing on it to a Docker host by definitions alone, in the words of xCAT; then a reboot. Each test goes on where
the one before left off."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import directory, ssh
from tests.e2e.stacks import become, reboot
from tests.e2e.test_site import Cli, changed, ended, looked_once
from xcatflow import lab
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

HOST, NODES = "host01", ("host01c01", "host01c02")
OS_PACKAGES = "# base of a Docker host\niproute2\niputils-arping\n"
LOOK = """\
ip -o -4 addr show scope global | awk '{print $2, $4}' | sort
ip route show default
cat /sys/class/net/mydocker0/address; ls /sys/class/net/mydocker0/brif | grep -v "^veth"
docker version -f '{{.Server.Version}}'; systemctl is-active docker
sha256sum /etc/docker/tls/*.pem /etc/docker/daemon.json
docker ps -a --format '{{.Names}} {{.State}} {{.Image}}' | sort
"""


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=1, containers=2, say=print)
        become(site, HOST, "networkd")
        (site / "lists").mkdir()
        (site / "lists" / "dockerhost.pkglist").write_text(OS_PACKAGES)
        (site / "lists" / "docker.pkglist").write_text("docker.io\n")
        yield Cli(site)


def test_definitions_are_all_that_is_written(cli: Cli) -> None:
    cli(
        "mkdef", "-t", "osimage", "-o", "debian12-x86_64-dockerhost", "imagetype=linux", "osname=Linux", "osvers=debian12",
        "osarch=x86_64", "profile=dockerhost", "provmethod=install", "pkglist=lists/dockerhost.pkglist",
        "otherpkglist=lists/docker.pkglist",
    )  # fmt: skip
    cli("chdef", HOST, "provmethod=debian12-x86_64-dockerhost")
    cli("chdef", HOST, "-p", "postbootscripts=xHRM bridgeprereq eth0:mydocker0")
    cli("chdef", HOST, "-p", "postbootscripts=setupdockerhost")
    assert "postbootscripts=otherpkgs,xHRM bridgeprereq eth0:mydocker0,setupdockerhost" in cli("lsdef", HOST).stdout
    assert "no problem found" in cli("check").stdout
    done = cli("check", "--hosts", HOST, code=1)
    assert f"{HOST}: docker failed" in done.stdout


def test_the_bare_host_becomes_a_docker_host(cli: Cli) -> None:
    events = cli.events("apply", "provision-dockerhost")
    made = [step for _, step in changed(events)]
    assert set(made) >= {
        "scripts/ospkgs", "scripts/otherpkgs", "scripts/xHRM", "scripts/setupdockerhost/certificate",
        "scripts/setupdockerhost/daemon",
    }  # fmt: skip
    said = cli("check", "--hosts", HOST).stdout
    assert [line.split(" ok ")[0] for line in said.splitlines()] == [
        f"{HOST}: {each}" for each in ("docker", "bridge", "tls")
    ]
    assert f"{HOST}: status=booted" in cli("lsdef", HOST, "-c", "-i", "status").stdout


def test_a_second_run_finds_nothing_to_do_in_one_look(cli: Cli) -> None:
    events = cli.events("apply", "provision-dockerhost")
    assert changed(events) == []
    looked_once(events)


def test_containers_run_on_it(cli: Cli) -> None:
    # What ends when it is told to: a machine that shuts down waits for everything else.
    cli("chdef", "docker", "provmethod=busybox!sh -c 'trap exit TERM; sleep 1000000 & wait'")
    cli("chdef", "docker", 'dockerflag={"HostConfig":{"RestartPolicy":{"Name":"always"}}}')
    cli("apply", "create-instance")
    cli("apply", "configure-ip")
    addresses = {row["node"]: row["ip"] for row in json.loads(cli("nodes", "docker", "--json").stdout)}
    cli.ssh(HOST, f"docker exec {NODES[0]} ping -c 1 -W 2 {addresses[NODES[1]]}")
    assert cli("rpower", "docker", "state", "--sort").stdout == "".join(f"{node}: running\n" for node in NODES)


def test_a_reboot_leaves_bridge_addresses_engine_certificates_and_containers_as_they_were(cli: Cli) -> None:
    before = ssh(cli.site, HOST, LOOK)
    assert "mydocker0" in before
    reboot(cli.site, HOST)
    assert ssh(cli.site, HOST, LOOK) == before
    addresses = {row["node"]: row["ip"] for row in json.loads(cli("nodes", "docker", "--json").stdout)}
    cli.ssh(HOST, f"docker exec {NODES[0]} ping -c 3 -W 2 {addresses[NODES[1]]}")
    assert cli.ssh(HOST, "systemctl --failed --no-legend") == ""


def test_and_nothing_is_to_be_done_about_it(cli: Cli) -> None:
    for workflow in ("provision-dockerhost", "create-instance", "configure-ip"):
        assert set(ended(cli.events("plan", workflow, "--check"))["counts"]) == {"ok"}, workflow
    cli("check", "--hosts", HOST)
    assert "updatenode ending" in cli("updatenode", HOST, "-S", "-P").stdout
    assert set(ended(cli.events("plan", "provision-dockerhost", "--check"))["counts"]) == {"ok"}
