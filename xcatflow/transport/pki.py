"""The site's certificate authority: one directory with its certificate and key, and the controller's own client certificate.

Source: RFC 5280 (extensions), RFC 7093 (key identifiers by SHA-256). Files: `ca.pem`, `ca-key.pem`, and `client-cred.pem`, which holds the
controller's certificate and key in one file, so that renewing it is one atomic step.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar, cast, get_args

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from xcatflow.errors import InvalidInput
from xcatflow.model.question import CertificateFacts
from xcatflow.transport.keyfiles import exclusive, read_private, write_atomically
from xcatflow.transport.protocols import IssuedCertificate
from xcatflow.transport.tls import TlsFiles

_CA_DAYS = 3650
_CLIENT_DAYS = 365
_RENEW_BEFORE_DAYS = 30
_CLOCK_SKEW = timedelta(hours=1)
_LONGEST_COMMON_NAME = 64

T = TypeVar("T")


class SiteAuthority:
    """The authority kept in `directory`: what is there is used, otherwise it is made on first use. Safe between threads and processes.

    All methods raise InvalidInput when what is in the directory cannot be used, and Locked when another process holds it for too long.
    """

    def __init__(self, directory: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._directory, self._now = directory, now
        self._lock = threading.Lock()
        self._held: tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes] | None = None

    @property
    def certificate(self) -> str:
        """The CA's own certificate, PEM."""
        return _pem(self._own()[0])

    @property
    def identity(self) -> str:
        """The CA's key identifier, hexadecimal, as `CertificateFacts.authority` of what it issues."""
        return _key_identifier(self._own()[0]).hex()

    def issue_server(
        self, common_name: str, names: Sequence[str], addresses: Sequence[str], days: int
    ) -> IssuedCertificate:
        """A key and a server's certificate for `days` days (the CA's own end at most), good for all names and addresses."""
        alternatives = [*_each(names, x509.DNSName), *_each(addresses, lambda text: x509.IPAddress(ip_address(text)))]
        if not alternatives:
            raise InvalidInput(f'certificate for "{common_name}": expected at least one name or address')
        return self._issue(
            common_name, ExtendedKeyUsageOID.SERVER_AUTH, days, x509.SubjectAlternativeName(alternatives)
        )

    def client_files(self) -> TlsFiles:
        """The controller's client certificate with the CA, issued when there is none, when less than 30 days remain, or when it is not
        this CA's."""
        files = TlsFiles(*(self._directory / name for name in ("ca.pem", "client-cred.pem", "client-cred.pem")))
        self._own()
        with exclusive(self._directory):
            if not self._client_is_good(files.certificate):
                issued = self._issue("xcatflow", ExtendedKeyUsageOID.CLIENT_AUTH, _CLIENT_DAYS, None)
                write_atomically(files.certificate, issued.certificate + issued.key, mode=0o600)
        return files

    def read(self, pem: str) -> CertificateFacts | None:
        """Facts of the first certificate in `pem`; None when there is none that parses."""
        try:
            return _facts(x509.load_pem_x509_certificate(pem.encode()))
        except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
            return None

    def _own(self) -> tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes]:
        with self._lock:
            if self._held is None:
                self._held = self._load_or_make()
            return self._held

    def _load_or_make(self) -> tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes]:
        certificate, key = self._directory / "ca.pem", self._directory / "ca-key.pem"
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(self._directory):
            if not certificate.exists():
                # The certificate is written last: a key alone was left by a crash and has signed nothing.
                made = self._make_ca()
                write_atomically(key, made.key, mode=0o600)
                write_atomically(certificate, made.certificate, mode=0o644)
            return self._load(certificate, key)

    def _load(self, certificate: Path, key: Path) -> tuple[x509.Certificate, CertificateIssuerPrivateKeyTypes]:
        own = _parse(certificate, certificate.read_bytes(), x509.load_pem_x509_certificate, "a PEM certificate")
        secret = _parse(key, read_private(key), _load_key, "a PEM private key without passphrase")
        if own.public_key() != secret.public_key():
            raise InvalidInput(f'CA key "{key}" does not belong to certificate "{certificate}"')
        if own.not_valid_after_utc <= self._now():
            raise InvalidInput(
                f'CA certificate "{certificate}" has expired on {own.not_valid_after_utc:%Y-%m-%d}; replace it'
            )
        return own, secret

    def _make_ca(self) -> IssuedCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "xcatflow site CA")])
        builder = (
            self._builder(_CA_DAYS)
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(_subject_identifier(key.public_key()), critical=False)
        )
        return IssuedCertificate(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))

    def _issue(
        self, common_name: str, purpose: ObjectIdentifier, days: int, names: x509.SubjectAlternativeName | None
    ) -> IssuedCertificate:
        if not 1 <= len(common_name) <= _LONGEST_COMMON_NAME:
            raise InvalidInput(
                f'certificate for "{common_name}": expected a name of 1 to {_LONGEST_COMMON_NAME} characters'
            )
        own, secret = self._own()
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(days, latest=own.not_valid_after_utc)
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(own.subject)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(_subject_identifier(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(_key_identifier(own), None, None), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        digest = None if isinstance(secret, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()
        return IssuedCertificate(_pem(builder.sign(secret, digest)), _key_pem(key))

    def _builder(self, days: int, latest: datetime | None = None) -> x509.CertificateBuilder:
        end = self._now() + timedelta(days=days)
        return (
            x509.CertificateBuilder()
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now() - _CLOCK_SKEW)
            .not_valid_after(min(end, latest) if latest else end)
        )

    def _client_is_good(self, path: Path) -> bool:
        try:
            both = read_private(path)
            held, key = x509.load_pem_x509_certificate(both), _load_key(both)
            held.verify_directly_issued_by(self._own()[0])
        except (InvalidInput, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
            return False
        enough = min(self._now() + timedelta(days=_RENEW_BEFORE_DAYS), self._own()[0].not_valid_after_utc - _CLOCK_SKEW)
        return held.public_key() == key.public_key() and held.not_valid_after_utc > enough


def _parse(path: Path, data: bytes, load: Callable[[bytes], T], expected: str) -> T:
    try:
        return load(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f'"{path}": expected {expected}') from error


def _load_key(data: bytes) -> CertificateIssuerPrivateKeyTypes:
    key = serialization.load_pem_private_key(data, password=None)
    if not isinstance(key, get_args(CertificateIssuerPrivateKeyTypes)):
        raise TypeError("a key that cannot sign")
    return cast(CertificateIssuerPrivateKeyTypes, key)


def _each(texts: Sequence[str], make: Callable[[str], T]) -> Iterator[T]:
    for text in dict.fromkeys(texts):
        try:
            if not text:
                raise ValueError
            yield make(text)
        except ValueError as error:
            raise InvalidInput(f'certificate: expected an ASCII host name or an address, found "{text}"') from error


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject_identifier(key: PublicKeyTypes) -> x509.SubjectKeyIdentifier:
    data = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return x509.SubjectKeyIdentifier(hashlib.sha256(data).digest())


def _key_identifier(certificate: x509.Certificate) -> bytes:
    """What certificates name as their issuer's key: its own identifier where it has one."""
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return _subject_identifier(certificate.public_key()).digest


def _facts(certificate: x509.Certificate) -> CertificateFacts:
    held = {type(extension.value): extension.value for extension in certificate.extensions}
    names, issuer = held.get(x509.SubjectAlternativeName), held.get(x509.AuthorityKeyIdentifier)
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    dns = names.get_values_for_type(x509.DNSName) if isinstance(names, x509.SubjectAlternativeName) else []
    ips = names.get_values_for_type(x509.IPAddress) if isinstance(names, x509.SubjectAlternativeName) else []
    key = issuer.key_identifier if isinstance(issuer, x509.AuthorityKeyIdentifier) else None
    return CertificateFacts(
        common_name=str(common[0].value) if common else "",
        names=tuple(sorted(dns)),
        addresses=tuple(sorted(str(address) for address in ips)),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        authority=(key or b"").hex(),
        serial=certificate.serial_number,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
