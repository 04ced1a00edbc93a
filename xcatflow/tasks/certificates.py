"""What the tasks about certificates do."""

import json as json_text
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from xcatflow.app import Site
from xcatflow.certifying import ADMIN, CONTROLLER, Trust, default_place, takes
from xcatflow.errors import ExitCode, InvalidInput, reason_of
from xcatflow.model.site import STATE
from xcatflow.model.trust import Held
from xcatflow.report.trust import as_data, forecast, table
from xcatflow.tasks import execute
from xcatflow.tasks.common import say, site
from xcatflow.transport.keyfiles import write_atomically
from xcatflow.transport.pki import SiteAuthority
from xcatflow.transport.pki_records import Issued

WORKFLOW = "renew-certificates"
_SPAN = re.compile(r"(\d+)\s*d?(?:ays?)?")


@dataclass(frozen=True, slots=True)
class Rolling:
    """How the workflow that tells hosts is run."""

    nodes: str = ""
    batch: str = ""
    inputs: tuple[str, ...] = ()
    json: bool = False
    verbose: bool = False

    def __call__(self, *more: str) -> ExitCode:
        """Run it with these inputs too."""
        from xcatflow.tasks.runs import reporter_for

        given = [text for text in more if text.partition("=")[0] not in {own.partition("=")[0] for own in self.inputs}]
        request = execute.request("apply", WORKFLOW, self.nodes, (*self.inputs, *given), allow_empty=False)
        return execute.run(replace(request, batch=self.batch), reporter_for(json=self.json, verbose=self.verbose))

    @property
    def whole(self) -> bool:
        """Does it reach every host?"""
        return not self.nodes

    def say(self, *lines: str) -> None:
        """Lines beside those of the run, which may be for a program."""
        if self.json:
            sys.stderr.write("".join(f"{line}\n" for line in lines))
        else:
            say(*lines)


def status(*, within: str, hosts: str, json: bool) -> None:
    """Tell what there is. Ends the process with 5 when something ends within that time, with 1 when a host has not what it should."""
    here, now = site(), datetime.now(UTC)
    trust = Trust(here.root, here.definitions)
    days = _days(within) if within else None
    rows = trust.seen(here.select(hosts)) if hosts else trust.held(now)
    if json:
        shown = [row for row in rows if days is None or row.within(now, timedelta(days=days))]
        say(json_text.dumps([as_data(row, now) for row in shown], indent=1))
    else:
        say(*(table(rows, now) if days is None else forecast(rows, now, days)))
    if any(row.bad for row in rows):
        raise SystemExit(int(ExitCode.FAILED))
    if days is not None and _due(rows, now, days):
        raise SystemExit(int(ExitCode.PENDING))


def issue(name: str, *, role: str, days: int, out: str, csr: str) -> None:
    """Issue a certificate to a client."""
    here = site()
    trust = Trust(here.root, here.definitions)
    place = Path(out).resolve() if out else default_place(here.root, name)
    record = trust.issue(name, role, days, place, _request(csr))
    say(f"{place}: certificate of {name} for the role {role}, good until {record.not_after:%Y-%m-%d}")
    say(
        f"it may do everything on hosts that let in {role}: DOCKER_HOST=tcp://HOST:PORT DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH={place}"
    )
    if role != ADMIN or record.epoch > 1:
        say(f"hosts that do not know this authority yet let it in after: xcatflow apply {WORKFLOW}")


def renew(run: Rolling, *, everything: bool) -> None:
    """Renew hosts' certificates that end soon, or all of them."""
    here = _ready(run)
    # What there is proves that the authority works, before the first host is told anything.
    Trust(here.root, here.definitions).authority().certificate  # noqa: B018
    if not everything:
        _end(run())
        return
    begun = here.root / STATE / "pki" / "renewal"
    since, nodes = _begun(begun)
    if since and nodes == run.nodes:
        run.say(f"going on with the renewal of all that was begun at {since}")
    else:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        write_atomically(begun, f"{since} {run.nodes}\n", mode=0o600)
    code = run(f"since={since}")
    if code == ExitCode.OK:
        begun.unlink(missing_ok=True)
    _end(code)


def _begun(path: Path) -> tuple[str, str]:
    """When a renewal of all was begun that did not come to its end, and of which hosts (empty: of all). Empty texts where there is none."""
    try:
        since, _, nodes = path.read_text().strip().partition(" ")
        datetime.fromisoformat(since)
    except (OSError, ValueError):
        return "", ""
    return since, nodes


