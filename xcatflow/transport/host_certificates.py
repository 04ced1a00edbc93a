"""OpenSSH's host certificates: what one says, and whether it is good for a host, by an authority that known_hosts names.

Paramiko agrees on certificates with a server, proves that the server has the key in it, and looks at nothing else of it.

Source: OpenSSH's PROTOCOL.certkeys; sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; ssh-keygen(1) on principals: a certificate without any is good
for all hosts.
"""

import base64
import time
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import paramiko

SUFFIX = "-cert-v01@openssh.com"
ALGORITHMS = tuple(
    f"{name}{SUFFIX}"
    for name in (
        *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
        *("rsa-sha2-512", "rsa-sha2-256"),
    )
)

_HOST = 2
_FIELDS_OF_KEY = {"ssh-ed25519": 1, "ssh-rsa": 2}
_NUMBERS_OF_ECDSA = 2
_WEAK = ("ssh-rsa",)


class BadCertificate(Exception):
    """A certificate is not good; the message is the rest of a sentence that begins with its name."""


@dataclass(frozen=True, slots=True)
class HostCertificate:
    """A certificate: times are seconds since the epoch, `authority` is the key that signed it, `signed` what it signed."""

    sort: int
    key_id: str
    serial: int
    principals: tuple[str, ...]
    begins: int
    ends: int
    critical: bytes
    authority: bytes
    signature: bytes
    signed: bytes

    @property
    def authority_base64(self) -> str:
        return base64.b64encode(self.authority).decode()

    def check(self, names: Iterable[str], now: float | None = None) -> None:
        """Raises BadCertificate where it is none of a host with one of these names, not good now, or not signed by whom it names."""
        if self.sort != _HOST:
            raise BadCertificate("is one of a user, not of a host")
        if self.critical:
            raise BadCertificate("has critical options, which none of a host has")
        own = tuple(name.lower() for name in names)
        if self.principals and not any(fnmatchcase(name, each.lower()) for name in own for each in self.principals):
            raise BadCertificate(f"is for {', '.join(self.principals)}, not for {' or '.join(own)}")
        now = time.time() if now is None else now
        if now < self.begins:
            raise BadCertificate(f"is not good before {_date(self.begins)}; compare the clocks")
        if now >= self.ends:
            raise BadCertificate(f"has expired on {_date(self.ends)}; sign the host's key anew (ssh-keygen -s)")
        self._check_signature()

    def _check_signature(self) -> None:
        try:
            algorithm = paramiko.Message(self.signature).get_text()
            key = paramiko.PKey.from_type_string(paramiko.Message(self.authority).get_text(), self.authority)
            good = key.verify_ssh_sig(self.signed, paramiko.Message(self.signature))
        except Exception:  # what is no key makes the libraries raise this and that
            algorithm, good = "", False
        if algorithm in _WEAK:
            raise BadCertificate(f"is signed by {algorithm}, which is not safe; sign it with -t rsa-sha2-512")
        if not good:
            raise BadCertificate("is not signed by the authority that it names")


def read_certificate(blob: bytes) -> HostCertificate:
    """A certificate as a server shows it. Raises BadCertificate for what is none."""
    try:
        return _read(blob)
    except (paramiko.SSHException, ValueError, IndexError) as error:
        raise BadCertificate("cannot be read") from error


def _read(blob: bytes) -> HostCertificate:
    message = paramiko.Message(blob)
    sort = _text(message)
    if not sort.endswith(SUFFIX):
        raise ValueError(sort)
    _string(message)  # the nonce
    for _ in range(_FIELDS_OF_KEY.get(sort.removesuffix(SUFFIX), _NUMBERS_OF_ECDSA)):
        _string(message)
    serial, whose, key_id = message.get_int64(), message.get_int(), _text(message)
    principals = paramiko.Message(_string(message))
    begins, ends = message.get_int64(), message.get_int64()
    critical, _extensions, _reserved = (_string(message) for _ in range(3))
    authority = _string(message)
    signed = blob[: len(blob) - len(message.get_remainder())]
    signature = _string(message)
    inner = paramiko.Message(signature)
    _text(inner), _string(inner)
    if message.get_remainder() or inner.get_remainder() or _text(paramiko.Message(authority)).endswith(SUFFIX):
        raise ValueError("a certificate is not followed by anything, nor signed by another one")
    names: list[str] = []
    while principals.get_remainder():
        names.append(_text(principals))
    return HostCertificate(whose, key_id, serial, tuple(names), begins, ends, critical, authority, signature, signed)


def _string(message: paramiko.Message) -> bytes:
    """The next string. Paramiko's own reader fills up with zeros what is missing. Raises ValueError."""
    length = message.get_int()
    if length > len(message.get_remainder()):
        raise ValueError("it ends too early")
    return message.get_bytes(length)


def _text(message: paramiko.Message) -> str:
    return _string(message).decode()


def _date(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(min(seconds, 253402300799)))
