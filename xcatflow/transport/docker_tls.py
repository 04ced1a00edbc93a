"""The TLS side of talking to a daemon: our certificate, its certificate checked against the site's CA and its names, reasons in words.

Names are checked here and not by OpenSSL, because a daemon may be met at an address while its certificate names the host, or the other way
round: either is good. Source: RFC 6125 for wild cards; OpenSSL's verify codes (x509_vfy.h) and alert reasons as Python's ssl gives them.
"""

import ssl
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from xcatflow.errors import Unreachable, reason_of
from xcatflow.transport.tls import TlsFiles

REFUSED = "our client certificate was refused"
"""How the reason begins when the daemon does not know who signed ours."""

_ALERT_S = 1.0
_NOT_YET, _EXPIRED = 9, 10
_UNTRUSTED = (2, 7, 18, 19, 20, 21)
_PLAIN_PEER = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
_OLD_PEER = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE")
_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED", "DECRYPT_ERROR")


class HandshakeFailed(OSError):
    """The TLS handshake did not succeed; `why` is the reason in our words. An OSError, so that HTTP libraries pass it on as it is."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _HearingSocket(ssl.SSLSocket):
    """With TLS 1.3 a peer refuses our certificate after our side of the handshake is complete, and closes. What we send then fails
    before its alert is read, and the reason would be lost: it is read here."""

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (ssl.SSLEOFError, ConnectionError):
            self.settimeout(_ALERT_S)
            try:
                self.recv(1)
            except ssl.SSLError as error:
                if refused_by_peer(error):
                    raise
            except OSError:
                pass
            raise


class PeerContext(ssl.SSLContext):
    """Client side TLS that trusts one CA only and accepts a certificate for any of `names` (None: whatever it names)."""

    names: tuple[str, ...] | None
    ca: Path

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """Shake hands and check the peer's names. Raises HandshakeFailed."""
        try:
            wrapped = super().wrap_socket(*args, **options)
        except TimeoutError as error:
            raise HandshakeFailed("it accepts connections but does not answer the TLS handshake") from error
        except ssl.SSLError as error:
            raise HandshakeFailed(explain_tls(error, self.ca)) from error
        except OSError as error:
            raise HandshakeFailed("it closed the connection during the TLS handshake") from error
        held = names_of(wrapped.getpeercert() or {})
        if self.names is not None and not any(name_matches(want, name) for want in self.names for name in held):
            wrapped.close()
            wanted = " or ".join(f'"{name}"' for name in self.names)
            raise HandshakeFailed(
                f"its certificate is for other names: expected {wanted}, found {', '.join(held) or 'none'}; issue one that has this name"
            )
        return wrapped


def peer_context(files: TlsFiles, names: Iterable[str] | None) -> PeerContext:
    """A context with the site's CA and our certificate. Raises Unreachable naming the file that cannot be used."""
    context = PeerContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = _HearingSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    # The CA may be one that another signed: that other one is not to be trusted for it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_mode = ssl.CERT_REQUIRED
    context.names, context.ca = (None if names is None else tuple(names)), files.ca
    try:
        context.load_verify_locations(str(files.ca))
    except OSError as error:
        raise Unreachable(f'cannot read TLS file "{files.ca}": {_what(error, "no certificate in it")}') from error
    try:
        context.load_cert_chain(str(files.certificate), str(files.key), password=_no_passphrase)
    except OSError as error:
        both = files.certificate if files.certificate == files.key else f'{files.certificate}" or "{files.key}'
        raise Unreachable(
            f'cannot read TLS file "{both}": {_what(error, "no certificate with its key in it")}'
        ) from error
    return context


def explain_tls(error: ssl.SSLError, ca: Path | None) -> str:
    """Why TLS with a daemon failed, in words that say what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_verification(error, ca)
    reason = str(getattr(error, "reason", None) or "")
    if any(mark in reason for mark in _PLAIN_PEER):
        return "it does not speak TLS on this port; enable TLS there, or write tcp+plain:// if it is to stay plain"
    if any(mark in reason for mark in _OLD_PEER):
        return "it does not speak TLS 1.2 or newer"
    if refused_by_peer(error):
        words = reason.lower().partition("alert_")[2].replace("_", " ")
        return f"{REFUSED} ({words}); the daemon must trust the CA that signed it"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "it closed the connection during the TLS handshake"
    return f"TLS failed: {reason.lower().replace('_', ' ') or error}"


def refused_by_peer(error: ssl.SSLError) -> bool:
    """Did the peer send an alert about our certificate? With TLS 1.3 it comes after our side of the handshake is complete."""
    reason = str(getattr(error, "reason", None) or "")
    return "ALERT" in reason and any(mark in reason for mark in _REFUSALS)


def names_of(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """The names and addresses a certificate is for, as `SSLSocket.getpeercert` gives it."""
    return tuple(value for sort, value in certificate.get("subjectAltName", ()) if sort in ("DNS", "IP Address"))


def name_matches(wanted: str, held: str) -> bool:
    """Is a certificate for `held` good for `wanted`? `*.` at the front stands for one label."""
    one, other = _address(wanted), _address(held)
    if one or other:
        return one == other
    wanted, held = wanted.rstrip(".").lower(), held.rstrip(".").lower()
    if held.startswith("*."):
        return wanted.partition(".")[2] == held[2:] and "." in held[2:]
    return wanted == held


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _explain_verification(error: ssl.SSLCertVerificationError, ca: Path | None) -> str:
    if error.verify_code == _EXPIRED:
        return "its certificate has expired; issue a new one"
    if error.verify_code == _NOT_YET:
        return "its certificate is not valid yet; compare the clocks"
    if error.verify_code in _UNTRUSTED:
        return f'its certificate is not signed by the site\'s CA "{ca}"; issue it from that CA, or name the right CA'
    return f"its certificate is not good: {error.verify_message}"


def _what(error: OSError, otherwise: str) -> str:
    if isinstance(error, ssl.SSLError):
        match error.reason:
            case "KEY_VALUES_MISMATCH":
                return "certificate and key do not belong together"
            case _:
                return otherwise
    return reason_of(error)


def _no_passphrase() -> bytes:
    """OpenSSL would ask at the terminal for an encrypted key's passphrase."""
    raise OSError("the key is encrypted; a key without passphrase is needed")
