"""What is done in a user's home for `docker.registry_login`, as that user, `$HOME` being the home.

Source: POSIX.1-2017 rename(); GNU stat, mktemp, base64 and sha256sum; flock(1).
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

CHANGED = 75
"""The exit status of what is below where the file is not the one that was looked at. Its SHA-256, empty for none, is the first line of
standard input: a digest of passwords belongs in no command."""

_SAME = f"""\
exec 9<"$d"; flock -w 10 9 2>/dev/null || :
now=; [ ! -e "$p" ] || now=$(sha256sum <"$p")
[ "${{now%% *}}" = "$e" ] || exit {CHANGED}
"""
"""Whoever else of ours is at it is waited for, as far as the machine has flock."""

WRITE = f"""\
set -eu; umask 077
read -r e
p=$HOME/.docker/config.json
[ ! -L "$p" ] || p=$(readlink -f -- "$p")
d=${{p%/*}}
[ -d "$d" ] || mkdir -m 0700 "$d" 2>/dev/null || [ -d "$d" ] || mkdir "$d"
t=$(mktemp "$d/.config.XXXXXX")
trap 'rm -f "$t"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$t"
[ -s "$t" ] || {{ echo "the content did not arrive" >&2; exit 1; }}
chmod 600 "$t"
sync "$t" 2>/dev/null || sync
{_SAME}mv -f "$t" "$p"
trap - EXIT
"""
"""Replace the file by the rest of standard input, at once or not at all; private."""

REMOVE = f"""\
set -eu
read -r e
p=$HOME/.docker/config.json
d=$HOME/.docker
[ -d "$d" ] || exit 0
{_SAME}rm -f "$p"
"""
