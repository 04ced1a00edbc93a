"""The scripts that make a bridge on a machine: one that moves a NIC's addresses and routes onto it, and one that moves them back.

The first runs at boot as well, where nothing else on the machine keeps the bridge: what was proven live is what boots. Both take the
machine from one whole state to another: at the first command that fails, everything is put back as it was. They need `ip` and a
POSIX shell.

Source: ip-address(8), ip-route(8), ip-link(8); rtnetlink drops a link's routes with its addresses.
"""

from shlex import quote

_COMMON = """\
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
  for kind in direct_route distant_route; do
    each "$r4" $kind -4 "$1" && each "$r6" $kind -6 "$1" || return 1
  done
}
"""

_MAKE = """\
if [ -n "$port" ]; then
  n=0
  until exists "$port"; do
    n=$((n + 1)); [ $n -le $patience ] || fail "there is no NIC \\"$port\\""
    sleep 1
  done
  of=$(master "$port")
  case $of in ''|"$br") ;; *) fail "NIC \\"$port\\" is a port of \\"$of\\" already";; esac
fi
had=; if exists "$br"; then had=$(cat "/sys/class/net/$br/address"); fi
a4= a6= r4= r6=
if [ -n "$had" ]; then remember "$br"; fi
kept4=$a4 kept6=$a6
a4= a6= r4= r6=
if [ -n "$port" ]; then remember "$port"; fi

drop_address() {
  eval "kept=\$kept${1#-}"
  case "
$kept
" in *"
$2
"*) ;; *) ip "$1" addr del $2 dev "$br" 2>/dev/null || :;; esac
}
back() {
  code=$?; trap - EXIT; trap '' HUP INT TERM
  [ $code != 0 ] || exit 0
  set +e
  if [ -n "$port" ]; then
    [ -n "$of" ] || ip link set dev "$port" nomaster
    each "$a4" drop_address -4; each "$a6" drop_address -6
  fi
  if [ -n "$had" ]; then ip link set dev "$br" address "$had"; else ip link del dev "$br"; fi
  if [ -n "$port" ]; then give_addresses "$port"; give_routes "$port"; fi
  echo "the change did not go through, everything was put back" >&2
  exit $code
}
trap back EXIT
trap 'exit 1' HUP INT TERM

[ -n "$had" ] || ip link add name "$br" type bridge
ip link set dev "$br" type bridge stp_state 0 forward_delay 0
if [ -n "$port" ] && [ -z "$of" ]; then
  ip link set dev "$br" address "$(cat "/sys/class/net/$port/address")"
fi
ip link set dev "$br" up
if [ -n "$port" ]; then
  [ -n "$of" ] || ip link set dev "$port" master "$br"
  ip link set dev "$port" up
  give_addresses "$br"
  forget "$port"
  give_routes "$br"
fi
[ -z "$address" ] || ip addr replace "$address" dev "$br"
[ -z "$gateway" ] || ip route replace default via "$gateway" dev "$br"
"""

_UNMAKE = """\
exists "$br" || exit 0
remember "$br"
back() {
  code=$?; trap - EXIT; trap '' HUP INT TERM
  [ $code != 0 ] || exit 0
  set +e
  ip link set dev "$port" master "$br"
  give_addresses "$br"; forget "$port"; give_routes "$br"
  echo "the change did not go through, everything was put back" >&2
  exit $code
}
if [ -n "$port" ]; then
  trap back EXIT
  trap 'exit 1' HUP INT TERM
  for other in $(ls "/sys/class/net/$br/brif"); do
    [ "$other" = "$port" ] || fail "\\"$other\\" is still a port of \\"$br\\""
  done
  forget "$br"
  ip link set dev "$port" nomaster
  give_addresses "$port"
  [ -z "$address" ] || ip addr del "$address" dev "$port" 2>/dev/null || :
  give_routes "$port"
fi
ip link del dev "$br"
"""

_DETACHED = """\
set -u; umask 077
d=$(mktemp -d /run/xcatflow.XXXXXX) || exit 1
cat >"$d/do" || exit 1
setsid sh -c 'sh "$0/do" >"$0/said" 2>&1 </dev/null; echo $? >"$0/code"' "$d" </dev/null >/dev/null 2>&1 &
until [ -s "$d/code" ]; do sleep 0.1; done
cat "$d/said" >&2; code=$(cat "$d/code"); rm -rf "$d"
exit "$code"
"""

DETACHED = _DETACHED
"""Runs the script on its standard input in a session of its own: it goes on when the connection that started it stalls or breaks."""


def make_script(name: str, port: str, address: str, gateway: str, *, patience_s: int) -> str:
    """Makes the bridge `name`, with `port` and its addresses and routes where one is given; does nothing where all is right.

    `address` (with prefix) and `gateway` are what the bridge gets besides; empty for none. `patience_s` is how long to wait for the NIC.
    """
    return f"{_head(name, port, address, gateway)}patience={patience_s}\n{_COMMON}{_MAKE}"


def unmake_script(name: str, port: str, address: str) -> str:
    """Takes the bridge away, its addresses and routes back to `port`. Refuses while it has other ports."""
    return f"{_head(name, port, address, '')}{_COMMON}{_UNMAKE}"


def _head(name: str, port: str, address: str, gateway: str) -> str:
    values = f"br={quote(name)} port={quote(port)} address={quote(address)} gateway={quote(gateway)}"
    return f"set -euf\nexport LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin\n{values}\n"
