"""The site's certificates outside of a run: what there is, what hosts really have, and new ones for clients.

Telling changes nothing, and works with a CA that has ended or lacks its key: only then it is needed most.
"""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import cast

from xcatflow.engine.check import checked_inputs
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import InvalidInput, XcatflowError, did_you_mean, reason_of
from xcatflow.model.definitions import Definitions
from xcatflow.model.placed import PlacedWorkflow, with_batch
from xcatflow.model.question import Answers, Certificate, CertificateFacts, File
from xcatflow.model.trust import ADMIN, Held
from xcatflow.steps.certificates.roles import roles_of
from xcatflow.transport.certificates import facts_of, identity_of
from xcatflow.transport.keyfiles import write_atomically
from xcatflow.transport.pki import CONTROLLER, SiteAuthority
from xcatflow.transport.pki_clients import checked_role
from xcatflow.transport.pki_records import Issued
from xcatflow.transport.pool import Machines
from xcatflow.wiring import Wiring

DIRECTORY = "/etc/docker/tls"
_NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")
_RENEW = timedelta(days=30)
_CA_RENEW = timedelta(days=825)
_AT_ONCE = 32
_LOOK_S = 30.0


@dataclass(frozen=True, slots=True)
class Trust:
    """The certificates of a site."""

    root: Path
    definitions: Definitions

    def authority(self) -> SiteAuthority:
        """The site's authority; made when there is none."""
        return cast(SiteAuthority, Wiring(self.root, self.definitions, Redactor()).authority())

    def held(self, now: datetime) -> tuple[Held, ...]:
        """What there is by the site's files: the CA, the authorities of clients, and what they have issued. Raises InvalidInput where the
        site has no CA."""
        with self._existing() as (site, _):
            return (*_authorities(site), *_issued(site, self.definitions.nodes, now))

    def seen(self, nodes: Sequence[str]) -> tuple[Held, ...]:
        """What these hosts have, one round trip each; one that cannot be looked at is a bad one."""
        questions = (Certificate(f"{DIRECTORY}/cert.pem"), File(f"{DIRECTORY}/ca.pem", ""))
        with self._existing() as (site, wiring):
            machines = Machines(
                open_shell=wiring.shell,
                open_docker=wiring.docker,
                authority=wiring.authority,
                stopping=Event(),
                look_timeout_s=_LOOK_S,
            )
            with closing(machines), ThreadPoolExecutor(_AT_ONCE, "look") as pool:
                answers = pool.map(lambda node: Answers(machines.ask(("shell", node), questions)), nodes)
                return tuple(self._host(site, node, given) for node, given in zip(nodes, answers, strict=True))

    def issue(self, name: str, role: str, days: int, place: Path, request: str) -> Issued:
        """A client's certificate, with its key unless it was made elsewhere, as Docker's three files in `place`. Raises InvalidInput."""
        if name == CONTROLLER:
            raise InvalidInput(f'"{CONTROLLER}" is the controller\'s own name: give another one')
        if not 1 <= days <= 3650:
            raise InvalidInput(f"--days: expected 1 to 3650, found {days}")
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f'client "{name}": expected a name of 1 to 64 characters, of letters, digits and "_.@+-", a letter or digit first'
            )
        checked_role(role)
        site = self.authority()
        _free(place, site.records.all(), name)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f'cannot make the directory "{place}": {reason_of(error)}') from None
        try:
            made = site.issue_client(name, role, days, request=request, place=str(place))
        except XcatflowError:
            with suppress(OSError):
                place.rmdir()
            raise
        if made.key:
            write_atomically(place / "key.pem", made.key, mode=0o600)
        write_atomically(place / "cert.pem", made.certificate, mode=0o644)
        write_atomically(place / "ca.pem", site.ca.trusted(), mode=0o644)
        return next(each for each in reversed(site.records.all()) if each.pem == made.certificate)

    def known(self, name: str) -> None:
        """Raises InvalidInput where no certificate was issued to that client."""
        with self._existing() as (site, _):
            names = {CONTROLLER, *(each.name for each in site.records.all() if each.sort != "host")}
        if name not in names:
            there = f": there are {', '.join(sorted(names))}" if names else ""
            raise InvalidInput(f'no certificate was issued to "{name}"{did_you_mean(name, names) or there}')

    @contextmanager
    def _existing(self) -> Iterator[tuple[SiteAuthority, Wiring]]:
        """The site's authority, to be asked only. Raises InvalidInput where there is none."""
        with closing(Wiring(self.root, self.definitions, Redactor(), rehearse=True)) as wiring:
            site = cast(SiteAuthority, wiring.authority())
            if not site.ca.present():
                raise InvalidInput(
                    f'"{self.root}" has no CA yet: provision-dockerhost, or the first "xcatflow pki issue", makes it'
                )
            yield site, wiring

    def _host(self, site: SiteAuthority, node: str, given: Answers) -> Held:
        """A host by what it answered."""
        try:
            facts, ca = given[Certificate(f"{DIRECTORY}/cert.pem")], given[File(f"{DIRECTORY}/ca.pem", "")]
        except XcatflowError as error:
            return Held("host", node, None, remark=str(error), bad=True)
        if facts is None:
            return Held("host", node, None, how="provision-dockerhost", remark="it has no certificate", bad=True)
        remarks = [*_whose(site, facts), *_lets_in(site, roles_of(self.definitions, node), ca.content if ca else b"")]
        held = Held("host", node, facts.not_after, _names(facts), facts.not_after - _RENEW, "pki renew")
        return replace(held, remark="; ".join(remarks), bad=bool(remarks))


