"""Known host keys: names in all their forms."""

import subprocess
from pathlib import Path

import pytest

from xcatflow.errors import InvalidInput
from xcatflow.transport.known_hosts import KnownHosts, fingerprint, written

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIDmZJSfX1rbHvBVC+4XDfd4yvPzHnfC8SxVJMpJKpvJX"
OTHER = "AAAAC3NzaC1lZDI1NTE5AAAAIAaZJSfX1rbHvBVC+4XDfd4yvPzHnfC8SxVJMpJKpvJX"


def known(tmp_path: Path, text: str) -> KnownHosts:
    (tmp_path / "known").write_text(text)
    return KnownHosts((tmp_path / "known",))


@pytest.mark.parametrize(
    ("names", "asked", "found"),
    [
        ("host01", "host01", True),
        ("host01,10.0.0.1", "10.0.0.1", True),
        ("HOST01", "host01", True),
        ("host01", "host011", False),
        ("[host01]:2222", "[host01]:2222", True),
        ("[host01]:2222", "host01", False),
        ("*.cluster", "host01.cluster", True),
        ("*.cluster,!host02.cluster", "host02.cluster", False),
        ("host0?", "host01", True),
        ("[*.cluster]:2222", "[a.cluster]:2222", True),
    ],
)
def test_names(tmp_path: Path, names: str, asked: str, found: bool) -> None:
    assert bool(known(tmp_path, f"{names} ssh-ed25519 {KEY} a comment\n").find([asked])) is found


def test_hashed_names_as_ssh_keygen_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "known"
    path.write_text(f"host01 ssh-ed25519 {KEY}\n[host02]:2222 ssh-ed25519 {OTHER}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(path)], check=True, capture_output=True)
    assert "host01" not in path.read_text()
    hosts = KnownHosts((path,))
    assert [key.key for key in hosts.find(["host01"])] == [KEY]
    assert [key.key for key in hosts.find(["[host02]:2222"])] == [OTHER]
    assert hosts.find(["host03"]) == ()


def test_what_is_no_key_is_passed_over(tmp_path: Path) -> None:
    text = f"# host01 ssh-ed25519 {KEY}\n\nhost01\nhost01 ssh-ed25519 not/base64!\n@cert-authority host01 ssh-ed25519 {KEY}\n"
    text += f"|1|abcde|xyz ssh-ed25519 {KEY}\n|1|only ssh-ed25519 {KEY}\n"
    assert known(tmp_path, text).find(["host01"]) == ()


def test_places_and_revocations_are_told(tmp_path: Path) -> None:
    hosts = known(tmp_path, f"\nhost01 ssh-ed25519 {KEY}\n@revoked host01 ssh-ed25519 {OTHER}\n")
    first, second = hosts.find(["host01", "other"])
    assert str(first.source) == f"{tmp_path / 'known'}:2"
    assert (first.revoked, second.revoked) == (False, True)
    assert first.fingerprint.startswith("SHA256:")


def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    path = tmp_path / "key.pub"
    path.write_text(f"ssh-ed25519 {KEY}\n")
    said = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True).stdout.split()
    assert known(tmp_path, f"a ssh-ed25519 {KEY}\n").find(["a"])[0].fingerprint == said[1]
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


def test_new_keys_go_to_the_first_file(tmp_path: Path) -> None:
    hosts = KnownHosts((tmp_path / "ssh" / "known_hosts", tmp_path / "absent"))
    assert hosts.find(["host01"]) == ()
    hosts.add(["host01", "10.0.0.1", "host01"], "ssh-ed25519", KEY)
    hosts.add(["host02"], "ssh-ed25519", OTHER)
    assert [key.key for key in hosts.find(["10.0.0.1"])] == [KEY]
    assert (tmp_path / "ssh" / "known_hosts").read_text() == (
        f"host01,10.0.0.1 ssh-ed25519 {KEY}\nhost02 ssh-ed25519 {OTHER}\n"
    )


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    (tmp_path / "known").mkdir()
    with pytest.raises(InvalidInput, match=r'cannot read known hosts ".*known": is a directory'):
        KnownHosts((tmp_path / "known",)).find(["a"])
    with pytest.raises(InvalidInput, match=r'cannot add a host key to ".*known": is a directory'):
        KnownHosts((tmp_path / "known",)).add(["a"], "ssh-ed25519", KEY)


def test_written() -> None:
    assert [written("Host01", 22), written("host01", 2222), written("fd00::1", 23)] == [
        "host01",
        "[host01]:2222",
        "[fd00::1]:23",
    ]
