"""What is done to a Docker daemon on its machine: its configuration is checked and replaced, and it is restarted or brought back.

Source: dockerd(8) (`--validate` since 23.0), systemctl(1), journalctl(1). An engine's unit is of type `notify`: a restart returns when the
engine says that it serves, or fails.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.model.question import FileFacts
from xcatflow.steps.daemons.config import CONFIG, DROP_IN
from xcatflow.steps.daemons.look import LOADED
from xcatflow.steps.place import checked

PATIENCE_S = 60
_SLACK_S = 30

Former = Mapping[str, FileFacts | None]
"""Files as they were, by path; None: not there."""


def put_config(at: Target, content: bytes, old: FileFacts | None, flags: Sequence[str], *, was_read: bool) -> None:
    """Replace `daemon.json`, after dockerd itself has approved of it where it can. `was_read` says that the engine that runs has read the
    one that is there: that is noted. Raises ActFailed."""
    words = " ".join(map(quote, flags))
    mode = f"{old.mode:04o}" if old else "0644"
    validate = f'validate() {{ {words} --validate --config-file "$1" 2>&1; }}'
    script = f"p={CONFIG} m={mode} l={LOADED} r={1 if was_read else ''}\n{NOTE}{validate}\n{_PUT_CONFIG}"
    checked(at, script, f'cannot write "{CONFIG}"', stdin=content)


def put_drop_in(at: Target, content: bytes | None) -> None:
    """Write the drop-in, or remove it, and have systemd read it. Raises ActFailed."""
    script = f"set -eu; umask 022; p={DROP_IN}\n"
    if content is None:
        script += 'rm -f -- "$p"\n'
    else:
        script += 'mkdir -p -- "${p%/*}"; cat >"$p.new"; mv -f -- "$p.new" "$p"\n'
    checked(at, f"{script}systemctl daemon-reload\n", f'cannot write "{DROP_IN}"', stdin=content or b"")


def restart(at: Target, former: Former, *, verb: str, patience_s: int = PATIENCE_S) -> None:
    """Restart the daemon and wait until it answers. Where it does not, put the former files back, restart it with them, and raise
    ActFailed with the end of its journal."""
    script = f"limit={patience_s}\n{PUT_BACK}{_BRING_UP}{_RESTART}"
    reply = at.run(script, stdin=former_text(former), timeout_s=4.0 * patience_s + _SLACK_S, check=False)
    if reply.code == 0:
        return
    complaint, _, journal = (part.strip() for part in reply.complaint.partition(_JOURNAL))
    first, last = complaint.partition("\n")[0], journal.rpartition("\n")[2]
    reason = last if last and (not first or first.startswith("Job for ")) else first or f"status {reply.code}"
    end = _ENDS.get(reply.code, "")
    raise ActFailed(f"cannot {verb} service docker on {at.name}: {reason}{end}", f"{complaint}\n{journal}".strip())


def put_back(at: Target, former: Former, *, restarts: bool = False, stops: bool = False) -> None:
    """Put former files back, and restart or stop the daemon afterwards. Raises ActFailed."""
    script = f"{PUT_BACK}put_back && systemctl daemon-reload || exit\n"
    script += "rest || exit\n" if restarts or stops else ""
    script += "systemctl start docker.service\n" if restarts else ""
    checked(at, script, "cannot put the former files of docker.service back", stdin=former_text(former))


def former_text(files: Former) -> bytes:
    """Files as lines of path, mode and content."""
    lines = (
        f"{path} {facts.mode:04o} {b64encode(facts.content or b'').decode()}" if facts else f"{path} -"
        for path, facts in files.items()
    )
    return "".join(f"{line}\n" for line in lines).encode()


# What the engine that runs has read, with the start of its process.
NOTE = """\
pid() { systemctl show -p MainPID --value docker.service; }
note() {
  i=$(pid) && [ "${i:-0}" -gt 0 ] && mkdir -p -- "${l%/*}" && i=$(cat "/proc/$i/stat") && set -- ${i##*)} || return
  { echo "${20}"; [ ! -f "$p" ] || base64 <"$p"; } >"$l.new" && mv -f -- "$l.new" "$l"
}
"""
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
[ -z "$r" ] || note || rm -f -- "$l"
chmod -- "$m" "$t"
mv -f -- "$t" "$p"
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

PUT_BACK = """\
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
