"""`tls.host_certificate`: a machine has a key and a certificate of its own, signed by the site's CA, and beside them the authorities of the
clients that its daemon lets in.

The pair is replaced in one act: key and certificate are put together in a directory beside their places and renamed by one program. That
directory stays when the act is cut off in between, and the next run sees it and makes a new pair.

Source: RFC 6125 on names in certificates; rename() of POSIX.1-2017.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import ActFailed, CannotUndo, InvalidInput, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, Certificate, CertificateFacts, File, FileFacts, Question, Shell
from xcatflow.steps.certificates.acts import STAGE, drop_key, make_key, put_pair
from xcatflow.steps.certificates.roles import names_of, roles_of
from xcatflow.steps.given import LenientParams
from xcatflow.steps.place import AbsolutePath, change_rights, checked, place_file
from xcatflow.steps.sorts import need_file

_CA, _CERTIFICATE, _KEY = "ca.pem", "cert.pem", "key.pem"
_CA_ENDS_TOGETHER = _CLOCK_SKEW = timedelta(hours=1)
_OPENSSL = Shell("command -v openssl >/dev/null && echo yes; :")


def _listed(value: object) -> object:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        return items
    texts = (item.strip() if isinstance(item, str) else item for item in items)
    return tuple(item for item in texts if item != "")


def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if re.fullmatch(r"[0-9.]+|.*:.*", value):
            raise ValueError(f'expected a host name, found "{value}": addresses belong to "addresses"')
        if not re.fullmatch(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?", value) or len(value) > 253:
            raise ValueError(f'expected a host name, found "{value}"')
    return tuple(dict.fromkeys(value.lower() for value in values))


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(str(ip_address(value)) for value in values))
    except ValueError as error:
        raise ValueError(f"expected IP addresses: {error}") from None


_List = Annotated[tuple[str, ...], BeforeValidator(_listed, json_schema_input_type=str | list[str])]


class CertificateParams(LenientParams):
    """The certificate as wanted; empty items of lists are left out."""

    common_name: str = Field(min_length=1, max_length=64, description="Whose it is, usually the node's name.")
    names: Annotated[_List, AfterValidator(_names)] = Field(
        (),
        description="The host names it is good for: a list, or text with commas. Left out together with `addresses`: the node's name, "
        "also with its domain, and localhost.",
    )
    addresses: Annotated[_List, AfterValidator(_addresses)] = Field(
        (),
        description="The IP addresses it is good for: a list, or text with commas. Left out together with `names`: the node's own.",
    )
    directory: AbsolutePath = Field(
        "/etc/docker/tls", description="Where `ca.pem`, `cert.pem` and `key.pem` are on the machine."
    )
    days: int = Field(825, ge=1, le=36500, description="For how long it is issued.")
    renew_before_days: int = Field(30, ge=0, description="It is renewed when fewer days than these are left.")
    key: Literal["auto", "host", "controller"] = Field(
        "auto",
        description="Who makes the key: the machine with its openssl, so that it never leaves it, the controller, or who can.",
    )
    roles: _List = Field(
        (),
        description="Clients of these roles may command the machine; left out: `admin`, and those of `tls_roles` of the site.",
    )
    issued_since: datetime | None = Field(
        None, description="It is renewed when it was issued before this moment, such as `2027-03-01T12:00:00Z`."
    )
    other_authority: Literal["refuse", "replace"] = Field(
        "refuse",
        description="What to do about a certificate of another CA: `replace` locks out whoever commands the daemon by that CA.",
    )
    ca_clients: str = Field("", exclude=True, description="The clients' authorities, PEM; come from the site.")
    ca_former: tuple[str, ...] = Field(
        (), exclude=True, description="Key identifiers of former CAs; come from the site."
    )
    ca_identity: str = Field("", exclude=True, description="The CA's key identifier; comes from the site.")
    ca_ends: datetime | None = Field(None, exclude=True, description="When the CA ends; comes from the site.")

    @model_validator(mode="after")
    def _sensible(self) -> "CertificateParams":
        if not self.names and not self.addresses and {"names", "addresses"} & self.model_fields_set:
            raise ValueError('expected "names" or "addresses" that it is good for, found neither')
        if self.days <= self.renew_before_days:
            raise ValueError(
                f"a certificate for {self.days} days would be renewed each time, {self.renew_before_days} days before its end: "
                'make "days" larger than "renew_before_days"'
            )
        return self

    def path(self, name: str) -> str:
        """Where a file of the directory is."""
        return f"{self.directory}/{name}"


@dataclass(frozen=True, slots=True)
class HostFiles:
    """The files as they stand (None: not there), what the certificate says, and the time at which that is judged. `stage` tells that a
    former act was cut off, `openssl` that the machine can make keys."""

    certificate: FileFacts | None
    key: FileFacts | None
    ca: FileFacts | None
    facts: CertificateFacts | None
    now: datetime
    stage: bool = False
    openssl: bool = True

    def makes_key(self, want: CertificateParams) -> bool:
        """Is the key made on the machine?"""
        return want.key == "host" or (want.key == "auto" and self.openssl)


class TlsHostCertificate(Step[CertificateParams, HostFiles]):
    """The key is made on the machine, which asks for a certificate with it, and stays there. Where the machine cannot, the controller
    makes it for this machine alone; it travels as standard input then, and is kept nowhere else."""

    kind = "tls.host_certificate"
    params: ClassVar[type[Params]] = CertificateParams

    def prepare(self, want: CertificateParams, desk: Desk) -> CertificateParams:
        authority = desk.authority
        own = authority.read(authority.certificate)
        names, addresses = want.names, want.addresses
        if not names and not addresses:
            names, addresses = _defined(desk)
        given = {
            "names": names,
            "addresses": addresses,
            "ca_clients": authority.clients(want.roles or roles_of(desk.definitions, desk.node)),
            "ca_former": authority.former,
            "ca_identity": authority.identity,
            "ca_ends": own.not_after if own else None,
        }
        return want.model_copy(update=given)

    def ask(self, want: CertificateParams) -> tuple[Question[Any], ...]:
        files = (File(want.path(name)) for name in (_CERTIFICATE, _KEY, _CA, STAGE))
        return (Certificate(want.path(_CERTIFICATE)), *files, _OPENSSL)

    def seen(self, answers: Answers, want: CertificateParams) -> HostFiles | None:
        certificate, key, ca, stage = (answers[File(want.path(it))] for it in (_CERTIFICATE, _KEY, _CA, STAGE))
        facts = answers[Certificate(want.path(_CERTIFICATE))]
        return HostFiles(
            certificate, key, ca, facts, datetime.now(UTC), stage is not None, answers[_OPENSSL].text == "yes"
        )

    def plan(self, seen: HostFiles | None, want: CertificateParams) -> tuple[Change, ...]:
        assert seen is not None
        for name, facts in ((_CERTIFICATE, seen.certificate), (_KEY, seen.key), (_CA, seen.ca)):
            need_file(want.path(name), facts)
        what, good = f"certificate {want.path(_CERTIFICATE)}", ", ".join((*want.names, *want.addresses))
        after = f"{want.common_name} for {want.days} days, good for {good}"
        if want.key == "auto" and not seen.openssl:
            after += "; the controller makes the key, the machine has no openssl"
        if seen.certificate is None and seen.key is None:
            return (Change(Verb.CREATE, what, after=after),)
        _refuse_other_authority(seen, want)
        if why := "; ".join(_reasons(seen, want)):
            return (Change(Verb.REPLACE, what, after=after, why=why),)
        return tuple(_beside(seen, want))

    def apply(self, at: Target, want: CertificateParams, seen: HostFiles | None, change: Change) -> None:
        match change.field:
            case "mode":
                change_rights(at, change.what.partition(" ")[2], "mode", change.after or "")
            case "content":
                place_file(at, want.path(_CA), want.ca_clients.encode())
            case _:
                assert seen is not None
                _issue(at, want, seen)

    def undo(self, at: Target, want: CertificateParams, seen: HostFiles | None, change: Change) -> None:
        match change.verb, change.field:
            case Verb.CREATE, "":
                names = (_CERTIFICATE, _KEY, *(() if seen and seen.ca else (_CA,)))
                paths = " ".join(quote(want.path(name)) for name in names)
                checked(at, f"rm -f -- {paths}", f'cannot remove "{want.path(_CERTIFICATE)}"')
            case _, "mode":
                change_rights(at, change.what.partition(" ")[2], "mode", change.before or "")
            case _, "content":
                raise CannotUndo(f'the former "{want.path(_CA)}" is not known any more')
            case _:
                raise CannotUndo("the former key is gone: keys are never fetched from a machine")

    def outputs(self, seen: HostFiles | None, want: CertificateParams) -> dict[str, str]:
        until = f"{seen.facts.not_after:%Y-%m-%d}" if seen and seen.facts else ""
        return {"directory": want.directory, "expires": until}


def _defined(desk: Desk) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and addresses by the node's definition. Raises InvalidInput for what can be in no certificate."""
    names, addresses = names_of(desk.definitions, desk.node)
    try:
        return _names(names), _addresses(addresses)
    except ValueError as error:
        raise InvalidInput(f'certificate of "{desk.node}": {error}') from None


