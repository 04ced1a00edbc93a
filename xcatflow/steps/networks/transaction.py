"""The script that changes a machine's network and takes itself back: what runs on the machine while a change waits to be confirmed.

One text with a few verbs. `begin` writes down how everything is, arms the way back with the machine's own timer, and starts `make`.
`keep` comes from outside over a connection that was opened afterwards. `back` is run by the timer, by a `make` that failed and by a `keep`
that could not reach what it has to. Who makes the file `decided` first has decided: it comes into being with the number of its process in
it, so that there is no moment in which both can win, and none in which nobody knows who is to be followed, should it die.

Until it is confirmed, nothing in /etc has changed: a network manager gets its new files in /run, which a reboot empties. A machine that is
switched off while it waits thus comes up as it was, without anything that would have to run for that.

Source: systemd-run(1); systemd.network(5), netplan(5) and NetworkManager.conf(5) about files in /run.
"""

from shlex import quote

from xcatflow.steps.networks.chain import Chain
from xcatflow.steps.networks.live import HEAD, LIVE, SNAPSHOT, values
from xcatflow.steps.networks.made import Made

WORKS = "/run/xcatflow-network"
STORE = "/var/lib/xcatflow/network"
RETRY = 75
"""What `begin` says while another change holds the machine, and `keep` while the change is not made yet."""


def change_script(chain: Chain, made: Made, *, directory: str, confirm_s: float, check: tuple[str, ...]) -> str:
    """Makes the chain and its files."""
    given = _given("change", chain, directory, confirm_s, check)
    unpack = "".join(_here(f'"$d/new/{number}"', file.text) for number, file in enumerate(made.files))
    lines = (f"{number} {file.mode} {file.trial or '-'} {file.path}" for number, file in enumerate(made.files))
    unpack += _here('"$d/list"', "".join(f"{line}\n" for line in lines)) + _here('"$d/base"', made.base)
    hooks = f'unpack() {{ mkdir -p "$d/new"\n{unpack}}}\n{made.hooks}'
    return f"set -uf\n{HEAD}{given}{LIVE}{SNAPSHOT}{_DEFAULTS}{hooks}{_FILES}{_VERBS}"


def undo_script(chain: Chain, hooks: str, *, directory: str, confirm_s: float, check: tuple[str, ...]) -> str:
    """Has links and files as they were before the last change of the chain."""
    given = _given("undo", chain, directory, confirm_s, check)
    return f"set -uf\n{HEAD}{given}{LIVE}{SNAPSHOT}{_DEFAULTS}{hooks}{_UNPACK_UNDO}{_FILES}{_VERBS}"


def _given(op: str, chain: Chain, directory: str, confirm_s: float, check: tuple[str, ...]) -> str:
    given = {
        "op": op,
        "d": directory,
        "t": directory.rpartition("/")[2],
        "works": WORKS,
        "store": f"{STORE}/{chain.top.name}",
        "confirm": f"{confirm_s:g}",
        "check": " ".join(check),
        "donors": " ".join(chain.donors),
        "own_dhcp": "yes" if chain.dhcp else "",
    }
    return values(chain) + "".join(f"{name}={quote(value)}\n" for name, value in given.items())


def _here(path: str, text: str) -> str:
    """A here-document. No line of a configuration file is the word that ends it."""
    return f"cat >{path} <<'XCATFLOW_END_OF_FILE'\n{text if not text or text.endswith(chr(10)) else text + chr(10)}XCATFLOW_END_OF_FILE\n"


# Files that others have changed meanwhile, such as by a bridge over another NIC in the same file, are not put back over them.
_UNPACK_UNDO = """\
as_made() {
  [ "$(cat "$store/new/$n" 2>/dev/null)" = "$(cat "$path" 2>/dev/null)" ] ||
    fail "\\"$path\\" was changed since: put right by hand what is to go, it was like $store/files/$n before"
}
unpack() {
  [ -e "$store/list" ] || fail "how it was before is not known any more"
  cp "$store/list" "$d/list"
  [ ! -e "$store/new" ] || each_file as_made
}
"""

_DEFAULTS = """\
live_new() { make; }
stack_new() { :; }
stack_old() { :; }
kept() { :; }
dropped() { :; }

# Every fixed address that the top shall have is there, and one by DHCP where it asks for one.
carried() {
  now=$(ip -o addr show dev "$top" scope global)
  for link in $donors; do
    [ -e "$d/was/$link" ] || continue
    for f in $families; do
      while read -r address rest; do
        case " $now " in *" ${address:-$top} "*) ;; *) return 1;; esac
      done <"$d/was/$link/a$f"
    done
  done
  for address in $own_addresses; do case " $now " in *" $address "*) ;; *) return 1;; esac; done
  [ -z "$own_dhcp" ] || [ -n "$(ip -o -4 addr show dev "$top" scope global dynamic)" ]
}
settle() {
  sleep 1
  n=0
  until carried; do
    n=$((n + 1)); [ $n -le 200 ] || fail "the addresses did not come up on \\"$top\\""
    sleep 0.1
  done
}
"""

