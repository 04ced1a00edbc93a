"""The site's certificate authority: what it makes, what it takes over, and that nobody reads its keys."""

import multiprocessing
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from xcatflow.errors import InvalidInput, Locked
from xcatflow.transport.keyfiles import exclusive, read_private, write_atomically
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.protocols import Authority

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)


def authority(directory: Path, now: datetime = NOW) -> SiteAuthority:
    return SiteAuthority(directory, now=lambda: now)


def parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_authority_is_made_on_first_use_and_kept(tmp_path: Path) -> None:
    made: Authority = authority(tmp_path / "state" / "pki")
    assert not (tmp_path / "state").exists()
    own = parsed(made.certificate)
    assert own.not_valid_before_utc == NOW - timedelta(hours=1)
    assert own.not_valid_after_utc == NOW + timedelta(days=3650)
    assert own.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    assert isinstance(own.public_key(), ec.EllipticCurvePublicKey)
    again = authority(tmp_path / "state" / "pki")
    assert (again.certificate, again.identity) == (made.certificate, made.identity)


def test_keys_are_nobody_elses(tmp_path: Path) -> None:
    site = authority(tmp_path / "pki")
    files = site.client_files()
    issued = site.issue_server("host01", ["host01"], [], 30)
    assert mode(tmp_path / "pki") == 0o700
    assert mode(tmp_path / "pki" / "ca-key.pem") == 0o600
    assert mode(files.key) == 0o600
    assert sorted(path.name for path in (tmp_path / "pki").iterdir()) == [
        ".lock",
        "ca-key.pem",
        "ca.pem",
        "client-cred.pem",
        "clients",
        "issued",
    ]
    kept = [path for path in (tmp_path / "pki").rglob("*") if path.is_file()]
    assert {path.name for path in kept if "PRIVATE KEY" in path.read_text()} == {
        "ca-key.pem",
        "client-cred.pem",
        "1-key.pem",
    }
    assert {mode(path) for path in kept if "PRIVATE KEY" in path.read_text()} == {0o600}
    assert "PRIVATE KEY" in issued.key
    for text in (repr(issued), repr(site), repr(files)):
        assert "PRIVATE" not in text


def test_server_certificate_says_what_was_asked(tmp_path: Path) -> None:
    site = authority(tmp_path)
    issued = site.issue_server("host01", ["host01.site.test", "host01", "host01"], ["10.0.0.1", "fd00::1"], 825)
    facts = site.read(issued.certificate)
    assert facts is not None
    assert (facts.common_name, facts.names) == ("host01", ("host01", "host01.site.test"))
    assert facts.addresses == ("10.0.0.1", "fd00::1")
    assert (facts.not_before, facts.not_after) == (NOW - timedelta(hours=1), NOW + timedelta(days=825))
    assert facts.authority == site.identity
    assert facts.serial == parsed(issued.certificate).serial_number
    use = parsed(issued.certificate).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.SERVER_AUTH]
    key = serialization.load_pem_private_key(issued.key.encode(), None)
    assert key.public_key() == parsed(issued.certificate).public_key()


def test_certificates_pass_a_strict_verifier(tmp_path: Path) -> None:
    site = authority(tmp_path)
    verifier = PolicyBuilder().store(Store([parsed(site.certificate)])).time(NOW)
    server = parsed(site.issue_server("host01", ["host01.site.test"], [], 30).certificate)
    assert verifier.build_server_verifier(x509.DNSName("host01.site.test")).verify(server, [])
    directly_issued = parsed(site.client_files().certificate.read_text())
    directly_issued.verify_directly_issued_by(parsed(site.clients(["admin"])))
    use = directly_issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(use) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_nothing_outlives_the_authority(tmp_path: Path) -> None:
    authority(tmp_path).certificate  # noqa: B018 -- makes it
    late = authority(tmp_path, NOW + timedelta(days=3640))
    facts = late.read(late.issue_server("host01", ["host01"], [], 825).certificate)
    assert facts is not None
    assert facts.not_after == NOW + timedelta(days=3650)
    first = late.client_files().certificate.read_text()
    assert late.client_files().certificate.read_text() == first


@pytest.mark.parametrize(("days", "renewed"), [(0, False), (334, False), (336, True), (400, True)])
def test_client_certificate_is_renewed_in_time(tmp_path: Path, days: int, renewed: bool) -> None:
    first = authority(tmp_path).client_files().certificate.read_text()
    later = authority(tmp_path, NOW + timedelta(days=days)).client_files()
    assert (later.certificate.read_text() != first) is renewed


@pytest.mark.parametrize("spoil", ["delete", "garbage", "key gone", "open to others", "other authority", "other key"])
def test_client_certificate_that_is_no_good_is_replaced(tmp_path: Path, spoil: str) -> None:
    site, other = authority(tmp_path / "pki"), authority(tmp_path / "other")
    path = site.client_files().certificate
    text, foreign = path.read_text(), other.client_files().certificate.read_text()
    certificate, mark, _ = text.partition("-----BEGIN PRIVATE KEY-----")
    match spoil:
        case "delete":
            path.unlink()
        case "garbage":
            path.write_text("nothing")
        case "key gone":
            path.write_text(certificate)
        case "open to others":
            path.chmod(0o644)
        case "other authority":
            path.write_text(foreign)
        case "other key":
            path.write_text(certificate + mark + foreign.partition(mark)[2])
    assert site.client_files().certificate == path
    assert path.read_text() not in (text, foreign)
    parsed(path.read_text()).verify_directly_issued_by(parsed(site.clients(["admin"])))
    assert mode(path) == 0o600