def _refuse_other_authority(seen: HostFiles, want: CertificateParams) -> None:
    """Raise ActFailed where the certificate is another CA's and still good: a clone of a site that lacks its CA must not take the hosts
    from the one that has it."""
    facts = seen.facts
    if want.other_authority == "replace" or facts is None or facts.authority in (want.ca_identity, *want.ca_former):
        return
    if facts.not_after > seen.now:
        raise ActFailed(
            f'"{want.path(_CERTIFICATE)}" is issued by another CA than this site\'s, and whoever uses that CA would be locked out of the '
            'daemon: copy the directory ".xcatflow/pki" of the site that made it, or say "other_authority: replace"'
        )


def _reasons(seen: HostFiles, want: CertificateParams) -> Iterator[str]:
    """Why the pair has to be made anew; nothing when it is good."""
    if seen.stage:
        yield "a former renewal was cut off"
    if seen.certificate is None:
        yield "the certificate is missing"
    elif seen.facts is None:
        yield "the certificate cannot be read"
    else:
        yield from _outdated(seen.facts, seen.now, want)
    if seen.key is None:
        yield "the key is missing"
    elif seen.key.mode & 0o077:
        yield f"others may have read the key, its mode is {seen.key.mode:04o}"
    elif seen.key.uid not in (0, None):
        yield f"the key belongs to {seen.key.owner}"


