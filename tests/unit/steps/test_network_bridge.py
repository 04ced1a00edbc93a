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
from xcatflow.errors import ActFailed, CannotTell, Unreachable
from xcatflow.model.change import Change
from xcatflow.model.question import Reply
from xcatflow.steps.network_bridge import NetworkBridge
from xcatflow.steps.networks import guard as network_guard
from xcatflow.steps.networks.made import Made, Text
from xcatflow.steps.networks.transaction import RETRY, change_script
from xcatflow.steps.networks.want import BridgeParams

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


def test_undo_where_the_bridge_was_there_before(host: Machine) -> None:
    host.ip("link", "add", "mydocker0", "type", "bridge")
    host.ip("addr", "add", "10.1.0.1/24", "dev", "mydocker0")
    before = host.state()
    seen = host.at.look(STEP, want())
    for change in reversed(host.at.converge(STEP, want())):
        STEP.undo(host.at, want(), seen, change)
    assert host.state() == before


def test_undo_of_what_is_not_known_any_more(host: Machine) -> None:
    seen = host.at.look(STEP, want())
    first = host.at.converge(STEP, want())[0]
    host.run("rm", "-r", "/var/lib/xcatflow")
    with pytest.raises(ActFailed, match=r"cannot undo the bridge .*: how it was before is not known any more"):
        STEP.undo(host.at, want(), seen, first)
    is_done(host)


def test_undo(host: Machine) -> None:
    before = host.state()
    wanted = want(address="10.9.0.77/24")
    seen = host.at.look(STEP, wanted)
    for change in reversed(host.at.converge(STEP, wanted)):
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
    host.outside("ip", "addr", "add", "10.9.0.9/24", "dev", "cable")
    host.at.converge(STEP, wanted)
    assert "default via 10.9.0.9" in host.routes("mydocker0")


def test_a_new_gateway_has_to_be_there(host: Machine) -> None:
    before = host.state()
    with pytest.raises(ActFailed, match=r'"10\.9\.0\.99" does not answer; undone: addresses, routes'):
        host.at.converge(STEP, want(gateway="10.9.0.99"))
    assert host.state() == before
    host.at.converge(STEP, want(gateway="10.9.0.99", check=["10.9.0.1"]))
    assert "default via 10.9.0.99" in host.routes("mydocker0"), "whoever says what has to answer is believed"


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
        ActFailed, match=r'cannot make the bridge "mydocker0" on host01: NIC "eth0" is a port of "br1" already; undone'
    ):
        STEP.apply(host.at, wanted, seen, changes[0])
    assert host.state() == before


def test_a_command_that_fails_has_everything_put_back(host: Machine) -> None:
    host.ip("link", "add", "mydocker0", "type", "bridge")
    host.ip("addr", "add", "10.1.0.1/24", "dev", "mydocker0")
    before = host.state()
    with pytest.raises(
        ActFailed,
        match=r"^cannot make the bridge .*: .*(unreachable|invalid).*; undone: addresses, routes and files are as they were$",
    ):
        host.at.converge(STEP, want(address="10.1.0.2/24", gateway="172.31.0.1"))
    assert host.state() == before
    host.outside("ping", "-c", "1", "-W", "2", "10.9.0.5")


class Flaky(LocalTarget):
    """Fails as told when scripts that match run; `after` says that they run all the same."""

    def fail(self, pattern: str, error: Exception, *, after: bool) -> "Flaky":
        self.pattern, self.error, self.after, self.waits_for = pattern, error, after, ""
        return self

    def run(self, script: str, **options: Any) -> Reply:
        hit = re.search(self.pattern, script)
        if hit and self.waits_for and not super().reply(f"ls {self.waits_for}").code:
            hit = None
        if hit and not self.after:
            raise self.error
        reply = super().run(script, **options)
        if hit:
            raise self.error
        return reply


def flaky(host: Machine, pattern: str, error: Exception, *, after: bool) -> Flaky:
    return Flaky(shell=host.at.shell, path=host.at.path).fail(pattern, error, after=after)


