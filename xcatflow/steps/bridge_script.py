"""The scripts that make a bridge on a machine: one that moves a NIC's addresses and routes onto it, and one that moves them back.

The first runs at boot as well, where nothing else on the machine keeps the bridge: what was proven live is what boots. Both take the
machine from one whole state to another: at the first command that fails, and when nobody can confirm that the machine still answers,
everything is put back as it was. They need `ip` and a POSIX shell.

A third one lets frames pass between the bridge's ports: Docker has the kernel show them to the packet filter, and closes that.

Source: ip-address(8), ip-route(8), ip-link(8); rtnetlink drops a link's routes with its addresses. iptables(8);
docs.docker.com/engine/network/packet-filtering-firewalls (the policy of FORWARD becomes DROP).
"""

from shlex import quote

PUT_BACK = "everything is put back"
"""What both scripts say, after what failed, before they do so."""

_COMMON = (
    f"put_back() {{ echo '{PUT_BACK}' >&2; }}\n"
    """\
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

# What has changed stays only when somebody who came in over the network says so.
confirmed() {
  [ "$confirm" -gt 0 ] || return 0
  : >"$word/done"
  n=0
  until [ -e "$word/keep" ]; do
    n=$((n + 1)); [ $n -le $((confirm * 10)) ] || fail "nobody came back to confirm it within $confirm s"
    sleep 0.1
  done
}

give_addresses() { each "$a4" add_address -4 "$1" && each "$a6" add_address -6 "$1"; }
give_routes() {
  for kind in direct_route distant_route; do
    each "$r4" $kind -4 "$1" && each "$r6" $kind -6 "$1" || return 1
  done
}
"""
)

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
fresh=; if [ -n "$had" ] && ! ip -o addr show dev "$br" | grep -qF " $address "; then fresh=$address; fi
defaults=; if [ -n "$gateway" ]; then for f in $families; do defaults="$defaults
$(ip "$f" route show default)"; done; fi

restore_route() { ip route replace $1; }
drop_address() {
  eval "kept=\\$kept${1#-}"
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
  put_back
  if [ -n "$port" ]; then
    [ -n "$of" ] || ip link set dev "$port" nomaster
    each "$a4" drop_address -4; each "$a6" drop_address -6
  fi
  if [ -n "$had" ]; then
    ip link set dev "$br" address "$had"
    [ -z "$fresh" ] || ip addr del "$fresh" dev "$br"
  else ip link del dev "$br"; fi
  if [ -n "$port" ]; then give_addresses "$port"; give_routes "$port"; fi
  [ -z "$gateway" ] || ip route del default via "$gateway" dev "$br"
  each "$defaults" restore_route
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
  # In this order nothing is lost when it ends between two lines: run again, it goes on.
  give_addresses "$br"
  give_routes "$br"
  forget "$port"
fi
[ -z "$address" ] || ip addr replace "$address" dev "$br"
[ -z "$gateway" ] || ip route replace default via "$gateway" dev "$br"
confirmed
"""

_UNMAKE = """\
exists "$br" || exit 0
remember "$br"
back() {
  code=$?; trap - EXIT; trap '' HUP INT TERM
  [ $code != 0 ] || exit 0
  set +e
  put_back
  ip link set dev "$port" master "$br"
  give_addresses "$br"; give_routes "$br"; forget "$port"
  exit $code
}
if [ -n "$port" ]; then
  trap back EXIT
  trap 'exit 1' HUP INT TERM
  for other in $(ls "/sys/class/net/$br/brif"); do
    [ "$other" = "$port" ] || fail "\\"$other\\" is still a port of \\"$br\\""
  done
  ip link set dev "$port" nomaster
  give_addresses "$port"
  [ -z "$address" ] || ip addr del "$address" dev "$port" 2>/dev/null || :
  give_routes "$port"
  forget "$br"
  confirmed
fi
ip link del dev "$br"
"""

_FILTERS = """\
for filter in iptables ip6tables; do
  $filter -w -S FORWARD >/dev/null 2>&1 || continue
  if $filter -w -C FORWARD -i "$br" -o "$br" -j ACCEPT 2>/dev/null; then there=yes; else there=no; fi
  [ $there = $wanted ] || $filter -w $how FORWARD -i "$br" -o "$br" -j ACCEPT || exit
done
"""


def make_script(
    name: str, port: str, address: str, gateway: str, *, patience_s: int = 0, confirm_s: int = 0, directory: str = ""
) -> str:
    """Makes the bridge `name`, with `port` and its addresses and routes where one is given; does nothing where all is right.

    `address` (with prefix) and `gateway` are what the bridge gets besides; empty for none. `patience_s` is how long to wait for the NIC,
    `confirm_s` how long for `keep_script`, 0 for not at all.
    """
    head = _head(name, port, address, gateway, confirm_s=confirm_s, directory=directory)
    return f"{head}patience={patience_s}\n{_COMMON}{_MAKE}"


def unmake_script(name: str, port: str, address: str, *, confirm_s: int = 0, directory: str = "") -> str:
    """Takes the bridge away, its addresses and routes back to `port`. Refuses while it has other ports. `address` is not taken back."""
    head = _head(name, port, address, "", confirm_s=confirm_s, directory=directory)
    return f"{head}{_COMMON}{_UNMAKE}"


def open_script(name: str) -> str:
    """Lets frames pass between the ports of the bridge, which need not be there yet; where nothing filters packets it does nothing."""
    return f"br={quote(name)} how=-I wanted=yes\n{_FILTERS}"


def shut_script(name: str) -> str:
    """The way back from `open_script`."""
    return f"br={quote(name)} how=-D wanted=no\n{_FILTERS}"


def _head(name: str, port: str, address: str, gateway: str, *, confirm_s: int, directory: str) -> str:
    values = {"br": name, "port": port, "address": address, "gateway": gateway, "word": directory}
    words = " ".join(f"{key}={quote(value)}" for key, value in values.items())
    return f"set -euf\nexport LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin\n{words} confirm={confirm_s}\n"
