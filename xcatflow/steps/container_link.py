"""A container's interface on a bridge of its machine: made, repaired and removed from the machine, with the machine's own `ip`.

The pair of interfaces is made with its one end inside the container at once, so that a script that is killed leaves nothing between.
Pairs left behind half-made by others are removed and made anew.

Source: veth(4), ip-link(8); the names are those of pipework, so that interfaces it made are known. A link's name has at most 15 characters.
"""

from dataclasses import dataclass
from hashlib import sha256
from shlex import quote

from xcatflow.contract import Target
from xcatflow.steps.place import checked

_LONGEST_NAME = 15


@dataclass(frozen=True, slots=True)
class Way:
    """An interface as wanted. `default` is the container's default route as words for `ip route`, `none` for none at all, empty to leave
    it as it is; `far_gateway` is its gateway where that is outside the interface's own network. Without `mac` any is good, without `mtu`
    the bridge's."""

    bridge: str
    addresses: tuple[str, ...]
    default: str = ""
    far_gateway: str = ""
    mac: str = ""
    mtu: int | None = None


def host_end(interface: str, pid: int) -> str:
    """What the machine's end of a container's interface is called; `pid` is that of the container's main process."""
    name = f"v{interface}pl{pid}"
    if len(name) > _LONGEST_NAME:
        rest = f"pl{pid}"
        name = f"v{sha256(interface.encode()).hexdigest()[: _LONGEST_NAME - 1 - len(rest)]}{rest}"
    return name


def apply_link(at: Target, container: str, interface: str, pid: int, way: Way, *, has: tuple[str, ...] = ()) -> None:
    """Make the interface, or repair it where it is there; `has` are the addresses it has. Raises ActFailed; an interface that could not
    be made whole is not left."""
    values = {
        "c": container,
        "i": interface,
        "pid": str(pid),
        "l": host_end(interface, pid),
        "br": way.bridge,
        "drop": " ".join(address for address in has if address not in way.addresses),
        "add": " ".join(way.addresses),
        "far": way.far_gateway,
        "default": way.default,
        "mac": way.mac,
        "mtu": str(way.mtu or ""),
    }
    head = " ".join(f"{name}={quote(value)}" for name, value in values.items())
    checked(at, f"set -eu\n{head}\n{_SAME}{_MAKE}", f'cannot give container "{container}" its address')


def remove_link(at: Target, container: str, interface: str, pid: int) -> None:
    """Remove the interface with its addresses and routes; well where it is gone. Raises ActFailed."""
    name = quote(host_end(interface, pid))
    script = f"! ip link show dev {name} >/dev/null 2>&1 || ip link del dev {name}"
    checked(at, script, f'cannot take the interface "{interface}" from container "{container}"')


_SAME = """\
fail() { echo "$*" >&2; exit 1; }
inside() { nsenter -t "$pid" -n "$@"; }
[ "$(docker inspect --type container -f '{{.State.Pid}}' -- "$c")" = "$pid" ] || fail "it was restarted meanwhile: run this again"
"""

_MAKE = """\
[ -d "/sys/class/net/$br/bridge" ] || fail "there is no bridge \\"$br\\""
if ! inside ip link show dev "$i" >/dev/null 2>&1; then
  ! ip link show dev "$l" >/dev/null 2>&1 || ip link del dev "$l"
  m=${mtu:-$(cat "/sys/class/net/$br/mtu")}
  trap '[ $? = 0 ] || ip link del dev "$l" 2>/dev/null' EXIT
  trap 'exit 1' HUP INT TERM
  ip link add name "$l" mtu "$m" type veth peer name "$i" mtu "$m" ${mac:+address "$mac"} netns "$pid"
fi
ip link set dev "$l" master "$br" up
if [ -n "$mtu" ]; then
  ip link set dev "$l" mtu "$mtu"
  inside ip link set dev "$i" mtu "$mtu"
fi
[ -z "$mac" ] || inside ip link set dev "$i" address "$mac"
# Where the kernel drops an address's companions with it, some are gone before their turn.
for a in $drop; do inside ip addr del "$a" dev "$i" 2>/dev/null || :; done
for a in $add; do inside ip addr replace "$a" dev "$i"; done
inside ip link set dev "$i" up
[ -z "$far" ] || inside ip route replace "$far/32" dev "$i"
case $default in
  '') ;;
  none) inside ip route del default 2>/dev/null || :;;
  *) inside ip route replace default $default;;
esac
# Neighbours that knew the address elsewhere learn it at once. The message leaves first thing; what follows is only waiting.
if command -v arping >/dev/null; then
  for a in $add; do inside timeout 0.2 arping -q -c 1 -A -I "$i" "${a%/*}" >/dev/null 2>&1 || :; done
fi
"""