def test_a_machine_that_cannot_be_reached_any_more_takes_itself_back(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_guard, "AFTER_S", 0)
    before = host.state()
    at = flaky(host, 'tx" keep', Unreachable("no route to host"), after=False)
    message = r"on host01: it cannot be reached any more \(no route to host\); .* within 2 s is undone there"
    with pytest.raises(ActFailed, match=message):
        at.converge(STEP, want(confirm_within="2 s"))
    deadline = time.monotonic() + 20
    while "busy" in host.run("ls", "/run/xcatflow-network"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert host.state() == before


def test_who_comes_back_too_late_is_told(host: Machine) -> None:
    before = host.state()
    at = flaky(host, 'tx" keep', Unreachable("no route to host"), after=False)
    at.waits_for = "/run/xcatflow-network/*/code"
    with pytest.raises(
        ActFailed, match=r"nobody came back to confirm it within 2 s; undone: addresses, routes and files are"
    ):
        at.converge(STEP, want(confirm_within="2 s"))
    assert host.state() == before
    assert at.connections > 2, "each try is a new connection"


def test_it_is_confirmed_over_a_new_connection(host: Machine) -> None:
    host.at.converge(STEP, want())
    assert host.at.connections == 2


def test_what_does_not_answer_any_more(host: Machine) -> None:
    before = host.state()
    with pytest.raises(ActFailed, match=r'"10\.9\.0\.99" does not answer; undone: addresses, routes'):
        host.at.converge(STEP, want(check=["10.9.0.99"], confirm_within="30 s"))
    assert host.state() == before
    host.at.converge(STEP, want(check=["10.9.0.1", "fd09::1"]))


def test_a_second_change_waits_for_the_first(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_guard, "AFTER_S", 0)
    at = flaky(host, 'tx" keep', Unreachable("no route to host"), after=False)
    with pytest.raises(ActFailed, match="cannot be reached any more"):
        at.converge(STEP, want(confirm_within="4 s"))
    host.at.converge(STEP, want())
    is_done(host)


def test_a_connection_that_is_lost_over_it_may_be_replaced(host: Machine) -> None:
    at = flaky(host, 'tx" begin', ActFailed("the connection was lost"), after=True)
    at.converge(STEP, want())
    is_done(host)


def test_a_change_that_never_began_is_not_taken_for_done(host: Machine) -> None:
    before = host.state()
    at = flaky(host, 'tx" begin', ActFailed("the connection was lost"), after=False)
    with pytest.raises(ActFailed, match=r"cannot make the bridge .*: the change never began"):
        at.converge(STEP, want())
    assert host.state() == before


def cuts() -> list[int]:
    """Lines of the script in which it changes something."""
    lines = script(1.0).splitlines()
    start = lines.index("make_piece() {") - 20
    end = lines.index("# How links are, in a directory with a directory for each that is there.")
    does = ("ip link", "ip addr", "give_", "forget ", "client_moves")
    found = [number for number in range(start, end) if lines[number].lstrip().startswith(does)]
    return [number for number in found if not lines[number].endswith(";;")]  # a VLAN's


def script(confirm_s: float) -> str:
    chain = want(address="10.9.0.77/24").chain
    return change_script(chain, Made(()), directory="/run/xcatflow-network/t", confirm_s=confirm_s, check=())


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_ended_in_any_line(host: Machine, sign: signal.Signals) -> None:
    """Whatever becomes of it, the machine has its way back: by its own timer where the change was killed."""
    lines = script(0.4).splitlines()
    before = host.state()
    assert len(cuts()) >= 9
    for cut in cuts():
        cut_short = "\n".join([*lines[:cut], f"kill -{sign.value} $$; sleep 5", *lines[cut:]])
        cut_short = cut_short.replace("network/t\n", f"network/t{cut}\n").replace("\nt=t\n", f"\nt=t{cut}\n")
        begin = f'd=/run/xcatflow-network/t{cut}; mkdir -p "$d" && cat >"$d/tx" && exec sh "$d/tx" begin'
        reply = host.at.reply(begin, cut_short.encode())
        assert reply.code == 1, lines[cut]
        assert "undone: addresses, routes and files are as they were" in reply.complaint, lines[cut]
        assert host.state() == before, lines[cut]


FILES = (Text("/etc/small/a.conf", "new a\n"), Text("/etc/small/sub/b.conf", "new b\n", "0600"))


def confirming(confirm_s: float) -> str:
    return change_script(want().chain, Made(FILES), directory="/run/xcatflow-network/t", confirm_s=confirm_s, check=())


def commit_cuts() -> list[int]:
    """Lines that a confirmation goes through, before each of which it may be killed."""
    lines = confirming(1.0).splitlines()
    parts = (("put_file() {", "back_file() {"), ("commit)", "esac"))
    ranges = [range(lines.index(start) + 1, lines.index(end)) for start, end in parts]
    no_commands = ("}", "else", "fi", ";;", "cat ", "rm -f ", "return 1", "for ", "done", "[ ! -e", "#")
    found = [n for part in ranges for n in part if not lines[n].lstrip().startswith(no_commands)]
    return [n for n in found if not lines[n - 1].rstrip().endswith(("\\", "&&", "||"))]


def dead_commit(host: Machine, cut: int) -> str:
    """Begin a change, and have its confirmation killed before that line; returns the change's directory."""
    lines = confirming(0.5).splitlines()
    text = "\n".join(["verb=$1", *lines[:cut], '[ "$verb" != commit ] || kill -9 $$', *lines[cut:]])
    text = text.replace("network/t\n", f"network/t{cut}\n").replace("\nt=t\n", f"\nt=t{cut}\n")
    directory = f"/run/xcatflow-network/t{cut}"
    begun = host.at.reply(f'd={directory}; mkdir -p "$d" && cat >"$d/tx" && exec sh "$d/tx" begin', text.encode())
    assert begun.code == 0, begun.complaint
    return directory


def all_or_nothing(host: Machine, before: Any) -> bool:
    """Files and links are as they were, or all as they shall be, and nobody waits any more; was it made?"""
    assert "busy" not in host.run("ls", "/run/xcatflow-network")
    texts = host.run("sh", "-c", "cat /etc/small/a.conf /etc/small/sub/b.conf 2>/dev/null; ls -A /etc/small; :")
    if host.state() == before:
        assert texts == "old a\na.conf\n"
        return False
    is_done(host)
    assert texts == "new a\nnew b\na.conf\nsub\n"
    return True


@pytest.mark.parametrize("follower", ["the timer", "who asks"])
def test_a_confirmation_that_is_killed_in_any_line_is_followed(host: Machine, follower: str) -> None:
    before = host.state()
    host.write("/etc/small/a.conf", "old a\n")
    assert len(commit_cuts()) >= 9
    for cut in commit_cuts():
        line = confirming(1.0).splitlines()[cut]
        directory = dead_commit(host, cut)
        if follower == "who asks":
            reply = host.at.reply(f"sh {directory}/tx keep")
            made = all_or_nothing(host, before)
            assert made == (reply.code == 0), line
        else:
            host.at.reply(f"setsid sh {directory}/tx commit")
            deadline = time.monotonic() + 15
            while "busy" in host.run("ls", "/run/xcatflow-network"):
                assert time.monotonic() < deadline, line
                time.sleep(0.05)
            made = all_or_nothing(host, before)
        if made:  # it was killed when it had decided, made all, and said so
            assert host.run("cat", f"{directory}/code") == "0\n", line
            host.run("sh", "-c", "rm -r /etc/small/sub; echo old a >/etc/small/a.conf; ip link del mydocker0; :")
            equip_again(host)
        assert host.state() == before, line


def equip_again(host: Machine) -> None:
    host.ip("link", "set", "eth0", "up")
    equip(host)


def test_who_was_killed_before_it_armed_its_change_holds_nothing(host: Machine) -> None:
    host.run("mkdir", "-p", "/run/xcatflow-network/dead")
    host.run("sh", "-c", "sleep 0 & echo $! >/run/xcatflow-network/dead/begin.pid; wait")
    for holder in ("dead", "gone"):
        host.run("ln", "-sfn", f"/run/xcatflow-network/{holder}", "/run/xcatflow-network/busy")
        host.at.converge(STEP, want(address=f"10.9.0.{len(holder) + 70}/24"))
    is_there = host.addresses("mydocker0")
    assert {"10.9.0.74/24"} <= is_there


def test_another_change_is_waited_for_and_then_told(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_guard, "_BUSY_S", 0.3)
    host.run("sh", "-c", "mkdir -p /run/xcatflow-network/other && : >/run/xcatflow-network/other/armed")
    host.run("ln", "-s", "/run/xcatflow-network/other", "/run/xcatflow-network/busy")
    before = host.state()
    with pytest.raises(ActFailed, match="another change of its network waits to be confirmed or undone: try again"):
        host.at.converge(STEP, want())
    assert host.state() == before
    assert host.at.pauses, "it was waited for"
    assert host.run("ls", "/run/xcatflow-network").split() == ["busy", "other"]


class LosesAnswer(LocalTarget):
    """The connection is lost when a script has run and before its answer has come, once."""

    lost = ""

    def run(self, script: str, **options: Any) -> Reply:
        reply = super().run(script, **options)
        if self.lost and self.lost in script and reply.code != RETRY:
            self.lost = ""
            raise ActFailed("the connection was lost")
        return reply


@pytest.mark.parametrize("verb", ["begin", "keep"])
def test_an_answer_that_is_lost_is_asked_for_again(host: Machine, verb: str) -> None:
    at = LosesAnswer(shell=host.at.shell, path=host.at.path)
    at.lost = f'tx" {verb}'
    at.converge(STEP, want())
    is_done(host)
    assert "xcatflow" not in host.run("ls", "/run")


def test_that_it_was_undone_is_told_though_the_answer_is_lost(host: Machine) -> None:
    before = host.state()
    at = LosesAnswer(shell=host.at.shell, path=host.at.path)
    at.lost = 'tx" begin'
    with pytest.raises(ActFailed, match=r"; undone: addresses, routes and files are as they were$"):
        at.converge(STEP, want(address="10.1.0.2/24", gateway="172.31.0.1"))
    assert host.state() == before


def test_a_full_disk_leaves_nothing_half_written(host: Machine) -> None:
    host.run("mkdir", "-p", "/etc/small")
    host.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", "/etc/small")
    host.write("/etc/small/a.conf", "a" * 4000)
    before = host.state()
    files = Made((Text("/etc/small/a.conf", "b" * 4000), Text("/etc/small/b.conf", "b" * 40_000)))
    text = change_script(want().chain, files, directory="/run/xcatflow-network/t", confirm_s=30, check=())
    begun = host.at.reply(
        'd=/run/xcatflow-network/t; mkdir -p "$d" && cat >"$d/tx" && exec sh "$d/tx" begin', text.encode()
    )
    assert begun.code == 0, begun.complaint
    kept = host.at.reply("sh /run/xcatflow-network/t/tx keep")
    assert kept.code == 1
    assert "No space left on device" in kept.complaint
    assert "undone: addresses, routes and files are as they were" in kept.complaint
    assert host.run("ls", "-A", "/etc/small") == "a.conf\n"
    assert host.read("/etc/small/a.conf") == "a" * 4000
    assert host.state() == before


def test_a_file_that_cannot_be_put_back_is_told(host: Machine) -> None:
    host.write("/etc/small/a.conf", "old a\n")
    text = confirming(30).replace("back_file() {", 'back_file() {\n[ "$n" = 1 ] || return 1')
    text = text.replace("each_file put_file; ", "each_file put_file; false; ")
    begun = host.at.reply(
        'd=/run/xcatflow-network/t; mkdir -p "$d" && cat >"$d/tx" && exec sh "$d/tx" begin', text.encode()
    )
    assert begun.code == 0, begun.complaint
    kept = host.at.reply("sh /run/xcatflow-network/t/tx keep")
    assert "undone, but not all is as it was: file /etc/small/a.conf" in kept.complaint


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
    from xcatflow.steps.networks.bridge_look import network

    with pytest.raises(CannotTell, match="unexpected answer of ip"):
        network(Reply(0, text.encode()))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"name": "x" * 16}, "at most 15 characters"),
        ({"name": ""}, "at least 1 character"),
        ({"name": "all"}, "expected the name of a network interface"),
        ({"port": "a b"}, "expected the name of a network interface"),
        ({"name": "eth0", "port": "eth0"}, 'a link cannot stand on itself: "eth0" is named twice'),
        ({"port": "eth1", "bond": {"members": ["eth0"]}}, '"port" and "bond" exclude each other'),
        ({"bond": {"members": []}}, "at least 1 item"),
        ({"bond": {"members": ["eth0"], "mode": "4"}}, "802.3ad"),
        ({"vlan": 5}, 'a "vlan" needs a "port" or a "bond"'),
        ({"port": "02:42:0a:4d:01:0d", "vlan": 5}, "say the name of the NIC"),
        ({"port": "eth0", "vlan": 4095}, "less than or equal to 4094"),
        ({"gateway": "10.0.0.1", "gateway6": "10.0.0.2"}, 'expected an IPv6 gateway, found "10.0.0.2"'),
        ({"gateway": "fd00::1", "gateway6": "fd00::2"}, 'expected an IPv4 gateway, found "fd00::1"'),
        ({"check": ["fe80::1%eth0"]}, 'expected an IP address, found "fe80::1%eth0"'),
        ({"address": "fe80::1%a\nb/64"}, "expected an address with its prefix"),
        ({"check": ["gw"]}, 'expected an IP address, found "gw"'),
        ({"confirm_within": "1 s"}, "greater than or equal to 2"),
        ({"address": "10.0.0.5"}, r'expected an address with its prefix such as "10\.0\.0\.5/24", found "10\.0\.0\.5"'),
        ({"address": "x/24"}, "expected an address with its prefix"),
        ({"gateway": "10.0.0.256"}, 'expected an IP address, found "10.0.0.256"'),
        ({"persist": "maybe"}, "auto"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        BridgeParams.model_validate(params)


def test_outputs(host: Machine) -> None:
    host.at.converge(STEP, want())
    assert STEP.outputs(host.at.look(STEP, want()), want()) == {"name": "mydocker0", "address": "10.9.0.5"}
    assert STEP.outputs(None, want()) == {"name": "mydocker0", "address": ""}
    assert os.geteuid() == 0
