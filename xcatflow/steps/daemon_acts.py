"""What is done to a Docker daemon on its machine: its configuration is checked and replaced, and it is restarted or brought back.

Source: dockerd(8) (`--validate` since 23.0; SIGHUP reads `live-restore` again), systemctl(1), journalctl(1). An engine's unit is of type
`notify`: a restart returns when the engine says that it serves, or fails.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.model.question import FileFacts
from xcatflow.steps.daemon_config import CONFIG, DROP_IN, restoring
from xcatflow.steps.place import checked

PATIENCE_S = 60
RELOAD_S = 10
_SLACK_S = 30

Former = Mapping[str, FileFacts | None]
"""Files as they were, by path; None: not there."""


def put_config(at: Target, content: bytes, old: FileFacts | None, flags: Sequence[str]) -> None:
    """Replace `daemon.json`, after dockerd itself has approved of it where it can. Raises ActFailed."""
    words = " ".join(map(quote, flags))
    mode = f"{old.mode:04o}" if old else "0644"
    script = f'p={CONFIG} m={mode}\nvalidate() {{ {words} --validate --config-file "$1" 2>&1; }}\n{_PUT_CONFIG}'
    checked(at, script, f'cannot write "{CONFIG}"', stdin=content)


def put_drop_in(at: Target, content: bytes | None) -> None:
    """Write the drop-in, or remove it, and have systemd read it. Raises ActFailed."""
    script = f"set -eu; umask 022; p={DROP_IN}\n"
    if content is None:
        script += 'rm -f -- "$p"\n'
    else:
        script += 'mkdir -p -- "${p%/*}"; cat >"$p.new"; mv -f -- "$p.new" "$p"\n'
    checked(at, f"{script}systemctl daemon-reload\n", f'cannot write "{DROP_IN}"', stdin=content or b"")


def switch_live_restore_on(at: Target, old: FileFacts | None) -> None:
    """Have the running daemon leave its containers alone when it is restarted, by a configuration that says nothing else new. Raises
    ActFailed where it will not and containers run."""
    content = (old.content if old else None) or b""
    script = f"p={CONFIG} had={1 if old else ''} limit={RELOAD_S}\n{_LIVE_RESTORE}"
    stdin = b64encode(content) + b"\n" + b64encode(restoring(content)) + b"\n"
    failure = (
        'docker cannot leave its containers running over a restart (say "live_restore: false" to have them stopped)'
    )
    checked(at, script, failure, stdin=stdin)


def restart(at: Target, former: Former, *, verb: str, patience_s: int = PATIENCE_S) -> None:
    """Restart the daemon and wait until it answers. Where it does not, put the former files back, restart it with them, and raise
    ActFailed with the end of its journal."""
    script = f"limit={patience_s}\n{_PUT_BACK}{_BRING_UP}{_RESTART}"
    reply = at.run(script, stdin=_former(former), timeout_s=4.0 * patience_s + _SLACK_S, check=False)
    if reply.code == 0:
        return
    complaint, _, journal = (part.strip() for part in reply.complaint.partition(_JOURNAL))
    first, last = complaint.partition("\n")[0], journal.rpartition("\n")[2]
    reason = last if last and (not first or first.startswith("Job for ")) else first or f"status {reply.code}"
    end = _ENDS.get(reply.code, "")
    raise ActFailed(f"cannot {verb} service docker on {at.name}: {reason}{end}", f"{complaint}\n{journal}".strip())


def put_back(at: Target, former: Former, *, restarts: bool = False, stops: bool = False) -> None:
    """Put former files back, and restart or stop the daemon afterwards. Raises ActFailed."""
    script = f"{_PUT_BACK}put_back && systemctl daemon-reload || exit\n"
    script += "rest || exit\n" if restarts or stops else ""
    script += "systemctl start docker.service\n" if restarts else ""
    checked(at, script, "cannot put the former files of docker.service back", stdin=_former(former))


def _former(files: Former) -> bytes:
    """Files as lines of path, mode and content."""
    lines = (
        f"{path} {facts.mode:04o} {b64encode(facts.content or b'').decode()}" if facts else f"{path} -"
        for path, facts in files.items()
    )
    return "".join(f"{line}\n" for line in lines).encode()


_PUT_CONFIG = """\
set -eu; umask 022
mkdir -p -- "${p%/*}"
t=$(mktemp "${p%/*}/.xcatflow.XXXXXX")
trap 'rm -f -- "$t"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$t"
if ! said=$(validate "$t"); then
  case $said in
    *unknown*--validate*|*"not defined"*validate*) ;;
    *) printf '%s\\n' "$said" >&2; exit 1;;
  esac
