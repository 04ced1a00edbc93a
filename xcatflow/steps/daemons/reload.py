"""A Docker daemon that runs is told to read its configuration again: its containers and connections do not notice.

A daemon that does not like what it reads goes on with what it had, and says so in its journal only. What it did read it tells by an event.

Source: dockerd(8) on configuration reload behaviour; `docker events`, type daemon, event reload.
"""

from base64 import b64encode

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.model.question import FileFacts
from xcatflow.steps.daemons.acts import NOTE, PUT_BACK, Former, former_text
from xcatflow.steps.daemons.config import CONFIG, restoring
from xcatflow.steps.daemons.look import LOADED
from xcatflow.steps.place import checked

RELOAD_S = 10
_SLACK_S = 30


def reload(at: Target, former: Former) -> None:
    """Have the daemon read `daemon.json` again, and note that it did. Where it does not, put the former files back and raise ActFailed with
    what it says."""
    script = f"p={CONFIG} l={LOADED} limit={RELOAD_S}\n{_TELL}{NOTE}{PUT_BACK}{_RELOAD}"
    reply = at.run(script, stdin=former_text(former), timeout_s=RELOAD_S + _SLACK_S, check=False)
    if reply.code:
        reason = reply.complaint.rpartition("\n")[2] or "it does not say why"
        back = "; the former file is back" if former else ""
        raise ActFailed(f"docker on {at.name} does not take its configuration: {reason}{back}", reply.complaint)


def switch_live_restore_on(at: Target, old: FileFacts | None) -> None:
    """Have the running daemon leave its containers alone when it is restarted, by a configuration that says nothing else new. Raises
    ActFailed where it will not and containers run."""
    content = (old.content if old else None) or b""
    script = f"p={CONFIG} had={1 if old else ''} limit={RELOAD_S}\n{_TELL}{_LIVE_RESTORE}"
    stdin = b64encode(content) + b"\n" + b64encode(restoring(content)) + b"\n"
    failure = (
        'docker cannot leave its containers running over a restart (say "live_restore: false" to have them stopped)'
    )
    checked(at, script, failure, stdin=stdin)


_TELL = """\
set -u; umask 022
reload() {
  pid=$(systemctl show -p MainPID --value docker.service)
  [ "${pid:-0}" -gt 0 ] || { echo "it does not run any more" >&2; return 1; }
  kill -HUP "$pid"
}
# What it complained about since a time; systemd gives all that a daemon writes the same priority.
said() {
  journalctl _SYSTEMD_UNIT=docker.service --since "@$1" -o cat --no-pager 2>/dev/null | grep -E 'level=(error|fatal)' |
    tail -n 1 | sed 's/^.* msg="\\(.*\\)".*$/\\1/'
}
"""

_LIVE_RESTORE = """\
read -r old; read -r between
put() { printf %s "$1" | base64 -d >"$p.new" && mv -f -- "$p.new" "$p"; }
info() { docker -H unix:///var/run/docker.sock info -f "$1" 2>/dev/null; }
on() { [ "$(info '{{.LiveRestoreEnabled}}')" = true ]; }
! on || exit 0
case $(info '{{.Swarm.LocalNodeState}}') in
  ''|inactive) ;;
  *) echo "it is part of a swarm, and does not start with live restore" >&2; exit 1;;
esac
since=$(date +%s)
mkdir -p -- "${p%/*}"
put "$between" && reload || exit 1
command -v docker >/dev/null || { sleep 2; exit 0; }
n=0
until on; do
  n=$((n + 1))
  if [ $n -gt $((limit * 5)) ]; then
    if [ -n "$had" ]; then put "$old"; else rm -f -- "$p"; fi
    reload
    [ -n "$(docker -H unix:///var/run/docker.sock ps -q)" ] || exit 0
    said "$since" >&2
    exit 1
  fi
  sleep 0.2
done
"""

# An event of the current second is told when that is over.
_RELOAD = """\
events() {
  if command -v docker >/dev/null; then
    docker -H unix:///var/run/docker.sock events --since "$1" --until "$2" --filter type=daemon --filter event=reload
  else
    curl -sf -G --unix-socket /var/run/docker.sock -d "since=$1" -d "until=$2" \\
      --data-urlencode 'filters={"type":["daemon"],"event":["reload"]}' http://localhost/events
  fi
}
count() { events "$since" "$1" 2>/dev/null | wc -l; }
since=$(date +%s)
had=$(count $((since + 1)))
begun=$(date +%s)
reload || exit
end=$((begun + limit))
until [ "$(count $(($(date +%s) + 1)))" -gt "$had" ]; do
  why=$(said "$begun")
  if [ -n "$why" ] || [ "$(date +%s)" -ge "$end" ]; then
    put_back
    [ -z "$former" ] || reload
    printf '%s\\n' "$why" >&2
    exit 1
  fi
  sleep 0.2
done
note || rm -f -- "$l"
"""
