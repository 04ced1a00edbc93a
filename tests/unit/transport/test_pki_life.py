"""How the site's authorities live: roles, revocation, renewal and rotation, a CA from elsewhere, and crashes in the middle of it."""

import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from xcatflow.errors import InvalidInput
from xcatflow.transport import keyfiles
from xcatflow.transport.certificates import identity_of
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.pki_records import Subject

NOW = datetime(2030, 5, 1, 12, 0, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey


def authority(directory: Path, now: datetime = NOW, **more: Any) -> SiteAuthority:
    return SiteAuthority(directory, now=lambda: now, **more)


def signed(certificate: str, bundle: str) -> bool:
    """Is it signed by one of those that a daemon with this bundle trusts?"""
    held = x509.load_pem_x509_certificate(certificate.encode())
    for one in x509.load_pem_x509_certificates(bundle.encode()):
        try:
            held.verify_directly_issued_by(one)
        except (ValueError, Exception) as error:
            if type(error).__name__ not in ("ValueError", "InvalidSignature"):
                raise
        else:
            return True
    return False


def keys_in(directory: Path) -> dict[str, int]:
    paths = [path for path in directory.rglob("*") if path.is_file() and "PRIVATE KEY" in path.read_text()]
    return {str(path.relative_to(directory)): stat.S_IMODE(path.stat().st_mode) for path in paths}


# --- roles and revocation ---


def test_a_role_is_an_authority_of_its_own(tmp_path: Path) -> None:
    site = authority(tmp_path)
    alice, web = site.issue_client("alice", "admin", 90), site.issue_client("carol", "web", 90)
    assert signed(alice.certificate, site.clients(["admin"]))
    assert not signed(alice.certificate, site.clients(["web"]))
    assert signed(web.certificate, site.clients(["admin", "web"]))
    assert not signed(web.certificate, site.clients(["admin"]))
    server = site.issue_server("host01", ["host01"], [], 30).certificate
    assert not signed(server, site.clients(["admin", "web"])), "a host's certificate is none of a client"
    subject = x509.load_pem_x509_certificate(web.certificate.encode()).subject.rfc4514_string()
    assert subject == "O=web,CN=carol"


def test_a_revoked_client_is_out_and_all_others_have_new_certificates_for_their_keys(tmp_path: Path) -> None:
    site = authority(tmp_path / "pki")
    places = {name: tmp_path / name for name in ("alice", "bob")}
    for name, place in places.items():
        place.mkdir()
        made = site.issue_client(name, "admin", 90, place=str(place))
        (place / "cert.pem").write_text(made.certificate)
    away = site.issue_client("dave", "admin", 90)
    left = tmp_path / "pki" / "clients" / "admin" / ".1-key.pem.abc"
    left.write_text((left.parent / "1-key.pem").read_text())
    web = site.issue_client("carol", "web", 90).certificate
    alice, bob = ((place / "cert.pem").read_text() for place in places.values())
    mine = site.client_files().certificate.read_text()
    done = {record.name: (record, placed) for record, placed in site.revoke("alice")}
    trusted = site.clients(["admin"])
    assert {name: placed for name, (_, placed) in done.items()} == {"bob": True, "dave": False}
    assert not any(signed(old, trusted) for old in (alice, bob, away.certificate, mine))
    new = (places["bob"] / "cert.pem").read_text()
    assert signed(new, trusted)
    assert identity_of(new) == identity_of(bob), "the key is the same"
    assert identity_of(done["dave"][0].pem) == identity_of(away.certificate)
    assert signed(done["dave"][0].pem, trusted)
    assert signed(site.client_files().certificate.read_text(), trusted)
    assert (places["alice"] / "cert.pem").read_text() == alice
    assert signed(web, site.clients(["web"])), "another role is left alone"
    assert set(keys_in(tmp_path / "pki" / "clients")) == {"admin/2-key.pem", "web/1-key.pem"}
    assert [each.name for each in site.records.latest("client")] == ["bob", "carol", "dave"]


def test_to_revoke_again_begins_nothing_new_unless_there_is_a_new_certificate(tmp_path: Path) -> None:
    site = authority(tmp_path)
    site.issue_client("alice", "admin", 90)
    site.revoke("alice")
    trusted = site.clients(["admin"])
    assert site.revoke("alice") == ()
    assert site.clients(["admin"]) == trusted
    again = site.issue_client("alice", "admin", 90).certificate
    site.revoke("alice")
    assert not signed(again, site.clients(["admin"]))


@pytest.mark.parametrize("writes", range(1, 9))
def test_a_revocation_that_crashes_anywhere_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    site = authority(tmp_path)
    alice = site.issue_client("alice", "admin", 90).certificate
    bob = site.issue_client("bob", "admin", 90).certificate
    site.client_files()
    with monkeypatch.context() as broken:
        crash_at(broken, writes)
        with pytest.raises(PowerCut):
            site.revoke("alice")
    after = authority(tmp_path)
    after.revoke("alice")
    trusted = after.clients(["admin"])
    assert not signed(alice, trusted)
    assert not signed(bob, trusted)
    assert signed(after.client_files().certificate.read_text(), trusted)
    (record,) = after.records.latest("client")
    assert record.name == "bob"
    assert signed(record.pem, trusted)


class PowerCut(BaseException):
    pass


def crash_at(broken: pytest.MonkeyPatch, writes: int) -> None:
    """The process ends in front of the nth file that would be put in place."""
    real, left = Path.replace, [writes]

    def replace(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] <= 0:
            raise PowerCut
        return real(self, target)

    broken.setattr(Path, "replace", replace)


def test_a_site_older_than_roles_keeps_its_clients_until_they_change(tmp_path: Path) -> None:
    site = authority(tmp_path)
    made = site.certificate
    for path in (tmp_path / "clients" / "admin").iterdir():
        path.unlink()
    (tmp_path / "clients" / "admin").rmdir()
    old = authority(tmp_path)
    assert old.clients(["admin"]) == made
    mine = old.client_files().certificate.read_text()
    assert signed(mine, made)
    old.epochs.begin_next("admin")
    assert signed(mine, old.clients(["admin"])), "both are trusted for a time"
    assert old.client_files().certificate.read_text() == mine
    old.epochs.retire("admin")
    old.reissue("admin")
    assert not signed(mine, old.clients(["admin"]))
    assert signed(old.client_files().certificate.read_text(), old.clients(["admin"]))


def test_the_controller_changes_last_while_two_authorities_are_trusted(tmp_path: Path) -> None:
    """Hosts that were not told yet know the older one only."""
    site = authority(tmp_path)
    site.client_files()
    first = site.clients(["admin"])
    site.epochs.begin_next("admin")
    late = authority(tmp_path, NOW + timedelta(days=350))
    assert signed(late.client_files().certificate.read_text(), first)
    late.reissue("admin")
    assert not signed(late.client_files().certificate.read_text(), first)


@pytest.mark.parametrize("role", ["", "Web", "../up", "a" * 33, "web ops"])
def test_names_that_are_no_roles(tmp_path: Path, role: str) -> None:
    with pytest.raises(InvalidInput, match="expected small letters"):
        authority(tmp_path).issue_client("carol", role, 90)


def older_than_roles(directory: Path) -> SiteAuthority:
    """A site whose clients are issued by its CA itself, with the files that sites had then."""
    site = authority(directory)
    assert site.identity
    made = site.ca.load().issue(Subject("xcatflow", server=False), days=365, now=NOW)
    shutil.rmtree(directory / "clients")
    keyfiles.write_atomically(directory / "client-cred.pem", made.certificate + made.key, mode=0o600)
    return authority(directory)


def test_a_site_older_than_roles_is_not_locked_out(tmp_path: Path) -> None:
    site = older_than_roles(tmp_path)
    before = (tmp_path / "client-cred.pem").read_text()
    assert site.client_files().certificate.read_text() == before, "hosts know that one"
    assert site.clients(["admin"]) == (tmp_path / "ca.pem").read_text(), "hosts have that already"
    with pytest.raises(InvalidInput, match="rotate --role admin"):
        site.rotate()
    assert site.former == ()


def test_a_site_older_than_roles_can_have_its_controller_revoked(tmp_path: Path) -> None:
    site = older_than_roles(tmp_path)
    leaked = (tmp_path / "client-cred.pem").read_text()
    site.revoke("xcatflow")
    trusted = site.clients(["admin"])
    assert not signed(leaked, trusted)
    assert signed(site.client_files().certificate.read_text(), trusted)
    site.revoke("xcatflow")
    assert site.clients(["admin"]) != trusted, "the present one was issued since, and is on record"


def test_a_ca_from_elsewhere_in_a_site_older_than_roles(tmp_path: Path) -> None:
    """Hosts that were not told yet know the controller's former certificate only."""
    older_than_roles(tmp_path / "pki")
    before = (tmp_path / "pki" / "client-cred.pem").read_text()
    one = ca("Corp")
    site = authority(tmp_path / "pki", given=put(tmp_path / "corp", one[1], one[0]))
    files = site.client_files()
    assert files.former is not None
    assert files.former.read_text() == before
    assert signed(files.certificate.read_text(), site.clients(["admin"]))


def test_an_authority_of_clients_that_is_over_is_followed_by_another(tmp_path: Path) -> None:
    site = authority(tmp_path)
    site.client_files()
    late = authority(tmp_path, NOW + timedelta(days=4000))
    with pytest.raises(InvalidInput, match="has expired"):
        late.client_files()
    late.ca.renew()
    with pytest.raises(InvalidInput, match="pki rotate --role admin"):
        late.client_files()
    late.epochs.begin_next("admin")
    assert signed(late.client_files().certificate.read_text(), late.epochs.trusted("admin")[-1].pem)


def test_an_authority_that_cannot_be_read_is_not_left_out(tmp_path: Path) -> None:
    site = authority(tmp_path)
    site.epochs.begin_next("admin") if site.clients(["admin"]) else None
    (tmp_path / "clients" / "admin" / "2.pem").write_text("")
    with pytest.raises(InvalidInput, match=r"2\.pem\": expected a PEM certificate, found something else"):
        site.clients(["admin"])


def test_a_controllers_certificate_from_a_time_to_come_is_made_anew(tmp_path: Path) -> None:
    """The clock was ahead for a while: daemons refuse it."""
    authority(tmp_path).certificate  # noqa: B018
    authority(tmp_path, NOW + timedelta(days=100)).client_files()
    files = authority(tmp_path).client_files()
    assert x509.load_pem_x509_certificate(files.certificate.read_bytes()).not_valid_before_utc < NOW


def test_all_certificates_of_a_client_are_issued_anew(tmp_path: Path) -> None:
    site = authority(tmp_path)
    for name, role, place in (
        ("alice", "web", "/a"),
        ("alice", "web", "/b"),
        ("alice", "admin", "/c"),
        ("eve", "web", "/e"),
    ):
        site.issue_client(name, role, 90, place=place)
    done = site.revoke("eve")
    assert [(each.name, each.role, each.place) for each, _ in done] == [("alice", "web", "/a"), ("alice", "web", "/b")]


def test_a_clients_directory_leads_nowhere_else_and_ends_nothing(tmp_path: Path) -> None:
    """Directories of clients are theirs: what they put there must not stop a revocation."""
    site = authority(tmp_path / "pki")
    for name in ("bob", "carol", "dave", "eve"):
        (tmp_path / name).mkdir()
        made = site.issue_client(name, "admin", 90, place=str(tmp_path / name))
        (tmp_path / name / "cert.pem").write_text(made.certificate)
    (tmp_path / "bob" / "cert.pem").write_bytes(b"\xff\xfe")
    (tmp_path / "carol" / "ca.pem").mkdir()
    (tmp_path / "dave" / "cert.pem").unlink()
    (tmp_path / "dave" / "cert.pem").symlink_to(tmp_path / "dave")
    done = {record.name: placed for record, placed in site.revoke("eve")}
    assert done == {"bob": False, "carol": False, "dave": False}
    assert (tmp_path / "bob" / "cert.pem").read_bytes() == b"\xff\xfe"


def test_a_directory_stays_the_same_when_it_is_exchanged(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "system").mkdir()
    with keyfiles.same_directory(tmp_path / "mine") as place:
        (tmp_path / "mine").rename(tmp_path / "away")
        (tmp_path / "mine").symlink_to(tmp_path / "system")
        keyfiles.write_atomically(place / "cert.pem", "new", mode=0o644)
    assert (tmp_path / "away" / "cert.pem").read_text() == "new"
    assert not list((tmp_path / "system").iterdir())


# --- renewal and rotation ---


def test_a_ca_is_renewed_with_its_key_also_when_it_is_over(tmp_path: Path) -> None:
    site = authority(tmp_path)
    server, identity = site.issue_server("host01", ["host01"], [], 9000).certificate, site.identity
    late = authority(tmp_path, NOW + timedelta(days=4000))
    with pytest.raises(InvalidInput, match="has expired"):
        late.certificate  # noqa: B018
    issuer = late.ca.renew()
    late.changed()
    assert late.identity == identity
    assert issuer.ends == NOW + timedelta(days=4000 + 3650)
    assert signed(server, late.certificate)
    assert late.former == ()


def test_a_rotation_accepts_both_until_it_is_finished(tmp_path: Path) -> None:
    site = authority(tmp_path)
    old, first = site.issue_server("host01", ["host01"], [], 30).certificate, site.identity
    assert site.ca.rotate()
    assert not site.ca.rotate(), "it is under way"
    site.changed()
    new = site.issue_server("host01", ["host01"], [], 30).certificate
    assert site.former == (first,)
    trusted = site.client_files().ca.read_text()
    assert signed(old, trusted)
    assert signed(new, trusted)
    assert not signed(old, site.certificate)
    names = [x509.load_pem_x509_certificate(pem.encode()).subject for pem in (site.certificate, site.ca.former()[0])]
    assert names[0] != names[1], "verifiers look authorities up by their names"
    assert site.ca.finish()
    trusted = site.client_files().ca.read_text()
    assert signed(new, trusted)
    assert not signed(old, trusted)
    assert not site.ca.finish()
    assert site.ca.rotate()
    assert "xcatflow site CA 3" in str(x509.load_pem_x509_certificate((tmp_path / "ca.pem").read_bytes()).subject)


@pytest.mark.parametrize("writes", range(1, 7))
def test_a_rotation_that_crashes_anywhere_leaves_a_ca_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    site = authority(tmp_path)
    old = site.issue_server("host01", ["host01"], [], 30).certificate
    with monkeypatch.context() as broken:
        crash_at(broken, writes)
        try:
            site.ca.rotate()
        except PowerCut:
            pass
        else:
            pytest.skip("it was done before")
    after = authority(tmp_path)
    made = after.issue_server("host02", ["host02"], [], 30).certificate
    trusted = after.client_files().ca.read_text()
    assert signed(made, trusted)
    assert signed(old, trusted)
    after.ca.rotate()
    assert len(after.former) == 1


# --- a CA from elsewhere ---


def ca(
    name: str,
    *,
    by: tuple[x509.Certificate, Key] | None = None,
    is_ca: bool = True,
    signs: bool = True,
    path_length: int | None = None,
    days: int = 1000,
    begins: timedelta = timedelta(days=1),
) -> tuple[x509.Certificate, Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(by[0].subject if by else subject)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOW - begins).not_valid_after(NOW + timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(is_ca, path_length if is_ca else None), critical=True)
    usage = x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)
    builder = builder.add_extension(usage, critical=True)
    return builder.sign(by[1] if by else key, hashes.SHA256()), key


