"""Looking at a machine's network as far as a chain of links is concerned: one script, and what its answer says.

Source: ip-link(8); networkctl(1), nmcli(1), netplan(5) and interfaces(5) for what manages a NIC; iptables(8).
"""

from dataclasses import dataclass
from shlex import quote
from typing import Literal, cast

from xcatflow.errors import CannotTell
from xcatflow.model.links import Link, Route, chapters, links, routes
from xcatflow.model.question import Reply, Shell
from xcatflow.steps.networks.chain import STACKS, Chain, Stack
from xcatflow.steps.networks.files import paths, unit
from xcatflow.steps.networks.made import MARK

Filter = Literal["none", "open", "closed"]


@dataclass(frozen=True, slots=True)
class Network:
    """A machine's network as far as a chain is concerned. `marks` are what the chain's files say they were made for, by path;
    `enabled` is about its unit; `filter` tells whether the packet filter surely lets frames pass between the bridge's ports; `client`
    whether a DHCP client that nothing manages has the NIC's address."""

    links: tuple[Link, ...]
    routes: tuple[Route, ...]
    stack: Stack
    marks: tuple[tuple[str, str], ...] = ()
    enabled: bool = False
    filter: Filter = "none"
    client: bool = False

    def find(self, name: str) -> Link | None:
        return next((link for link in self.links if link.name == name), None)

    def by_mac(self, mac: str) -> str | None:
        """The NIC with this MAC: not what stands on it, and has the same."""
        return next((it.name for it in self.links if it.mac == mac and it.kind not in ("bridge", "bond", "vlan")), None)


def question(chain: Chain) -> Shell:
    """What has to be asked about a chain."""
    marked = dict.fromkeys(path for stack in STACKS for path in paths(stack, chain))
    nic = next(iter((*chain.donors, *chain.nics)), "")
    bridge = chain.top.kind == "bridge"
    return Shell(
        f"p={quote(nic)} b={quote(chain.top.name)} u={quote(unit(chain))}\n"
        f"{_BY_MAC if ':' in nic else ''}"
        "ip -j -d addr || exit\necho\n"
        'for f in 4 6; do echo "#routes$f"; ip -j "-$f" route || exit; echo; done\n'
        f"echo '#stack'\n{WHO_MANAGES if nic else 'echo none'}\n"
        f"echo '#filter'\n{_FILTER if bridge else 'echo none'}\n"
        f'echo \'#client\'; [ "$(cat "/proc/$(cat "/run/dhclient.$p.pid" 2>/dev/null)/comm" 2>/dev/null)" != dhclient ] || echo yes\n'
        "echo '#enabled'; systemctl is-enabled -- \"$u\" 2>/dev/null\n"
        f"echo '#marks'; grep -m 1 -H {quote('^' + MARK)} -- {' '.join(map(quote, marked))} 2>/dev/null\n"
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
            parts.get("client") == "yes",
        )
    except (ValueError, LookupError, TypeError) as error:
        raise CannotTell(f"cannot look at the network: unexpected answer of ip: {error!r}") from None


# The name of the NIC whose MAC is $p.
_BY_MAC = """\
for f in $(grep -lix -e "$p" /sys/class/net/*/address); do
  d=${f%/address}
  [ -d "$d/bridge" ] || [ -d "$d/bonding" ] || [ -e "/proc/net/vlan/${d##*/}" ] || { p=${d##*/}; break; }
done
"""

# For $p and, where it is made already, $b: who manages it.
WHO_MANAGES = """\
if systemctl -q is-active NetworkManager && case $(nmcli -g GENERAL.STATE device show "$p" 2>/dev/null) in
  ''|'10 '*|*externally*) false;; esac; then echo networkmanager
elif systemctl -q is-active systemd-networkd && case $(networkctl --no-pager --no-legend list -- "$p" 2>/dev/null) in
  ''|*unmanaged*) false;; esac; then
  case $(networkctl --no-pager status -- "$p" 2>/dev/null) in
    *"Network File: /run/systemd/network/10-netplan-"*) echo netplan;; *) echo networkd;; esac
elif command -v ifup >/dev/null &&
  grep -qsE "^[[:space:]]*iface[[:space:]]+($p|$b)[[:space:]]" /etc/network/interfaces /etc/network/interfaces.d/*; then echo ifupdown
elif [ -e "/etc/sysconfig/network-scripts/ifcfg-$p" ]; then echo ifcfg
else echo none; fi"""

_FILTER = """\
state=none
for filter in iptables ip6tables; do
  $filter -w -S FORWARD >/dev/null 2>&1 || continue
  [ $state = closed ] || state=open
  $filter -w -C FORWARD -i "$b" -o "$b" -j ACCEPT 2>/dev/null || state=closed
done
echo $state"""
