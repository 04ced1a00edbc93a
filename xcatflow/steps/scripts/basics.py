"""What xCAT's standard scripts `syslog`, `remoteshell` and `syncfiles` do, as steps. Pure.

Of `remoteshell` only the authorised key is taken over: hosts keep host keys of their own, no private key travels, and neither are clients
told to believe any host nor is X11 forwarded.

Source: xCAT's scripts of these names; rsyslog.conf(5): `@` forwards over UDP; ssh_config(5), IdentityFile.
"""

import re
from pathlib import Path

from xcatflow.contract import Desk, Part
from xcatflow.errors import InvalidInput, reason_of
from xcatflow.steps.key_lines import wanted_key

_BEGIN, _END = "# xCAT settings START", "# xCAT settings END"
_IDENTITY = re.compile(r'\s*IdentityFile(?:\s*=\s*|\s+)"?([^"\n]+?)"?\s*', re.IGNORECASE)

_FIND = f"""\
f=/etc/rsyslog.d/remote.conf; [ -d /etc/rsyslog.d ] || f=/etc/rsyslog.conf
block() {{ printf '%s\\n' '{_BEGIN}' "*.* @$m" '{_END}'; }}
"""
_SAYS_SO = """\
command -v rsyslogd >/dev/null || exit 0
[ "$(sed -n '/^# xCAT settings START$/,/^# xCAT settings END$/p' "$f" 2>/dev/null)" = "$(block)" ]
"""
_SAY_SO = """\
umask 022
[ ! -e "$f" ] || [ -e "$f.XCATORIG" ] || cp -p -- "$f" "$f.XCATORIG"
t=$(mktemp "${f%/*}/.xcatflow.XXXXXX")
trap 'rm -f -- "$t"' EXIT
{ [ ! -e "$f" ] || sed '/^# xCAT settings START$/,/^# xCAT settings END$/d' "$f"; block; } >"$t"
chmod 0644 -- "$t"
mv -f -- "$t" "$f"
trap - EXIT
if [ -d /run/systemd/system ]; then systemctl try-restart rsyslog; else service rsyslog restart; fi
"""


def _refuse(name: str, arguments: tuple[str, ...]) -> None:
    if arguments:
        raise InvalidInput(f'the script "{name}" takes no arguments, found "{" ".join(arguments)}"')


def syslog_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """All messages go to the site's `master`; nothing where there is none, or the node says `syslog=ignore`. A machine without rsyslog is
    left alone. Raises InvalidInput for a master that no address can be."""
    _refuse("syslog", arguments)
    master = desk.definitions.site.get("master", "").strip()
    if not master or (desk.definitions.value(desk.node, "syslog") or "").strip().lower() == "ignore":
        return ()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.:-]*", master):
        raise InvalidInput(f'"master" of the site: expected a name or an address, found "{master}"')
    address = f"[{master}]" if ":" in master else master
    head = f"m='{address}'\n{_FIND}"
    return (Part("syslog", "ssh.command", {"run": f"{head}{_SAY_SO}", "unless": f"{head}{_SAYS_SO}"}),)


def remoteshell_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """Root lets in who has the controller's keys: those of the site's `ssh/id_*.pub`, else those beside the files that its `ssh/config`
    names. Nothing where there are none. Raises InvalidInput for a file that is no public key."""
    _refuse("remoteshell", arguments)
    parts: dict[str, Part] = {}
    for path in _public_keys(desk.path("ssh")):
        try:
            text = path.read_text().strip()
            key = wanted_key(text)
        except (OSError, ValueError) as error:
            reason = reason_of(error) if isinstance(error, OSError) else error
            raise InvalidInput(f'cannot take the public key "{path}": {reason}') from None
        parts.setdefault(key.data, Part(f"remoteshell[{path.stem}]", "authorized_key", {"user": "root", "key": text}))
    return tuple(parts.values())


def _public_keys(folder: Path) -> list[Path]:
    if own := sorted(folder.glob("id_*.pub")):
        return own
    try:
        lines = (folder / "config").read_text(errors="replace").splitlines()
    except OSError:
        return []
    named = (match[1] for line in lines if (match := _IDENTITY.fullmatch(line)))
    beside = (folder.parent / Path(f"{name}.pub").expanduser() for name in named if "%" not in name)
    return [path for path in dict.fromkeys(beside) if path.is_file()]


def syncfiles_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """The files of the osimage's `synclists`; nothing where it has none."""
    _refuse("syncfiles", arguments)
    image = desk.definitions.osimage_of(desk.node)
    lists = (image.attributes.get("synclists") if image else None) or ""
    names = [name for name in re.split(r"[,\s]+", lists) if name]
    return (Part("syncfiles", "file.sync", {"synclist": names}),) if names else ()
