"""Addresses that hold, on real hosts: put in from the host, and by a network of Docker's on the same bridge.

Each test goes on where the one before left off."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import directory
from tests.e2e.stacks import reboot
from tests.e2e.test_site import Cli, changed, ended, looked_once
from xcatflow import lab
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

ALWAYS = 'dockerflag={"HostConfig":{"RestartPolicy":{"Name":"always"}}}'
PUT_IN = ("host01c01", "host01c02", "host02c02")
BY_DOCKER = "host02c01"
KEEPER = ("/usr/local/lib/xcatflow", "/etc/xcatflow", "/etc/systemd/system/xcatflow-addresses.service")
NETWORKS = """
lan6:
    objtype=network
    net="fd00:77::"
    mask=/64
lan99:
    objtype=network
    net=10.99.0.0
    mask=255.255.255.0
"""


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    """A site of two hosts. host02c01 is on a network of Docker's; host02c02 has IPv6 and a second adapter besides."""
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=2, say=print)
        chain = site / "workflows" / "chains" / "site.yaml"
        chain.write_text(chain.read_text().replace("create-instance\n", "create-instance\n    inputs: {lan: lan}\n"))
        inventory = site / "inventory" / "lab.stanza"
        inventory.write_text(inventory.read_text() + NETWORKS)
        made = Cli(site)
        made("chdef", "docker", ALWAYS)
        made("chdef", BY_DOCKER, "dockernics=lan")
        made("chdef", "host01c01", f"nicips.eth1={address(made, 'host01c01')}|fd00:77::101")
        made(
            "chdef", "host02c02", f"nicips.eth1={address(made, 'host02c02')}|fd00:77::104", "nicips.eth2=10.99.0.4", "nicdevices.eth2=lan99"
        )  # fmt: skip
        made("apply", "provision-dockerhost")
        made.ssh(
            "host02", "ip link add lan99 type bridge && ip addr add 10.99.0.1/24 dev lan99 && ip link set lan99 up"
        )
        yield made


def address(cli: Cli, node: str) -> str:
    return cli("lsdef", node, "-i", "ip", "-c").stdout.strip().rpartition("=")[2]


def other(node: str) -> str:
    """The host that a node is not on."""
    return "host02" if node.startswith("host01") else "host01"


def all_answer(cli: Cli, *nodes: str, within_s: int = 30) -> None:
    """Every address answers the other host, without anyone acting."""
    for node in nodes or (*PUT_IN, BY_DOCKER):
        ip = address(cli, node)
        script = f"for n in $(seq {within_s}); do ping -n -q -c 1 -W 1 {ip} >/dev/null && exit; sleep 0.2; done; exit 1"
        cli.ssh(other(node), script)


def answers6(cli: Cli) -> None:
    """An IPv6 address may be used once the kernel has made sure that nobody else has it: about a second after it was put in."""
    ping = "docker exec host02c02 ping -6 -c 1 -W 2 fd00:77::101 >/dev/null 2>&1"
    cli.ssh("host02", f"for n in 1 2 3 4 5 6 7 8 9 10; do {ping} && exit; sleep 0.5; done; exit 1")


def own_network(cli: Cli, host: str) -> str:
    return cli.ssh(host, "ip -o -4 addr show mydocker0; ip route show default")


def test_both_forms_answer_and_the_hosts_keep_their_addresses(cli: Cli) -> None:
    before = [own_network(cli, host) for host in ("host01", "host02")]
    cli("chain", "site")
    all_answer(cli)
    assert [own_network(cli, host) for host in ("host01", "host02")] == before
    assert cli.ssh("host01", "ls /etc/xcatflow/addresses").split() == ["host01c01@eth1", "host01c02@eth1"]
    assert cli.ssh("host02", "ls /etc/xcatflow/addresses").split() == ["host02c02@eth1", "host02c02@eth2"]
    assert "eth1" not in cli.ssh("host02", f"docker exec {BY_DOCKER} ip -o link | grep -v eth0 || :")


def test_ipv6_and_several_interfaces(cli: Cli) -> None:
    answers6(cli)
    cli.ssh("host02", "ping -c 1 -W 2 10.99.0.4")


