"""A container's interface on a bridge of its machine: made, repaired and removed from the machine, with the machine's own `ip`.

The pair of interfaces is made with its one end inside the container at once, so that a script that is killed leaves nothing between.
Pairs left behind half-made by others are removed and made anew. What is done is one text, `GIVE`: a step runs it now, and the keeper on
the machine (`container_keeper`) runs it again whenever the container starts.

Source: veth(4), ip-link(8), ip-address(8), ip-route(8), arping(8); RFC 4862 on IPv6 addresses that are found in use; the names are those of
pipework, so that interfaces it made are known. A link's name has at most 15 characters.
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
    it as it is; `far_gateway` is its gateway where that is outside the interface's own network; `default6` and `far_gateway6` are the
    same for IPv6. Without `mac` any is good, without `mtu` the bridge's."""

    bridge: str
    addresses: tuple[str, ...]
    default: str = ""
    far_gateway: str = ""
    mac: str = ""
    mtu: int | None = None
    default6: str = ""
    far_gateway6: str = ""

    @property
    def words(self) -> dict[str, str]:
        """The variables that `GIVE` reads, by name."""
        return {
            "bridge": self.bridge,
            "addresses": " ".join(self.addresses),
            "default": self.default,
            "far": self.far_gateway,
            "default6": self.default6,
            "far6": self.far_gateway6,
            "mac": self.mac,
            "mtu": str(self.mtu or ""),
        }


def host_end(interface: str, pid: int) -> str:
    """What the machine's end of a container's interface is called; `pid` is that of the container's main process."""
    name = f"v{interface}pl{pid}"
    if len(name) > _LONGEST_NAME:
        rest = f"pl{pid}"
        name = f"v{sha256(interface.encode()).hexdigest()[: _LONGEST_NAME - 1 - len(rest)]}{rest}"
    return name


def apply_link(at: Target, container: str, interface: str, pid: int, way: Way) -> None:
    """Make the interface, or repair it where it is there. Raises ActFailed; an interface that could not be made whole is not left."""
    values = {"c": container, "i": interface, "pid": str(pid), **way.words}
    head = " ".join(f"{name}={quote(value)}" for name, value in values.items())
    script = f"set -euf\n{head}\n{FUNCTIONS}{_SAME}{GIVE}{_ALONE}announce\n"
    checked(at, script, f'cannot give container "{container}" its address')


def remove_link(at: Target, container: str, interface: str, pid: int) -> None:
    """Remove the interface with its addresses and routes; well where it is gone. Raises ActFailed."""
    name = quote(host_end(interface, pid))
    script = f"! ip link show dev {name} >/dev/null 2>&1 || ip link del dev {name}"
    checked(at, script, f'cannot take the interface "{interface}" from container "{container}"')


_SAME = """\
[ "$(docker inspect --type container -f '{{.State.Pid}}' -- "$c")" = "$pid" ] || fail "it was restarted meanwhile: run this again"
"""

FUNCTIONS = """\
fail() { echo "$*" >&2; exit 1; }
inside() { nsenter -t "$pid" -n "$@"; }
far_end() {
  l=v${i}pl$pid
  if [ ${#l} -gt 15 ]; then
    l=pl$pid
    l=v$(printf %s "$i" | sha256sum | cut -c "1-$((14 - ${#l}))")$l
  fi
}
addresses_inside() {
  inside ip -o addr show dev "$i" scope global | while read -r _ _ family address rest; do
    case " $rest " in *" dynamic "*|*" mngtmpaddr "*|*" temporary "*) continue;; esac
    case $family in inet|inet6) echo "$address";; esac
  done
}
# Neighbours that knew the address elsewhere learn it at once. The message leaves first thing; what follows is only waiting.
announce() {
  command -v arping >/dev/null || return 0
  for a in $addresses; do
    case $a in *:*) ;; *) inside timeout 0.2 arping -q -c 1 -A -I "$i" "${a%/*}" >/dev/null 2>&1 || :;; esac
  done
}
"""
"""What `GIVE` and those who run it call."""

GIVE = """\
[ -d "/sys/class/net/$bridge/bridge" ] || fail "there is no bridge \\"$bridge\\""
far_end
if ! inside ip link show dev "$i" >/dev/null 2>&1; then
  ! ip link show dev "$l" >/dev/null 2>&1 || ip link del dev "$l"
  m=${mtu:-$(cat "/sys/class/net/$bridge/mtu")}
  trap '[ $? = 0 ] || ip link del dev "$l" 2>/dev/null' EXIT
  trap 'exit 1' HUP INT TERM
  ip link add name "$l" mtu "$m" type veth peer name "$i" mtu "$m" ${mac:+address "$mac"} netns "$pid"
fi
ip link show dev "$l" >/dev/null 2>&1 || fail "\\"$i\\" of container \\"$c\\" is somebody else's"
ip link set dev "$l" master "$bridge" up
if [ -n "$mtu" ]; then
  ip link set dev "$l" mtu "$mtu"
  inside ip link set dev "$i" mtu "$mtu"
fi
[ -z "$mac" ] || inside ip link set dev "$i" address "$mac"
# Where the kernel drops an address's companions with it, some are gone before their turn.
for a in $(addresses_inside); do
  case " $addresses " in *" $a "*) ;; *) inside ip addr del "$a" dev "$i" 2>/dev/null || :;; esac
done
# Docker switches IPv6 off in containers that have none from it.
case $addresses in *:*) inside sh -c "echo 0 >/proc/sys/net/ipv6/conf/$i/disable_ipv6" || fail "the machine has no IPv6";; esac
inside ip link set dev "$i" up
for a in $addresses; do inside ip addr replace "$a" dev "$i"; done
[ -z "$far" ] || inside ip route replace "$far/32" dev "$i"
case $default in
  '') ;;
  none) inside ip route del default 2>/dev/null || :;;
  *) inside ip route replace default $default;;
esac
[ -z "$far6" ] || inside ip -6 route replace "$far6/128" dev "$i"
case $default6 in
  '') ;;
  none) inside ip -6 route del default 2>/dev/null || :;;
  *) inside ip -6 route replace default $default6;;
esac
"""
"""Makes or repairs the interface `i` of the container `c`, whose main process is `pid`, by the words of a `Way`."""

_ALONE = """\
# The kernel asks the neighbours about an IPv6 address before it uses it.
case $addresses in *:*)
  n=0
  while [ -n "$(inside ip -6 -o addr show dev "$i" tentative -dadfailed)" ] && [ $n -lt 40 ]; do n=$((n + 1)); sleep 0.1; done
  used=$(inside ip -6 -o addr show dev "$i" dadfailed | while read -r _ _ _ a _; do printf '%s ' "${a%/*}"; done)
  [ -z "$used" ] || fail "another machine has $used";;
esac
"""
