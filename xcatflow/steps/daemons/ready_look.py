"""The three things that make a Docker host, as its machine and its daemon show them: an engine that runs, a bridge, and trust.

Source: systemctl(1) `show`; `docker version`, and the Engine API's `/version` where there is no client.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from xcatflow.errors import CannotTell
from xcatflow.model.links import Link
from xcatflow.model.question import CertificateFacts, DaemonFacts, FileFacts, Reply, Shell
from xcatflow.steps.daemons.info import INFO_S
from xcatflow.steps.networks.host import read_links

OTHER_CA = "certificate of another CA than the site's"
ENGINE = Shell(f"""\
u=$(systemctl show -p LoadState,ActiveState docker.service) || exit
printf '%s\\n' "$u"
case $u in *ActiveState=active*) ;; *) exit 0;; esac
s=/var/run/docker.sock
if command -v docker >/dev/null; then
  v=$(timeout {INFO_S} docker -H "unix://$s" version -f '{{{{.Server.Version}}}} {{{{.Server.APIVersion}}}}' 2>/dev/null)
elif command -v curl >/dev/null; then
  v=$(curl -sf -m {INFO_S} --unix-socket "$s" http://localhost/version | tr ',{{}}' '\\n\\n\\n' |
    sed -n 's/^"Version":"\\([^"]*\\)"$/\\1/p; s/^"ApiVersion":"\\([^"]*\\)"$/\\1/p' | tail -n 2 | tr '\\n' ' ')
fi
printf 'version=%s\\n' "$v"
""")
COMING = ("docker.service is activating", "docker.service is active, but")
_GUESTS = re.compile(r"veth.*|v.+pl[0-9]+|tap.*|vnet[0-9]+")
"""What the ends of containers and virtual machines are called: Docker's, pipework's, libvirt's."""
_SOON_DAYS = 30
_PLACE = re.compile(r"cannot connect to docker host \S+: ")


@dataclass(frozen=True, slots=True)
class Minimum:
    """One of the three: is it there, and what is told of it."""

    well: bool
    told: str

    def __str__(self) -> str:
        return f"{'ok' if self.well else 'failed'} ({self.told})"


@dataclass(frozen=True, slots=True)
class Ready:
    """The three, in the order in which they are made; `may_come` tells that what is missing may come by itself."""

    docker: Minimum
    bridge: Minimum
    tls: Minimum
    may_come: bool = False

    @property
    def lacking(self) -> Mapping[str, Minimum]:
        """Those that are not well, by name."""
        named = {"docker": self.docker, "bridge": self.bridge, "tls": self.tls}
        return {name: each for name, each in named.items() if not each.well}


def docker_of(reply: Reply, daemon: DaemonFacts | None) -> Minimum:
    """The engine, by what systemd says of it, and by its socket on its machine; what it told us itself is as good. Raises CannotTell."""
    told = dict(line.partition("=")[::2] for line in reply.text.splitlines())
    if reply.code or "LoadState" not in told:
        reason = "it has no systemd" if reply.code == 127 else reply.complaint.partition("\n")[0] or "no answer"
        raise CannotTell(f"cannot look at docker.service of the machine: {reason}")
    match told["LoadState"], told.get("ActiveState", ""):
        case "not-found", _:
            return Minimum(False, "not installed")
        case "masked", _:
            return Minimum(False, "docker.service is masked")
        case _, active if active != "active":
            return Minimum(False, f"docker.service is {active}")
    if daemon:
        return Minimum(True, f"{daemon.engine}, API {daemon.api}")
    engine, _, api = told.get("version", "").strip().partition(" ")
    if not engine:
        return Minimum(False, "docker.service is active, but does not answer at its socket")
    return Minimum(True, f"{engine}, API {api}")


def bridge_of(reply: Reply, name: str) -> Minimum:
    """The bridge with its ports that lead outside, and its addresses. Raises CannotTell."""
    found = read_links(reply, name)
    link: Link | None = next((it for it in found if it.name == name), None)
    if link is None:
        return Minimum(False, f"no bridge {name}")
    if link.kind != "bridge":
        return Minimum(False, f"{name} is no bridge but a {link.kind or 'NIC'}")
    if not link.up:
        return Minimum(False, f"{name} is down")
    ports = [it.name for it in found if it.master == name and not _GUESTS.fullmatch(it.name)]
    addresses = [address.text for address in link.addresses]
    return Minimum(True, ", ".join((name, *(ports or ["no port"]), *(addresses or ["no address"]))))


@dataclass(frozen=True, slots=True)
class Trust:
    """The TLS files by path (None: not there), what the certificate says (None: it cannot be read), and why the daemon did not let us in:
    empty where it did, None where it could not be tried."""

    files: Mapping[str, FileFacts | None]
    certificate: CertificateFacts | None
    refused: str | None


def tls_of(trust: Trust, authorities: tuple[str, ...], now: datetime) -> Minimum:
    """The certificate: there, good now, of one of these CAs, and let us in by the daemon."""
    if missing := [path for path, facts in trust.files.items() if facts is None]:
        return Minimum(False, f"{missing[0]} is missing")
    facts = trust.certificate
    if facts is None:
        return Minimum(False, "the certificate cannot be read")
    if facts.not_after <= now:
        return Minimum(False, f"certificate expired {facts.not_after:%Y-%m-%d}")
    if facts.authority not in authorities:
        return Minimum(False, OTHER_CA)
    if facts.not_before > now:
        return Minimum(False, f"certificate not good before {facts.not_before:%Y-%m-%d}")
    if trust.refused:
        return Minimum(False, trust.refused)
    left = (facts.not_after - now).days
    told = f"certificate until {facts.not_after:%Y-%m-%d}"
    told += f", {left} days left" if left < _SOON_DAYS else ""
    return Minimum(True, told + (", not tried" if trust.refused is None else ""))


def reason(error: Exception) -> str:
    """Why a daemon let us not in, without the place."""
    return _PLACE.sub("", " ".join(str(error).split()))
