"""The keeper: a small program and a systemd unit on a machine that put addresses back into containers when these start again.

The program puts every address on record into the containers that run, then follows what the daemon tells: of each container that starts, or
takes the name of another, the addresses are put in. It listens before it lists, so that nothing falls between. When the daemon goes, it
begins again once the daemon is back; with a docker client too old for `events --format` that is every few seconds.

Source: docker-events(1): filters, and `--since` for what was told before somebody listened; systemd.service(5); mkfifo(1): a reader and a
writer wait for each other. A script's `set -e` does not hold where it is part of a condition: so each address has a process of its own.
"""

from hashlib import sha256

from xcatflow.steps.containers.link import FUNCTIONS, GIVE

RECORDS = "/etc/xcatflow/addresses"
PROGRAM_FILE = "/usr/local/lib/xcatflow/address-keeper"
UNIT = "xcatflow-addresses.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"

_HEAD = f"""\
#!/bin/sh
# Written by xcatflow (container.address), and removed with the last address. It puts the addresses in {RECORDS} back into
# containers that start. It must not be changed here: the next run of xcatflow would put it right.
set -uf
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
records=${{XCATFLOW_ADDRESSES:-{RECORDS}}}
run=${{RUNTIME_DIRECTORY:-/run/xcatflow-addresses}}
"""

_RECORD = """\
# A record is named CONTAINER@INTERFACE. Its lines are a known word and a value of harmless letters; nothing of it is ever executed.
read_record() {
  bridge= addresses= default= far= default6= far6= mac= mtu= network=
  while read -r word value; do
    case $word in ''|'#'*) continue;; esac
    case $value in *[!A-Za-z0-9_.:/\\ -]*) fail "$1: strange letters in \\"$word\\"";; esac
    case $word in
      bridge) bridge=$value;; addresses) addresses=$value;; mac) mac=$value;; mtu) mtu=$value;; network) network=$value;;
      default) default=$value;; far) far=$value;; default6) default6=$value;; far6) far6=$value;;
      *) fail "$1: unknown word \\"$word\\"";;
    esac
  done <"$records/$1"
  [ -n "$bridge" ] && [ -n "$addresses" ] || fail "$1: not whole"
}
records_of() {
  for r in $(ls "$records" 2>/dev/null); do
    case $r in *[!A-Za-z0-9_.@-]*|@*|*@|.*) continue;; esac
    if [ "${r%@*}" = "$1" ]; then echo "$r"; fi
  done
}
"""

_PUT = """\
# Everything on record into one container. What fails is tried again: a bridge may come up later than the daemon.
inspected() {
  docker inspect --type container -f '{{.State.Pid}} {{.HostConfig.NetworkMode}} {{.Name}}' -- "$@" 2>/dev/null </dev/null
}
put() { inspected "$1" | { read -r pid mode _ && put_in "$1" "$pid" "$mode" "$2"; }; }
put_in() { # NAME PID MODE TRY
  case $2 in ''|0|*[!0-9]*) return 0;; esac
  [ ! "/proc/$2/ns/net" -ef /proc/self/ns/net ] || return 0
  failed=
  for r in $(records_of "$1"); do sh "$0" give "$r" "$2" "$3" </dev/null || failed=1; done
  if [ -n "$failed" ] && [ "$4" -lt 30 ]; then { sleep 2; put "$1" $(($4 + 1)); } & fi
}
# Who gives up its name gives up its addresses: a container that is replaced keeps running for a while, under another name.
take() {
  mine=$(records_of "$2")
  [ -n "$mine" ] || return 0
  pid=$(docker inspect --type container -f '{{.State.Pid}}' -- "$1" 2>/dev/null </dev/null) || return 0
  for r in $mine; do sh "$0" take "$r" "$pid" </dev/null; done
}
put_all() {
  running=$(docker ps --format '{{.Names}}' </dev/null) || return 1
  running=$(printf %s "$running" | tr ',\\n' '  ')
  set --
  for r in $(ls "$records" 2>/dev/null); do
    case " $* " in *" ${r%@*} "*) continue;; esac
    case " $running " in *" ${r%@*} "*) set -- "$@" "${r%@*}";; esac
  done
  [ $# = 0 ] || inspected "$@" | while read -r pid mode name; do put_in "${name#/}" "$pid" "$mode" 0; done
}
"""

_MAIN = """\
case ${1-} in
  give)
    set -e
    c=${2%@*} i=${2##*@} pid=$3
    read_record "$2"
    # One that was made anew for a network of Docker's has its address from Docker.
    [ "$network" = "$4" ] || { echo "$c: left alone, its network is $4 now, not $network"; exit 0; }
    give
    echo "$c: $addresses on $i"
    announce &
    exit 0;;
  take)
    i=${2##*@} pid=$3
    far_end
    ! ip link show dev "$l" >/dev/null 2>&1 || { ip link del dev "$l" && echo "${2%@*}: taken from its predecessor"; }
    exit 0;;
  '') ;;
  *) fail "expected nothing, or: give|take CONTAINER@INTERFACE PID MODE";;
esac

follow() {
  exec docker events --since "$since" --filter type=container --filter event=start --filter event=rename \\
    --format '{{.Actor.Attributes.name}} {{.Action}} {{.Actor.Attributes.oldName}}'
}
mkdir -p "$run"
listener=
trap '[ -z "$listener" ] || kill "$listener" 2>/dev/null; exit 0' INT TERM
while :; do
  rm -f "$run/events"
  mkfifo -m 600 "$run/events"
  since=$(date +%s)
  follow >"$run/events" 2>/dev/null &
  listener=$!
  { put_all && while read -r name action former; do
    [ "$action" != rename ] || take "$name" "${former#/}"
    [ -z "$(records_of "$name")" ] || put "$name" 0
  done; } <"$run/events"
  kill "$listener" 2>/dev/null
  wait "$listener" 2>/dev/null
  sleep 2
done
"""

PROGRAM = f"{_HEAD}{FUNCTIONS}give() {{\n{GIVE}}}\n{_RECORD}{_PUT}{_MAIN}".encode()
"""The program, whole."""

UNIT_TEXT = f"""\
# Written by xcatflow (container.address), and removed with the last address.
[Unit]
Description=Puts addresses back into containers that start
After=docker.service

[Service]
ExecStart=/bin/sh {PROGRAM_FILE}
Restart=always
RestartSec=2
RuntimeDirectory=xcatflow-addresses

[Install]
WantedBy=multi-user.target
""".encode()

PROGRAM_SHA256, UNIT_SHA256 = (sha256(data).hexdigest() for data in (PROGRAM, UNIT_TEXT))