def _outdated(facts: CertificateFacts, now: datetime, want: CertificateParams) -> Iterator[str]:
    if facts.authority in want.ca_former:
        yield "it is issued by the site's former CA"
    elif facts.authority != want.ca_identity:
        yield "it is issued by another CA"
    if facts.common_name != want.common_name:
        yield f"its common name is {facts.common_name or 'empty'}"
    has = {*(name.lower() for name in facts.names), *facts.addresses}
    wanted = {*want.names, *want.addresses}
    if missing := sorted(wanted - has):
        yield f"names added: {', '.join(missing)}"
    if surplus := sorted(has - wanted):
        yield f"names removed: {', '.join(surplus)}"
    # One that ends with the CA cannot be had for longer.
    longest = want.ca_ends is not None and facts.not_after >= want.ca_ends - _CA_ENDS_TOGETHER
    left = facts.not_after - now
    if facts.not_before > now:
        yield f"it is not good before {facts.not_before:%Y-%m-%d %H:%M}"
    elif left <= timedelta(0):
        yield f"it expired on {facts.not_after:%Y-%m-%d}"
    elif left < timedelta(days=want.renew_before_days) and not longest:
        yield f"it expires in {left.days} days"
    elif want.issued_since and facts.not_before + _CLOCK_SKEW < want.issued_since:
        yield f"it was issued before {want.issued_since:%Y-%m-%d %H:%M}"


def _beside(seen: HostFiles, want: CertificateParams) -> Iterator[Change]:
    """What is wrong beside a good pair."""
    digest = sha256(want.ca_clients.encode()).hexdigest()
    ca = f"file {want.path(_CA)}"
    if seen.ca is None:
        yield Change(Verb.CREATE, ca, "content", after="the authorities of the site's clients")
    elif seen.ca.sha256 != digest:
        yield Change(Verb.UPDATE, ca, "content", why="clients of other authorities are to be let in")
    for name, facts in ((_CA, seen.ca), (_CERTIFICATE, seen.certificate)):
        if facts and facts.mode != 0o644 and not (name == _CA and facts.sha256 != digest):
            yield Change(Verb.UPDATE, f"file {want.path(name)}", "mode", f"{facts.mode:04o}", "0644")


def _issue(at: Target, want: CertificateParams, seen: HostFiles) -> None:
    """A new pair, by a key that stays on the machine where it can make one."""
    whose, made = f'certificate of "{want.common_name}"', at.authority
    if not seen.makes_key(want):
        issued = made.issue_server(want.common_name, want.names, want.addresses, want.days)
        put_pair(at, want.directory, want.ca_clients, issued.certificate, whose=whose, key=issued.key)
        return
    if not seen.openssl:
        raise ActFailed(f'{at.name} has no openssl to make a key with: install it, or say "key: controller" (or auto)')
    request = make_key(at, want.directory, whose=whose)
    try:
        certificate = made.sign_server(request, want.common_name, want.names, want.addresses, want.days)
    except XcatflowError:
        drop_key(at, want.directory)
        raise
    put_pair(at, want.directory, want.ca_clients, certificate, whose=whose)
