"""Looking at a machine's network as far as a bridge is concerned: one script, and what its answer says.

Source: ip-link(8); networkctl(1), nmcli(1) and interfaces(5) for what manages a NIC; iptables(8).
"""

from dataclasses import dataclass
from shlex import quote
from typing import Literal, cast

from xcatflow.errors import CannotTell
from xcatflow.model.links import Link, Route, chapters, links, routes
from xcatflow.model.question import Reply, Shell
from xcatflow.steps.bridge_files import MARK, STACKS, Stack, files, unit

Filter = Literal["none", "open", "closed"]


@dataclass(frozen=True, slots=True)
class Network:
    """A machine's network as far as a bridge is concerned. `marks` are what the bridge's files say they were made for, by path;
    `enabled` is about its unit; `filter` tells whether the packet filter surely lets frames pass between the bridge's ports."""

    links: tuple[Link, ...]
    routes: tuple[Route, ...]
    stack: Stack
    marks: tuple[tuple[str, str], ...] = ()
    enabled: bool = False
    filter: Filter = "none"

    def find(self, name: str) -> Link | None:
        return next((link for link in self.links if link.name == name), None)


def question(name: str, port: str) -> Shell:
    """What a bridge `name`, with `port` or without any, has to be asked about."""
    paths = dict.fromkeys(path for stack in STACKS for path in files(stack, name))
    return Shell(
        f"p={quote(port)} b={quote(name)} u={quote(unit(name))}\n"
        "ip -j -d addr || exit\necho\n"
        'for f in 4 6; do echo "#routes$f"; ip -j "-$f" route || exit; echo; done\n'
        f"echo '#stack'\n{_STACK if port else 'echo none'}\n"
        f"echo '#filter'\n{_FILTER}\n"
        "echo '#enabled'; systemctl is-enabled -- \"$u\" 2>/dev/null\n"
        f"echo '#marks'; grep -m 1 -H {quote('^' + MARK)} -- {' '.join(map(quote, paths))} 2>/dev/null\n"
        ":"
    )


def network(reply: Reply) -> Network:
    """What the answer says. Raises CannotTell."""
    if reply.code:
        reason = (reply.complaint or f"status {reply.code}").splitlines()[0]
        raise CannotTell(f'cannot look at the network: {reason}; "ip" of iproute2 with JSON output is needed')
    parts = chapters(f"#links\n{reply.text}")
    try:
        lines = (line.partition(f":{MARK}") for line in parts["marks"].splitlines())
        return Network(
            links(parts["links"]),
            (*routes(parts["routes4"]), *routes(parts["routes6"])),
            cast(Stack, parts["stack"]),
            tuple((path, mark) for path, _, mark in lines),
            parts["enabled"] == "enabled",
            cast(Filter, parts["filter"]),
        )
    except (ValueError, LookupError, TypeError) as error:
        raise CannotTell(f"cannot look at the network: unexpected answer of ip: {error!r}") from None


_STACK = """\
if systemctl -q is-active NetworkManager && case $(nmcli -g GENERAL.STATE device show "$p" 2>/dev/null) in
  ''|'10 '*) false;; esac; then echo networkmanager
elif systemctl -q is-active systemd-networkd && case $(networkctl --no-pager --no-legend list -- "$p" 2>/dev/null) in
  ''|*unmanaged*) false;; esac; then echo networkd
elif command -v ifup >/dev/null &&
  grep -qsE "^[[:space:]]*iface[[:space:]]+($p|$b)[[:space:]]" /etc/network/interfaces /etc/network/interfaces.d/*; then echo ifupdown
else echo none; fi"""

_FILTER = """\
state=none
for filter in iptables ip6tables; do
  $filter -w -S FORWARD >/dev/null 2>&1 || continue
  [ $state = closed ] || state=open
  $filter -w -C FORWARD -i "$b" -o "$b" -j ACCEPT 2>/dev/null || state=closed
done
echo $state"""
