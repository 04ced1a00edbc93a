"""Mutual TLS with a daemon: whom we trust, whom it trusts, and what is said when that fails."""

import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.peer import Peer, reply
from xcatflow.errors import Unreachable
from xcatflow.model.endpoint import Endpoint
from xcatflow.transport.docker import DockerDaemon
from xcatflow.transport.docker_http import DockerTimeouts
from xcatflow.transport.docker_tls import PeerContext, explain_tls, name_matches
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.protocols import Traffic
from xcatflow.transport.tls import TlsFiles


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> SiteAuthority:
    return SiteAuthority(tmp_path_factory.mktemp("site") / "pki")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> SiteAuthority:
    return SiteAuthority(tmp_path_factory.mktemp("stranger") / "pki")


@pytest.fixture(scope="module")
def files(site: SiteAuthority) -> TlsFiles:
    return site.client_files()


Serve = Callable[..., Peer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Makes a peer with a server certificate from `by`, which trusts clients that `trusts` signed."""
    running: list[Peer] = []

    def begin(
        by: SiteAuthority,
        *,
        trusts: TlsFiles,
        names: tuple[str, ...] = ("localhost",),
        addresses: tuple[str, ...] = ("127.0.0.1",),
        newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> Peer:
        issued = by.issue_server("server", names, addresses, 30)
        (tmp_path / "server.pem").write_text(issued.certificate + issued.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        context.load_verify_locations(cadata=SiteAuthority(trusts.ca.parent).clients(["admin"]))
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = newest
        peer = Peer(lambda request: reply([]), tls=context)
        running.append(peer)
        return peer.__enter__()

    yield begin
    for peer in running:
        peer.__exit__(None, None, None)


def daemon(
    peer: Peer, tls: TlsFiles, *, host: str = "127.0.0.1", address: str | None = None, check_names: bool = True
) -> DockerDaemon:
    place = Endpoint("tcp", host, peer.port)
    return DockerDaemon(place, traffic=Traffic(), address=address, tls=tls, check_names=check_names)


def complaint(it: DockerDaemon) -> str:
    with pytest.raises(Unreachable) as caught:
        it.containers()
    it.close()
    start = f"cannot connect to docker host {it.endpoint.removeprefix('tcp+plain://')}"
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start).partition(": ")[2]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_sides_trust_the_site(serve: Serve, site: SiteAuthority, files: TlsFiles, newest: ssl.TLSVersion) -> None:
    peer = serve(site, trusts=files, newest=newest)
    it = daemon(peer, files)
    for _ in range(3):
        assert it.containers() == ()
    it.close()
    assert peer.connections == 1


def test_while_a_revocation_is_on_its_way_either_of_our_certificates_is_shown(serve: Serve, tmp_path: Path) -> None:
    """A daemon that was told of the new authority of clients refuses our former certificate, one that was not the new one."""
    site = SiteAuthority(tmp_path / "pki")
    before = serve(site, trusts=site.client_files())
    site.issue_client("alice", "admin", 30)
    site.revoke("alice")
    files = site.client_files()
    after = serve(site, trusts=files)
    for peer in (before, after):
        it = daemon(peer, files)
        assert it.containers() == ()
        assert it.daemon().by_former == (peer is before)
        it.close()
    site.settle()
    assert "our client certificate was refused" in complaint(daemon(before, site.client_files()))
    it = daemon(after, site.client_files())
    assert it.containers() == ()
    it.close()


@pytest.mark.parametrize(
    ("names", "addresses"),
    [(("host01",), ()), (("elsewhere",), ("127.0.0.1",)), (("host01", "other"), ("10.9.9.9",))],
)
def test_name_or_address_is_enough(
    serve: Serve, site: SiteAuthority, files: TlsFiles, names: tuple[str, ...], addresses: tuple[str, ...]
) -> None:
    peer = serve(site, trusts=files, names=names, addresses=addresses)
    it = daemon(peer, files, host="host01", address="127.0.0.1")
    assert it.networks() == ()
    it.close()


def test_certificate_for_other_names(serve: Serve, site: SiteAuthority, files: TlsFiles) -> None:
    peer = serve(site, trusts=files, names=("host02", "host02.site.test"), addresses=("10.0.0.2",))
    assert complaint(daemon(peer, files, host="host01", address="127.0.0.1")) == (
        'its certificate is for other names: expected "host01" or "127.0.0.1", found host02, host02.site.test, 10.0.0.2; '
        "issue one that has this name"
    )
    historic = daemon(peer, files, host="host01", address="127.0.0.1", check_names=False)
    assert historic.networks() == ()
    historic.close()
    assert [it.method for it in peer.requests] == ["GET", "GET"]


def test_wrong_ca(serve: Serve, site: SiteAuthority, stranger: SiteAuthority, files: TlsFiles) -> None:
    peer = serve(stranger, trusts=files)
    said = complaint(daemon(peer, files))
    assert said == (
        f'its certificate is not signed by the site\'s CA "{files.ca}"; issue it from that CA, or name the right CA'
    )
    assert peer.requests == []


def test_names_unchecked_still_means_the_ca_is_checked(
    serve: Serve, stranger: SiteAuthority, files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger.client_files().ca))
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger.client_files().ca))
    peer = serve(stranger, trusts=files)
    assert "is not signed by the site's CA" in complaint(daemon(peer, files, check_names=False))


def test_environment_does_not_replace_the_ca(
    serve: Serve, site: SiteAuthority, stranger: SiteAuthority, files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger.client_files().ca))
    it = daemon(serve(site, trusts=files), files)
    assert it.containers() == ()
    it.close()


@pytest.mark.parametrize(
    ("days_ago", "words"),
    [(60, "its certificate has expired"), (-60, "its certificate is not valid yet; compare the clocks")],
)
def test_certificate_out_of_its_time(
    serve: Serve, site: SiteAuthority, files: TlsFiles, days_ago: int, words: str
) -> None:
    then = datetime.now(UTC) - timedelta(days=days_ago)
    times = [datetime.now(UTC)]
    authority = SiteAuthority(files.ca.parent, now=lambda: times[-1])
    assert authority.certificate
    times.append(then)
    peer = serve(authority, trusts=files)
    assert complaint(daemon(peer, files)).startswith(words)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_our_certificate_is_refused(
    serve: Serve, site: SiteAuthority, stranger: SiteAuthority, files: TlsFiles, newest: ssl.TLSVersion
) -> None:
    peer = serve(site, trusts=stranger.client_files(), newest=newest)
    said = complaint(daemon(peer, files))
    assert said == "our client certificate was refused (unknown ca); the daemon must trust the CA that signed it"


def test_plain_request_to_a_tls_daemon() -> None:
    text = "Client sent an HTTP request to an HTTPS server.\n"
    with Peer(lambda request: reply(text, "400 Bad Request", content_type="text/plain"), raw=True) as peer:
        it = DockerDaemon(Endpoint("tcp+plain", "127.0.0.1", peer.port, tls=False), traffic=Traffic())
        assert complaint(it) == "it speaks TLS on this port; write it without tcp+plain://"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (b"HTTP/1.0 400 Bad Request\r\n\r\nbad\n", "it does not speak TLS on this port"),
        (b"", "it closed the connection during the TLS handshake"),
        (None, "it accepts connections but does not answer the TLS handshake"),
    ],
)
def test_no_tls_answer(files: TlsFiles, behaviour: bytes | None, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        it = DockerDaemon(
            Endpoint("tcp", "127.0.0.1", port), traffic=Traffic(), tls=files, timeouts=DockerTimeouts(connect_s=0.5)
        )
        over = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                if behaviour is None:
                    over.wait(30)
                else:
                    connection.recv(100_000)
                    connection.sendall(behaviour)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            assert complaint(it).startswith(words)
        finally:
            over.set()
            thread.join(30)


def test_files_that_cannot_be_used(tmp_path: Path, files: TlsFiles, stranger: SiteAuthority) -> None:
    place = Endpoint("tcp", "127.0.0.1", 9)
    empty, other, missing = tmp_path / "empty.pem", stranger.client_files().key, tmp_path / "missing.pem"
    empty.touch()
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(encrypted_key())
    for tls, words in (
        (TlsFiles(missing, files.certificate, files.key), f'"{missing}": no such file or directory'),
        (TlsFiles(empty, files.certificate, files.key), f'"{empty}": no certificate in it'),
        (TlsFiles(files.ca, missing, missing), f'"{missing}": no such file or directory'),
        (TlsFiles(files.ca, empty, empty), f'"{empty}": no certificate with its key in it'),
        (TlsFiles(files.ca, files.certificate, other), "certificate and key do not belong together"),
        (TlsFiles(files.ca, files.certificate, encrypted), "the key is encrypted; a key without passphrase is needed"),
    ):
        with pytest.raises(Unreachable) as caught:
            DockerDaemon(place, traffic=Traffic(), tls=tls).containers()
        assert str(caught.value).startswith("cannot read TLS file")
        assert words in str(caught.value)


def test_historic_files_with_the_key_behind_the_certificate(
    serve: Serve, site: SiteAuthority, files: TlsFiles, tmp_path: Path
) -> None:
    shutil.copy(files.ca, tmp_path / "ca.pem")
    shutil.copy(files.certificate, tmp_path / "client-cred.pem")
    both = TlsFiles(tmp_path / "ca.pem", tmp_path / "client-cred.pem", tmp_path / "client-cred.pem")
    it = daemon(serve(site, trusts=files), both)
    assert it.containers() == ()
    it.close()


def test_small_packets_are_not_held_back(
    serve: Serve, site: SiteAuthority, files: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    wrap = PeerContext.wrap_socket

    def spy(self: PeerContext, sock: socket.socket, **options: object) -> ssl.SSLSocket:
        seen.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return wrap(self, sock, **options)

    monkeypatch.setattr(PeerContext, "wrap_socket", spy)
    it = daemon(serve(site, trusts=files), files)
    it.containers()
    it.close()
    assert seen == [1]


@pytest.mark.parametrize(
    ("wanted", "held", "good"),
    [
        ("host01", "HOST01", True),
        ("host01.", "host01", True),
        ("host01", "host02", False),
        ("host01.site.test", "*.site.test", True),
        ("a.host01.site.test", "*.site.test", False),
        ("site.test", "*.site.test", False),
        ("host01.test", "*.test", False),
        ("host01", "*", False),
        ("10.0.0.1", "10.0.0.1", True),
        ("fd00:0::1", "FD00::1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "*.0.0.1", False),
    ],
)
def test_name_matches(wanted: str, held: str, good: bool) -> None:
    assert name_matches(wanted, held) is good


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TLSV1_ALERT_PROTOCOL_VERSION", "it does not speak TLS 1.2 or newer"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "our client certificate was refused (certificate required)"),
        ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port"),
        ("SOMETHING_ELSE", "TLS failed: something else"),
    ],
)
def test_reasons_of_openssl(reason: str, words: str) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    assert explain_tls(error, None).startswith(words)


def test_other_reasons_of_verification() -> None:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message = 26, "unsuitable certificate purpose"
    assert explain_tls(error, None) == "its certificate is not good: unsuitable certificate purpose"


def encrypted_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
