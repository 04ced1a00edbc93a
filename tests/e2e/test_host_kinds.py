"""Users, keys, kernel settings, mounts, time, packet filter, files and a new start, on a host of the lab that is as bare as they come. Each
test goes on where the one before left off."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import directory
from tests.e2e.test_site import Cli, changed
from tests.fakes.desk import FolderDesk
from xcatflow import lab
from xcatflow.lab.state import load
from xcatflow.load.shipped import make_site
from xcatflow.model.definitions import Definitions
from xcatflow.model.objects import Node, Record
from xcatflow.steps.scripts.basics import syslog_parts
from xcatflow.transport.ports import port_open

pytestmark = pytest.mark.lab

HASH = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ops",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8eHRwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEA old",
)
PACKAGES = """\
schema: 1
name: packages
summary: What the others need
nodes: host01
steps:
  - {id: packages, use: package.present, with: {names: [nftables, rsyslog, systemd-timesyncd]}}
"""
KINDS = f"""\
schema: 1
name: kinds
summary: One step of each kind
nodes: host01
steps:
  - id: user
    use: user.present
    with:
      {{name: ops, uid: 2345, groups: "adm,users", shell: /bin/bash, comment: Operations, password_hash: "${{secret.ops}}", locked: true}}
  - {{id: old-key, use: authorized_key, with: {{user: ops, key: "{KEYS[1]}"}}}}
  - {{id: key, use: authorized_key, with: {{user: ops, key: "{KEYS[0]}", options: 'from="10.0.0.0/8"', exclusive: true}}}}
  - {{id: forward, use: sysctl, with: {{key: net.ipv4.conf.all.rp_filter, value: "2"}}}}
  - {{id: buffers, use: sysctl, with: {{key: net.ipv4.tcp_rmem, value: "4096  87380 6291456"}}}}
  - {{id: bridge, use: kernel.module, with: {{name: bridge, options: "a=b"}}}}
  - {{id: small, use: mount, with: {{path: "/mnt/a small disk", src: tmpfs, fstype: tmpfs, options: "size=2m,noexec"}}}}
  - {{id: zone, use: timezone, with: {{name: Europe/Berlin}}}}
  - {{id: time, use: ntp, with: {{servers: "192.0.2.1,192.0.2.2"}}}}
  - {{id: filter, use: firewall, with: {{ports: 2399, nodes: host01, allow: "${{input.allow}}", controller: "${{input.controller}}"}}}}
  - {{id: list, use: file.sync, with: {{synclist: files/hosts.synclist}}}}
  - {{id: tree, use: file.sync, with: {{src: files/tree, dest: /srv/www, delete: true, exclude: "*.swp"}}}}
inputs:
  allow: {{type: str, default: 10.0.0.0/8}}
  controller: {{type: str, default: "true"}}
"""
OTHERWISE = f"""\
schema: 1
name: otherwise
summary: Nothing of it, and then it fails and is taken back
nodes: host01
steps:
  - {{id: user, use: user.present, with: {{name: ops, shell: /bin/sh, comment: Other}}}}
  - {{id: new, use: user.present, with: {{name: passing, system: true}}}}
  - {{id: key, use: authorized_key, with: {{user: ops, key: "{KEYS[1]}", exclusive: true}}}}
  - {{id: forward, use: sysctl, with: {{key: net.ipv4.conf.all.rp_filter, value: "0"}}}}
  - {{id: unmounted, use: mount, with: {{path: "/mnt/a small disk", state: absent}}}}
  - {{id: module, use: kernel.module, with: {{name: bridge}}}}
  - {{id: zone, use: timezone, with: {{name: UTC}}}}
  - {{id: time, use: ntp, with: {{servers: 192.0.2.3}}}}
  - {{id: filter, use: firewall, with: {{ports: 2399, allow: 10.0.0.0/8, state: absent}}}}
  - {{id: file, use: file.sync, with: {{src: files/other, dest: /etc/motd}}}}
  - {{id: end, use: ssh.command, on_failure: undo, with: {{run: "false", always: true}}}}
