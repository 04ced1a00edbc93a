"""The site's certificate authority: a CA that daemons are known by, authorities that clients are known by, and what they have issued.

Two sorts of trust are kept apart. Whoever talks to a daemon trusts the site's CA; a daemon trusts the authorities of clients (`clients/`),
and nobody else who has a certificate of that CA, which may be a company's. Files beside those of `pki_ca` and `pki_clients`:
`client-cred.pem`, the controller's certificate and key in one file, so that renewing it is one atomic step; `client-cred-former.pem`, the
one before while a revocation is on its way to the hosts; `issued/`, the records.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xcatflow.errors import InvalidInput
from xcatflow.model.question import CertificateFacts
from xcatflow.model.trust import ADMIN
from xcatflow.transport.certificates import CLOCK_SKEW, Issuer, facts_of, good_pair, identity_of
from xcatflow.transport.keyfiles import exclusive, read_private, same_directory, write_atomically
from xcatflow.transport.pki_ca import CaFiles
from xcatflow.transport.pki_clients import ClientAuthorities, Epoch
from xcatflow.transport.pki_records import Issued, Records, Sort, Subject, issued
from xcatflow.transport.protocols import IssuedCertificate
from xcatflow.transport.tls import TlsFiles

CONTROLLER = "xcatflow"
"""The name in the controller's own client certificate."""

_CLIENT_DAYS = 365
_RENEW_BEFORE = timedelta(days=30)


