"""What is done in a user's home is done as that user: root follows no link that somebody else laid there."""

from shlex import quote


def as_user(user: str, script: str) -> str:
    """The script as `user`, `$HOME` being the home that the machine knows. Fails where there is no such user."""
    return f"u={quote(user)} s={quote(script)}\n" + (
        'home=$(getent passwd "$u" | cut -d: -f6)\n'
        '[ -n "$home" ] || { echo "there is no user \\"$u\\" on this machine" >&2; exit 1; }\n'
        'if [ "$(id -u "$u")" = "$(id -u)" ]; then HOME=$home sh -c "$s"\n'
        'else HOME=$home runuser -u "$u" -- sh -c "$s"; fi'
    )
