"""known_hosts with what machines really answer, and with what ssh-keygen really hashes."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.sshd import Sshd
from tests.fakes.sshd import no_sshd
from tests.unit.commands.sessions import typed
from xcatflow.commands.known_hosts_text import without

INVENTORY = """\
clustersite:
    objtype=site
    domain=lab.example
n1:
    objtype=node
    groups=all
    ip=127.0.1.1
n2:
    objtype=node
    groups=all
    ip=127.0.1.2
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "a.stanza").write_text(INVENTORY)
    (tmp_path / "known").write_text("n1 ssh-rsa OLD\nn2 ssh-rsa OLD\nother ssh-rsa KEPT\n")
    return tmp_path


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh-keyscan` that is found before the real one."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    return directory / "ssh-keyscan"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    if why := no_sshd():
        pytest.skip(why)
    (tmp_path / "sshd").mkdir()
    with Sshd(tmp_path / "sshd") as running:
        yield running


def test_keys_are_those_that_machines_show(site: Path, program: Path, sshd: Sshd) -> None:
    # The real program, on the port of our sshd, which is not the usual one.
    write(
        program,
        f"{shutil.which('ssh-keyscan', path='/usr/bin:/usr/local/bin')} -p {sshd.port} \"$@\" | sed 's/^\\[\\(.*\\)\\]:[0-9]*/\\1/'",
    )
    said = typed("makeknownhosts all -V --known-hosts known", site)
    lines = [
        f"n1,n1.lab.example,127.0.1.1 {sshd.host_key}",
        f"n2,n2.lab.example,127.0.1.2 {sshd.host_key}",
    ]
    assert (said.out, said.err, said.code) == (lines, [], 0)
    assert (site / "known").read_text() == "".join(f"{line}\n" for line in ["other ssh-rsa KEPT", *lines])
    assert (site / "known_hosts.backup").read_text().startswith("n1 ssh-rsa OLD\n")


def test_who_does_not_answer_keeps_its_entries(site: Path, program: Path) -> None:
    write(
        program,
        'cat >/dev/null; echo "# 127.0.1.2:22 SSH-2.0"; echo "127.0.1.2 ssh-ed25519 AAAA2"; echo "stray ssh-rsa X"',
    )
    said = typed("makeknownhosts all --known-hosts known", site)
    assert said.err == ["n1: Error: no host key from 127.0.1.1: it does not answer to SSH, its entries are kept"]
    assert said.code == 1
    assert (site / "known").read_text() == (
        "n1 ssh-rsa OLD\nother ssh-rsa KEPT\nn2,n2.lab.example,127.0.1.2 ssh-ed25519 AAAA2\n"
    )


def test_all_machines_are_asked_together(site: Path, program: Path) -> None:
    count = site / "calls"
    write(program, f"echo once >>{count}; sed 's/$/ ssh-ed25519 AAAA/'")
    assert typed("makeknownhosts all --known-hosts known", site).code == 0
    assert count.read_text() == "once\n"
    assert "n1,n1.lab.example,127.0.1.1 ssh-ed25519 AAAA\n" in (site / "known").read_text()


def test_without_the_program_nothing_is_touched(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(site / "nowhere"))
    before = (site / "known").read_text()
    said = typed("makeknownhosts all --known-hosts known", site)
    assert said.err == ["Error: no program ssh-keyscan: install the OpenSSH client"]
    assert (site / "known").read_text() == before
    assert not (site / "known_hosts.backup").exists()


def test_removing_asks_nobody(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(site / "nowhere"))
    said = typed("makeknownhosts all -r --known-hosts known", site)
    assert (said.out, said.err, said.code) == ([], [], 0)
    assert (site / "known").read_text() == "other ssh-rsa KEPT\n"


def test_a_node_that_cannot_be_resolved_is_told(site: Path, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(program, "sed 's/$/ ssh-ed25519 AAAA/'")
    (site / "inventory" / "b.stanza").write_text("n3:\n    objtype=node\n    groups=all\n")
    monkeypatch.setattr("xcatflow.commands.makeknownhosts.addresses_of", lambda _names: {})
    said = typed("makeknownhosts all --known-hosts known", site)
    assert (said.err, said.code) == (["Error: Can not resolve n3"], 1)
    assert "n2,n2.lab.example,127.0.1.2 ssh-ed25519 AAAA\n" in (site / "known").read_text()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "The keyfile:{} is missing. Cannot create the known_hosts file."),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", '"{}": expected a public key such as "ssh-ed25519 AAAA..."'),
        ("", '"{}": expected a public key such as "ssh-ed25519 AAAA..."'),
    ],
)
def test_a_shared_key_has_to_be_one(site: Path, content: str | None, complaint: str) -> None:
    text = INVENTORY.replace("domain=", "sharedhostkey=all.pub\n    domain=")
    (site / "inventory" / "a.stanza").write_text(text)
    if content is not None:
        (site / "all.pub").write_text(content)
    said = typed("makeknownhosts all --known-hosts known", site)
    assert (said.err, said.code) == ([f"Error: {complaint.format(site / 'all.pub')}"], 1)


def test_what_ssh_keygen_hashes_is_found(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("ssh-keygen is not installed")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    key = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    known = tmp_path / "known"
    known.write_text(f"n1 {key}\n10.0.0.2 {key}\nother {key}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    text = known.read_text()
    assert text.count("|1|") == 3
    assert without(text, ("n1", "10.0.0.2")) == text.splitlines(keepends=True)[2]
    assert without(text, ("n2",)) == text
