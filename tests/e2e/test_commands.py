"""xCAT's commands where they meet real hosts: what they write down lets OpenSSH in, by name, without a question."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab


def command(site: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "xcatflow", "--site", str(site), *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


def test_the_keys_of_hosts_are_theirs(lab_site: Path, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    command(lab_site, "makeknownhosts", "host01,host02", "--known-hosts", str(known))
    entries = [line.split() for line in known.read_text().splitlines()]
    assert {names.split(",")[0] for names, _, _ in entries} == {"host01", "host02"}
    address = command(lab_site, "nodels", "host01", "ip").split()[1]
    said = subprocess.run(
        [
            "ssh", "-n", "-F", str(lab_site / "ssh" / "config"), "-o", f"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none",
            "-o", "StrictHostKeyChecking=yes", "-o", "HostKeyAlias=host01", "-i", str(key_of(lab_site)), f"root@{address}", "hostname",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )  # fmt: skip
    assert said.stdout == "host01\n", said.stderr
    command(lab_site, "makeknownhosts", "host01", "-r", "--known-hosts", str(known))
    assert {line.split(",")[0] for line in known.read_text().splitlines()} == {"host02"}


def key_of(site: Path) -> Path:
    """The private key that lets one into the hosts of a lab."""
    words = (site / "ssh" / "config").read_text().split()
    return Path(words[words.index("IdentityFile") + 1].strip('"'))


def test_names_resolve_where_the_hosts_file_is_read(lab_site: Path, tmp_path: Path) -> None:
    """On a copy of the site, whose hosts have a domain then."""
    site = tmp_path / "site"
    shutil.copytree(lab_site / "inventory", site / "inventory")
    assert command(site, "chdef", "-t", "site", "domain=lab.example").startswith("1 object definitions")
    hosts = tmp_path / "hosts"
    command(site, "makehosts", "-n", "--hosts-file", str(hosts))
    where = ["ssh", "-F", str(lab_site / "ssh" / "config"), "host02"]
    sent = subprocess.run([*where, "cat >/etc/hosts && getent hosts host01.lab.example"], stdin=hosts.open(), capture_output=True,
                          text=True, timeout=60, check=False)  # fmt: skip
    address = command(site, "nodels", "host01", "ip").split()[1]
    assert sent.stdout.split() == [address, "host01", "host01.lab.example"], sent.stderr
