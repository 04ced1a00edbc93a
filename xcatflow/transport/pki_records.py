"""What the site's authority has issued, on record: one file for each certificate, without its key.

The records tell what will end when, and whose certificates have to be made anew when those of others are revoked. They are no proof:
what a machine has is on the machine.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from xcatflow.errors import InvalidInput, reason_of
from xcatflow.model.question import CertificateFacts
from xcatflow.transport.keyfiles import write_atomically

Sort = Literal["host", "client", "controller"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose a certificate is, and what for: a server's is good for `names` and `addresses`, a client's says its `role`. The key is made
    here, or is that of `request` (PKCS #10, PEM), of which nothing else is taken, or that of `former`, a certificate that was issued here
    before (PEM), which proves nothing by itself."""

    common_name: str
    names: Sequence[str] = ()
    addresses: Sequence[str] = ()
    role: str = ""
    server: bool = True
    request: str = ""
    former: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was issued. `serial` and `authority` are hexadecimal, `epoch` is which of its role's authorities a client's is
    from, `place` where its files were put, `revoked` when (None: it is not)."""

    serial: str
    sort: Sort
    name: str
    authority: str
    not_before: datetime
    not_after: datetime
    pem: str
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    role: str = ""
    epoch: int = 0
    place: str = ""
    revoked: datetime | None = None

    def left(self, now: datetime) -> timedelta:
        return self.not_after - now


def issued(sort: Sort, facts: CertificateFacts, pem: str, subject: Subject, *, epoch: int, place: str) -> Issued:
    """The record of a certificate."""
    return Issued(
        serial=f"{facts.serial:x}",
        sort=sort,
        name=subject.common_name,
        authority=facts.authority,
        not_before=facts.not_before,
        not_after=facts.not_after,
        pem=pem,
        names=facts.names,
        addresses=facts.addresses,
        role=subject.role,
        epoch=epoch,
        place=place,
    )


@dataclass(frozen=True, slots=True)
class Records:
    """The records in a directory, which is made with the first one. Raises InvalidInput where a file cannot be written or read."""

    directory: Path

    def add(self, record: Issued) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps(asdict(record), indent=1, default=datetime.isoformat)
        write_atomically(self._path(record), f"{text}\n", mode=0o600)

    def all(self) -> tuple[Issued, ...]:
        """Every record, the oldest first."""
        paths = self.directory.glob("*.json")
        return tuple(sorted(map(_read, paths), key=lambda each: (each.not_before, each.epoch, each.not_after)))

    def latest(self, sort: Sort | None = None) -> tuple[Issued, ...]:
        """The newest record of each holder that is not revoked, in order of names; of a client one for each role and place, since it may
        have several certificates at a time."""
        found: dict[tuple[str, ...], Issued] = {}
        for record in self.all():
            if sort in (None, record.sort) and record.revoked is None:
                found[record.sort, record.name, record.role, record.place] = record
        return tuple(found[key] for key in sorted(found))

    def revoke(self, records: Iterable[Issued], now: datetime) -> None:
        for record in records:
            if record.revoked is None:
                self.add(replace(record, revoked=now))

    def _path(self, record: Issued) -> Path:
        return self.directory / f"{record.serial}.json"


def _read(path: Path) -> Issued:
    try:
        held = json.loads(path.read_text())
        for key in ("not_before", "not_after", "revoked"):
            held[key] = datetime.fromisoformat(held[key]).astimezone(UTC) if held[key] else None
        for key in ("names", "addresses"):
            held[key] = tuple(held[key])
        return Issued(**held)
    except OSError as error:
        raise InvalidInput(f'cannot read "{path}": {reason_of(error)}') from None
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput(
            f'"{path}": expected the record of a certificate, found something else ({error}); '
            "put it back from the back-up, or remove it"
        ) from None
