"""Changes of who may log in that take something away, so that nobody is locked out: unless somebody comes in anew afterwards, the machine
puts the keys back that were there, also when the controller dies meanwhile.

Source: setsid(1); sshd(8), which reads the keys for each connection.
"""

from secrets import token_hex
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import ActFailed, Unreachable
from xcatflow.steps.as_user import as_user
from xcatflow.steps.place import checked

CONFIRM_S = 30
_TRIES = 3
_PAUSE_S = 2.0

_KEEP_OLD = 'cat -- "$HOME/.ssh/authorized_keys"'
_PUT_BACK = """\
set -eu; umask 077
f=$HOME/.ssh/authorized_keys; d=$HOME/.ssh
if [ -L "$f" ]; then f=$(readlink -f -- "$f"); d=${f%/*}; fi
t=$(mktemp "$d/.authorized_keys.XXXXXX")
cat >"$t"
mv -f -- "$t" "$f"
"""
_BEGIN = """\
set -eu; umask 077
mkdir -- "$d"
trap 'rm -rf -- "$d"' EXIT
cat >"$d/watch"
( OLD
) >"$d/old"
trap - EXIT
setsid sh "$d/watch" "$d" "$confirm" </dev/null >/dev/null 2>&1 &
"""
_WATCH = """\
n=0
until [ -e "$1/keep" ]; do
  n=$((n + 1))
  if [ "$n" -gt "$2" ]; then
    ( BACK
    ) <"$1/old"
    break
  fi
  sleep 1
done
rm -rf -- "$1"
"""


def begin(at: Target, user: str) -> str:
    """Have the machine put the keys of `user` back that are there now, unless `confirm` is called in time. Gives what to call it with."""
    directory = f"/run/xcatflow-keys-{token_hex(4)}"
    script = f"d={quote(directory)} confirm={CONFIRM_S}\n" + _BEGIN.replace("OLD", as_user(user, _KEEP_OLD))
    watch = _WATCH.replace("BACK", as_user(user, _PUT_BACK))
    checked(at, script, f'cannot guard the keys of "{user}"', stdin=watch.encode())
    return directory


def call_off(at: Target, directory: str) -> None:
    """Nothing was changed, or it is wanted in any case."""
    at.run(f"[ ! -d {quote(directory)} ] || : >{quote(directory)}/keep", check=False)


def confirm(at: Target, user: str, directory: str) -> None:
    """Come in anew, and let the keys stay. Raises ActFailed where that cannot be done."""
    keep = f'[ -d {quote(directory)} ] || {{ echo "too late" >&2; exit 1; }}\n: >{quote(directory)}/keep'
    why = ""
    for _ in range(_TRIES):
        try:
            at.reconnect()
            reply = at.run(keep, check=False)
        except (ActFailed, Unreachable) as error:
            why = str(error)
            at.pause(_PAUSE_S)
            continue
        if reply.code:
            why = reply.complaint
            break
        return
    raise ActFailed(
        f'with the new keys of "{user}" {at.name} cannot be reached any more ({why}): the former ones are back there within {CONFIRM_S} s; '
        "leave a key in with which xcatflow comes in"
    )
