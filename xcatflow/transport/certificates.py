"""Certificates: made, signed, read and held against each other. Pure: no file is read or written here.

Source: RFC 5280 (extensions, path lengths), RFC 7093 (key identifiers by SHA-256), RFC 2986 (requests: the signature proves that who asks
has the key).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TypeVar, cast, get_args

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
    PublicKeyTypes,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from xcatflow.errors import InvalidInput
from xcatflow.model.question import CertificateFacts
from xcatflow.transport.pki_records import Subject
from xcatflow.transport.protocols import IssuedCertificate

CLOCK_SKEW = timedelta(hours=1)
"""A certificate is good so long before it was made: clocks differ."""

_LONGEST_NAME = 64
_LEAST_RSA_BITS = 2048

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Issuer:
    """An authority that can sign: its certificate, its key, and the certificates above it."""

    own: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes = field(repr=False)
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        return _pem(self.own)

    @property
    def identity(self) -> str:
        """Its key identifier, hexadecimal."""
        return _key_identifier(self.own).hex()

    @property
    def ends(self) -> datetime:
        return self.own.not_valid_after_utc

    def issue(self, subject: Subject, *, days: int, now: datetime) -> IssuedCertificate:
        """A certificate for `days` days, this authority's own end at most. Raises InvalidInput for names that cannot be."""
        if not 1 <= len(subject.common_name) <= _LONGEST_NAME:
            raise InvalidInput(
                f'certificate for "{subject.common_name}": expected a name of 1 to {_LONGEST_NAME} characters'
            )
        key = None if subject.request or subject.former else ec.generate_private_key(ec.SECP256R1())
        public = _requested(subject) if key is None else key.public_key()
        name = [x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name)]
        if subject.role:
            name.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, subject.role))
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if subject.server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = (
            _builder(days, now, latest=self.ends)
            .subject_name(x509.Name(name))
            .issuer_name(self.own.subject)
            .public_key(public)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(_subject_identifier(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(_key_identifier(self.own), None, None), critical=False)
        )
        if subject.server:
            builder = builder.add_extension(_alternatives(subject), critical=False)
        made = _pem(builder.sign(self.key, _digest(self.key)))
        between = (one for one in (self.own, *self.above) if one.subject != one.issuer)
        return IssuedCertificate(made + "".join(map(_pem, between)), _key_pem(key) if key else "")

    def renewed(self, *, days: int, now: datetime) -> str:
        """Its own certificate, PEM, with a later end: what it issued stays good. For one that signed itself."""
        builder = _builder(days, now).subject_name(self.own.subject).issuer_name(self.own.subject)
        builder = builder.public_key(self.own.public_key())
        for extension in self.own.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return _pem(builder.sign(self.key, _digest(self.key)))


def make_authority(common_name: str, *, days: int, now: datetime) -> IssuedCertificate:
    """An authority of its own that signs no other authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    builder = (
        _builder(days, now)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_subject_identifier(key.public_key()), critical=False)
    )
    return IssuedCertificate(_pem(builder.sign(key, hashes.SHA256())), _key_pem(key))


def load_issuer(certificate: tuple[str, bytes], key: tuple[str, bytes], *, now: datetime, renew: str) -> Issuer:
    """An authority from its two files (path and content of each); further certificates in the first are those above it, in order.

    Raises InvalidInput naming the file for what is no authority, has expired, or does not fit. `renew` is what to do about one that has.
    """
    (path, data), (key_path, key_data) = certificate, key
    own, *above = _parsed(path, data, x509.load_pem_x509_certificates, "a PEM certificate")
    secret = _parsed(key_path, key_data, _load_key, "a PEM private key without passphrase")
    if own.public_key() != secret.public_key():
        raise InvalidInput(f'CA key "{key_path}" does not belong to certificate "{path}"')
    for number, one in enumerate((own, *above)):
        _is_authority(path, one, number)
        whose = "CA certificate" if one is own else f'certificate of "{_facts(one).common_name}" above the CA, in'
        if one.not_valid_after_utc <= now:
            raise InvalidInput(f'{whose} "{path}" has expired on {one.not_valid_after_utc:%Y-%m-%d}; {renew}')
        if one.not_valid_before_utc > now + CLOCK_SKEW:
            raise InvalidInput(
                f'{whose} "{path}" is not good before {one.not_valid_before_utc:%Y-%m-%d}; compare the clocks'
            )
    for lower, upper in zip((own, *above), above, strict=False):
        if not directly_issued(lower, upper):
            raise InvalidInput(
                f'"{path}": expected each certificate to be followed by the one that signed it, found "{_facts(lower).common_name}" '
                f'followed by "{_facts(upper).common_name}", which did not'
            )
    return Issuer(own, secret, tuple(above))


def directly_issued(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    """Did one sign the other?"""
    try:
        lower.verify_directly_issued_by(upper)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def good_pair(both: bytes, issuer: str, *, now: datetime, until: datetime) -> bool:
    """Are these a certificate of that issuer (PEM; empty: of any) and its key, and good from now until then at least?"""
    try:
        held, key = x509.load_pem_x509_certificate(both), _load_key(both)
        fits = held.public_key() == key.public_key()
        signed = not issuer or directly_issued(held, x509.load_pem_x509_certificate(issuer.encode()))
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return fits and signed and held.not_valid_before_utc <= now and held.not_valid_after_utc > until


def facts_of(pem: str) -> CertificateFacts | None:
    """Facts of the first certificate in `pem`; None when there is none that parses."""
    try:
        return _facts(x509.load_pem_x509_certificate(pem.encode()))
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return None


def identity_of(pem: str) -> str:
    """The key identifier of the first certificate, hexadecimal; empty where there is none."""
    try:
        return _key_identifier(x509.load_pem_x509_certificate(pem.encode())).hex()
    except (ValueError, UnsupportedAlgorithm):
        return ""


def _requested(subject: Subject) -> CertificatePublicKeyTypes:
    """The key that is asked for. Raises InvalidInput for a request that does not prove that it has it, and for weak keys."""
    whose = f'request for a certificate of "{subject.common_name}"'
    try:
        if subject.former:
            key: object = x509.load_pem_x509_certificate(subject.former.encode()).public_key()
        else:
            request = x509.load_pem_x509_csr(subject.request.encode())
            if not request.is_signature_valid:
                raise InvalidInput(f"{whose}: its signature is not by the key in it")
            key = request.public_key()
    except (ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise InvalidInput(f"{whose}: expected a PKCS #10 request in PEM, found something else") from error
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1() | ec.SECP384R1() | ec.SECP521R1()):
            return key
        case ed25519.Ed25519PublicKey():
            return key
        case rsa.RSAPublicKey(key_size=bits) if bits >= _LEAST_RSA_BITS:
            return key
    raise InvalidInput(f"{whose}: expected an EC key (P-256, P-384, P-521), Ed25519, or RSA of {_LEAST_RSA_BITS} bits")


def _is_authority(path: str, one: x509.Certificate, below: int) -> None:
    """Raise InvalidInput where a certificate may not sign others, or not with so many between it and what is issued."""
    held = {type(extension.value): extension.value for extension in one.extensions}
    basic, usage = held.get(x509.BasicConstraints), held.get(x509.KeyUsage)
    name = _facts(one).common_name
    if not (isinstance(basic, x509.BasicConstraints) and basic.ca):
        raise InvalidInput(f'"{path}": expected the certificate of a CA, found "{name}", which may sign no others')
    if isinstance(usage, x509.KeyUsage) and not usage.key_cert_sign:
        raise InvalidInput(f'"{path}": the key of "{name}" may not sign certificates (its key usage)')
    if basic.path_length is not None and basic.path_length < below:
        raise InvalidInput(
            f'"{path}": "{name}" allows {basic.path_length} authorities below it (path length), found {below}'
        )


def _parsed(path: str, data: bytes, load: Callable[[bytes], T], expected: str) -> T:
    try:
        return load(data)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f'"{path}": expected {expected}') from error


def _load_key(data: bytes) -> CertificateIssuerPrivateKeyTypes:
    key = serialization.load_pem_private_key(data, password=None)
    if not isinstance(key, get_args(CertificateIssuerPrivateKeyTypes)):
        raise TypeError("a key that cannot sign")
    return cast(CertificateIssuerPrivateKeyTypes, key)


def _digest(key: CertificateIssuerPrivateKeyTypes) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()


def _builder(days: int, now: datetime, latest: datetime | None = None) -> x509.CertificateBuilder:
    end = now + timedelta(days=days)
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - CLOCK_SKEW).not_valid_after(min(end, latest) if latest else end)


def _alternatives(subject: Subject) -> x509.SubjectAlternativeName:
    found = [
        *_each(subject.names, x509.DNSName),
        *_each(subject.addresses, lambda text: x509.IPAddress(ip_address(text))),
    ]
    if not found:
        raise InvalidInput(f'certificate for "{subject.common_name}": expected at least one name or address')
    return x509.SubjectAlternativeName(found)


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
        not signs_certificates, False, False, False, False, signs_certificates, signs_certificates, False, False
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
