"""What is done in a user's home for `docker.registry_login`, as that user, `$HOME` being the home.

Source: POSIX.1-2017 rename(); GNU stat, mktemp and base64.
"""

LOOK = """\
p=$HOME/.docker/config.json
[ ! -L "$p" ] || p=$(readlink -f -- "$p")
echo "$p"
[ -e "$p" ] || exit 0
[ -f "$p" ] || { echo "expected a file at \\"$p\\"" >&2; exit 1; }
stat -L -c '%a
%U' "$p" && base64 -w 0 "$p"
"""
"""The file's path, of what it is a link to if it is one; where it is there, also its mode, its owner, and its content in base64."""

WRITE = """\
set -eu; umask 077
p=$HOME/.docker/config.json
[ ! -L "$p" ] || p=$(readlink -f -- "$p")
d=${p%/*}
[ -d "$d" ] || mkdir -m 0700 "$d"
t=$(mktemp "$d/.config.XXXXXX")
trap 'rm -f "$t"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$t"
[ -s "$t" ] || { echo "the content did not arrive" >&2; exit 1; }
chmod 600 "$t"
sync "$t" 2>/dev/null || sync
mv -f "$t" "$p"
trap - EXIT
"""
"""Replace the file by standard input, at once or not at all; private."""

REMOVE = """\
rm -f "$HOME/.docker/config.json"
"""
