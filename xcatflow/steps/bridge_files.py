"""What keeps a bridge over reboots, by what manages the NIC: systemd-networkd, ifupdown, or, where nothing does, a unit of our own.

networkd's and ifupdown's files are made on the machine from those that the NIC has there, so that the bridge inherits everything that
is said about it: addresses, DHCP, name servers, routes. Each file carries a mark that tells what it was made for.

Source: systemd.network(5) (the first file by name that matches wins), systemd.netdev(5), interfaces(5) of ifupdown, systemd.service(5).
"""

from dataclasses import dataclass
from hashlib import sha256
from shlex import quote
from typing import Literal

from xcatflow.contract import Target
from xcatflow.steps.bridge_script import make_script
from xcatflow.steps.place import checked, place_file

Stack = Literal["networkd", "ifupdown", "networkmanager", "none"]

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
        made_for = "\n".join(
            (self.name, self.port, self.address, self.gateway, _script(self), _UNIT, _NETWORKD, _IFUPDOWN)
        )
        return sha256(made_for.encode()).hexdigest()[:16]


def files(stack: Stack, name: str) -> tuple[str, ...]:
    """The files of a bridge; the first one names the way in plans."""
    match stack:
        case "networkd":
            base = f"/etc/systemd/network/05-xcatflow-{name}"
            return (f"{base}.network", f"{base}.netdev", f"{base}-port.network")
        case "ifupdown":
            return (f"/etc/network/interfaces.d/xcatflow-{name}",)
        case _:
            return (f"/etc/systemd/system/{unit(name)}", f"/usr/local/sbin/xcatflow-bridge-{name}")


def unit(name: str) -> str:
    """The unit that makes the bridge at boot where nothing else does."""
    return f"xcatflow-bridge-{name}.service"


def keep(at: Target, stack: Stack, bridge: Bridge) -> None:
    """Make the files, and have what reads them read them. Raises ActFailed."""
    failure = f'cannot keep the bridge "{bridge.name}" over reboots'
    match stack:
        case "none" | "networkmanager":
            script = f"#!/bin/sh\n{MARK}{bridge.mark}\n{_script(bridge)}"
            text = _UNIT.format(
                mark=MARK + bridge.mark, name=bridge.name, over=f" over {bridge.port}" if bridge.port else ""
            )
            path, program = files("none", bridge.name)
            place_file(at, program, script.encode(), mode="0755")
            place_file(at, path, text.encode())
            checked(at, f"systemctl daemon-reload && systemctl enable -q -- {unit(bridge.name)}", failure)
        case "networkd":
            checked(at, _values(bridge) + _NETWORKD, failure)
        case "ifupdown":
            checked(at, _values(bridge) + _IFUPDOWN, failure)


def forget(at: Target, stack: Stack, name: str) -> None:
    """Take the files away; the NIC's own are as they were before. Raises ActFailed."""
    paths = " ".join(map(quote, files(stack, name)))
    lines = {
        "none": f"systemctl disable -q -- {unit(name)} 2>/dev/null; rm -f -- {paths}; systemctl daemon-reload",
        "networkd": f"rm -f -- {paths}",
        "ifupdown": f"b={quote(name)}\n{_IFUPDOWN_BACK}rm -f -- {paths}",
    }
    checked(at, lines.get(stack, lines["none"]), f'cannot remove the files of the bridge "{name}"')


def _script(bridge: Bridge) -> str:
    return make_script(bridge.name, bridge.port, bridge.address, bridge.gateway, patience_s=_PATIENCE_S)


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
  for extra in "/etc/systemd/network/${from##*/}.d"/*.conf; do [ ! -r "$extra" ] || set -- "$@" "$extra"; done
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
printf '%s\\n[NetDev]\\nName=%s\\nKind=bridge\\nMACAddress=%s\\n[Bridge]\\nSTP=no\\nForwardDelaySec=0\\n' "$mark" "$b" "$mac" >"$base.netdev"
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
  [ -z "$a$g" ] || printf 'iface %s inet manual\\n' "$b"
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
