"""Postscripts and updatenode on a real host: shipped scripts and the site's own in one list.

Each test goes on where the one before left off.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import directory
from tests.e2e.test_site import Cli, changed, ended
from xcatflow import lab
from xcatflow.load.shipped import make_site

pytestmark = pytest.mark.lab

STANZA = """\
# <xCAT data object stanza file>
dockerhost:
    objtype=group
    postbootscripts=before 1,xHRM bridgeprereq eth0:mydocker0,between,setupdockerhost,bad,tune/after 'two  words' $NODE

image:
    objtype=osimage
    imagetype=linux
    osvers=debian12
    osarch=x86_64
    provmethod=install
    pkglist=lists/os.pkglist
    otherpkglist=lists/docker.pkglist
    postscripts=post
    synclists=lists/sync
    environvar=GREETING=it's me,QUOTED="$(reboot)"

clustersite:
    objtype=site
    domain=lab.example
"""
STATE = """\
#!/bin/sh
# which of the three things of a Docker host are there
. ./lib/state
echo "$1 $# $0 $(state)" | tee -a /root/order
"""
FILES = {
    "lists/os.pkglist": "iputils-arping\n",
    "lists/docker.pkglist": "docker.io\n",
    "lists/sync": "SITE/lists/motd -> /etc/motd\n",
    "lists/motd": "kept by the site\n",
    "postscripts/lib/state": """\
state() {
  for x in engine:/usr/sbin/dockerd bridge:/sys/class/net/mydocker0 tls:/etc/docker/tls/cert.pem; do
    [ ! -e "${x#*:}" ] || printf '%s ' "${x%%:*}"
  done
}
""",
    "postscripts/post": STATE,
    "postscripts/before": STATE,
    "postscripts/between": STATE,
    "postscripts/tune/after": f'{STATE}env >/root/environment; printf "%s\\n" "$@" >/root/arguments; pwd >/root/directory\n',
    "postscripts/bad": "echo it breaks; exit 3\n",
}


@pytest.fixture(scope="module")
def cli(lab_possible: None) -> Iterator[Cli]:
    with directory() as site:
        for _ in make_site(site, inventory=False):
            pass
        lab.up(site, hosts=1, say=print)
        for name, text in FILES.items():
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(text.replace("SITE", str(site)))
        (site / "inventory" / "scripts.stanza").write_text(STANZA)
        cli = Cli(site)
        cli("chdef", "host01", "provmethod=image")
        yield cli


def status(cli: Cli, attribute: str) -> str:
    return cli("lsdef", "host01", "-c", "-i", attribute).stdout.partition("=")[2].strip()


def order(cli: Cli) -> list[str]:
    """What the site's own scripts wrote since this was asked last."""
    return cli.ssh("host01", "cat /root/order; rm /root/order").splitlines()


def test_a_plan_names_every_script_and_runs_none(cli: Cli) -> None:
    events = cli.events("plan", "provision-dockerhost")
    steps = [str(event["step"]) for event in events if event["event"] == "step-ended"]
    scripts = dict.fromkeys(step.split("/")[1] for step in steps if step.startswith("scripts/"))
    assert list(scripts) == [
        "remoteshell", "syncfiles", "post", "ospkgs", "otherpkgs", "before", "xHRM", "between", "setupdockerhost", "bad",
        "tune-after",
    ]  # fmt: skip
    assert cli.ssh("host01", "ls -d /xcatpost /root/order 2>/dev/null || :") == ""


def test_scripts_run_in_the_order_of_the_lists_and_a_failing_one_stops_no_other(cli: Cli) -> None:
    events = cli.events("apply", "provision-dockerhost", code=1)
    failed = [e for e in events if e["event"] == "step-ended" and e["outcome"] == "failed"]
    assert [(e["step"], e["message"]) for e in failed] == [
        ("scripts/bad", "postbootscript bad exited with code 3: it breaks")
    ]
    assert order(cli) == [
        " 0 ./post ",
        "1 1 ./before engine ",
        " 0 ./between engine bridge ",
        "two  words 2 ./tune/after engine bridge tls ",
    ]
    assert cli.ssh("host01", "cat /etc/motd") == "kept by the site\n"
    assert status(cli, "status") == "failed"


