"""Definitions alone make Docker hosts, whatever manages the hosts' NICs: one run for a host with each manager, and a reboot of all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e import stacks
from tests.e2e.conftest import directory, ssh
from tests.e2e.test_site import Cli, changed, ended, looked_once
from xcatflow import lab
from xcatflow.lab.state import load
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

HOSTS = {stack: f"host{number:02}" for number, stack in enumerate(stacks.STACKS, start=1)}
ALL = ",".join(HOSTS.values())
STEPS = {
    "scripts/ospkgs", "scripts/otherpkgs", "scripts/xHRM", "scripts/setupdockerhost/certificate", "scripts/setupdockerhost/daemon"
}  # fmt: skip


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    """A site of definitions and two lists; its hosts have nothing but a network manager."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=len(HOSTS), containers=0, say=print)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda it: stacks.become(site, it[1], it[0]), HOSTS.items()))
        (site / "lists").mkdir()
        (site / "lists" / "dockerhost.pkglist").write_text("iproute2\niputils-arping\n")
        (site / "lists" / "docker.pkglist").write_text("docker.io\n")
        made = Cli(site)
        made(
            "mkdef", "-t", "osimage", "-o", "debian12-x86_64-dockerhost", "imagetype=linux", "osname=Linux", "osvers=debian12",
            "osarch=x86_64", "profile=dockerhost", "provmethod=install", "pkglist=lists/dockerhost.pkglist",
            "otherpkglist=lists/docker.pkglist",
        )  # fmt: skip
        made(
            "chdef", ALL, "provmethod=debian12-x86_64-dockerhost",
            "postbootscripts=otherpkgs,xHRM bridgeprereq eth0:mydocker0,setupdockerhost",
        )  # fmt: skip
        yield made


@pytest.fixture(scope="module")
def provisioned(cli: Cli) -> list[dict[str, object]]:
    """What happened in the one run."""
    return cli.events("apply", "provision-dockerhost", code=None)


@pytest.fixture(scope="module")
def rebooted(cli: Cli, provisioned: list[dict[str, object]]) -> dict[str, bool]:
    """All hosts boot again, at the same time."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: stacks.reboot(cli.site, host), HOSTS.values()))
    return dict.fromkeys(HOSTS, True)


def is_docker_host(cli: Cli, stack: str) -> None:
    """It passes the readiness check, its bridge has its address, and nothing is to be done."""
    host, state = HOSTS[stack], load(cli.site)
    assert state
    said = cli("check", "--hosts", host).stdout
    assert [line.split(" ok ")[0] for line in said.splitlines()] == [
        f"{host}: {each}" for each in ("docker", "bridge", "tls")
    ]
    address = next(it.address for it in state.hosts if it.name == host)
    addresses, routes = stacks.network(cli.site, host)
    assert [it for it in addresses if not it.startswith("docker0 ")] == [f"mydocker0 {address}/24"]
    assert routes == [f"default via {state.gateway} dev mydocker0"]
    events = cli.events("plan", "provision-dockerhost", "-n", host, "--check")
    assert set(ended(events)["counts"]) == {"ok"}
    looked_once(events)


@pytest.mark.parametrize("stack", stacks.STACKS)
def test_the_bare_host_becomes_a_docker_host(cli: Cli, provisioned: list[dict[str, object]], stack: str) -> None:
    made = {step for node, step in changed(provisioned) if node == HOSTS[stack]}
    assert made >= STEPS, [event for event in provisioned if event.get("node") == HOSTS[stack]]
    is_docker_host(cli, stack)


@pytest.mark.parametrize("stack", stacks.STACKS)
def test_it_is_one_after_a_reboot_as_well(cli: Cli, rebooted: dict[str, bool], stack: str) -> None:
    assert ssh(cli.site, HOSTS[stack], "systemctl --failed --no-legend") == ""
    is_docker_host(cli, stack)