def _authorities(site: SiteAuthority) -> Iterator[Held]:
    pem = site.ca.present()
    if facts := facts_of(pem):
        how = "whoever gave it" if site.ca.given else "pki renew --ca"
        yield Held("ca", facts.common_name, facts.not_after, "signs hosts", facts.not_after - _CA_RENEW, how)
    for former in site.ca.former():
        if facts := facts_of(former):
            remark = 'hosts with its certificates are still accepted: "xcatflow pki rotate --finish" ends that'
            yield Held("ca", facts.common_name, facts.not_after, "former", how="pki rotate --finish", remark=remark)
    for role in site.epochs.roles():
        for epoch in site.epochs.trusted(role) if role in site.epochs.made() else ():
            how = f"pki rotate --role {role}"
            yield Held("clients", f"{role} {epoch.number}", epoch.ends, "signs clients", epoch.ends - _CA_RENEW, how)


def _issued(site: SiteAuthority, nodes: Container[str], now: datetime) -> Iterator[Held]:
    """What was issued to those that are still there: a host that is no node any more, and a client whose certificate is long over, are
    nobody's concern."""
    for record in site.records.latest():
        ends, renew = record.not_after, record.not_after - _RENEW
        match record.sort:
            case "controller":
                yield Held("controller", record.name, ends, record.role, renew, "the next command")
            case "client" if ends > now - _RENEW:
                yield Held("client", record.name, ends, record.role, how=f"pki issue {record.name}")
            case "host" if record.name in nodes:
                good = ", ".join((*record.names, *record.addresses))
                yield Held("host", record.name, ends, good, renew, "pki renew")
    revoked = {each.name: each for each in site.records.all() if each.revoked and each.not_after > now}
    for name, record in sorted(revoked.items()):
        yield Held("client", name, record.not_after, record.role, remark=f"revoked {record.revoked:%Y-%m-%d}")


def _whose(site: SiteAuthority, facts: CertificateFacts) -> Iterator[str]:
    present = identity_of(site.ca.present())
    if facts.authority in map(identity_of, site.ca.former()):
        yield "its certificate is of the site's former CA"
    elif facts.authority != present:
        yield "its certificate is of another CA than the site's"


def _lets_in(site: SiteAuthority, roles: Sequence[str], content: bytes | None) -> Iterator[str]:
    """What is wrong about whom a host lets in."""
    wanted = {identity_of(epoch.pem): epoch for role in roles for epoch in site.epochs.trusted(role)}
    marks = (content or b"").decode(errors="replace").split("-----BEGIN ")
    has = {identity for mark in marks if (identity := identity_of(f"-----BEGIN {mark}"))}
    if lacking := [identity for identity in wanted if identity not in has]:
        yield f"it does not let in all clients of the site ({len(lacking)} of {len(wanted)} authorities are missing)"
    if surplus := has - wanted.keys():
        yield f"it lets in clients of {len(surplus)} other authorities, such as revoked ones"


def _names(facts: CertificateFacts) -> str:
    return ", ".join((*facts.names, *facts.addresses))


def _free(place: Path, records: Sequence[Issued], name: str) -> None:
    """Raise InvalidInput where there are files of somebody else."""
    for each in ("ca.pem", "cert.pem", "key.pem"):
        if (place / each).exists() and not any(it.name == name and it.place == str(place) for it in records):
            raise InvalidInput(f'"{place / each}" is there already: give another directory with --out, or move it away')


def takes(workflow: PlacedWorkflow, batch: str, inputs: Mapping[str, str]) -> None:
    """Raises InvalidInput where the workflow does not take what is to be given to it."""
    checked_inputs(with_batch(workflow, batch), inputs)


def default_place(root: Path, name: str) -> Path:
    """Where a client's files go by default: never into git."""
    return root / ".xcatflow" / "pki" / "out" / name


__all__ = ["ADMIN", "CONTROLLER", "Trust", "default_place", "takes"]
