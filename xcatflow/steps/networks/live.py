"""What is done to a machine's live network: making a chain of links, remembering how links are, and having them that way again.

Making is written so that it may be run again, and does nothing where all is right: at boot it runs as well, where nothing else on the
machine keeps the links. Having links as they were works from what was written down before, whatever has become of them since: half
a change, another program's doings, a bridge that is gone. All of it needs `ip` and a POSIX shell.

A last script lets frames pass between a bridge's ports: Docker has the kernel show them to the packet filter, and closes that.

Source: ip-address(8), ip-route(8), ip-link(8); rtnetlink drops a link's routes with its addresses, and a bond takes only ports that are
down. dhclient(8). iptables(8); docs.docker.com/engine/network/packet-filtering-firewalls (the policy of FORWARD becomes DROP).
"""

from shlex import quote

from xcatflow.steps.networks.chain import Chain

HEAD = 'export LC_ALL=C PATH="${PATH:-/usr/bin}:/usr/sbin:/usr/bin:/sbin:/bin"\n'

LIVE = """\
fail() { echo "$*" >&2; exit 1; }
exists() { ip link show dev "$1" >/dev/null 2>&1; }
master() { m=$(readlink "/sys/class/net/$1/master") || m=; echo "${m##*/}"; }
families=-4; [ ! -e /proc/net/if_inet6 ] || families='-4 -6'

# Global addresses of a link, each as words for "ip addr". IPv6 addresses that routers announce come again by themselves.
addresses() {
  ip -o "$1" addr show dev "$2" scope global | while read -r _ _ _ where rest; do
    case " $rest " in *" mngtmpaddr "*|*" temporary "*) continue;; esac
    set -- $rest
    while [ $# -gt 1 ]; do
      case $1 in
        peer|brd|metric) where="$where $1 $2"; shift 2;;
        scope) break;;
        *) shift;;
      esac
    done
    echo "$where"
  done
}

# Routes over a link in all tables, each as words for "ip route"; those that the kernel makes with an address are left out.
routes() {
  ip "$1" route show table all dev "$2" | while read -r line; do
    case " $line " in *" proto kernel "*|*" proto ra "*|*" table local "*) continue;; esac
    words=
    for word in $line; do
      case $word in linkdown|dead) ;; *) words="$words $word";; esac
    done
    echo "$words"
  done
}

each() {
  lines=$1; shift
  while read -r line; do
    [ -z "$line" ] || "$@" "$line" || return 1
  done <<END
$lines
END
}

add_address() {
  quiet=; [ "$1" = -4 ] || quiet=nodad
  ip "$1" addr replace $3 dev "$2" $quiet
}
add_route() { ip "$1" route replace $3 dev "$2"; }
direct_route() { case " $3 " in *" via "*) ;; *) add_route "$@";; esac; }
distant_route() { case " $3 " in *" via "*) add_route "$@";; esac; }
remember() {
  a4=$(addresses -4 "$1"); r4=$(routes -4 "$1"); a6= r6=
  [ "$families" = -4 ] || { a6=$(addresses -6 "$1"); r6=$(routes -6 "$1"); }
}
forget() { for f in $families; do ip "$f" addr flush dev "$1" scope global || return 1; done; }
give_addresses() { each "$a4" add_address -4 "$1" && each "$a6" add_address -6 "$1"; }
give_routes() {
  for sort in direct_route distant_route; do
    each "$r4" $sort -4 "$1" && each "$r6" $sort -6 "$1" || return 1
  done
}

# A DHCP client that nothing manages (dhclient, as ifupdown starts it): its command, a word a line.
client() {
  pid=$(cat "/run/dhclient.$1.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dhclient ] &&
    tr '\\0' '\\n' <"/proc/$pid/cmdline"
}
client_ends() { ! client "$1" >/dev/null || kill "$(cat "/run/dhclient.$1.pid")" || :; rm -f "/run/dhclient.$1.pid"; }
client_starts() {
  set --
  while read -r word; do set -- "$@" "$word"; done
  [ $# = 0 ] || "$@" </dev/null >/dev/null 2>&1
}
# The same lease for the upper link, which has the same MAC.
client_moves() {
  words=$(client "$1") || return 0
  client_ends "$1"
  swap="s/\\\\(^\\\\|[./]\\\\)$1\\\\([.]\\\\|\\$\\\\)/\\\\1$2\\\\2/g"
  for lease in "/var/lib/dhcp/dhclient.$1.leases" "/var/lib/dhclient/dhclient-$1.leases"; do
    [ ! -e "$lease" ] || sed "s/interface \\"$1\\"/interface \\"$2\\"/" "$lease" >"${lease%"$1".leases}$2.leases"
  done
  echo "$words" | sed "$swap" | client_starts || fail "no address by DHCP on $2"
}

# A port, the link that it becomes a port of, and that one's kind: addresses and routes move up.
join() {
  of=$(master "$1")
  case $of in ''|"$2") ;; *) fail "NIC \\"$1\\" is a port of \\"$of\\" already";; esac
  remember "$1"
  if [ -z "$of" ]; then
    [ "$3" != bond ] || ip link set dev "$1" down
    ip link set dev "$1" master "$2"
  fi
  ip link set dev "$1" up
  # In this order nothing is lost when it ends between two lines: run again, it goes on.
  give_addresses "$2"
  give_routes "$2"
  forget "$1"
  client_moves "$1" "$2"
}

make_piece() {
  kind=$1 name=$2 mtu=$3 how=$4; shift 4
  there=; ! exists "$name" || there=yes
  case $kind in
    bond) [ "$there" ] || ip link add name "$name" type bond mode "${how%/*}" miimon "${how#*/}";;
    vlan)
      modprobe 8021q 2>/dev/null || :
      [ "$there" ] || ip link add link "$1" name "$name" type vlan id "$how"
      ip link set dev "$1" up;;
    bridge)
      [ "$there" ] || ip link add name "$name" type bridge
      ip link set dev "$name" type bridge stp_state 0 forward_delay 0
      if [ $# -gt 0 ] && [ -z "$(master "$1")" ]; then
        ip link set dev "$name" address "$(cat "/sys/class/net/$1/address")"
      fi;;
  esac
  ip link set dev "$name" up
  case $kind in
    bond|bridge) for port in "$@"; do join "$port" "$name" "$kind"; done;;
  esac
  [ "$mtu" = 0 ] || ip link set dev "$name" mtu "$mtu"
}

make() {
  for nic in $nics; do
    n=0
    until exists "$nic"; do
      n=$((n + 1)); [ $n -le $patience ] || fail "there is no NIC \\"$nic\\""
      sleep 1
    done
  done
  while read -r piece; do make_piece $piece; done <<END
$pieces
END
  for address in $own_addresses; do ip addr replace "$address" dev "$top"; done
  for gateway in $own_gateways; do ip route replace default via "$gateway" dev "$top"; done
}
"""