def put(directory: Path, key: Key, *certificates: x509.Certificate) -> tuple[Path, Path]:
    directory.mkdir(exist_ok=True)
    pem = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
    (directory / "corp.pem").write_bytes(pem)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    keyfiles.write_atomically(directory / "corp.key", secret.decode(), mode=0o600)
    return directory / "corp.pem", directory / "corp.key"


def test_a_ca_that_another_one_signed(tmp_path: Path) -> None:
    root = ca("Corp Root", path_length=1)
    lower, key = ca("Corp Docker", by=root, path_length=0)
    given = put(tmp_path / "corp", key, lower, root[0])
    site = authority(tmp_path / "pki", given=given)
    issued = site.issue_server("host01", ["host01"], [], 30).certificate
    chain = x509.load_pem_x509_certificates(issued.encode())
    assert [each.subject.rfc4514_string() for each in chain] == ["CN=host01", "CN=Corp Docker"]
    files = site.client_files()
    assert files.ca.read_text() == lower.public_bytes(serialization.Encoding.PEM).decode(), "and not all of Corp"
    client = ca("eve", by=(lower, key), is_ca=False, signs=False)[0].public_bytes(serialization.Encoding.PEM)
    assert not signed(client.decode(), site.clients(["admin"])), "who has another certificate of Corp is not let in"
    assert set(keys_in(tmp_path / "pki")) == {"client-cred.pem", "clients/admin/1-key.pem"}


