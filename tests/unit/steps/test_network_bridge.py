"""`network.bridge` for real, on a machine made of namespaces: what moves, what survives, what is put back."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.netns import lacks
from tests.fakes.nic import Machine, machine
from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, Unreachable
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Reply
from xcatflow.steps import bridge_guard
from xcatflow.steps.bridge_script import make_script
from xcatflow.steps.network_bridge import BridgeParams, NetworkBridge

OBSTACLE = lacks()
pytestmark = pytest.mark.skipif(bool(OBSTACLE), reason=OBSTACLE)

STEP = NetworkBridge()
NIC = {"10.9.0.5/24", "10.9.0.6/24", "fd09::5/64"}
ROUTES = {
    "default via 10.9.0.1 metric 50",
    "10.8.0.0/16 via 10.9.0.7",
    "10.7.0.0/16 scope link",
    "10.6.0.0/16 via 10.7.0.1 table 77",
    "default via fd09::1 metric 1024 pref medium",
    "fd08::/64 via fd09::7 metric 5 pref medium",
}
needs_filter = pytest.mark.skipif(not shutil.which("iptables"), reason="iptables is missing")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose NIC has addresses and routes of every sort."""
    with machine(tmp_path / "machine") as made:
        equip(made)
        yield made


def equip(made: Machine) -> None:
    for address in ("10.9.0.5/24", "10.9.0.6/24"):
        made.ip("addr", "add", address, "brd", "+", "dev", "eth0")
    made.ip("addr", "add", "fd09::5/64", "dev", "eth0", "nodad")
    for route in (
        "default via 10.9.0.1 metric 50",
        "10.8.0.0/16 via 10.9.0.7",
        "10.7.0.0/16",
        "10.6.0.0/16 via 10.7.0.1 table 77",
    ):
        made.ip("route", "add", *route.split(), "dev", "eth0")
    for route in ("default via fd09::1", "fd08::/64 via fd09::7 metric 5"):
        made.ip("-6", "route", "add", *route.split(), "dev", "eth0")
    assert made.addresses("eth0") == NIC
    assert made.routes("eth0") == ROUTES


def want(**params: Any) -> BridgeParams:
    return BridgeParams.model_validate({"port": "eth0", "persist": "none", **params})


def fields(changes: tuple[Change, ...]) -> list[str]:
    return [change.field or change.verb for change in changes]


def is_done(made: Machine) -> None:
    assert made.addresses("eth0") == set()
    assert made.routes("eth0") == set()
    assert made.addresses("mydocker0") == NIC
    assert made.routes("mydocker0") == ROUTES
    made.outside("ping", "-c", "1", "-W", "2", "10.9.0.6")
    made.outside("ping", "-c", "1", "-W", "2", "fd09::5")


def test_addresses_and_routes_move_and_the_mac_stays(host: Machine) -> None:
    mac = host.read("/sys/class/net/eth0/address")
    assert fields(host.at.converge(STEP, want()))[:2] == ["create", "port"]
    is_done(host)
    assert host.read("/sys/class/net/mydocker0/address") == mac
    assert host.read("/sys/class/net/mydocker0/bridge/forward_delay").strip() == "0"
    assert host.read("/sys/class/net/mydocker0/bridge/stp_state").strip() == "0"
    assert "xcatflow" not in host.run("ls", "/run")
    assert host.at.converge(STEP, want()) == ()


def test_nobody_outside_notices(host: Machine) -> None:
    pings = ["nsenter", "-t", str(host.far), "-n", "ping", "-n", "-i", "0.02", "-c", "100", "-W", "1", "10.9.0.5"]
    with subprocess.Popen(pings, stdout=subprocess.PIPE, text=True) as process:
        time.sleep(0.3)
        host.at.converge(STEP, want())
        output = process.communicate(timeout=30)[0]
    received = re.search(r"(\d+) received", output)
    assert received
    assert int(received[1]) >= 98, output


def test_a_bridge_that_has_containers_already(host: Machine) -> None:
    host.ip("link", "add", "mydocker0", "type", "bridge")
    host.ip("addr", "add", "10.1.0.1/24", "dev", "mydocker0")
    for name in ("veth1", "veth2"):
        host.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        host.ip("link", "set", name, "master", "mydocker0")
    changes = host.at.converge(STEP, want())
    assert "create" not in fields(changes)
    assert host.addresses("mydocker0") == NIC | {"10.1.0.1/24"}
    assert host.ip("-br", "link", "show", "master", "mydocker0").count("veth") >= 2
    seen = STEP.plan(host.at.look(STEP, want()), want())
    assert seen == ()


def test_taking_it_back_when_the_bridge_was_there_before(host: Machine) -> None:
    host.ip("link", "add", "mydocker0", "type", "bridge")
    seen = host.at.look(STEP, want())
    attach = next(change for change in host.at.converge(STEP, want()) if change.verb is Verb.ATTACH)
    with pytest.raises(CannotUndo, match="was there before"):
        STEP.undo(host.at, want(), seen, attach)


