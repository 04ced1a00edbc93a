"""Decides whether a host is who it should be, by the key or the certificate that it shows.

Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT; Paramiko 5.1, which looks for certificates only where their algorithms come first.
"""

from dataclasses import dataclass
from typing import Any

import paramiko

from xcatflow.errors import Unreachable
from xcatflow.transport.host_certificates import ALGORITHMS, BadCertificate, read_certificate
from xcatflow.transport.known_hosts import KnownHosts, fingerprint, written


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host is: the name it goes by, the host and port to connect to, and the names that its key may be known under."""

    name: str
    host: str
    port: int
    key_names: tuple[str, ...]

    def __str__(self) -> str:
        where = written(self.host, self.port)
        return f'"{self.name}"' if where == self.name else f'"{self.name}" ({where})'


@dataclass(slots=True, eq=False)
class Gate(paramiko.MissingHostKeyPolicy):
    """Decides on a host key. Paramiko knows no keys of its own here, so every key comes to `missing_host_key`."""

    known: KnownHosts
    place: Place
    accept_new: bool

    def transport(self, sock: Any, **options: Any) -> paramiko.Transport:
        """A transport that asks for the sorts of key that are known, so that the host shows one of those if it can."""
        transport = paramiko.Transport(sock, **options)
        offered = transport.get_security_options()
        wanted = {algorithm for key in self.known.find(self.place.key_names) for algorithm in _algorithms(key.sort)}
        plain = sorted(offered.key_types, key=lambda name: name not in wanted)
        offered.key_types = [*(ALGORITHMS if self.known.authorities(self._certified_names) else ()), *plain]
        return transport

    @property
    def _certified_names(self) -> tuple[str, ...]:
        """The names that a certificate may be for, and by which its authority is known: with and without a port."""
        plain = (name[1:].partition("]")[0] if name.startswith("[") else name for name in self.place.key_names)
        return tuple(dict.fromkeys((*self.place.key_names, *plain)))

    def _certified(self, key: paramiko.PKey) -> str:
        """Empty where the key came in a certificate that is good for the host, by an authority that is known; else why not."""
        blob = getattr(key.public_blob, "key_blob", b"")
        authorities = self.known.authorities(self._certified_names)
        if not blob or not authorities:
            return "it has no certificate" if authorities else "no authority for it is known"
        try:
            certificate = read_certificate(blob)
            revoked = [each.key for each in self.known.find(self._certified_names) if each.revoked]
            if certificate.authority_base64 in revoked:
                raise BadCertificate("is by an authority that is marked as revoked")
            if certificate.authority_base64 not in {each.key for each in authorities}:
                raise BadCertificate(
                    f"is by an authority that is not known: {fingerprint(certificate.authority)}, expected "
                    + " or ".join(f"{each.fingerprint} ({each.source})" for each in authorities)
                )
            certificate.check(self._certified_names)
        except BadCertificate as error:
            return f"its certificate {error}"
        return ""

    def _lacks_certificate(self) -> str:
        """What to do where an authority is known, but the host showed no certificate."""
        return "".join(
            f"; keys that the authority at {each.source} signed are good, but it shows no certificate: sign its key (ssh-keygen -h -s), "
            "and name it in its sshd_config (HostCertificate)"
            for each in self.known.authorities(self._certified_names)[:1]
        )

    def missing_host_key(self, client: Any, hostname: str, key: paramiko.PKey) -> None:  # noqa: ARG002
        found = self.known.find(self.place.key_names)
        shown = fingerprint(key.asbytes())
        same = [each for each in found if each.key == key.get_base64() and each.sort == key.get_name()]
        start = f"cannot connect to {self.place} over SSH: its host key"
        if revoked := next((each for each in same if each.revoked), None):
            raise Unreachable(f"{start} {shown} is marked as revoked at {revoked.source}")
        if same or not (uncertified := self._certified(key)):
            return
        if key.public_blob is not None:
            raise Unreachable(f"{start} {shown} is not known, and {uncertified}")
        good = [each for each in found if not each.revoked]
        if good:
            wanted = " or ".join(f"{each.fingerprint} ({each.source})" for each in good)
            raise Unreachable(
                f"{start} is not the known one: expected {wanted}, found {shown} ({key.get_name()}); "
                "if the machine was installed anew remove that line, else somebody may be in between"
            )
        if not self.accept_new:
            raise Unreachable(
                f"{start} is not known: found {shown} ({key.get_name()}); compare it with the machine's own "
                f'(ssh-keygen -lf), then add it to "{self.known.files[0] if self.known.files else "known_hosts"}" '
                f"or run with --accept-new-hosts{self._lacks_certificate()}"
            )
        self.known.add(self.place.key_names, key.get_name(), key.get_base64())


def _algorithms(sort: str) -> tuple[str, ...]:
    """The signature algorithms that a sort of key is used with."""
    return ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa") if sort == "ssh-rsa" else (sort,)