def test_another_ca_from_elsewhere_goes_with_the_former_one_for_a_time(tmp_path: Path) -> None:
    first, second = ca("One"), ca("Two")
    site = authority(tmp_path / "pki", given=put(tmp_path / "corp", first[1], first[0]))
    old = site.issue_server("host01", ["host01"], [], 30).certificate
    given = put(tmp_path / "corp", second[1], second[0])
    rehearsed = authority(tmp_path / "pki", given=given, passing=tmp_path)
    assert rehearsed.former == (identity_of(first[0].public_bytes(serialization.Encoding.PEM).decode()),)
    assert signed(old, rehearsed.client_files().ca.read_text())
    assert not (tmp_path / "pki" / "former").exists()
    now = authority(tmp_path / "pki", given=given)
    assert now.former == rehearsed.former
    assert signed(old, now.client_files().ca.read_text())
    with pytest.raises(InvalidInput, match=r"corp\.pem\" is not xcatflow's own and cannot be renewed by it"):
        now.ca.renew()
    assert now.ca.finish()
    assert not signed(old, now.client_files().ca.read_text())


OVER: dict[str, Any] = {"days": -1, "begins": timedelta(days=9)}
LEAF: dict[str, Any] = {"is_ca": False, "signs": False}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: [ca("x", **LEAF)], r'corp.pem": expected the certificate of a CA, found "x", which may sign no others'),
        (lambda root: [ca("x", signs=False)], 'the key of "x" may not sign certificates'),
        (lambda root: [ca("x", days=-0, begins=timedelta(days=9))], "CA certificate \".*\" has expired on 2030-05-01; put a new one there"),
        (lambda root: [ca("x", begins=timedelta(days=-5))], "is not good before 2030-05-06; compare the clocks"),
        (lambda root: [ca("x", by=ca("Other")), root], 'followed by the one that signed it, found "x" followed by "Root", which did not'),
        (lambda root: [ca("x", by=(short := ca("Short", path_length=0))), short], '"Short" allows 0 authorities below it'),
        (lambda root: [ca("x", by=(old := ca("Old", **OVER))), old], 'certificate of "Old" above the CA, in ".*" has expired'),
    ],
)  # fmt: skip
def test_cas_that_cannot_be_used(
    tmp_path: Path, make: Callable[[Any], list[tuple[x509.Certificate, Key]]], said: str
) -> None:
    chain = make(ca("Root"))
    given = put(tmp_path / "corp", chain[0][1], *(each[0] for each in chain))
    with pytest.raises(InvalidInput, match=said):
        authority(tmp_path / "pki", given=given).certificate  # noqa: B018