def test_undo(host: Machine) -> None:
    before = host.state()
    wanted = want(address="10.9.0.77/24")
    seen = host.at.look(STEP, wanted)
    for change in reversed(host.at.converge(STEP, wanted)):
        if change.field != "address":
            STEP.undo(host.at, wanted, seen, change)
    assert host.state() == before
    assert fields(host.at.converge(STEP, wanted))[0] == "create"


def test_an_address_and_a_gateway_of_its_own(host: Machine) -> None:
    wanted = want(name="br0", port="", address="10.1.0.1/24")
    assert fields(host.at.converge(STEP, wanted))[0] == "create"
    assert host.addresses("br0") == {"10.1.0.1/24"}
    wanted = want(name="br0", port="", address="10.1.0.1/16")
    host.at.converge(STEP, wanted)
    assert "10.1.0.1/16" in host.addresses("br0")
    assert host.addresses("eth0") == NIC
    wanted = want(gateway="10.9.0.9")
    host.at.converge(STEP, wanted)
    assert "default via 10.9.0.9" in host.routes("mydocker0")


@pytest.mark.parametrize(
    ("commands", "params", "message"),
    [
        ([], {"port": "eth9"}, r'there is no NIC "eth9" on the machine, there are: .*eth0'),
        ([], {"name": "eth0", "port": ""}, "is no bridge but a veth"),
        (["link add br1 type bridge", "link set eth0 master br1"], {}, 'NIC "eth0" is a port of "br1" already'),
        (
            ["addr add 10.9.0.9/24 dev eth0 valid_lft 600 preferred_lft 600"],
            {},
            '"eth0" has its address by DHCP',
        ),
    ],
)
def test_what_is_refused_is_not_touched(
    host: Machine, commands: list[str], params: Mapping[str, str], message: str
) -> None:
    for command in commands:
        host.ip(*command.split())
    before = host.state()
    wanted = want(**params)
    with pytest.raises(ActFailed, match=message):
        host.at.converge(STEP, wanted)
    assert host.state() == before


def test_another_nic_in_the_bridge_is_refused(host: Machine) -> None:
    host.ip("link", "add", "mydocker0", "type", "bridge")
    add = "ip link add eth1 type dummy || ip link add eth1 type ifb"
    if host.at.reply(add).code:
        pytest.skip("the kernel has no NICs to play with: neither dummy nor ifb")
    host.ip("link", "set", "eth1", "master", "mydocker0")
    before = host.state()
    with pytest.raises(ActFailed, match='has the port "eth1", expected only "eth0"'):
        host.at.converge(STEP, want())
    assert host.state() == before


def test_what_the_plan_could_not_know_is_found_by_the_script(host: Machine) -> None:
    wanted = want()
    seen = host.at.look(STEP, wanted)
    changes = STEP.plan(seen, wanted)
    host.ip("link", "add", "br1", "type", "bridge")
    host.ip("link", "set", "eth0", "master", "br1")
    before = host.state()
    with pytest.raises(
        ActFailed, match=r'cannot make the bridge "mydocker0" on host01: NIC "eth0" is a port of "br1" already$'
    ):
        STEP.apply(host.at, wanted, seen, next(it for it in changes if it.verb is Verb.ATTACH))
    assert host.state() == before


def test_a_command_that_fails_has_everything_put_back(host: Machine) -> None:
    host.ip("link", "add", "mydocker0", "type", "bridge")
    host.ip("addr", "add", "10.1.0.1/24", "dev", "mydocker0")
    before = host.state()
    with pytest.raises(
        ActFailed, match=r"^cannot make the bridge .* on host01: .*(unreachable|invalid).*; everything is put back$"
    ):
        host.at.converge(STEP, want(address="10.1.0.2/24", gateway="172.31.0.1"))
    assert host.state() == before
    host.outside("ping", "-c", "1", "-W", "2", "10.9.0.5")


class Flaky(LocalTarget):
    """Fails as told when scripts that match run; `after` says that they run all the same."""

    def fail(self, pattern: str, error: Exception, *, after: bool) -> "Flaky":
        self.pattern, self.error, self.after = pattern, error, after
        return self

    def run(self, script: str, **options: Any) -> Reply:
        hit = re.search(self.pattern, script)
        if hit and not self.after:
            raise self.error
        reply = super().run(script, **options)
        if hit:
            raise self.error
        return reply


def flaky(host: Machine, pattern: str, error: Exception, *, after: bool) -> Flaky:
    return Flaky(shell=host.at.shell, path=host.at.path).fail(pattern, error, after=after)


def test_a_machine_that_cannot_be_reached_afterwards_puts_everything_back(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_guard, "CONFIRM_S", 1)
    before = host.state()
    at = flaky(host, "/keep", Unreachable("no route to host"), after=False)
    message = r'cannot make the bridge "mydocker0" on host01: it cannot be reached any more, and puts everything back within 1 s \(no route'
    with pytest.raises(ActFailed, match=message):
        at.converge(STEP, want(name="mydocker0"))
    assert host.addresses("mydocker0") == NIC
    deadline = time.monotonic() + 20
    while host.addresses("eth0") != NIC or host.routes("eth0") != ROUTES:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    host.ip("link", "del", "mydocker0")
    assert host.state() == before


