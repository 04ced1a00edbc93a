"""Host certificates of OpenSSH, shown by a real sshd and signed by ssh-keygen."""

import base64
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from tests.fakes.sshd import Hosts, hosts, no_sshd
from xcatflow.errors import Unreachable
from xcatflow.transport.host_certificates import BadCertificate, read_certificate

needs_sshd = pytest.mark.skipif(bool(no_sshd()), reason=no_sshd())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with hosts(tmp_path_factory.mktemp("ssh")) as found:
        yield found


def authority(directory: Path, name: str, sort: str = "ed25519") -> Path:
    path = directory / name
    if not path.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", sort, "-N", "", "-f", str(path)], check=True)
    return path


def public(path: Path) -> str:
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def sign(key: Path, by: Path, *words: str, host: bool = True) -> Path:
    """The certificate of a key, as ssh-keygen makes it."""
    command = ["ssh-keygen", "-q", "-s", str(by), "-I", "the key", *(["-h"] if host else []), *words]
    subprocess.run([*command, str(key.with_suffix(".pub"))], check=True)
    return key.with_name(f"{key.name}-cert.pub")


def blob(path: Path) -> bytes:
    return base64.b64decode(path.read_text().split()[1])


def show(served: Hosts, certificate: Path | None) -> None:
    """The sshd shows that certificate from now on."""
    config = served.sshd.directory / "sshd_config"
    lines = [line for line in config.read_text().splitlines() if not line.startswith("HostCertificate")]
    config.write_text("\n".join([*lines, *([f"HostCertificate {certificate}"] if certificate else [])]) + "\n")
    pid = served.sshd.directory / "pid"
    process = int(pid.read_text())
    pid.unlink()
    subprocess.run(["kill", f"-{signal.SIGHUP.value}", str(process)], check=True)
    for _ in range(100):
        if pid.exists():
            return
        time.sleep(0.05)
    pytest.fail("sshd did not start again")


def said(served: Hosts) -> str:
    """Empty where the host is let pass, else why not."""
    session = served.session()
    try:
        session.ask(["true"], timeout_s=10)
    except Unreachable as error:
        return str(error)
    finally:
        session.close()
    return ""


@needs_sshd
@pytest.mark.parametrize("sort", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_by_a_known_authority_is_enough(served: Hosts, tmp_path: Path, sort: str) -> None:
    by = authority(tmp_path, "ca", sort)
    show(served, sign(served.sshd.directory / "host_key", by, "-n", "host01,host02", "-V", "-1h:+1h"))
    served.write(known=f"@cert-authority host*,127.0.* {public(by)}\n")
    assert said(served) == ""
    served.write(known=f"@cert-authority *.elsewhere {public(by)}\n")
    assert "is not known: found SHA256:" in said(served)


@needs_sshd
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-n", "host02,web*", "-V", "-1h:+1h"), "its certificate is for host02, web*, not for"),
        (("-n", "host01", "-V", "-2h:-1h"), "its certificate has expired on 20"),
        (("-n", "host01", "-V", "+1d:+2d"), "its certificate is not good before 20"),
    ],
)
def test_certificates_that_are_not_good(served: Hosts, tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    by = authority(tmp_path, "ca")
    show(served, sign(served.sshd.directory / "host_key", by, *words))
    served.write(known=f"@cert-authority * {public(by)}\n")
    assert why in said(served)
    served.write(known=f"@cert-authority * {public(by)}\n[127.0.1.1]:{served.sshd.port} {served.sshd.host_key}\n")
    assert said(served) == "", "a key that is known by itself needs no certificate"


@needs_sshd
def test_authorities_that_are_not_those_expected(served: Hosts, tmp_path: Path) -> None:
    by, other = authority(tmp_path, "ca"), authority(tmp_path, "other")
    show(served, sign(served.sshd.directory / "host_key", by, "-V", "-1h:+1h"))
    served.write(known=f"@cert-authority * {public(other)}\n")
    assert "its certificate is by an authority that is not known: SHA256:" in said(served)
    served.write(known=f"@cert-authority * {public(by)}\n@revoked * {public(by)}\n")
    assert "its certificate is by an authority that is marked as revoked" in said(served)
    served.write(known=f"@cert-authority * {public(by)}\n@revoked * {served.sshd.host_key}\n")
    assert "is marked as revoked at" in said(served)
    served.write(known=f"@cert-authority * {public(by)}\n")
    assert said(served) == "", "one without principals is good for all hosts"


@needs_sshd
def test_a_host_without_a_certificate_is_told_what_to_do(served: Hosts, tmp_path: Path) -> None:
    by = authority(tmp_path, "ca")
    show(served, None)
    served.write(known=f"@cert-authority * {public(by)}\n")
    assert "but it shows no certificate: sign its key (ssh-keygen -h -s), and name it in its sshd_config" in said(
        served
    )


@needs_sshd
def test_new_hosts_with_a_bad_certificate_are_not_accepted(served: Hosts, tmp_path: Path) -> None:
    by = authority(tmp_path, "ca")
    show(served, sign(served.sshd.directory / "host_key", by, "-n", "host02", "-V", "-1h:+1h"))
    served.write(known=f"@cert-authority * {public(by)}\n")
    with pytest.raises(Unreachable, match="its certificate is for host02"):
        served.connector(accept_new=True).connect("host01")
    assert served.sshd.host_key not in served.known.read_text()


@pytest.mark.parametrize("sort", ["ed25519", "ecdsa", "rsa"])
def test_what_a_certificate_says(tmp_path: Path, sort: str) -> None:
    key, by = authority(tmp_path, "key", sort), authority(tmp_path, "ca")
    held = read_certificate(blob(sign(key, by, "-n", "a,b", "-z", "7", "-V", "20300101000000Z:20310101000000Z")))
    assert (held.key_id, held.serial, held.principals) == ("the key", 7, ("a", "b"))
    assert held.authority_base64 == public(by).split()[1]
    held.check(["A"], now=held.begins)
    for now, why in ((held.begins - 1, "not good before 2030-01-01"), (held.ends, "expired on 2031-01-01")):
        with pytest.raises(BadCertificate, match=why):
            held.check(["a"], now=now)


def test_one_of_a_user_is_none_of_a_host(tmp_path: Path) -> None:
    path = sign(authority(tmp_path, "key"), authority(tmp_path, "ca"), "-n", "host01", host=False)
    with pytest.raises(BadCertificate, match="is one of a user, not of a host"):
        read_certificate(blob(path)).check(["host01"])


def test_no_bit_of_it_can_be_changed(tmp_path: Path) -> None:
    good = blob(sign(authority(tmp_path, "key"), authority(tmp_path, "ca"), "-n", "host01"))
    read_certificate(good).check(["host01"])
    for place in range(len(good)):
        for bit in (1, 128):
            changed = good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :]
            with pytest.raises(BadCertificate):
                read_certificate(changed).check(["host01"])


def test_cut_and_continued_ones_cannot_be_read(tmp_path: Path) -> None:
    good = blob(sign(authority(tmp_path, "key"), authority(tmp_path, "ca"), "-n", "host01"))
    for data in (b"", good[:40], good[:-1], good + b"\0", paramiko.Message(good).get_binary()):
        with pytest.raises(BadCertificate):
            read_certificate(data).check(["host01"])