def test_files_of_a_ca_that_are_not_there(tmp_path: Path) -> None:
    given = tmp_path / "corp.pem", tmp_path / "corp.key"
    with pytest.raises(InvalidInput, match=r'cannot read CA certificate ".*corp\.pem": no such file'):
        authority(tmp_path / "pki", given=given).certificate  # noqa: B018
    one = ca("x")
    given = put(tmp_path / "corp", one[1], one[0])
    given[1].chmod(0o644)
    with pytest.raises(InvalidInput, match=r'private key ".*corp\.key" is open to others'):
        authority(tmp_path / "pki", given=given).certificate  # noqa: B018


# --- requests and rehearsals ---


def request(key: Any, *, spoil: bool = False) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host99")])
    asked = x509.CertificateSigningRequestBuilder().subject_name(name)
    asked = asked.add_extension(x509.SubjectAlternativeName([x509.DNSName("host99")]), critical=False)
    data = asked.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    if spoil:
        data = data.replace(b"host99", b"host98")
    found = x509.load_der_x509_csr(data)
    return found.public_bytes(serialization.Encoding.PEM).decode()


def test_of_a_request_only_the_key_is_taken(tmp_path: Path) -> None:
    site, key = authority(tmp_path), ec.generate_private_key(ec.SECP384R1())
    made = site.sign_server(request(key), "host01", ["host01"], ["10.0.0.1"], 30)
    facts = site.read(made)
    assert facts is not None
    assert (facts.common_name, facts.names, facts.addresses) == ("host01", ("host01",), ("10.0.0.1",))
    assert x509.load_pem_x509_certificate(made.encode()).public_key() == key.public_key()