_FILES = """\
each_file() {
  while read -r n mode trial path; do
    [ -z "$n" ] || "$@" || return 1
  done <"$d/list"
}
save_file() { [ ! -e "$path" ] || cp -p "$path" "$1/$n"; }
try_file() {
  [ "$trial" != - ] || return 0
  mkdir -p "${trial%/*}" && cp "$d/new/$n" "$trial" && chmod "$mode" "$trial"
}
untry_file() { [ "$trial" = - ] || rm -f "$trial"; }
need_directory() {
  [ -d "$1" ] || { need_directory "${1%/*}" && mkdir -m 755 "$1" && echo "$1" >>"$d/directories"; }
}
# Where the file is, and a place beside it that no manager reads.
where() { real=$(readlink -f "$path"); new=${real%/*}/.${real##*/}.xcatflow; }
put_file() {
  need_directory "${path%/*}" || return
  where
  if { if [ -e "$real" ]; then cp -p "$real" "$new"; else : >"$new" && chmod "$mode" "$new"; fi; } &&
    cat "$d/new/$n" >"$new" && { sync "$new" 2>/dev/null || sync; } && mv -f "$new" "$real"; then return; fi
  rm -f "$new"
  return 1
}
back_file() {
  where
  rm -f "$new"
  if [ -e "$1/$n" ]; then
    need_directory "${path%/*}" && cp -p "$1/$n" "$new" && mv -f "$new" "$real"
  else rm -f "$path"; fi
}
other_file() {
  if [ -e "$1/$n" ]; then
    [ -e "$path" ] && [ "$(cat "$1/$n")" = "$(cat "$path")" ] || echo "file $path"
  elif [ -e "$path" ]; then echo "file $path"; fi
}
drop_directories() {
  [ ! -e "$1/directories" ] || sed '1!G;h;$!d' "$1/directories" | while read -r each; do rmdir "$each" 2>/dev/null; done
}
store_away() {
  rm -rf "$store.new"; mkdir -p "$store.new" || return
  for each in was files new list base directories; do
    [ ! -e "$d/$each" ] || cp -pR "$d/$each" "$store.new/" || return
  done
  rm -rf "$store" && mv "$store.new" "$store"
}
"""

