"""The site's CA as files: made, taken over from elsewhere, renewed with its key, and followed by another.

Files: `ca.pem` and `ca-key.pem`; `next/` while a new pair takes their places; `former/*.pem`, CAs whose certificates are still accepted;
`trusted.pem`, all of them, where there are former ones. A CA that the site has elsewhere stays there: `ca.pem` is a copy of it then.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from xcatflow.errors import InvalidInput, reason_of
from xcatflow.transport.certificates import Issuer, facts_of, identity_of, load_issuer, make_authority
from xcatflow.transport.keyfiles import read_private, write_atomically
from xcatflow.transport.protocols import IssuedCertificate

_CA_DAYS = 3650
_NAME = "xcatflow site CA"
_RENEW = 'renew it with "xcatflow pki renew --ca", which keeps its key and all that it signed'
_RENEW_GIVEN = 'put a new one there, or name another with the site\'s attributes "tls_ca_certificate" and "tls_ca_key"'


@dataclass(frozen=True, slots=True)
class CaFiles:
    """The CA in `directory`, or the one `given` by the paths of its certificate and its key. With `passing` nothing is written but into
    that directory. The caller holds the lock. All methods raise InvalidInput."""

    directory: Path
    now: Callable[[], datetime]
    given: tuple[Path, Path] | None = None
    passing: Path | None = None

    @property
    def certificate(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def key(self) -> Path:
        return self.directory / "ca-key.pem"

    @property
    def exists(self) -> bool:
        return self.certificate.exists() or (self.directory / "next" / "ca.pem").exists()

    def load(self) -> Issuer:
        """The CA, which is there."""
        if self.given:
            issuer = self._loaded(*self.given, renew=_RENEW_GIVEN)
            self._copied(issuer)
            return issuer
        self._finish_switch()
        return self._loaded(self.certificate, self.key, renew=_RENEW)

    def make(self) -> None:
        """The site's first CA."""
        made = make_authority(_NAME, days=_CA_DAYS, now=self.now())
        # The certificate is written last: a key alone was left by a crash and has signed nothing.
        write_atomically(self.key, made.key, mode=0o600)
        write_atomically(self.certificate, made.certificate, mode=0o644)

    def renew(self) -> Issuer:
        """A new certificate for the same key, also where the old one has expired; what it signed stays good."""
        self._own("renewed")
        self._finish_switch()
        facts = facts_of(self.certificate.read_text())
        before = min(self.now(), facts.not_after - timedelta(seconds=1)) if facts else self.now()
        issuer = self._loaded(self.certificate, self.key, renew="", now=before)
        write_atomically(self.certificate, issuer.renewed(days=_CA_DAYS, now=self.now()), mode=0o644)
        self.write_trusted()
        return self.load()

    def rotate(self) -> bool:
        """Begin a new CA with a key of its own; certificates of the present one are accepted until `finish`. False where that was begun
        before."""
        self._own("followed by another")
        self._finish_switch()
        if self.former():
            return False
        old = self.certificate.read_text()
        self._keep_former(old)
        facts = facts_of(old)
        number = re.search(rf"{_NAME} (\d+)", facts.common_name) if facts else None
        made = make_authority(f"{_NAME} {int(number[1]) + 1 if number else 2}", days=_CA_DAYS, now=self.now())
        self._switch(made)
        self.write_trusted()
        return True

    def finish(self) -> bool:
        """Accept certificates of former CAs no longer. False where there are none."""
        found = list((self.directory / "former").glob("*.pem"))
        for path in found:
            path.unlink()
        self.write_trusted()
        return bool(found)

    def former(self) -> tuple[str, ...]:
        """The certificates of former CAs that are still accepted, PEM. One that was written when a rotation was cut off before it began is
        the present one, and does not count."""
        copied = self.certificate.read_text() if self.certificate.exists() else ""
        present = identity_of(self.present())
        found = [copied, *(path.read_text() for path in sorted((self.directory / "former").glob("*.pem")))]
        now = self.now()
        return tuple(
            pem for pem in found if (facts := facts_of(pem)) and facts.not_after > now and identity_of(pem) != present
        )

    def trusted(self) -> str:
        """The CAs whose certificates are accepted, PEM."""
        return "".join(f"{pem.strip()}\n" for pem in (self.present(), *self.former()))

    def present(self) -> str:
        """The CA's certificate as it is where it is kept, PEM, with nothing proved of it; empty where there is none."""
        path = self.given[0] if self.given else self.certificate
        if self.given is None and not path.exists():
            return ""
        try:
            return path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else "it is no text"
            raise InvalidInput(f'cannot read CA certificate "{path}": {reason}') from None

    def write_trusted(self) -> Path:
        """The file with those CAs."""
        path = (self.passing or self.directory) / "trusted.pem"
        if not self.former() and not (self.given and self.passing):
            path.unlink(missing_ok=True)
            return self.certificate
        if not path.exists() or path.read_text() != self.trusted():
            write_atomically(path, self.trusted(), mode=0o644)
        return path

    def _own(self, verb: str) -> None:
        if self.given:
            raise InvalidInput(
                f"the site's CA \"{self.given[0]}\" is not xcatflow's own and cannot be {verb} by it: {_RENEW_GIVEN}; "
                "certificates of the former one are accepted until xcatflow pki rotate --finish"
            )
        if not self.exists:
            raise InvalidInput(
                f'the site has no CA yet: there is no "{self.certificate}" (provision-dockerhost makes it)'
            )

    def _copied(self, issuer: Issuer) -> None:
        """`ca.pem` is what is given. What it was before goes on being accepted: hosts have certificates of it."""
        old = self.certificate.read_text() if self.certificate.exists() else ""
        if self.passing or old == issuer.pem:
            return
        if old and identity_of(old) != issuer.identity:
            self._keep_former(old)
        write_atomically(self.certificate, issuer.pem, mode=0o644)
        self.write_trusted()

    def _keep_former(self, pem: str) -> None:
        directory = self.directory / "former"
        directory.mkdir(mode=0o700, exist_ok=True)
        write_atomically(directory / f"{identity_of(pem)[:16]}.pem", pem, mode=0o644)

    def _switch(self, made: IssuedCertificate) -> None:
        """Put a new pair in place, so that a crash at any moment leaves the old pair or the new one."""
        directory = self.directory / "next"
        directory.mkdir(mode=0o700, exist_ok=True)
        write_atomically(directory / "ca-key.pem", made.key, mode=0o600)
        write_atomically(directory / "ca.pem", made.certificate, mode=0o644)
        self._finish_switch()

    def _finish_switch(self) -> None:
        """What is complete in `next/` takes its place. The certificate is written last there and moved last."""
        directory = self.directory / "next"
        if not self.passing and (directory / "ca.pem").exists():
            if (directory / "ca-key.pem").exists():
                (directory / "ca-key.pem").replace(self.key)
            (directory / "ca.pem").replace(self.certificate)

    def _loaded(self, certificate: Path, key: Path, *, renew: str, now: datetime | None = None) -> Issuer:
        try:
            held = certificate.read_bytes()
        except OSError as error:
            raise InvalidInput(f'cannot read CA certificate "{certificate}": {reason_of(error)}') from None
        return load_issuer((str(certificate), held), (str(key), read_private(key)), now=now or self.now(), renew=renew)