def test_the_environment_is_xcats_and_no_value_is_read_by_a_shell(cli: Cli) -> None:
    found = dict(line.split("=", 1) for line in cli.ssh("host01", "cat /root/environment").splitlines() if "=" in line)
    ip = status(cli, "ip")
    assert found.items() >= {
        "NODE": "host01", "IPADDR": ip, "GROUP": "dockerhost,all", "DOMAIN": "lab.example", "GREETING": "it's me",
        "QUOTED": '"$(reboot)"', "UPDATENODE": "0", "OSVER": "debian12", "OSPKGS": "iputils-arping", "NTYPE": "compute",
        "OTHERPKGS_INDEX": "1", "OTHERPKGS1": "docker.io", "NODESETSTATE": "install", "ENABLESSHBETWEENNODES": "YES",
    }.items()  # fmt: skip
    assert found["PATH"].startswith("/xcatpost:")
    assert cli.ssh("host01", "cat /root/arguments /root/directory").splitlines() == ["two  words", "$NODE", "/xcatpost"]


def test_the_log_on_the_host_tells_it_all(cli: Cli) -> None:
    log = cli.ssh("host01", "cat /var/log/xcat/xcat.log").splitlines()
    assert [line.rpartition(": ")[2] for line in log if " Running " in line] == [
        "post", "before", "between", "bad", "tune/after",
    ]  # fmt: skip
    at = log.index("postbootscript start..: bad")
    assert log[at - 1].endswith(" Running postbootscript: bad")
    assert log[at + 1 : at + 3] == ["it breaks", "postbootscript end....: bad exited with code 3"]


def test_when_the_script_is_mended_only_that_runs_and_then_nothing_is_left(cli: Cli) -> None:
    (cli.site / "postscripts" / "bad").write_text("echo mended\n")
    assert changed(cli.events("apply", "provision-dockerhost")) == [("host01", "scripts/bad")]
    assert status(cli, "status") == "booted"
    assert ended(cli.events("plan", "provision-dockerhost", "--check"))["counts"] == {"ok": 1}
    assert cli.ssh("host01", "ls /root/order 2>/dev/null || :") == ""


def test_updatenode_runs_named_scripts_each_time(cli: Cli) -> None:
    for _ in range(2):
        said = cli("updatenode", "host01", "-P", "before a,bad").stdout
        assert said.splitlines() == [
            "host01: =============updatenode starting====================",
            "host01: postscript start..: before",
            "host01: a 1 ./before engine bridge tls",
            "host01: postscript end....: before exited with code 0",
            "host01: postscript start..: bad",
            "host01: mended",
            "host01: postscript end....: bad exited with code 0",
            "host01: Running of postscripts has completed.",
            "host01: =============updatenode ending====================",
        ]
    assert order(cli) == ["a 1 ./before engine bridge tls "] * 2
    assert status(cli, "updatestatus") == "synced"


def test_updatenode_runs_both_lists_where_none_is_named(cli: Cli) -> None:
    said = cli("updatenode", "host01", "-P").stdout
    ran = [line.rpartition(": ")[2] for line in said.splitlines() if " start..: " in line]
    assert ran == [
        "syslog", "remoteshell", "syncfiles", "post", "otherpkgs", "before", "xHRM", "between", "setupdockerhost", "bad",
        "tune/after",
    ]  # fmt: skip
    assert [line.split()[0] for line in said.splitlines() if " end....: " in line] == ["host01:"] * len(ran)
    assert len(order(cli)) == 4
    assert cli.ssh("host01", "grep -x UPDATENODE=1 /root/environment")
    assert cli("plan", "provision-dockerhost", "--check")


def test_updatenode_distributes_files_and_software_on_demand(cli: Cli) -> None:
    cli.ssh("host01", "echo changed >/etc/motd")
    said = cli("updatenode", "host01", "-P", "syncfiles").stdout
    assert "postscript end....: syncfiles exited with code 0" in said
    assert cli.ssh("host01", "cat /etc/motd") == "changed\n", "the script acts only at deployment"
    assert cli("updatenode", "host01", "-F").stdout == 'File synchronization has completed for nodes: "host01"\n'
    assert cli.ssh("host01", "cat /etc/motd") == "kept by the site\n"
    cli.ssh("host01", "apt-get remove -qy iputils-arping")
    lines = cli("updatenode", "host01", "-S").stdout.splitlines()
    assert lines[0].startswith("Performing software maintenance operations.")
    assert lines[1:3] == [
        "host01: =============updatenode starting====================", "host01: postscript start..: ospkgs",
    ]  # fmt: skip
    assert lines[-2:] == [
        "host01: Running of Software Maintenance has completed.",
        "host01: =============updatenode ending====================",
    ]
    assert cli.ssh("host01", "command -v arping")
    assert status(cli, "updatestatus") == "synced"


