"""The lab's files in its site: the inventory, the key and host keys, an SSH configuration, and the image for the container nodes.

Only files of our own are ever overwritten or removed: which those are is noted in the lab's state, and the files bear a mark by which
they are known when that is lost.

Source: ssh_config(5) (the first value found counts; paths are quoted).
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from xcatflow.errors import ActFailed, InvalidInput, Problem
from xcatflow.lab import busybox
from xcatflow.lab.hosts import key_pair
from xcatflow.lab.own_text import with_objects, without_objects
from xcatflow.lab.state import Lab

STANZA = "inventory/lab.stanza"
KEPT = "inventory/kept-from-lab.stanza"
KEY = "ssh/id_ed25519"
PUBLIC_KEY = "ssh/id_ed25519.pub"
KNOWN_HOSTS = "ssh/known_hosts"
CONFIG = "ssh/config"
IMAGE = "images/busybox.tar"
IGNORE = ".gitignore"
FILES = (STANZA, KEY, PUBLIC_KEY, KNOWN_HOSTS, CONFIG, IMAGE)
IGNORED = f"# the lab's state and secrets\n/.xcatflow/\n/{KEY}\n"
PORT = 2375
COMMAND = "busybox!sleep 1000000"
_OURS = re.compile(r"labnet|host[0-9]+(c[0-9]+)?")
"""What the lab's objects are called."""
HEADER = "# <xCAT data object stanza file>\n"
MARKED = (STANZA, PUBLIC_KEY, KNOWN_HOSTS, CONFIG)


def claim(directory: Path, lab: Lab) -> Lab:
    """The lab with the files it may write noted. Raises InvalidInput when one stands there that is not the lab's."""
    foreign = [name for name in FILES if name not in lab.files and (directory / name).exists()]
    if foreign:
        raise InvalidInput(
            Problem(
                f'"{directory / name}" exists and is not the lab\'s: move it away, or bring the lab up in another directory'
            )
            for name in foreign
        )
    ignores = () if IGNORE not in lab.files and (directory / IGNORE).exists() else (IGNORE,)
    return replace(lab, files=(*FILES, *ignores))


def mark(lab_id: str) -> str:
    """What the files of that lab say of themselves."""
    return f"xcatflow lab {lab_id}"


def marked(directory: Path, lab_id: str) -> tuple[str, ...]:
    """The files in the site that are known to be of that lab without its state."""
    found = [name for name in MARKED if mark(lab_id) in _text(directory / name)]
    if PUBLIC_KEY in found:
        found.append(KEY)
    with suppress(OSError, ActFailed):
        if found and (directory / IMAGE).read_bytes() == busybox.archive():
            found.append(IMAGE)
    return tuple(found)


def key(directory: Path, lab: Lab) -> tuple[str, bool]:
    """The site's public key, and whether it was made just now. Raises ActFailed."""
    private, public = directory / KEY, directory / PUBLIC_KEY
    if private.exists() and public.exists():
        return public.read_text(), False
    fresh, text = key_pair(mark(lab.id))
    private.unlink(missing_ok=True)
    _write(private, fresh.encode(), mode=0o600)
    _write(public, text.encode())
    return text, True


def write(directory: Path, lab: Lab, known_hosts: str) -> None:
    """Write all files but the key; those that are right stay untouched, and so does what others wrote into the definitions. Raises
    ActFailed."""
    _write(directory / STANZA, with_objects(_text(directory / STANZA), inventory(lab)).encode())
    _write(directory / KNOWN_HOSTS, f"# {mark(lab.id)}\n{known_hosts}".encode())
    _write(directory / CONFIG, ssh_config(directory.resolve(), lab).encode())
    _write(directory / IMAGE, busybox.archive())
    if IGNORE in lab.files:
        _write(directory / IGNORE, IGNORED.encode())


def remove(directory: Path, lab: Lab) -> None:
    """Remove the lab's files, and the directories that are empty without them. Objects that others put among the lab's definitions are
    kept, in a file of their own."""
    if kept := without_objects(_text(directory / STANZA), _OURS):
        others = _text(directory / KEPT) or HEADER
        _write(directory / KEPT, f"{others.rstrip()}\n\n{kept}".encode())
    for name in lab.files:
        (directory / name).unlink(missing_ok=True)
        parent = (directory / name).parent
        if parent != directory and parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def inventory(lab: Lab) -> str:
    """The lab's definitions in stanza form: its network, its hosts, and a container node for each place on them."""
    subnet = IPv4Network(lab.subnet)
    stanzas = [
        _stanza(
            "labnet",
            "network",
            {"gateway": lab.gateway, "mask": str(subnet.netmask), "net": str(subnet.network_address)},
        )
    ]
    nodes = {host.name: {"groups": "dockerhost,all", "ip": host.address} for host in lab.hosts}
    for node in lab.nodes:
        nodes[node.name] = {
            "dockerhost": f"{node.host}:{PORT}",
            "groups": "docker,all",
            "ip": node.address,
            "mgt": "docker",
            "provmethod": COMMAND,
        }
    stanzas += [_stanza(name, "node", values) for name, values in sorted(nodes.items())]
    return f"{HEADER}# {mark(lab.id)}: written by lab.up, removed by lab.down\n" + "".join(stanzas)


def ssh_config(directory: Path, lab: Lab) -> str:
    """An SSH client configuration that knows the lab's hosts, by name and by address."""
    lines = [f"# {mark(lab.id)}: written by lab.up, removed by lab.down\n"]
    for host in lab.hosts:
        lines.append(f"Host {host.name} {host.address}\n    HostName {host.address}\n    HostKeyAlias {host.name}\n")
    names = " ".join(f"{host.name} {host.address}" for host in lab.hosts)
    lines.append(
        f"Host {names}\n"
        "    User root\n"
        f'    IdentityFile "{directory / KEY}"\n'
        "    IdentitiesOnly yes\n"
        f'    UserKnownHostsFile "{directory / KNOWN_HOSTS}"\n'
        "    StrictHostKeyChecking yes\n"
    )
    return "".join(lines)


def _stanza(name: str, sort: str, values: Mapping[str, str]) -> str:
    lines: Iterable[str] = (f"    {key}={value}\n" for key, value in sorted(values.items()))
    return f"\n{name}:\n    objtype={sort}\n{''.join(lines)}"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=mode)
    path.write_bytes(content)