def test_a_second_run_changes_nothing_and_looks_once(cli: Cli) -> None:
    events = cli.events("chain", "site")
    assert changed(events) == []
    assert ended(events)["counts"] == {"ok": 6}
    looked_once(events)


def test_after_restarts_of_the_containers(cli: Cli) -> None:
    cli.ssh("host01", "docker restart -t 0 host01c01 host01c02")
    cli.ssh("host02", "docker restart -t 0 host02c01 host02c02")
    all_answer(cli)
    cli.ssh("host02", "ping -c 1 -W 2 10.99.0.4")


def test_after_a_restart_of_the_daemon(cli: Cli) -> None:
    for host in ("host01", "host02"):
        cli.ssh(host, "systemctl restart docker")
    all_answer(cli)
    for host in ("host01", "host02"):  # without live-restore the containers end with the daemon
        pids = cli.ssh(host, "docker inspect -f '{{.State.Pid}}' $(docker ps -q)")
        cli.ssh(
            host,
            'sed -i \'s/"live-restore": true/"live-restore": false/\' /etc/docker/daemon.json && systemctl restart docker',
        )
        cli.ssh(host, "systemctl restart docker")
        assert cli.ssh(host, "docker inspect -f '{{.State.Pid}}' $(docker ps -q)") != pids
    all_answer(cli)
    answers6(cli)


def test_after_a_reboot_of_the_hosts(cli: Cli) -> None:
    for host in ("host01", "host02"):
        reboot(cli.site, host)
    all_answer(cli)
    assert cli.ssh("host01", "systemctl --failed --no-legend") == ""
    cli.ssh("host02", "ip link add lan99 type bridge && ip addr add 10.99.0.1/24 dev lan99 && ip link set lan99 up")
    cli("apply", "provision-dockerhost")
    cli.ssh("host02", "for n in $(seq 30); do ping -c 1 -W 1 10.99.0.4 && exit; done; exit 1")  # its bridge came late
    events = cli.events("chain", "site")
    assert [entry for entry in changed(events) if not entry[1].endswith("/daemon")] == []


def test_a_replaced_container_gets_the_address_by_itself(cli: Cli) -> None:
    cli("chdef", "docker", "provmethod=busybox!sleep 2000000")
    before = cli.ssh("host01", "docker inspect -f '{{.Id}}' host01c01")
    cli("apply", "create-instance", "-i", "lan=lan")
    assert cli.ssh("host01", "docker inspect -f '{{.Id}}' host01c01") != before
    all_answer(cli)
    assert changed(cli.events("apply", "configure-ip")) == []


def test_what_was_tampered_with_is_put_right(cli: Cli) -> None:
    cli.ssh("host01", "echo exit >/usr/local/lib/xcatflow/address-keeper; rm /etc/xcatflow/addresses/host01c02@eth1")
    cli.ssh("host02", "systemctl disable --now xcatflow-addresses")
    done = cli("apply", "configure-ip").stdout
    for told in ("update service xcatflow-addresses files", "host01c02@eth1", "start service xcatflow-addresses"):
        assert told in done
    assert changed(cli.events("apply", "configure-ip")) == []
    cli.ssh("host01", "docker restart -t 0 host01c02")
    cli.ssh("host02", "docker restart -t 0 host02c02")
    all_answer(cli)


def test_an_address_that_somebody_else_has_is_found_before_acting(cli: Cli) -> None:
    free = address(cli, "host01").rpartition(".")[0] + ".150"
    cli.ssh(
        "host02",
        "ip netns add stranger && ip link add s0 type veth peer name eth0 address 02:00:00:00:00:99 netns stranger && "
        f"ip link set s0 master mydocker0 up && ip -n stranger addr add {free}/24 dev eth0 && ip -n stranger link set eth0 up",
    )
    for node, workflow in (("host01c02", ("configure-ip",)), (BY_DOCKER, ("create-instance", "-i", "lan=lan"))):
        mine = address(cli, node)
        cli("chdef", node, f"ip={free}")
        done = cli("plan", *workflow, "-n", node, code=1)
        assert (
            f'{free} of container "{node}" is in use on "mydocker0" already, by the machine with the MAC 02:00:00:00:00:99'
            in done.stdout
        )
        cli("chdef", node, f"ip={mine}")
    # One of another container of the same host is named.
    mine, theirs = address(cli, "host01c02"), address(cli, "host01c01")
    cli("chdef", "host01c01", "ip=192.0.2.1")
    cli("chdef", "host01c02", f"ip={theirs}")
    assert 'already, by container "host01c01" (MAC ' in cli("plan", "configure-ip", "-n", "host01c02", code=1).stdout
    cli("chdef", "host01c02", f"ip={mine}")
    cli("chdef", "host01c01", f"ip={theirs}")
    cli.ssh("host02", "ip netns del stranger")
    assert changed(cli.events("apply", "configure-ip")) == []


