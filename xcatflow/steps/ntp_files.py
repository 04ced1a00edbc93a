"""Which service keeps a machine's time, and its configuration with the wanted servers. Pure.

Source: timesyncd.conf(5); chrony.conf(5); ntp.conf(5). Debian and RHEL name units and files differently.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

BEGIN, END = "# xcatflow servers START", "# xcatflow servers END"
_OFF = "#xcatflow# "
_SOURCE = re.compile(r"\s*(server|pool|peer)\s")


@dataclass(frozen=True, slots=True)
class Service:
    """A service, its unit, and where its configuration is."""

    name: str
    unit: str
    path: str


SERVICES = (
    Service("chrony", "chrony.service", "/etc/chrony/chrony.conf"),
    Service("chrony", "chronyd.service", "/etc/chrony.conf"),
    Service("ntpd", "ntpsec.service", "/etc/ntpsec/ntp.conf"),
    Service("ntpd", "ntp.service", "/etc/ntp.conf"),
    Service("ntpd", "ntpd.service", "/etc/ntp.conf"),
    Service("timesyncd", "systemd-timesyncd.service", "/etc/systemd/timesyncd.conf.d/90-xcatflow.conf"),
)
"""In the order in which they are taken: who installed chrony or ntpd meant it."""


def configured(service: Service, text: str, servers: Iterable[str], *, exclusive: bool) -> str:
    """The configuration with these servers; with `exclusive` others are switched off by a mark before their lines."""
    if service.name == "timesyncd":
        # An empty assignment forgets those of other files.
        others = "NTP=\n" if exclusive else ""
        return f"[Time]\n{others}NTP={' '.join(servers)}\n"
    kept = without_block(text)
    if exclusive:
        kept = "".join(f"{_OFF}{line}" if _SOURCE.match(line) else line for line in kept.splitlines(keepends=True))
    lines = "".join(f"server {server} iburst\n" for server in servers)
    return f"{kept}{'' if not kept or kept.endswith(chr(10)) else chr(10)}{BEGIN}\n{lines}{END}\n"


def without_block(text: str) -> str:
    """The configuration without ours, others switched on again."""
    lines: list[str] = []
    ours = False
    for line in text.splitlines(keepends=True):
        ours = ours or line.rstrip("\n") == BEGIN
        if not ours:
            lines.append(line.removeprefix(_OFF))
        ours = ours and line.rstrip("\n") != END
    return "".join(lines)