@pytest.mark.parametrize(
    "make_key",
    [
        lambda: rsa.generate_private_key(65537, 2048),
        ed25519.Ed25519PrivateKey.generate,
        lambda: ec.generate_private_key(ec.SECP384R1()),
    ],
)
def test_existing_authority_is_taken_over(
    tmp_path: Path, make_key: Callable[[], rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey]
) -> None:
    put_ca(tmp_path, make_key(), identified=False)
    site = authority(tmp_path)
    facts = site.read(site.issue_server("host01", ["host01"], [], 30).certificate)
    assert facts is not None
    assert facts.authority == site.identity
    parsed(site.client_files().certificate.read_text()).verify_directly_issued_by(parsed(site.certificate))
    own = site.read(site.certificate)
    assert own is not None
    assert (own.common_name, own.authority, own.names) == ("our own", "", ())


def put_ca(
    directory: Path, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, *, identified: bool, days: int = 100
) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "our own")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(NOW - timedelta(days=200)).not_valid_after(NOW + timedelta(days=days))
    )
    builder = builder.add_extension(x509.BasicConstraints(True, None), critical=True)
    made = builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    (directory / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    write_atomically(
        directory / "ca-key.pem",
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        mode=0o600,
    )


def test_authority_that_cannot_be_used(tmp_path: Path) -> None:
    put_ca(tmp_path, rsa.generate_private_key(65537, 2048), identified=False, days=-1)
    with pytest.raises(InvalidInput, match=r"CA certificate .* has expired on 2030-04-30; renew it with"):
        authority(tmp_path).certificate  # noqa: B018
    key = tmp_path / "ca-key.pem"
    write_atomically(
        key, authority(tmp_path / "x").client_files().key.read_text().partition("-----BEGIN PR")[2], mode=0o600
    )
    with pytest.raises(InvalidInput, match=r"ca-key.pem\": expected a PEM private key without passphrase"):
        authority(tmp_path).certificate  # noqa: B018
    write_atomically(key, (tmp_path / "x" / "ca-key.pem").read_text(), mode=0o600)
    with pytest.raises(InvalidInput, match=r'CA key ".*" does not belong to certificate ".*"'):
        authority(tmp_path).certificate  # noqa: B018
    key.chmod(0o640)
    with pytest.raises(InvalidInput, match=r'private key ".*" is open to others; .* chmod 600 ".*"'):
        authority(tmp_path).certificate  # noqa: B018
    key.unlink()
    with pytest.raises(InvalidInput, match=r'cannot read private key ".*": no such file or directory'):
        authority(tmp_path).certificate  # noqa: B018
    write_atomically(key, (tmp_path / "x" / "ca-key.pem").read_text(), mode=0o600)
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(InvalidInput, match=r"ca.pem\": expected a PEM certificate"):
        authority(tmp_path).certificate  # noqa: B018


def test_crash_between_key_and_certificate_is_mended(tmp_path: Path) -> None:
    write_atomically(tmp_path / "ca-key.pem", "left behind", mode=0o600)
    assert authority(tmp_path).read(authority(tmp_path).certificate) is not None


@pytest.mark.parametrize(
    ("name", "names", "addresses", "words"),
    [
        ("host01", [], [], "expected at least one name or address"),
        ("h" * 65, ["h"], [], "expected a name of 1 to 64 characters"),
        ("", ["h"], [], "expected a name of 1 to 64 characters"),
        ("h", ["höst"], [], 'expected an ASCII host name or an address, found "höst"'),
        ("h", [""], [], 'found ""'),
        ("h", [], ["10.0.0.300"], 'found "10.0.0.300"'),
    ],
)
def test_certificates_that_cannot_be(
    tmp_path: Path, name: str, names: list[str], addresses: list[str], words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        authority(tmp_path).issue_server(name, names, addresses, 30)
    assert words in str(caught.value)


@pytest.mark.parametrize("pem", ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_reads_as_none(tmp_path: Path, pem: str) -> None:
    assert authority(tmp_path).read(pem) is None


def test_reading_needs_no_authority(tmp_path: Path) -> None:
    pem = authority(tmp_path / "one").certificate
    assert authority(tmp_path / "two").read(pem) is not None
    assert not (tmp_path / "two").exists()


def identities(directory: Path, number: int) -> None:
    site = SiteAuthority(directory / "pki")
    site.client_files()
    (directory / f"identity{number}").write_text(site.identity)


def test_processes_and_threads_that_start_at_once_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=identities, args=(tmp_path, number)) for number in range(3)]
    threads = [threading.Thread(target=identities, args=(tmp_path, number)) for number in range(3, 9)]
    for starter in (*processes, *threads):
        starter.start()
    for waiter in (*processes, *threads):
        waiter.join(60)
    found = {path.read_text() for path in tmp_path.glob("identity*")}
    assert len(list(tmp_path.glob("identity*"))) == 9
    assert found == {SiteAuthority(tmp_path / "pki").identity}


def test_lock_has_an_end(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path),
        pytest.raises(Locked, match=r"somebody else has held .*\.lock\" for 0.05 s"),
        exclusive(tmp_path, patience_s=0.05),
    ):
        pass
    with exclusive(tmp_path, patience_s=0.05):
        pass


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(InvalidInput, match="cannot write in"), exclusive(missing):
        pass
    with pytest.raises(InvalidInput, match="cannot write"):
        write_atomically(missing / "file", "text", mode=0o600)
    with pytest.raises(UnicodeEncodeError):
        write_atomically(tmp_path / "file", "ä", mode=0o600)
    assert list(tmp_path.iterdir()) == []


def test_private_file_is_read_only_when_private(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    write_atomically(path, "secret", mode=0o600)
    assert read_private(path) == b"secret"
    path.chmod(0o604)
    with pytest.raises(InvalidInput, match="is open to others"):
        read_private(path)