def test_a_connection_that_is_lost_over_it_may_be_replaced(host: Machine) -> None:
    at = flaky(host, "setsid", ActFailed("the connection was lost"), after=True)
    at.converge(STEP, want())
    is_done(host)


def test_a_change_that_never_began_is_not_taken_for_done(host: Machine) -> None:
    before = host.state()
    at = flaky(host, "setsid", ActFailed("the connection was lost"), after=False)
    with pytest.raises(ActFailed, match=r"cannot make the bridge .*: the change never began"):
        at.converge(STEP, want())
    host.ip("link", "del", "mydocker0")
    assert host.state() == before


def cuts() -> list[int]:
    """The lines of the script in which it changes something."""
    lines = make_script("mydocker0", "eth0", "10.9.0.77/24", "").splitlines()
    start = max(number for number, line in enumerate(lines) if line.startswith("trap "))
    return [number for number in range(start + 1, len(lines)) if not lines[number].lstrip().startswith(("#", "fi"))]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_ended_in_any_line(tmp_path: Path, sign: signal.Signals) -> None:
    """Killed, it is half done, and running it again completes it; ended, it puts everything back."""
    script = make_script("mydocker0", "eth0", "10.9.0.77/24", "").splitlines()
    assert len(cuts()) >= 10
    for cut in cuts():
        with machine(tmp_path / f"{cut}") as host:
            equip(host)
            before = host.state()
            cut_short = "\n".join([*script[:cut], f"kill -{sign.value} $$; sleep 5", *script[cut:]])
            code = host.at.reply(
                "cat >/run/cut; sh /run/cut; echo $?; rm /run/cut", cut_short.encode()
            ).text.splitlines()[-1]
            assert int(code) == (128 + sign if sign is signal.SIGKILL else 1), script[cut]
            if sign is signal.SIGTERM:
                assert host.state() == before, script[cut]
                continue
            host.at.converge(STEP, want(address="10.9.0.77/24"))
            assert host.addresses("mydocker0") == NIC | {"10.9.0.77/24"}, script[cut]
            assert host.routes("mydocker0") == ROUTES, script[cut]
            assert host.addresses("eth0") == set(), script[cut]


@needs_filter
def test_frames_pass_a_packet_filter_that_docker_closed(host: Machine) -> None:
    host.run("iptables", "-P", "FORWARD", "DROP")
    host.run("iptables", "-A", "FORWARD", "-i", "other", "-j", "ACCEPT")
    rules = host.run("iptables", "-S", "FORWARD")
    wanted = want()
    seen = host.at.look(STEP, wanted)
    changes = host.at.converge(STEP, wanted)
    assert "packet filter" in fields(changes)
    assert "-A FORWARD -i mydocker0 -o mydocker0 -j ACCEPT" in host.run("iptables", "-S", "FORWARD")
    assert host.at.converge(STEP, wanted) == ()
    STEP.undo(host.at, wanted, seen, next(it for it in changes if it.field == "packet filter"))
    assert host.run("iptables", "-S", "FORWARD") == rules


def test_a_machine_without_ip_cannot_tell(host: Machine, tmp_path: Path) -> None:
    host.at.path = tools(tmp_path / "bare", ["sh", "grep"])
    with pytest.raises(CannotTell, match=r'cannot look at the network: .*not found; "ip" of iproute2'):
        host.at.look(STEP, want())


@pytest.mark.parametrize(
    "text", ["", "[]", "#routes4\n[]", "not json\n#routes4\n#routes6\n#stack\nnone\n#filter\n#enabled\n#marks"]
)
def test_answers_that_are_none(text: str) -> None:
    from xcatflow.steps.bridge_look import network

    with pytest.raises(CannotTell, match="unexpected answer of ip"):
        network(Reply(0, text.encode()))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"name": "x" * 16}, "at most 15 characters"),
        ({"name": ""}, "at least 1 character"),
        ({"name": "all"}, "expected the name of a network interface"),
        ({"port": "a b"}, "expected the name of a network interface"),
        ({"name": "eth0", "port": "eth0"}, 'cannot both be called "eth0"'),
        ({"address": "10.0.0.5"}, r'expected an address with its prefix such as "10\.0\.0\.5/24", found "10\.0\.0\.5"'),
        ({"address": "x/24"}, "expected an address with its prefix"),
        ({"gateway": "10.0.0.256"}, 'expected an IP address, found "10.0.0.256"'),
        ({"persist": "maybe"}, "auto"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BridgeParams.model_validate(params)


def test_outputs(host: Machine) -> None:
    host.at.converge(STEP, want())
    assert STEP.outputs(host.at.look(STEP, want()), want()) == {"name": "mydocker0", "address": "10.9.0.5"}
    assert STEP.outputs(None, want()) == {"name": "mydocker0", "address": ""}
    assert os.geteuid() == 0
