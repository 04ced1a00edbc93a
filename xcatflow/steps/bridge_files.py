"""What keeps a bridge over reboots, by what manages the NIC: systemd-networkd, ifupdown, or, where nothing does, a unit of our own.

networkd's and ifupdown's files are made on the machine from those that the NIC has there, so that the bridge inherits everything that
is said about it: addresses, DHCP, name servers, routes. Each file carries a mark that tells what it was made for. Of the packet filter
a program of our own takes care at boot, which makes the bridge as well where nothing else does.

Source: systemd.network(5) (the first file by name that matches wins), systemd.netdev(5), interfaces(5) of ifupdown, systemd.service(5).
"""

from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Literal, get_args

from xcatflow.contract import Target
from xcatflow.steps.bridge_script import make_script, open_script
from xcatflow.steps.place import checked, place_file

Stack = Literal["networkd", "ifupdown", "networkmanager", "none"]
STACKS: tuple[Stack, ...] = get_args(Stack)

MARK = "# xcatflow bridge: "
_PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge as wanted; empty texts for none."""

    name: str
    port: str
    address: str
    gateway: str

    @property
    def mark(self) -> str:
        """Tells files made for this bridge, by this version of what they hold, from others."""
        wanted = (self.name, self.port, self.address, self.gateway)
        held = (_program(self, "none"), _program(self, "networkd"), _UNIT, _NETWORKD, _IFUPDOWN)
        return sha256("\n".join((*wanted, *held)).encode()).hexdigest()[:16]


def files(stack: Stack, name: str) -> tuple[str, ...]:
    """The files of a bridge; the first one names the way in plans."""
    program, started = f"/usr/local/sbin/xcatflow-bridge-{name}", f"/etc/systemd/system/{unit(name)}"
    match stack:
        case "networkd":
            base = f"/etc/systemd/network/05-xcatflow-{name}"
            return (f"{base}.network", f"{base}.netdev", f"{base}-port.network", started, program)
        case "ifupdown":
            return (f"/etc/network/interfaces.d/xcatflow-{name}", program)
        case _:
            return (started, program)


def unit(name: str) -> str:
    """The unit that runs the bridge's program at boot, where ifupdown does not."""
    return f"xcatflow-bridge-{name}.service"


def keep(at: Target, stack: Stack, bridge: Bridge) -> None:
    """Make the files, and have what reads them read them. Raises ActFailed."""
    failure = f'cannot keep the bridge "{bridge.name}" over reboots'
    place_file(at, files(stack, bridge.name)[-1], _marked(bridge, _program(bridge, stack)).encode(), mode="0755")
    match stack:
        case "networkd":
            checked(at, _values(bridge) + _NETWORKD, failure)
        case "ifupdown":
            checked(at, _values(bridge) + _IFUPDOWN, failure)
            return
    over = f" over {bridge.port}" if bridge.port else ""
    text = _UNIT.format(mark=MARK + bridge.mark, name=bridge.name, over=over)
    place_file(at, f"/etc/systemd/system/{unit(bridge.name)}", text.encode())
    checked(at, f"systemctl daemon-reload && systemctl enable -q -- {unit(bridge.name)}", failure)


def forget(at: Target, stack: Stack, name: str) -> None:
    """Take the files away; the NIC's own are as they were before. Raises ActFailed."""
    lines = f"rm -f -- {' '.join(map(quote, files(stack, name)))}"
    match stack:
        case "ifupdown":
            lines = f"b={quote(name)}\n{_IFUPDOWN_BACK}{lines}"
        case _:
            lines = f"systemctl disable -q -- {unit(name)} 2>/dev/null; {lines}; systemctl daemon-reload"
    checked(at, lines, f'cannot remove the files of the bridge "{name}"')


def _program(bridge: Bridge, stack: Stack) -> str:
    """What is done at boot. The packet filter comes first, which knows bridges by name only: when that fails, the bridge is made still."""
    opened = open_script(bridge.name)
    if stack in ("networkd", "ifupdown"):
        return opened
    made = make_script(bridge.name, bridge.port, bridge.address, bridge.gateway, patience_s=_PATIENCE_S)
    return f"(\n{opened})\n{made}"


def _marked(bridge: Bridge, script: str) -> str:
    return f"#!/bin/sh\n{MARK}{bridge.mark}\n{script}"


def _values(bridge: Bridge) -> str:
    values = {"b": bridge.name, "p": bridge.port, "a": bridge.address, "g": bridge.gateway, "mark": MARK + bridge.mark}
    return " ".join(f"{name}={quote(value)}" for name, value in values.items()) + "\nset -eu; umask 022\n"


