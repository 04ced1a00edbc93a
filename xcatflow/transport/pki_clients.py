"""The authorities that clients are issued by: one for each role, and after a revocation the next one.

dockerd reads no revocation lists: it lets in whoever has a certificate of an authority in its `tlscacert`. So an authority is what can be
taken back. A role is an authority of its own, which hosts trust or do not; revoking a client is to begin the role's next epoch, a new
authority, and to issue the certificates of all others anew by it.

Files: `ROLE/EPOCH.pem` and `ROLE/EPOCH-key.pem`; what is not trusted any more is in `ROLE/retired/`, without its key.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from xcatflow.errors import InvalidInput
from xcatflow.model.trust import ADMIN
from xcatflow.transport.certificates import Issuer, facts_of, load_issuer, make_authority
from xcatflow.transport.keyfiles import read_private, write_atomically

_CA_DAYS = 3650
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Epoch:
    """One authority of a role; number 0 is the site's CA itself, which issued clients in sites that are older than roles."""

    number: int
    pem: str
    ends: datetime


@dataclass(slots=True)
class ClientAuthorities:
    """Those in `directory`. `site_ca` gives the certificate of the site's CA where that may issue the clients of the role `admin` itself,
    else nothing, and `site_issuer` that CA. Unless it `keeps`, an authority that is missing is made up for the time. The caller holds the
    lock. All methods raise InvalidInput."""

    directory: Path
    now: Callable[[], datetime]
    site_ca: Callable[[], str]
    site_issuer: Callable[[], Issuer]
    keeps: bool = True
    _passing: dict[str, Issuer] = field(default_factory=dict)

    def roles(self) -> tuple[str, ...]:
        """The roles that there are."""
        found = {path.name for path in self.directory.glob("*") if path.is_dir()}
        return tuple(sorted(found | {ADMIN}))

    def made(self) -> tuple[str, ...]:
        """The roles that have an authority."""
        legacy = (ADMIN,) if not self._numbers(ADMIN) and self.site_ca() else ()
        return (*legacy, *(role for role in self.roles() if self._numbers(role)))

    def trusted(self, role: str) -> tuple[Epoch, ...]:
        """The authorities of a role, the newest last; the first one is made when there is none."""
        numbers = self._numbers(role)
        if not numbers:
            if role == ADMIN and (facts := facts_of(own := self.site_ca())):
                return (Epoch(0, own, facts.not_after),)
            issuer = self._first(role)
            return (Epoch(1, issuer.pem, issuer.ends),)
        found = [self._path(role, number).read_text() for number in numbers]
        return tuple(self._epoch(role, number, pem) for number, pem in zip(numbers, found, strict=True))

    def issuer(self, role: str, number: int | None = None) -> tuple[int, Issuer]:
        """The authority of that epoch (None: the newest) and its number."""
        epochs = {epoch.number: epoch for epoch in self.trusted(role)}
        number = max(epochs) if number is None else number
        if number == 0:
            return 0, self.site_issuer()
        if role in self._passing:
            return 1, self._passing[role]
        return number, self._load(role, number)

    def begin_next(self, role: str) -> int:
        """A new authority for a role, trusted beside the present ones from now on; its number."""
        checked_role(role)
        epochs = self.trusted(role)
        if epochs[-1].number == 0:
            (self.directory / role).mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path(role, 0), epochs[-1].pem, mode=0o644)
        number = epochs[-1].number + 1
        self._make(role, number)
        return number

    def retire(self, role: str) -> tuple[int, ...]:
        """Trust only the newest authority of a role; the numbers of the others. Their keys are deleted."""
        gone = self._numbers(role)[:-1]
        if gone:
            (self.directory / role / "retired").mkdir(mode=0o700, exist_ok=True)
        for number in gone:
            key = self._key_path(role, number)
            for each in (key, *key.parent.glob(f".{key.name}.*")):  # with what a crash left while it was written
                each.unlink(missing_ok=True)
            path = self._path(role, number)
            path.replace(path.parent / "retired" / path.name)
        return gone

    def make_first(self, role: str) -> None:
        """The first authority of a role, where there is none."""
        if not self._numbers(role):
            self._first(role)

    def retired(self, role: str) -> bool:
        """Was an authority of the role ever given up?"""
        return any((self.directory / role / "retired").glob("*.pem"))

    def _epoch(self, role: str, number: int, pem: str) -> Epoch:
        if facts := facts_of(pem):
            return Epoch(number, pem, facts.not_after)
        raise InvalidInput(
            f'"{self._path(role, number)}": expected a PEM certificate, found something else: put it back from the back-up; '
            "hosts that were told without it would let in none of its clients"
        )

    def _first(self, role: str) -> Issuer:
        checked_role(role)
        if role not in self._passing:
            if self.keeps:
                return self._make(role, 1)
            made = make_authority(f"xcatflow clients {role} 1", days=_CA_DAYS, now=self.now())
            self._passing[role] = load_issuer(
                ("", made.certificate.encode()), ("", made.key.encode()), now=self.now(), renew=""
            )
        return self._passing[role]

    def _make(self, role: str, number: int) -> Issuer:
        made = make_authority(f"xcatflow clients {role} {number}", days=_CA_DAYS, now=self.now())
        (self.directory / role).mkdir(mode=0o700, parents=True, exist_ok=True)
        # The certificate is written last: a key alone was left by a crash and has signed nothing.
        write_atomically(self._key_path(role, number), made.key, mode=0o600)
        write_atomically(self._path(role, number), made.certificate, mode=0o644)
        return self._load(role, number)

    def _load(self, role: str, number: int) -> Issuer:
        path, key = self._path(role, number), self._key_path(role, number)
        return load_issuer(
            (str(path), path.read_bytes()),
            (str(key), read_private(key)),
            now=self.now(),
            renew=f'begin the next one with "xcatflow pki rotate --role {role}"',
        )

    def _numbers(self, role: str) -> tuple[int, ...]:
        paths = (self.directory / role).glob("*.pem")
        return tuple(sorted(int(path.stem) for path in paths if path.stem.isdecimal()))

    def _path(self, role: str, number: int) -> Path:
        return self.directory / role / f"{number}.pem"

    def _key_path(self, role: str, number: int) -> Path:
        return self.directory / role / f"{number}-key.pem"


def checked_role(role: str) -> str:
    """The role's name. Raises InvalidInput for one that cannot be."""
    if not _ROLE.fullmatch(role):
        raise InvalidInput(
            f'role "{role}": expected small letters, digits, "-" and "_", a letter first, 32 characters at most'
        )
    return role