_VERBS = """\
dump() {
  for link in $links; do
    for fact in master address mtu state a-4 a-6 r-4 r-6; do
      [ ! -e "$1/$link/$fact" ] || sed "s/^/$link $fact: /; s/ *\\$//" "$1/$link/$fact"
    done
  done
}
detached() {
  setsid sh -c 'echo $$ >"$1/$2.pid"; sleep "$3"; exec sh "$1/tx" "$2"' sh "$d" "$1" "$2" </dev/null >/dev/null 2>&1 &
}
arm() {
  if [ -d /run/systemd/system ] && systemd-run -q --collect --unit="xcatflow-network-$t" --on-active="$confirm" \\
    --timer-property=AccuracySec=100ms -p KillMode=process /bin/sh "$d/tx" back; then return; fi
  detached back "$confirm"
}
start() {
  if [ -d /run/systemd/system ] && systemd-run -q --collect --unit="xcatflow-network-$t-make" -p KillMode=process \\
    /bin/sh "$d/tx" make; then return; fi
  detached make 0
}
disarm() {
  systemctl stop "xcatflow-network-$t.timer" 2>/dev/null
  pid=$(cat "$d/back.pid" 2>/dev/null) && [ "$pid" != $$ ] && kill -9 -- "-$pid" 2>/dev/null
}
release() { [ "$(readlink "$works/busy")" != "$d" ] || rm -f "$works/busy"; }
ended() { echo "$1" >"$d/code"; disarm; release; }
# Whoever decided and died over it, killed with the connection that it came over, is followed by the next one: a file for each of them,
# called after the one before.
decide() {
  [ ! -s "$d/code" ] || return 1
  echo $$ >"$d/decides.$$"
  by=$d/decided
  until ln "$d/decides.$$" "$by" 2>/dev/null; do
    pid=$(cat "$by" 2>/dev/null) && [ -n "$pid" ] || return 1
    [ "$pid" != $$ ] || return 0
    by=$d/decided.$pid
    [ -e "$by" ] || ! kill -0 "$pid" 2>/dev/null || return 1
  done
}
orphaned() {
  pid= by=$d/decided
  while [ -e "$by" ]; do pid=$(cat "$by"); by=$d/decided.$pid; done
  [ -n "$pid" ] && ! kill -0 "$pid" 2>/dev/null
}
take_back() {
  trap '' HUP INT TERM; trap - EXIT; set +e
  decide || return 0
  pid=$(cat "$d/make.pid" 2>/dev/null) && [ "$pid" != $$ ] && kill -9 -- "-$pid" 2>/dev/null
  echo "${1:-it ended before it was done}" >>"$d/said"
  exec 2>"$d/troubles"
  [ "$op" = undo ] || each_file untry_file
  if [ -e "$d/put" ]; then each_file back_file "$d/files"; drop_directories "$d"; fi
  if [ "$op" = undo ]; then kept; stack_new; else [ ! -e "$d/put" ] || dropped; stack_old; fi
  restore "$d/was"
  snapshot "$d/now"
  was=$(dump "$d/was")
  left=$(dump "$d/now" | while read -r line; do known_line "$was" "$line" || { echo "$line"; break; }; done)
  [ -n "$left" ] || [ ! -e "$d/put" ] || left=$(each_file other_file "$d/files" | sed -n 1p)
  if [ -z "$left" ]; then echo "undone: addresses, routes and files are as they were"
  else echo "undone, but not all is as it was: $left"; fi >>"$d/said"
  ended 1
}
answers() { for n in 1 2 3 4 5; do ping -c 1 -W 1 "$1" >/dev/null 2>&1 && return 0; done
  case " $own_gateways " in *" $1 "*) ip neigh show to "$1" | grep -q lladdr;; *) return 1;; esac  # gateways may keep silent
}
new_gateways() { for g in $own_gateways; do grep -qs "^default via $g " "$d/was/default-4" "$d/was/default-6" || echo "$g"; done; }
# What is told stays: should the answer be lost, it is asked for again.
tell() { cat "$d/said" >&2; exit "$(cat "$d/code")"; }

case $1 in
begin)
  umask 077
  echo $$ >"$d/begin.pid"; : >"$d/said"
  if ! ln -sn "$d" "$works/busy" 2>/dev/null; then
    holder=$(readlink "$works/busy"); pid=$(cat "$holder/begin.pid" 2>/dev/null)
    # Who was killed before its change was armed, or when it had ended, holds nothing.
    if [ -s "$holder/code" ] || { [ ! -e "$holder/armed" ] && ! kill -0 "${pid:-x}" 2>/dev/null; }; then
      [ "$(readlink "$works/busy")" != "$holder" ] || rm -rf "$works/busy"
    fi
    rm -rf "$d"
    echo "another change of its network waits to be confirmed or undone: try again later" >&2
    exit 75
  fi
  trap '[ -e "$d/armed" ] || { release; rm -rf "$d"; }' EXIT
  trap 'exit 1' HUP INT TERM
  set -e
  for nic in $nics; do exists "$nic" || fail "there is no NIC \\"$nic\\""; done
  unpack
  snapshot "$d/was"
  mkdir -p "$d/files"; each_file save_file "$d/files"
  [ -z "$check" ] || command -v ping >/dev/null || fail "\\"check\\" needs ping, which is missing"
  for f in $families; do
    for gateway in $(sed -n 's/^default via \\([^ ]*\\) .*/\\1/p' "$d/was/default$f"); do
      { ! ping -c 1 -W 1 "$gateway" >/dev/null 2>&1 || echo "$gateway" >>"$d/gateways"; } &
    done
  done
  wait
  [ "$(readlink "$works/busy")" = "$d" ] || exit 75
  arm
  : >"$d/armed"
  set +e
  start
  until [ -e "$d/made" ] || [ -s "$d/code" ]; do sleep 0.1; done
  [ ! -s "$d/code" ] || tell
  ;;
make)
  echo $$ >"$d/make.pid"; exec 2>>"$d/errors"
  [ ! -e "$d/decided" ] || exit 0  # it came too late; whoever decides from now on finds the number above
  trap 'take_back "$(tail -n 1 "$d/errors")"' EXIT
  trap 'exit 1' HUP INT TERM
  set -e
  if [ "$op" = undo ]; then
    : >"$d/put"
    each_file back_file "$store/files"; drop_directories "$store"
    dropped; stack_old; restore "$store/was"
  else
    each_file try_file
    live_new; stack_new
  fi
  : >"$d/made"
  trap - EXIT
  ;;
back) until [ -s "$d/code" ]; do take_back "nobody came back to confirm it within $confirm s"; sleep 0.1; done;;
keep)
  [ ! -s "$d/code" ] || tell
  [ -e "$d/made" ] || [ -e "$d/decided" ] || exit 75
  if [ ! -e "$d/decided" ]; then
    for far in $check $([ "$op" = undo ] || [ -n "$check" ] || { new_gateways; cat "$d/gateways"; } 2>/dev/null); do
      answers "$far" || { (take_back "\\"$far\\" does not answer"); break; }
    done
    [ -e "$d/decided" ] || setsid sh "$d/tx" commit </dev/null >/dev/null 2>&1 &
  fi
  until [ -s "$d/code" ]; do
    sleep 0.1
    ! orphaned || (take_back "who confirmed it was killed")
  done
  tell
  ;;
commit)
  decide || exit 0
  exec 2>>"$d/errors"
  trap 'take_back "$(tail -n 1 "$d/errors")"' EXIT
  set -e
  if [ "$op" = undo ]; then rm -rf "$store"
  else
    : >"$d/put"
    each_file put_file; each_file untry_file
    kept; store_away
  fi
  trap - EXIT
  set +e
  ended 0
  ;;
esac
"""