def test_without_a_flag_it_is_files_then_software_then_scripts(cli: Cli) -> None:
    cli.ssh("host01", "echo changed >/etc/motd; apt-get remove -qy iputils-arping; rm -f /root/order")
    lines = cli("updatenode", "host01").stdout.splitlines()
    assert lines[0].startswith("Performing software maintenance operations.")
    assert lines[1] == 'File synchronization has completed for nodes: "host01"'
    ran = [line.rpartition(": ")[2] for line in lines if " start..: " in line]
    assert ran[:2] == ["ospkgs", "otherpkgs"]
    assert ran[2:] == [
        "syslog", "remoteshell", "syncfiles", "post", "otherpkgs", "before", "xHRM", "between", "setupdockerhost", "bad",
        "tune/after",
    ]  # fmt: skip
    assert [line for line in lines if line.endswith("completed.")] == [
        "host01: Running of Software Maintenance has completed.", "host01: Running of postscripts has completed.",
    ]  # fmt: skip
    assert {line.rpartition(" ")[2] for line in lines if " end....: " in line} == {"0"}
    assert cli.ssh("host01", "cat /etc/motd; command -v arping").startswith("kept by the site\n/")
    assert len(order(cli)) == 4
    assert status(cli, "updatestatus") == "synced"


def test_a_failing_script_makes_updatenode_fail(cli: Cli) -> None:
    (cli.site / "postscripts" / "bad").write_text("echo it breaks; exit 3\n")
    done = cli("updatenode", "host01", "bad,before x", code=1)
    assert "host01: postscript end....: bad exited with code 3" in done.stdout
    assert "host01: postscript end....: before exited with code 0" in done.stdout
    assert done.stderr == "host01: Error: postscript bad exited with code 3: it breaks\n"
    assert status(cli, "updatestatus") == "failed"


def test_another_user_becomes_root_with_sudo(cli: Cli) -> None:
    cli.ssh(
        "host01",
        "apt-get install -qy --no-install-recommends sudo >/dev/null && useradd -m adm1 && "
        "install -d -o adm1 -m 700 /home/adm1/.ssh && install -o adm1 -m 600 /root/.ssh/authorized_keys /home/adm1/.ssh/ && "
        "echo 'adm1 ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/adm1",
    )
    (cli.site / "postscripts" / "who").write_text('echo "$(id -un) for ${SUDO_USER:-nobody}"\n')
    assert "host01: root for adm1" in cli("updatenode", "host01", "who", "-l", "adm1").stdout
    assert "host01: root for nobody" in cli("updatenode", "host01", "who").stdout


def test_the_server_is_told_where_that_is_asked(cli: Cli) -> None:
    cli("chdef", "-t", "site", "-o", "clustersite", "master=10.0.0.99")
    cli("updatenode", "host01", "-s")
    assert cli.ssh("host01", "cat /opt/xcat/xcatinfo") == "XCATSERVER=10.0.0.99\n"


def test_what_is_not_there_is_refused_before_a_connection(cli: Cli) -> None:
    done = cli("updatenode", "host01", "-P", "missing", code=1)
    assert done.stderr == f"Error: The postscript {cli.site}/postscripts/missing does not exist.\n"


def test_a_slow_script_ends_at_its_time(cli: Cli) -> None:
    (cli.site / "postscripts" / "slow").write_text("echo begun; sleep 600\n")
    done = cli("updatenode", "host01", "slow", "-t", "2", code=1)
    assert "did not end within 2 s" in done.stderr
    assert cli.ssh("host01", "pgrep -f '[s]leep 600' || echo none") == "none\n"
    assert cli.ssh("host01", "tail -n 1 /var/log/xcat/xcat.log") == "begun\n"


def test_both_lists_in_a_site_without_the_scripts_are_refused(cli: Cli, tmp_path: Path) -> None:
    (cli.site / "postscripts").rename(tmp_path / "away")
    done = cli("plan", "provision-dockerhost", code=2)
    assert f"The postscript {cli.site}/postscripts/post does not exist." in done.stderr
    (tmp_path / "away").rename(cli.site / "postscripts")