def test_requests_that_prove_nothing(tmp_path: Path) -> None:
    site, key = authority(tmp_path), ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(
        InvalidInput, match='request for a certificate of "host01": its signature is not by the key in it'
    ):
        site.sign_server(request(key, spoil=True), "host01", ["host01"], [], 30)
    with pytest.raises(InvalidInput, match="expected a PKCS #10 request in PEM"):
        site.sign_server("nothing", "host01", ["host01"], [], 30)
    certificate = site.certificate
    with pytest.raises(InvalidInput, match="expected a PKCS #10 request in PEM"):
        site.sign_server(certificate, "host01", ["host01"], [], 30)  # another's certificate proves no key
    with pytest.raises(InvalidInput, match="expected an EC key"):
        site.sign_server(request(ec.generate_private_key(ec.SECP224R1())), "host01", ["host01"], [], 30)
    assert site.records.all() == ()


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    site = authority(tmp_path / "pki")
    site.issue_server("host01", ["host01"], [], 30)
    before = {path: path.read_bytes() for path in (tmp_path / "pki").rglob("*") if path.is_file()}
    passing = tmp_path / "passing"
    passing.mkdir()
    rehearsed = authority(tmp_path / "pki", passing=passing)
    assert rehearsed.clients(["admin"]) == site.clients(["admin"])
    assert rehearsed.clients(["web"]) == rehearsed.clients(["web"]) != ""
    assert signed(rehearsed.client_files().certificate.read_text(), site.clients(["admin"]))
    rehearsed.issue_server("host02", ["host02"], [], 30)
    assert {path: path.read_bytes() for path in (tmp_path / "pki").rglob("*") if path.is_file()} == before


def test_records_tell_what_was_issued_and_no_key(tmp_path: Path) -> None:
    site = authority(tmp_path)
    site.client_files()
    for days in (30, 60):
        site.issue_server("host01", ["host01"], ["10.0.0.1"], days)
    site.issue_client("alice", "web", 90, place="/home/alice")
    found = {(each.sort, each.name): each for each in site.records.latest()}
    assert set(found) == {("host", "host01"), ("controller", "xcatflow"), ("client", "alice")}
    host, alice = found["host", "host01"], found["client", "alice"]
    assert (host.names, host.addresses, host.authority) == (("host01",), ("10.0.0.1",), site.identity)
    assert (alice.role, alice.epoch, alice.place) == ("web", 1, "/home/alice")
    assert len(site.records.all()) == 4
    assert not [name for name in keys_in(tmp_path) if name.startswith("issued/")]
    (tmp_path / "issued" / f"{host.serial}.json").write_text("{}")
    with pytest.raises(InvalidInput, match="expected the record of a certificate, found something else"):
        site.records.all()
