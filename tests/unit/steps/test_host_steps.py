"""Steps about hosts, where no machine has to be changed to try them: files as texts, parameters, and a machine that starts again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.fakes.desk import FolderDesk
from tests.fakes.target import SYSTEM_PATH, LocalTarget
from xcatflow.errors import ActFailed, InvalidInput, Unreachable
from xcatflow.model.change import Change, Verb
from xcatflow.model.definitions import Definitions
from xcatflow.model.objects import Node, OsImage, Record
from xcatflow.model.question import Answers, Reply, Shell
from xcatflow.steps import reboot
from xcatflow.steps.authorized_key import AuthorizedKey
from xcatflow.steps.firewall import Firewall, FirewallParams
from xcatflow.steps.firewall_script import ruleset
from xcatflow.steps.fstab import FstabEntry, entry_at, with_entry
from xcatflow.steps.ntp_files import SERVICES, configured, without_block
from xcatflow.steps.reboot import Boot, Reboot, RebootParams
from xcatflow.steps.registry import find
from xcatflow.steps.scripts.basics import remoteshell_parts, syncfiles_parts, syslog_parts
from xcatflow.steps.user_present import UserFacts, UserPresent

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


def params(kind: str, given: Mapping[str, Any]) -> Any:
    return find(kind).params.model_validate(given)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("user.present", {"name": "root", "state": "absent"}, '"root" cannot be removed'),
        ("user.present", {"name": "-x"}, "expected the name of a user"),
        ("user.present", {"name": "a", "password_hash": "open sesame"}, "expected the hash of a password"),
        ("user.present", {"name": "a", "comment": "a:b"}, "expected a comment of one line"),
        ("user.present", {"name": "a", "groups": "100"}, 'expected the names of further groups, found "100"'),
        ("user.present", {"name": "a", "remove_home": True}, '"remove_home" is for "state: absent"'),
        ("authorized_key", {}, 'expected either "key" or "file"'),
        ("authorized_key", {"key": KEY.replace("ed25519 ", "rsa ")}, "is no whole public key: was it cut off?"),
        ("authorized_key", {"key": f"{KEY}\n{KEY}"}, "expected one public key"),
        ("authorized_key", {"key": "-----BEGIN OPENSSH PRIVATE KEY-----"}, "expected one public key"),
        ("authorized_key", {"key": KEY, "state": "absent", "exclusive": True}, '"exclusive" is for "state: present"'),
        ("sysctl", {"key": "net.ipv4/../x", "value": "1"}, "expected a kernel parameter"),
        ("sysctl", {"key": "kernel", "value": "1"}, "expected a kernel parameter"),
        ("sysctl", {"key": "net.ipv4.x"}, 'expected a "value", or "state: absent"'),
        ("sysctl", {"key": "net.ipv4.x", "value": " "}, "expected a value of one line"),
        ("kernel.module", {"name": "../x"}, "expected the name of a kernel module"),
        ("mount", {"path": "/srv"}, '"state: mounted" needs "src" and "fstype"'),
        ("mount", {"path": "/usr", "state": "absent"}, '"/usr" belongs to the system'),
        ("mount", {"path": "/srv", "src": "a", "fstype": "ext4", "options": "a b"}, "expected words without blanks"),
        ("timezone", {"name": "../../etc/passwd"}, "expected a time zone"),
        ("ntp", {"servers": ""}, "expected one time server at least"),
        ("ntp", {"servers": "a b; reboot"}, "expected the name or address of a time server"),
        ("firewall", {"ports": 0, "allow": "10.0.0.0/8"}, "greater than or equal to 1"),
        ("firewall", {"allow": "10.0.0.1/8"}, 'expected a network or address such as "10.0.0.0/8", found "10.0.0.1/8"'),
        ("firewall", {}, 'expected "allow" or "nodes"'),
        ("reboot", {"services": "-x"}, "expected the name of a systemd unit"),
        ("reboot", {"when": "never"}, "'always' or 'needed'"),
    ],
)
def test_params_that_make_no_sense(kind: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        params(kind, given)
    assert message in str(caught.value)


# --- texts ---


@given(
    path=st.text(alphabet="/ab \\\t0", min_size=1).map(lambda text: "/x" + text.rstrip("/")),
    src=st.text(alphabet="a:/ \\0", min_size=1).filter(lambda text: not text.startswith("#")),
)
def test_an_entry_of_fstab_is_read_as_it_was_written(path: str, src: str) -> None:
    others = "# static\n/dev/vda1  /   ext4 errors=remount-ro 0 1\nbroken\n"
    entry = FstabEntry(src, path, "ext4", "noatime", 0, 2)
    text = with_entry(others, path, entry)
    assert entry_at(text, path) == entry
    assert text.startswith(others)
    assert with_entry(text, path, None) == others
    changed = with_entry(text, path, FstabEntry(src, path, "xfs"))
    assert changed.splitlines()[:-1] == text.splitlines()[:-1]


@pytest.mark.parametrize(
    "service", [service for service in SERVICES if service.name != "timesyncd"], ids=lambda s: s.unit
)
def test_a_configuration_is_stable_and_comes_back(service: Any) -> None:
    text = "driftfile /var/lib/drift\npool a.pool iburst\n  server b\nserverless 1"
    new = configured(service, text, ("one", "two"), exclusive=True)
    assert "\npool" not in new
    assert new.count("\nserver ") == 2
    assert configured(service, new, ("one", "two"), exclusive=True) == new
    assert without_block(new) == f"{text}\n"


def test_the_packet_filter_decides_about_nothing_else() -> None:
    text = ruleset([2376, 2375], ["10.1.0.0/16", "10.0.0.0/8", "fd00::/8"])
    rules = [line.strip() for line in text.split("policy accept;")[1].splitlines() if line.strip(" \t}")]
    assert rules == [
        'iif "lo" accept',
        "ip saddr { 10.0.0.0/8 } accept",
        "ip6 saddr { fd00::/8 } accept",
        "tcp dport { 2375, 2376 } drop",
    ]


def test_addresses_of_nodes_are_allowed(tmp_path: Path) -> None:
    known = Definitions([Node("m1", {"ip": "10.0.0.1"}), Node("m2", {"ip": "fd00::2"}), Node("m3")])
    desk = FolderDesk(tmp_path, known)
    step = Firewall()
    want = step.prepare(FirewallParams(nodes="m1,m2", allow=("192.0.2.0/24",)), desk)
    assert want.allow == ("192.0.2.0/24", "10.0.0.1/32", "fd00::2/128")
    with pytest.raises(InvalidInput, match='node "m3" of "m3" has no "ip" that a rule could allow'):
        step.prepare(FirewallParams(nodes="m3"), desk)


def test_keys_of_a_file(tmp_path: Path) -> None:
    step = AuthorizedKey()
    (tmp_path / "keys").write_text(f"# ours\n\n{KEY} alice\n")
    want = step.prepare(step.params(file="keys"), FolderDesk(tmp_path))
    assert [key.comment for key in want.wanted] == ["alice"]
    (tmp_path / "keys").write_text(f"no-pty {KEY}\n")
    with pytest.raises(InvalidInput, match=r"^keys: expected one public key"):
        step.prepare(step.params(file="keys"), FolderDesk(tmp_path))
    (tmp_path / "keys").write_text("# nobody\n")
    with pytest.raises(InvalidInput, match='expected public keys in "keys", found none'):
        step.prepare(step.params(file="keys"), FolderDesk(tmp_path))


# --- a machine that starts again ---


@dataclass
class Starting(LocalTarget):
    """Gives replies in turn, the last one again and again; errors are raised."""

    replies: list[Reply | Exception] = field(default_factory=list)

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        self.scripts.append(script)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


def said(text: str, code: int = 0) -> Reply:
    return Reply(code, text.encode())


BEFORE = Boot("a:1")


def start(replies: list[Reply | Exception], **given: Any) -> tuple[Mapping[str, str], Starting]:
    at = Starting(replies=replies)
    step, want = Reboot(), RebootParams.model_validate({"when": "always", "timeout": 20, **given})
    (change,) = step.plan(BEFORE, want)
    assert change.verb is Verb.RESTART
    return step.apply(at, want, BEFORE, change), at


def test_a_lost_connection_is_what_is_expected() -> None:
    outputs, at = start(
        [
            ActFailed("the connection to host01 was lost while an act ran"),
            said("a:1\nrunning"),
            Unreachable("host01: no route"),
            ActFailed("lost"),
            said("b:2\nstarting"),
            said("b:2\ndegraded"),
        ]
    )
    assert outputs == {"boot_before": "a:1", "boot_after": "b:2"}
    assert len(at.pauses) == 5


def test_one_that_does_not_come_back_says_why() -> None:
    with pytest.raises(ActFailed, match=r"host01 is not back within 20 s: host01: no route"):
        start([said(""), Unreachable("host01: no route")])
    with pytest.raises(ActFailed, match=r"is not back within 20 s: it still runs as before"):
        start([said(""), said("a:1\nrunning")])
    with pytest.raises(ActFailed, match=r"host01 does not start again: status 1"):
        start([said("", 1)])


def test_services_have_to_run_afterwards() -> None:
    outputs, _ = start([said(""), said("b:1\nrunning"), said("activating", 3), said("active")], services="docker")
    assert outputs["services"] == "docker"
    with pytest.raises(ActFailed, match="not all that has to run does: ssh is failed"):
        start([said(""), said("b:1\nrunning"), said("active\nfailed", 3)], services="docker,ssh")


def test_this_machine_says_which_start_it_is() -> None:
    at = LocalTarget()
    step, want = Reboot(), RebootParams()
    first, second = at.look(step, want), at.look(step, want)
    assert first == second
    assert first.id.partition(":")[2].isdigit()
    assert step.seen(Answers({Shell(reboot._LOOK): said(f"{first.id}\nkernel 9 is installed, 8 runs")}), want) == Boot(
        first.id, ("kernel 9 is installed, 8 runs",)
    )


# --- xCAT's scripts ---


def desk(root: Path, *, site: Mapping[str, str] | None = None, **node: str) -> FolderDesk:
    objects = [
        Node("dh01", node),
        Record("clustersite", dict(site or {}), kind="site"),
        OsImage("image", {"synclists": "a.synclist,b.synclist"}),
        OsImage("bare"),
    ]
    return FolderDesk(root, Definitions(objects))


def test_syslog(tmp_path: Path) -> None:
    assert syslog_parts((), desk(tmp_path)) == ()
    assert syslog_parts((), desk(tmp_path, site={"master": "m"}, syslog="ignore")) == ()
    (part,) = syslog_parts((), desk(tmp_path, site={"master": "fd00::1"}))
    assert part.use == "ssh.command"
    assert part.with_["run"].startswith("m='[fd00::1]'\n")
    with pytest.raises(InvalidInput, match='"master" of the site: expected a name or an address'):
        syslog_parts((), desk(tmp_path, site={"master": "m'; reboot"}))
    with pytest.raises(InvalidInput, match='the script "syslog" takes no arguments, found "a b"'):
        syslog_parts(("a", "b"), desk(tmp_path))


def test_syslog_for_real(tmp_path: Path) -> None:
    """The block, in a file that says something already."""
    at = LocalTarget()
    conf = tmp_path / "remote.conf"
    conf.write_text("*.* @other\n# xCAT settings START\n*.* @old\n# xCAT settings END\n")
    (part,) = syslog_parts((), desk(tmp_path, site={"master": "m"}))
    rsyslog = "rsyslogd() { :; }\nsystemctl() { :; }\nservice() { :; }\n"
    run, unless = (
        rsyslog
        + part.with_[key].replace("/etc/rsyslog.d/remote.conf", str(conf)).replace("[ -d /etc/rsyslog.d ]", "true")
        for key in ("run", "unless")
    )
    assert at.reply(unless).code == 1
    assert at.reply(f"set -e\n{run}").code == 0
    assert conf.read_text() == "*.* @other\n# xCAT settings START\n*.* @m\n# xCAT settings END\n"
    assert (tmp_path / "remote.conf.XCATORIG").read_text().count("@old") == 1
    assert at.reply(unless).code == 0


def test_remoteshell(tmp_path: Path) -> None:
    assert remoteshell_parts((), desk(tmp_path)) == ()
    (tmp_path / "ssh").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "ssh" / "config").write_text('Host *\n  IdentityFile "keys/ours"\n  identityfile=keys/none\n')
    (tmp_path / "keys" / "ours.pub").write_text(f"{KEY} ours\n")
    (part,) = remoteshell_parts((), desk(tmp_path))
    assert (part.id, part.use, dict(part.with_)) == (
        "remoteshell[ours]",
        "authorized_key",
        {"user": "root", "key": f"{KEY} ours"},
    )
    (tmp_path / "ssh" / "id_ed25519.pub").write_text(f"{KEY} site\n")
    assert [part.id for part in remoteshell_parts((), desk(tmp_path))] == ["remoteshell[id_ed25519]"]
    (tmp_path / "ssh" / "id_ed25519.pub").write_text("nothing\n")
    with pytest.raises(InvalidInput, match=r'cannot take the public key ".*id_ed25519.pub": expected one public key'):
        remoteshell_parts((), desk(tmp_path))


def test_syncfiles(tmp_path: Path) -> None:
    assert syncfiles_parts((), desk(tmp_path)) == ()
    assert syncfiles_parts((), desk(tmp_path, provmethod="bare")) == ()
    (part,) = syncfiles_parts((), desk(tmp_path, provmethod="image"))
    assert (part.use, dict(part.with_)) == ("file.sync", {"synclist": ["a.synclist", "b.synclist"]})


@pytest.mark.parametrize(
    ("name", "shell", "message"),
    [
        ("ops", "/usr/bin/no-such-shell", 'there is no program "/usr/bin/no-such-shell"; install it first'),
        ("root", "/usr/sbin/nologin", "nobody could log in to root any more, as xcatflow does"),
    ],
)
def test_a_shell_that_lets_nobody_in(tmp_path: Path, name: str, shell: str, message: str) -> None:
    for program in ("usermod", "useradd"):
        (tmp_path / program).write_text(f"#!/bin/sh\ntouch {tmp_path}/changed\n")
        (tmp_path / program).chmod(0o755)
    step, at = UserPresent(), LocalTarget(path=f"{tmp_path}:{SYSTEM_PATH}")
    want = step.params(name=name, shell=shell)
    seen = UserFacts(0, 0, name, (), "", "/", "/bin/sh")
    with pytest.raises(ActFailed, match=message):
        step.apply(at, want, seen, Change(Verb.UPDATE, f"user {name}", "shell", "/bin/sh", shell))
    if name != "root":
        with pytest.raises(ActFailed, match=message):
            step.apply(at, want, None, Change(Verb.CREATE, f"user {name}"))
    assert not (tmp_path / "changed").exists()
    step.apply(at, want, seen, Change(Verb.UPDATE, f"user {name}", "shell", shell, "/bin/sh"))
    assert (tmp_path / "changed").exists()