"""
LIST = """\
motd issue -> /etc/
settings -> (host01) /etc/app/settings
settings -> (host01,-host01) /etc/other
EXECUTE:
settings.post
APPEND:
profile.extra -> /etc/profile
profile.extra -> /etc/hosts
MERGE:
groups -> /etc/group
"""
ONE = "schema: 1\nname: {name}\nsummary: one step\nnodes: host01\nsteps:\n  - {{id: it, use: {use}, with: {with_}}}\n"


def workflow(site: Path, called: str, use: str, **with_: Any) -> None:
    (site / "workflows" / f"{called}.yaml").write_text(ONE.format(name=called, use=use, with_=json.dumps(with_)))


@pytest.fixture(scope="module")
def site(lab_possible: None) -> Iterator[Path]:
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=1, containers=0, say=print)
        for name, text in (("packages", PACKAGES), ("kinds", KINDS), ("otherwise", OTHERWISE)):
            (site / "workflows" / f"{name}.yaml").write_text(text)
        files = site / "files"
        (files / "tree" / "deep").mkdir(parents=True)
        for path, text in {
            "hosts.synclist": LIST.replace("\n", "\n").replace("motd issue", "files/motd files/issue"),
            "motd": "welcome\n",
            "issue": "log in\n",
            "settings": "one\n",
            "settings.post": "#!/bin/sh\necho ran >>/run/settings-ran\n",
            "profile.extra": "EXTRA=1\n",
            "groups": "crew:x:2400:ops\n",
            "other": "other\n",
            "tree/index.html": "<p>\n",
            "tree/deep/a.swp": "left out\n",
            "tree/deep/run it": "#!/bin/sh\n",
        }.items():
            (files / path).write_text(text)
        listed = (files / "hosts.synclist").read_text()
        for name in ("settings.post", "settings ->", "profile.extra", "groups"):
            listed = listed.replace(f"\n{name}", f"\nfiles/{name}")
        (files / "hosts.synclist").write_text(listed)
        (files / "tree" / "deep" / "run it").chmod(0o750)
        (site / "secrets").mkdir()
        (site / "secrets" / "ops").write_text(HASH)
        (site / "secrets" / "ops").chmod(0o600)
        yield site


@pytest.fixture(scope="module")
def cli(site: Path) -> Cli:
    return Cli(site)


def at_host(cli: Cli, command: str) -> str:
    return cli.ssh("host01", command).rstrip("\n")


def address(site: Path) -> str:
    state = load(site)
    assert state
    return lab.status(site).hosts[0].address


def test_what_is_lacking_is_named(cli: Cli) -> None:
    workflow(cli.site, "filter", "firewall", ports=2399, allow="10.0.0.0/8")
    assert 'the machine has no "nft": install the package nftables before' in cli("plan", "filter", code=1).stdout
    workflow(cli.site, "time", "ntp", servers="192.0.2.1")
    assert 'install the package "chrony" before, with package.present' in cli("plan", "time", code=1).stdout
    workflow(cli.site, "module", "kernel.module", name="no-such-module")
    assert 'there is no module "no_such_module" for kernel' in cli("plan", "module", code=1).stdout
    workflow(cli.site, "key", "sysctl", key="net.no.such", value="1")
    assert 'the kernel has no parameter "net.no.such"' in cli("plan", "key", code=1).stdout


def test_one_step_of_each_kind_and_then_nothing(cli: Cli) -> None:
    cli("apply", "packages")
    planned = changed(cli.events("plan", "kinds"), "would-change")
    made = changed(cli.events("apply", "kinds"))
    assert {step for _, step in made} == {
        "user", "old-key", "key", "forward", "buffers", "bridge", "small", "zone", "time", "filter", "list", "tree",
    }  # fmt: skip
    assert {step for _, step in planned} | {"old-key", "key"} == {step for _, step in made}
    again = cli.events("apply", "kinds")
    # The old key is put in and taken out each time.
    assert {step for _, step in changed(again)} == {"old-key", "key"}
    looks = [event for event in again if event["event"] == "run-ended"]
    assert looks


def test_the_user_and_the_key(cli: Cli) -> None:
    assert at_host(cli, "getent passwd ops; id -Gn ops; stat -c '%a %U' /home/ops").splitlines() == [
        "ops:x:2345:2345:Operations:/home/ops:/bin/bash", "ops adm users crew", "755 ops",
    ]  # fmt: skip
    assert at_host(cli, "getent shadow ops | cut -d: -f2") == f"!{HASH}"
    assert at_host(cli, "cat /home/ops/.ssh/authorized_keys") == f'from="10.0.0.0/8" {KEYS[0]}'
    assert at_host(cli, "stat -c '%a %U' /home/ops/.ssh /home/ops/.ssh/authorized_keys") == "700 ops\n600 ops"
    assert HASH not in cli("show", "last", "-v").stdout


def test_the_kernel_the_mount_and_the_time(cli: Cli) -> None:
    assert (
        at_host(cli, "cat /proc/sys/net/ipv4/conf/all/rp_filter /proc/sys/net/ipv4/tcp_rmem")
        == "2\n4096\t87380\t6291456"
    )
    assert (
        at_host(cli, "cat /etc/sysctl.d/90-xcatflow-net.ipv4.tcp_rmem.conf") == "net.ipv4.tcp_rmem = 4096 87380 6291456"
    )
    assert at_host(cli, "cat /etc/modules-load.d/xcatflow-bridge.conf /etc/modprobe.d/xcatflow-bridge.conf") == (
        "bridge\noptions bridge a=b"
    )
    assert at_host(cli, "findmnt -n -o FSTYPE,OPTIONS '/mnt/a small disk'").split()[0] == "tmpfs"
    assert "noexec" in at_host(cli, "findmnt -n -o OPTIONS '/mnt/a small disk'")
    assert r"tmpfs /mnt/a\040small\040disk tmpfs size=2m,noexec 0 0" in at_host(cli, "cat /etc/fstab")
    assert "0 errors" in at_host(cli, "findmnt --verify 2>&1 || true") or "Success" in at_host(
        cli, "findmnt --verify || true"
    )
    assert at_host(cli, "date +%Z; cat /etc/timezone") in ("CET\nEurope/Berlin", "CEST\nEurope/Berlin")
    assert at_host(cli, "tail -n 1 /etc/systemd/timesyncd.conf.d/90-xcatflow.conf") == "NTP=192.0.2.1 192.0.2.2"


def test_the_files(cli: Cli) -> None:
    assert at_host(cli, "cat /etc/motd /etc/issue /etc/app/settings /run/settings-ran") == "welcome\nlog in\none\nran"
    assert at_host(cli, "tail -n 1 /etc/profile; tail -n 1 /etc/group; ls /etc/other 2>&1 || true").splitlines()[:2] == [
        "EXTRA=1", "crew:x:2400:ops",
    ]  # fmt: skip
    assert at_host(cli, "ls /var/xcat/syncfiles/org/etc") == "group\nhosts\nprofile"
    assert at_host(cli, "tail -n 1 /etc/hosts") == "EXTRA=1", (
        "a file that is mounted by itself is written where it stands"
    )
    assert at_host(cli, "cd /srv/www; find . | sort; stat -c %a 'deep/run it'").splitlines() == [
        ".", "./deep", "./deep/run it", "./index.html", "750",
    ]  # fmt: skip
    (cli.site / "files" / "settings").write_text("two\n")
    (cli.site / "files" / "tree" / "index.html").unlink()
    planned = cli("plan", "kinds", "-v").stdout
    assert "-one" in planned
    assert "+two" in planned
    cli("apply", "kinds")
    assert at_host(cli, "cat /etc/app/settings /run/settings-ran; ls /srv/www") == "two\nran\nran\ndeep"


def test_only_who_is_allowed_reaches_the_port(cli: Cli) -> None:
    listen = (
        "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 2399, Listen => 5, ReuseAddr => 1) or die; "
        "while (my $c = $s->accept) { close $c }"
    )
    at_host(cli, f"systemd-run -q --unit=listens perl -e '{listen}'")
    host = address(cli.site)
    assert _opens(host, 2399)
    allowed = ("--input", "allow=192.0.2.0/24")
    done = cli("apply", "kinds", *allowed, code=1)
    assert 'it would be shut out of the ports; add it, or say "controller: false"' in " ".join(done.stdout.split())
    cli("apply", "kinds", *allowed, "--input", "controller=false")
    assert not port_open(host, 2399)
    assert at_host(cli, "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"127.0.0.1:2399\") ? 1 : 0'") == "1"
    at_host(cli, "nft add rule inet xcatflow input accept")
    assert ("host01", "filter") in changed(cli.events("apply", "kinds", *allowed, "--input", "controller=false"))
    at_host(cli, "nft add table inet others; systemctl restart xcatflow-firewall")
    assert not port_open(host, 2399)
    assert "table inet others" in at_host(cli, "nft list ruleset")
    cli("apply", "kinds")
    assert port_open(host, 2399)
    workflow(cli.site, "ssh", "firewall", ports=22, allow="10.0.0.0/8")
    assert "port 22 is how the machine is reached over SSH: it is left alone" in cli("plan", "ssh", code=1).stdout


def test_the_key_that_we_came_in_with_stays(cli: Cli) -> None:
    own = (cli.site / "ssh" / "id_ed25519.pub").read_text().strip()
    workflow(cli.site, "own", "authorized_key", key=own, state="absent")
    done = cli("apply", "own", code=1)
    assert "is the one that this connection came in with: it is not removed" in " ".join(done.stdout.split())
    workflow(cli.site, "other", "authorized_key", key=KEYS[1], exclusive=True)
    done = cli("apply", "other", code=1)
    assert "is the one that this connection came in with" in " ".join(done.stdout.split())


def test_who_shuts_himself_out_finds_the_former_keys(cli: Cli) -> None:
    own = (cli.site / "ssh" / "id_ed25519.pub").read_text().strip()
    before = at_host(cli, "cat /root/.ssh/authorized_keys")
    workflow(cli.site, "own", "authorized_key", key=own, options='from="192.0.2.1"')
    done = cli("apply", "own", code=1)
    assert 'with the new keys of "root" host01 cannot be reached any more' in " ".join(done.stdout.split())
    for _ in range(45):
        with suppress(AssertionError):
            assert at_host(cli, "cat /root/.ssh/authorized_keys") == before
            break
        time.sleep(1)
    assert at_host(cli, "cat /root/.ssh/authorized_keys; ls -d /run/xcatflow-keys-* 2>/dev/null || true") == before


def test_what_failed_is_taken_back(cli: Cli) -> None:
    state = (
        "getent passwd ops passing; cat /home/ops/.ssh/authorized_keys /proc/sys/net/ipv4/conf/all/rp_filter /etc/fstab "
        "/etc/sysctl.d/*xcatflow* /etc/modprobe.d/xcatflow* /etc/timezone /etc/systemd/timesyncd.conf.d/* /etc/motd; "
        "readlink /etc/localtime; findmnt -n -o SOURCE '/mnt/a small disk'; nft list table inet xcatflow"
    )
    before = at_host(cli, f"( {state} ) 2>&1; true")
    done = cli.events("apply", "otherwise", code=1)
    assert {step for _, step in changed(done)} >= {"user", "new", "key", "zone", "filter", "file", "unmounted"}
    assert at_host(cli, f"( {state} ) 2>&1; true") == before


def test_a_full_disk_leaves_the_former_file(cli: Cli) -> None:
    (cli.site / "files" / "big").write_bytes(b"x" * 1_500_000)
    workflow(cli.site, "big", "file.sync", src="files/big", dest="/mnt/a small disk/big")
    cli("apply", "big")
    for size in (3_000_000, 20_000_000):
        (cli.site / "files" / "big").write_bytes(b"y" * size)
        done = cli("apply", "big", code=1)
        said = " ".join(done.stdout.split())
        assert 'cannot copy "/mnt/a small disk/big" to host01' in said
        assert "No space left on device; what was there is as it was: make room" in said
        assert at_host(cli, "cd '/mnt/a small disk'; ls -A; wc -c <big; head -c 1 big") == "big\n1500000\nx"


def test_messages_go_to_the_master(cli: Cli) -> None:
    known = Definitions([Node("host01"), Record("clustersite", {"master": "192.0.2.7"}, kind="site")])
    (part,) = syslog_parts((), FolderDesk(cli.site, known, "host01"))
    # What composite steps consist of is taken as it is written; in a file lookups are.
    workflow(cli.site, "syslog", part.use, **{key: value.replace("${", "$${") for key, value in part.with_.items()})
    cli("apply", "syslog")
    assert changed(cli.events("apply", "syslog")) == []
    assert at_host(cli, "cat /etc/rsyslog.d/remote.conf; rsyslogd -N1 2>&1 | tail -n 1").splitlines() == [
        "# xCAT settings START", "*.* @192.0.2.7", "# xCAT settings END", "rsyslogd: End of config validation run. Bye.",
    ]  # fmt: skip


def test_the_host_starts_again_and_keeps_it_all(cli: Cli) -> None:
    workflow(cli.site, "again", "reboot", services="ssh", timeout="3 min")
    assert changed(cli.events("apply", "again")) == []
    began = at_host(cli, "stat -c %Y /proc/1")
    (cli.site / "workflows" / "again.yaml").write_text(
        ONE.format(
            name="again", use="reboot", with_=json.dumps({"when": "always", "services": "ssh", "timeout": "3 min"})
        )
        + '  - {id: told, use: file.present, with: {path: /run/told, content: "${step.it.boot_after}"}}\n'
    )
    assert changed(cli.events("apply", "again")) == [("host01", "it"), ("host01", "told")]
    assert at_host(cli, "stat -c %Y /proc/1") != began
    at_host(cli, "touch /run/reboot-required")
    workflow(cli.site, "again", "reboot", timeout="3 min")
    assert "(/run/reboot-required is there)" in cli("plan", "again").stdout
    cli("apply", "again")
    cli("plan", "again", "--check")
    assert at_host(cli, "systemctl is-active xcatflow-firewall") == "active"
    assert "drop" in at_host(cli, "nft list table inet xcatflow")
    left = {step for _, step in changed(cli.events("plan", "kinds"), "would-change")} - {"old-key", "key"}
    # A lab host gets /etc/hosts anew with each start, so what "list" appended there is gone.
    assert left <= {"small", "forward", "buffers", "list"}, left


def test_users_keys_and_rules_go_again(cli: Cli) -> None:
    workflow(cli.site, "gone", "user.present", name="ops", state="absent")
    cli("apply", "gone")
    assert at_host(cli, "getent passwd ops || ls -d /home/ops") == "/home/ops"
    workflow(cli.site, "open", "firewall", state="absent")
    cli("apply", "open")
    assert "xcatflow" not in at_host(
        cli, "nft list tables; ls -d /etc/xcatflow /etc/systemd/system/* 2>/dev/null || true"
    )
    for name in ("gone", "open"):
        cli("plan", name, "--check")


def _opens(host: str, port: int) -> bool:
    """Does the port open within ten seconds? One that nobody listens at refuses at once."""
    deadline = time.monotonic() + 10
    while not port_open(host, port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