fi
chmod -- "$m" "$t"
mv -f -- "$t" "$p"
"""

_LIVE_RESTORE = """\
set -u; umask 022
read -r old; read -r between
put() { printf %s "$1" | base64 -d >"$p.new" && mv -f -- "$p.new" "$p"; }
reload() {
  pid=$(systemctl show -p MainPID --value docker.service)
  [ "${pid:-0}" -gt 0 ] || { echo "it does not run any more" >&2; return 1; }
  kill -HUP "$pid"
}
info() { docker -H unix:///var/run/docker.sock info -f "$1" 2>/dev/null; }
on() { [ "$(info '{{.LiveRestoreEnabled}}')" = true ]; }
! on || exit 0
case $(info '{{.Swarm.LocalNodeState}}') in
  ''|inactive) ;;
  *) echo "it is part of a swarm, and does not start with live restore" >&2; exit 1;;
esac
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
    journalctl _SYSTEMD_UNIT=docker.service -p warning -n 1 -o cat --no-pager >&2
    exit 1
  fi
  sleep 0.2
done
"""

_BRING_UP = """\
answers() {
  if command -v docker >/dev/null; then docker -H unix:///var/run/docker.sock version -f '{{.Server.Version}}' >/dev/null 2>&1
  elif command -v curl >/dev/null; then curl -sf --unix-socket /var/run/docker.sock http://localhost/_ping >/dev/null
  else systemctl is-active -q docker.service; fi
}
bring_up() {
  end=$(($(date +%s) + limit))
  systemctl daemon-reload || return
  systemctl reset-failed docker.service 2>/dev/null
  timeout "$limit" systemctl restart docker.service || {
    [ $? != 124 ] || echo "it does not come up within $limit s" >&2
    return 1
  }
  until answers; do
    systemctl is-active -q docker.service || return
    [ "$(date +%s)" -lt "$end" ] || { echo "it does not answer at its socket within $limit s" >&2; return 1; }
    sleep 0.5
  done
}
"""

_PUT_BACK = """\
former=$(cat)
put_back() {
  while read -r p m content; do
    case $m in
      '') ;;
      -) rm -f -- "$p";;
      *) mkdir -p -- "${p%/*}" && printf %s "$content" | base64 -d >"$p.new" && chmod -- "$m" "$p.new" && mv -f -- "$p.new" "$p" || return;;
    esac
  done <<END
$former
END
}
# A daemon that was not given systemd's socket has put its own in that one's place, and takes it along when it ends.
rest() {
  systemctl stop docker.service || return
  ! systemctl is-active -q docker.socket || systemctl restart docker.socket
}
"""

_JOURNAL = "#its journal ends with"
_RESTART = f"""\
bring_up && exit 0
printf '\\n%s\\n' '{_JOURNAL}' >&2
journalctl _SYSTEMD_UNIT=docker.service -n 20 -o cat --no-pager >&2 2>/dev/null
[ -n "$former" ] || exit 12
put_back && systemctl daemon-reload && rest 2>/dev/null && bring_up 2>/dev/null && exit 10
exit 11
"""
_ENDS = {
    10: "; the former files are back and it runs with them",
    11: "; the former files are back, but it does not run with them either",
}