SNAPSHOT = """\
# How links are, in a directory with a directory for each that is there.
snapshot() {
  mkdir -p "$1"
  for link in $links; do
    exists "$link" || continue
    mkdir -p "$1/$link"
    master "$link" >"$1/$link/master"
    for fact in address mtu; do cat "/sys/class/net/$link/$fact" >"$1/$link/$fact"; done
    case $(cat "/sys/class/net/$link/flags") in *[13579bdf]) echo up;; *) echo down;; esac >"$1/$link/state"
    for fact in stp_state forward_delay; do
      [ ! -e "/sys/class/net/$link/bridge/$fact" ] || cat "/sys/class/net/$link/bridge/$fact" >"$1/$link/$fact"
    done
    client "$link" >"$1/$link/client" || :
    for f in $families; do
      addresses "$f" "$link" >"$1/$link/a$f"; routes "$f" "$link" | sort >"$1/$link/r$f"
    done
  done
  for f in $families; do ip "$f" route show default | sed 's/ linkdown//; s/ dead//' >"$1/default$f"; done
}

known_line() { case "
$1
" in *"
$2
"*) return 0;; esac; return 1; }
drop_address() { [ ! -e "$from/$link/a$1" ] || known_line "$(cat "$from/$link/a$1")" "$2" || ip "$1" addr del $2 dev "$link" || :; }
drop_route() { [ ! -e "$from/$link/r$1" ] || known_line "$(cat "$from/$link/r$1")" " ${2# }" || ip "$1" route del $2 dev "$link" || :; }
default_route() { ip "$1" route replace $2 || :; }
is() { [ "$(cat "$from/$link/$1")" = "$2" ]; }

# Links as they were, from such a directory; those that were not there go. It goes on over what fails: the more comes back, the better.
restore() {
  from=$1
  [ -e "$from/default-4" ] || return 1
  for link in $links; do
    client_ends "$link"
    [ -e "$from/$link" ] || ! exists "$link" || ip link del dev "$link" || :
  done
  for link in $links; do
    [ -e "$from/$link" ] || continue
    m=$(cat "$from/$link/master")
    if ! is master "$(master "$link")"; then
      if [ -z "$m" ]; then ip link set dev "$link" nomaster; else ip link set dev "$link" master "$m"; fi
    fi
    for fact in address mtu; do
      is $fact "$(cat "/sys/class/net/$link/$fact")" || ip link set dev "$link" $fact "$(cat "$from/$link/$fact")"
    done
    [ ! -e "$from/$link/stp_state" ] || ip link set dev "$link" type bridge \
      stp_state "$(cat "$from/$link/stp_state")" forward_delay "$(cat "$from/$link/forward_delay")"
    for f in $families; do each "$(addresses "$f" "$link")" drop_address "$f"; done
    ip link set dev "$link" "$(cat "$from/$link/state")"
    for f in $families; do each "$(cat "$from/$link/a$f")" add_address "$f" "$link"; done
  done
  for link in $links; do
    [ -e "$from/$link" ] || continue
    for f in $families; do
      each "$(routes "$f" "$link")" drop_route "$f"
      for sort in direct_route distant_route; do each "$(cat "$from/$link/r$f")" $sort "$f" "$link" || :; done
    done
    client_starts <"$from/$link/client" || :
  done
  for f in $families; do each "$(cat "$from/default$f")" default_route "$f"; done
}
"""