_UNIT = """\
{mark}
[Unit]
Description=Bridge {name}{over}
After=network-pre.target systemd-udevd.service
Before=network.target network-online.target docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/xcatflow-bridge-{name}

[Install]
WantedBy=multi-user.target
"""

# The bridge gets what the NIC had, its [Match] exchanged; the NIC only names its bridge. Both files sort before any that the NIC has.
_NETWORKD = """\
base=/etc/systemd/network/05-xcatflow-$b
mkdir -p /etc/systemd/network
if [ ! -e "$base.network" ]; then
  from=$(networkctl --no-pager status -- "$p" | sed -n 's/^ *Network File: *//p')
  [ -n "$from" ] && [ -r "$from" ] || { echo "networkd has no file for $p" >&2; exit 1; }
  set -- "$from"
  for top in /usr/lib /run /etc; do
    for extra in "$top/systemd/network/${from##*/}.d"/*.conf; do [ ! -r "$extra" ] || set -- "$@" "$extra"; done
  done
  body=$(awk '/^[ \\t]*\\[/ { match_part = ($1 ~ /^\\[Match\\]/) } !match_part' "$@")
else
  body=$(sed '1,/^# from here on as the NIC had it$/d; /^# and besides$/,$d' "$base.network")
fi
{
  printf '%s\\n[Match]\\nName=%s\\n# from here on as the NIC had it\\n%s\\n# and besides\\n' "$mark" "$b" "$body"
  [ -z "$a" ] || printf '[Network]\\nAddress=%s\\n' "$a"
  [ -z "$g" ] || printf '[Network]\\nGateway=%s\\n' "$g"
} >"$base.network.new"
mac=$(cat "/sys/class/net/$p/address")
{
  printf '%s\\n[NetDev]\\nName=%s\\nKind=bridge\\nMACAddress=%s\\n' "$mark" "$b" "$mac"
  printf '[Bridge]\\nSTP=no\\nForwardDelaySec=0\\n'
} >"$base.netdev"
printf '%s\\n[Match]\\nName=%s\\n[Network]\\nBridge=%s\\n' "$mark" "$p" "$b" >"$base-port.network"
mv -f "$base.network.new" "$base.network"
networkctl reload
"""

# The NIC's stanzas become the bridge's; the files as they were are kept for the way back.
_IFUPDOWN = """\
store=/var/lib/xcatflow/bridge-$b
file=/etc/network/interfaces.d/xcatflow-$b
mac=$(cat "/sys/class/net/$p/address")
mkdir -p "$store" /etc/network/interfaces.d
for f in /etc/network/interfaces /etc/network/interfaces.d/*; do
  [ -f "$f" ] && [ "$f" != "$file" ] || continue
  awk -v p="$p" -v b="$b" -v mac="$mac" '
    $1 == "iface" && $2 == p {
      $2 = b; print
      print "    pre-up ip link show dev " b " >/dev/null 2>&1 || ip link add name " b " type bridge stp_state 0 forward_delay 0"
      print "    pre-up ip link set dev " b " address " mac
      print "    pre-up ip link set dev " p " master " b " up"
      next
    }
    $1 == "auto" || $1 ~ /^allow-/ { for (i = 2; i <= NF; i++) if ($i == p) $i = b }
    { print }' "$f" >"$store/new"
  if ! cmp -s "$f" "$store/new"; then
    cp -p "$f" "$store/$(printf %s "$f" | tr / =)"
    cat "$store/new" >"$f"
  fi
  rm "$store/new"
done
{
  printf '%s\\n# The stanzas of %s are those of %s now; they stand where they stood.\\n' "$mark" "$p" "$b"
  printf 'iface %s inet manual\\n    up /usr/local/sbin/xcatflow-bridge-%s\\n' "$b" "$b"
  [ -z "$a" ] || printf '    up ip addr replace %s dev %s\\n' "$a" "$b"
  [ -z "$g" ] || printf '    up ip route replace default via %s dev %s\\n' "$g" "$b"
} >"$file"
grep -qsE '^[[:space:]]*source(-directory)?[[:space:]]+(/etc/network/)?interfaces\\.d' /etc/network/interfaces ||
  printf 'source %s\\n' "$file" >>/etc/network/interfaces
[ ! -w /run/network/ifstate ] || sed -i "s/^$p=$p\\$/$b=$b/" /run/network/ifstate
"""

_IFUPDOWN_BACK = """\
store=/var/lib/xcatflow/bridge-$b
for f in "$store"/*; do
  [ ! -f "$f" ] || cat "$f" >"$(printf %s "${f##*/}" | tr = /)"
done
rm -rf -- "$store"
"""
