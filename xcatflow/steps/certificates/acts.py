"""A key and its certificate come to a machine together: made in a directory beside their places, and renamed by one program.

Source: openssl-ecparam(1), openssl-req(1), whose options are those of 1.0 as well as of 3; rename() of POSIX.1-2017.
"""

from contextlib import suppress
from shlex import quote

from xcatflow.contract import Target
from xcatflow.errors import XcatflowError
from xcatflow.steps.place import checked

STAGE = ".xcatflow-new"
"""The directory in which a pair comes together; where it is seen later, an act was cut off."""


def make_key(at: Target, directory: str, *, whose: str) -> str:
    """Have the machine make a key; its request for a certificate (PKCS #10, PEM), which is to be answered by `put_pair` or `drop_key`.
    Raises ActFailed."""
    return checked(at, f"{_begin(directory)}{_REQUEST}", f"cannot make a key for the {whose}").text


def drop_key(at: Target, directory: str) -> None:
    """The key that was made is not used. Where this fails the next look tells."""
    with suppress(XcatflowError):
        at.run(f'{_begin(directory)}rm -rf -- "$t"', check=False)


def put_pair(at: Target, directory: str, clients: str, certificate: str, *, whose: str, key: str = "") -> None:
    """Put the authorities of clients, the certificate and its key in their places, all in one act. Without `key` it is the one that the
    machine has made. All travel as standard input. Raises ActFailed; the old files are there then, or the stage tells."""
    parts = [clients, certificate, *([key] if key else [])]
    stdin = "".join(f"{part.strip()}\n=\n" for part in parts).encode()
    script = f"{_begin(directory)}k={'given' if key else ''}\n{_PLACE}"
    checked(at, script, f'cannot put the {whose} into "{directory}"', stdin=stdin)


def _begin(directory: str) -> str:
    return f"d={quote(directory)} t={quote(f'{directory}/{STAGE}')}\n"


# Nobody but root may put anything in the place of what is made here.
_DIRECTORY = """\
set -eu; umask 022
mkdir -p -- "$d"
umask 077; ulimit -c 0
[ -z "$(find -H "$d" -prune '(' -perm -0020 -o -perm -0002 -o ! -user 0 ')')" ] || {
  echo "$d is not root's, or others may write there: chown root \"$d\" and chmod go-w \"$d\"" >&2; exit 1
}
"""

# What openssl says goes to standard error, and nothing of the key with it.
_REQUEST = f"""\
{_DIRECTORY}\
rm -rf -- "$t"; mkdir -- "$t"
trap 'rm -rf -- "$t"' EXIT
trap 'exit 1' HUP INT TERM
printf '[req]\\ndistinguished_name = dn\\n[dn]\\n' >"$t/request.cnf"
openssl ecparam -name prime256v1 -genkey -noout -out "$t/key.pem" </dev/null >&2
chmod 600 "$t/key.pem"
openssl req -new -sha256 -config "$t/request.cnf" -key "$t/key.pem" -subj /CN=machine </dev/null
rm -f -- "$t/request.cnf"
trap - EXIT
"""

_PLACE = f"""\
{_DIRECTORY}\
[ -z "$k" ] || {{ rm -rf -- "$t"; mkdir -- "$t"; }}
[ -d "$t" ] || {{ echo "the key that was made is gone: is somebody else at it?" >&2; exit 1; }}
trap 'rm -rf -- "$t"' EXIT
trap 'exit 1' HUP INT TERM
part() {{
  while IFS= read -r line; do
    [ "$line" != = ] || return 0
    printf '%s\\n' "$line"
  done
  echo "the certificate did not arrive whole" >&2
  return 1
}}
part >"$t/ca.pem"; part >"$t/cert.pem"
if [ -n "$k" ]; then
  part >"$t/key.pem"
else
  a=$(openssl x509 -in "$t/cert.pem" -noout -pubkey) b=$(openssl ec -in "$t/key.pem" -pubout 2>/dev/null)
  [ "$a" = "$b" ] || {{ echo "the certificate is for another key: is somebody else at it?" >&2; exit 1; }}
fi
chmod -- 0644 "$t/ca.pem" "$t/cert.pem"
sync "$t/ca.pem" "$t/key.pem" "$t/cert.pem" 2>/dev/null || sync
trap '' HUP INT TERM; trap - EXIT
mv -f -- "$t/ca.pem" "$t/key.pem" "$t/cert.pem" "$d/"
rmdir -- "$t"
"""