_FILTERS = """\
for filter in iptables ip6tables; do
  $filter -w -S FORWARD >/dev/null 2>&1 || continue
  if $filter -w -C FORWARD -i "$br" -o "$br" -j ACCEPT 2>/dev/null; then there=yes; else there=no; fi
  [ $there = $wanted ] || $filter -w $how FORWARD -i "$br" -o "$br" -j ACCEPT || exit
done
"""


def values(chain: Chain, *, patience_s: int = 0) -> str:
    """The chain for these scripts. `patience_s` is how long to wait for each NIC."""
    given = {
        "top": chain.top.name,
        "pieces": chain.words,
        "nics": " ".join(chain.nics),
        "links": " ".join(chain.links),
        "own_addresses": " ".join(chain.addresses),
        "own_gateways": " ".join(chain.gateways),
        "patience": str(patience_s),
    }
    return "".join(f"{name}={quote(value)}\n" for name, value in given.items())


def make_script(chain: Chain, *, patience_s: int = 0, addresses: bool = True) -> str:
    """Makes the chain, and does nothing where all is right; without `addresses` only the links, for who gives them addresses itself."""
    bare = chain if addresses else Chain(chain.pieces)
    return f"set -euf\n{HEAD}{values(bare, patience_s=patience_s)}{LIVE}make\n"


def open_script(name: str) -> str:
    """Lets frames pass between the ports of the bridge, which need not be there yet; where nothing filters packets it does nothing."""
    return f"br={quote(name)} how=-I wanted=yes\n{_FILTERS}"


def shut_script(name: str) -> str:
    """The way back from `open_script`."""
    return f"br={quote(name)} how=-D wanted=no\n{_FILTERS}"