def renew_ca(run: Rolling) -> None:
    """Give the CA a later end."""
    here = site()
    authority = Trust(here.root, here.definitions).authority()
    with authority.alone():
        issuer = authority.ca.renew()
    authority.changed()
    run.say(
        f'the CA is good until {issuer.ends:%Y-%m-%d}; hosts and clients keep their certificates. Clients elsewhere need the new "ca.pem" '
        "before the old one ends"
    )


def revoke(name: str, run: Rolling) -> None:
    """Have hosts refuse a client."""
    here = _ready(run)
    trust = Trust(here.root, here.definitions)
    trust.known(name)
    authority = trust.authority()
    _told(run, authority.revoke(name))
    code = run()
    if code != ExitCode.OK or not run.whole:
        run.say(f"{name} is let in by hosts that were not told: xcatflow pki revoke {name} goes on")
        _end(code)
        return
    authority.settle()
    if name == CONTROLLER:
        run.say("every host refuses the controller's former certificate")
    else:
        run.say(f"every host refuses {name}")


def rotate(run: Rolling, *, role: str, finish: bool) -> None:
    """Replace the CA, or the authority of a role's clients, by another one, with a time in which both are good."""
    here = _ready(run)
    authority = Trust(here.root, here.definitions).authority()
    if role:
        _rotate_role(authority, run, role, finish=finish)
    else:
        _rotate_ca(authority, run, finish=finish)


def _rotate_ca(authority: SiteAuthority, run: Rolling, *, finish: bool) -> None:
    if not finish:
        authority.rotate()
    if not authority.former:
        raise InvalidInput("there is no former CA that could be given up: xcatflow pki rotate begins a new one")
    _end_unless_well(run(), run)
    if not finish:
        run.say(
            "hosts have certificates of the new CA. The former one is accepted until: xcatflow pki rotate --finish",
            'before that, clients elsewhere need the new "ca.pem" (those that were issued with --out here have it)',
        )
        return
    with authority.alone():
        authority.ca.finish()
    authority.changed()
    run.say("certificates of the former CA are refused from now on")


def _rotate_role(authority: SiteAuthority, run: Rolling, role: str, *, finish: bool) -> None:
    if role not in authority.epochs.made():
        raise InvalidInput(f'no client was ever issued for the role "{role}"')
    with authority.alone():
        both = len(authority.epochs.trusted(role)) > 1
        if finish and not both and not authority.epochs.retired(role):
            raise InvalidInput(
                f'clients of "{role}" have one authority only: xcatflow pki rotate --role {role} begins another'
            )
        if finish:
            authority.epochs.retire(role)
            _told(run, authority.reissue(role))
        elif not both:
            authority.epochs.begin_next(role)
    _end_unless_well(run(), run)
    if finish:
        authority.settle()
        run.say(f"clients of the former authority of {role} are refused by every host")
        return
    with authority.alone():
        _told(run, authority.reissue(role))
    run.say(f"hosts let in clients of both authorities until: xcatflow pki rotate --role {role} --finish")


def _told(run: Rolling, done: Iterable[tuple[Issued, bool]]) -> None:
    """Who has a new certificate, and where it is."""
    for record, placed in done:
        if placed:
            run.say(f'{record.name}: new certificate in "{record.place}", for the same key')
        else:
            place = record.place or "its files"
            run.say(
                f"{record.name}: its new certificate for the same key (was {place}; put it there as cert.pem):",
                record.pem.strip(),
            )


def _end_unless_well(code: ExitCode, run: Rolling) -> None:
    if code == ExitCode.OK and run.whole:
        return
    run.say("not every host was told: give the command again to go on")
    _end(code)
    raise SystemExit(int(ExitCode.OK))


def _end(code: ExitCode) -> None:
    if code != ExitCode.OK:
        raise SystemExit(int(code))


def _ready(run: Rolling) -> Site:
    """The site, which has the workflow, and takes what is given to it. Raises InvalidInput before anything is changed."""
    here = site()
    if WORKFLOW not in here.workflows():
        raise InvalidInput(f'"{here.root}" has no workflow "{WORKFLOW}": xcatflow init adds the shipped one')
    request = execute.request("plan", WORKFLOW, run.nodes, run.inputs, allow_empty=False)
    workflow = here.workflow(WORKFLOW)
    takes(workflow, run.batch, request.inputs)
    here.select(run.nodes or workflow.spec.nodes)
    return here


def _due(rows: Iterable[Held], now: datetime, days: int) -> bool:
    return any(row.within(now, timedelta(days=days)) for row in rows)


def _days(text: str) -> int:
    if not (match := _SPAN.fullmatch(text.strip())):
        raise InvalidInput(f'--within: expected days such as 60d, found "{text}"')
    return int(match[1])


def _request(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "it is no text"
        raise InvalidInput(f'cannot read the request "{path}": {reason}') from None