def test_somebody_elses_container_is_not_touched(cli: Cli) -> None:
    cli.ssh("host01", "docker rm -f host01c02 && docker run -d --name host01c02 --network none busybox sleep 1000")
    done = cli("apply", "configure-ip", "-n", "host01c02", code=1)
    assert 'there is a container "host01c02" that xcatflow did not make' in done.stdout
    cli.ssh("host01", "docker rm -f host01c02")
    cli("apply", "create-instance", "-n", "host01c02")
    all_answer(cli, "host01c02")


NETWORK = """\
schema: 1
name: other-lan
summary: Another network of Docker's
nodes: host01
steps:
  - id: network
    use: docker.network
    at: ${node.ip}:2375
    with: {WITH}
"""


def other_lan(cli: Cli, with_: str, *, code: int = 0) -> str:
    (cli.site / "workflows" / "other-lan.yaml").write_text(NETWORK.replace("WITH", f"name: other, {with_}"))
    return cli("apply", "other-lan", code=code).stdout


def test_a_network_that_would_take_the_hosts_address_is_refused(cli: Cli) -> None:
    before = own_network(cli, "host01")
    wide = address(cli, "host01").rpartition(".")[0].rpartition(".")[0] + ".0.0/16"
    assert "say the subnet with the same prefix" in other_lan(cli, f"bridge: mydocker0, subnet: {wide}", code=1)
    assert "may be another machine's" in other_lan(cli, "bridge: mydocker0, subnet: 10.98.0.0/24", code=1)
    assert 'say its "subnet"' in other_lan(cli, "bridge: mydocker0", code=1)
    assert own_network(cli, "host01") == before


def test_macvlan(cli: Cli) -> None:
    """Its containers are on the wire by themselves. (`ipvlan` and VLANs: the kernels that tests run on may have neither.)"""
    wanted = "driver: macvlan, parent: mydocker0, mode: bridge, subnet: 10.97.0.0/24, gateway: 10.97.0.1"
    other_lan(cli, wanted)
    assert "0 changed" in other_lan(cli, wanted)
    cli.ssh("host02", "ip addr add 10.97.0.1/24 dev mydocker0")
    cli.ssh("host01", "docker run -d --name wired --network other --ip 10.97.0.5 busybox sleep 1000")
    cli.ssh("host02", "ping -c 1 -W 2 10.97.0.5")
    cli.ssh("host01", "docker restart -t 0 wired")
    cli.ssh("host02", "ping -c 1 -W 2 10.97.0.5 && ip addr del 10.97.0.1/24 dev mydocker0")
    cli.ssh("host01", "docker rm -f wired")
    other_lan(cli, "state: absent")


def test_what_keeps_addresses_goes_with_the_last_one(cli: Cli) -> None:
    cli("apply", "configure-ip", "-i", "state=absent", "-n", "host01c01")
    assert cli.ssh("host01", "ls /etc/xcatflow/addresses").split() == ["host01c02@eth1"]
    cli.ssh("host01", "docker rm -f host01c02")  # its record is left, and goes as well
    cli("apply", "configure-ip", "-i", "state=absent", "-n", "docker")
    for host in ("host01", "host02"):
        cli.ssh(host, f"! ls -d {' '.join(KEEPER)} 2>/dev/null && ! systemctl is-active xcatflow-addresses >/dev/null")
    assert "eth1" not in cli.ssh("host01", "docker exec host01c01 ip -o link")
    all_answer(cli, BY_DOCKER)