class SiteAuthority:
    """The authority kept in `directory`: what is there is used, otherwise it is made on first use. Safe between threads and processes.

    `given` are certificate and key of a CA to use instead of one of its own. With `passing` nothing is written to `directory`: what is not
    there yet is made up for the time, and files of it go into that other directory.
    All methods raise InvalidInput when what is in the directory cannot be used, and Locked when another process holds it for too long.
    """

    def __init__(
        self,
        directory: Path,
        *,
        given: tuple[Path, Path] | None = None,
        passing: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._directory, self._now = directory, now
        self._lock = threading.RLock()
        self._held: Issuer | None = None
        self._passing = passing
        self.ca = CaFiles(directory, now, given, passing)
        self.epochs = ClientAuthorities(
            directory / "clients", now, self._issues_clients, self._own, keeps=passing is None
        )
        self.records = Records(directory / "issued")

    @property
    def certificate(self) -> str:
        """The CA's own certificate, PEM."""
        return self._own().pem

    @property
    def identity(self) -> str:
        """The CA's key identifier, hexadecimal, as `CertificateFacts.authority` of what it issues."""
        return self._own().identity

    @property
    def ends(self) -> datetime:
        """When the CA ends."""
        return self._own().ends

    @property
    def former(self) -> tuple[str, ...]:
        """The key identifiers of the site's former CAs."""
        self._own()
        return tuple(map(identity_of, self.ca.former()))

    def issue_server(
        self, common_name: str, names: Sequence[str], addresses: Sequence[str], days: int
    ) -> IssuedCertificate:
        """A key and a server's certificate for `days` days (the CA's own end at most), good for all names and addresses."""
        return self._server(Subject(common_name, names, addresses), days)

    def sign_server(
        self, request: str, common_name: str, names: Sequence[str], addresses: Sequence[str], days: int
    ) -> str:
        """The same for a key that is elsewhere: of `request` (PKCS #10, PEM) only that key is taken, and the proof that who asks has it.
        Raises InvalidInput for a request that proves nothing."""
        return self._server(Subject(common_name, names, addresses, request=request), days).certificate

    def clients(self, roles: Sequence[str]) -> str:
        """The certificates of the authorities that clients of these roles are known by, PEM: what a daemon of theirs has to trust."""
        self._own()
        with self.alone():
            return "".join(f"{epoch.pem.strip()}\n" for role in roles for epoch in self.epochs.trusted(role))

    def issue_client(self, name: str, role: str, days: int, *, request: str = "", place: str = "") -> IssuedCertificate:
        """A client's certificate of the role's newest authority, and its key unless it is that of `request`. `place`, where its files are,
        is put on record."""
        self._own()
        with self.alone():
            return self._client(Subject(name, role=role, server=False, request=request), days, place=place)

    def client_files(self) -> TlsFiles:
        """The controller's client certificate with the CA, issued when there is none, when less than 30 days remain, or when none of the
        trusted authorities signed it. While two are trusted the older one issues it: every host knows that one."""
        self._own()
        both, former = self._directory / "client-cred.pem", self._directory / "client-cred-former.pem"
        with self.alone():
            trusted = self.epochs.trusted(ADMIN)
            if not any(self._client_is_good(both, epoch) for epoch in trusted):
                strange = self._works(both) and not any(self._works(both, epoch.pem) for epoch in trusted)
                if strange and not self._works(former):
                    # Of an authority that is trusted no longer, but known by hosts that were not told yet.
                    former = both if self._passing else self._keep_former(both)
                both = (self._passing or self._directory) / both.name
                living = [epoch for epoch in trusted if epoch.ends > self._now()] or trusted
                self._issue_own(living[0].number, both)
            return TlsFiles(self.ca.write_trusted(), both, both, former if self._works(former) else None)

    def read(self, pem: str) -> CertificateFacts | None:
        """Facts of the first certificate in `pem`; None when there is none that parses."""
        return facts_of(pem)

    # --- the life of authorities ---

    def revoke(self, name: str) -> tuple[tuple[Issued, bool], ...]:
        """Begin the next epoch of the roles of a client's certificates, and issue those of all others anew by it, for the same keys. Safe
        to repeat after a crash. Returns the new ones, and whether their files could be put where the old ones are. Hosts have to be told
        then."""
        self._own()
        with self.alone():
            done: list[tuple[Issued, bool]] = []
            for role, epochs in self._held_by(name).items():
                if self.epochs.trusted(role)[-1].number in epochs:
                    self.epochs.begin_next(role)
                self.records.revoke((each for each in self.records.all() if _is_of(each, name)), self._now())
                self.epochs.retire(role)
                done += self.reissue(role)
            return tuple(done)

    def reissue(self, role: str) -> tuple[tuple[Issued, bool], ...]:
        """Issue all clients of a role anew by its newest authority, for the same keys and until the same day; the controller with a new
        key. Those that have it are left out."""
        newest = self.epochs.trusted(role)[-1]
        both, done = self._directory / "client-cred.pem", list[tuple[Issued, bool]]()
        if role == ADMIN and both.exists() and not self._client_is_good(both, newest):
            if not self._works(both.with_name("client-cred-former.pem")):
                self._keep_former(both)
            self._issue_own(newest.number, both)
        for old in self.records.latest("client"):
            if old.role == role and old.epoch != newest.number and old.not_after > self._now():
                subject = Subject(old.name, role=role, server=False, former=old.pem)
                made = self._client(subject, max(1, old.left(self._now()).days), place=old.place)
                new = replace(old, pem=made.certificate, epoch=newest.number)
                done.append((new, self._placed(new)))
        return tuple(done)

    def rotate(self) -> bool:
        """Begin a new CA, which clients' files name as well from now on. False where that was begun before, and is repeated. Raises
        InvalidInput where clients are issued by the CA itself: they would be out as soon as hosts are told."""
        self._own()
        with self.alone():
            if any(epoch.number == 0 for epoch in self.epochs.trusted(ADMIN)):
                raise InvalidInput(
                    "clients of this site are issued by its CA itself, as in sites that are older than roles: give them an authority of "
                    'their own first, with "xcatflow pki rotate --role admin", and then --finish'
                )
            begun = self.ca.rotate()
        self.changed()
        return begun

    def settle(self) -> None:
        """No host is left that knows only the controller's former certificate."""
        (self._directory / "client-cred-former.pem").unlink(missing_ok=True)

    def changed(self) -> None:
        """The CA's files were changed: read them anew, and put the CA beside clients' certificates."""
        with self._lock:
            self._held = None
        self._own()
        for record in self.records.latest("client"):
            self._placed(record)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one, among threads and processes, that changes anything."""
        with self._lock:
            if getattr(self, "_depth", 0):
                yield
                return
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with exclusive(self._directory):
                self._depth = 1
                try:
                    yield
                finally:
                    self._depth = 0

    # --- details ---

    def _own(self) -> Issuer:
        with self._lock:
            if self._held is None:
                with self.alone():
                    if not self.ca.given and not self.ca.exists:
                        self.epochs.make_first(ADMIN)
                        self.ca.make()
                    self._held = self.ca.load()
            return self._held

    def _issues_clients(self) -> str:
        """The CA's own certificate in a site that is older than the authorities of clients, and has none of these yet."""
        return "" if self.ca.given or not self.ca.exists else self.ca.certificate.read_text()

    def _server(self, subject: Subject, days: int) -> IssuedCertificate:
        made = self._own().issue(subject, days=days, now=self._now())
        self._record("host", made, subject)
        return made

    def _client(self, subject: Subject, days: int, *, number: int | None = None, place: str = "") -> IssuedCertificate:
        number, issuer = self.epochs.issuer(subject.role, number)
        made = issuer.issue(subject, days=days, now=self._now())
        sort: Sort = "controller" if subject.common_name == CONTROLLER else "client"
        self._record(sort, made, subject, epoch=number, place=place)
        return made

    def _record(
        self, sort: Sort, made: IssuedCertificate, subject: Subject, *, epoch: int = 0, place: str = ""
    ) -> None:
        facts = facts_of(made.certificate)
        if self._passing is not None:
            return
        assert facts is not None
        self.records.add(issued(sort, facts, made.certificate, subject, epoch=epoch, place=place))

    def _issue_own(self, number: int, both: Path) -> None:
        made = self._client(Subject(CONTROLLER, role=ADMIN, server=False), _CLIENT_DAYS, number=number)
        write_atomically(both, made.certificate + made.key, mode=0o600)

    def _client_is_good(self, path: Path, epoch: Epoch) -> bool:
        try:
            both = read_private(path)
        except InvalidInput:
            return False
        now = self._now()
        return good_pair(both, epoch.pem, now=now, until=min(now + _RENEW_BEFORE, epoch.ends - CLOCK_SKEW))

    def _works(self, path: Path, issuer: str = "") -> bool:
        """Is it the controller's certificate, by that issuer (empty: by any), with its key, and good now?"""
        try:
            return good_pair(read_private(path), issuer, now=self._now(), until=self._now())
        except InvalidInput:
            return False

    def _keep_former(self, both: Path) -> Path:
        former = both.with_name("client-cred-former.pem")
        write_atomically(former, both.read_text(), mode=0o600)
        return former

    def _held_by(self, name: str) -> dict[str, set[int]]:
        """The roles in which a client has certificates that have not ended, revoked or not, and the epochs these are from."""
        found: dict[str, set[int]] = {}
        for each in self.records.all():
            if _is_of(each, name) and each.not_after > self._now():
                found.setdefault(each.role, set()).add(each.epoch)
        if name == CONTROLLER and ADMIN not in found and (own := self._directory / "client-cred.pem").exists():
            # Issued before there were records.
            facts, trusted = facts_of(own.read_text()), self.epochs.trusted(ADMIN)
            found[ADMIN] = {each.number for each in trusted if facts and identity_of(each.pem) == facts.authority}
        return found

    def _placed(self, record: Issued) -> bool:
        """Put a client's certificate, and the CA, where its former ones are; False where they are not there any more."""
        if not record.place:
            return False
        try:
            # The directory may be the client's own: whatever is wrong or done there must not lead elsewhere, nor end what is under way.
            with same_directory(Path(record.place)) as place:
                if identity_of((place / "cert.pem").read_bytes().decode(errors="replace")) != identity_of(record.pem):
                    return False
                write_atomically(place / "cert.pem", record.pem, mode=0o644)
                write_atomically(place / "ca.pem", self.ca.trusted(), mode=0o644)
        except (OSError, InvalidInput):
            return False
        return True


def _is_of(record: Issued, name: str) -> bool:
    return record.name == name and record.sort != "host"
