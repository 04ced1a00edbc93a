"""The entries of known_hosts for nodes: text to text, no file is touched.

Source: known_hosts in the manual page of OpenSSH's sshd.
"""

import base64
import hmac
from collections.abc import Collection

from xcatflow.commands.hosts_entries import domain_of
from xcatflow.commands.output import lines_of
from xcatflow.model.definitions import Definitions


def host_names(definitions: Definitions, node: str, address: str) -> tuple[str, ...]:
    """What a node is called in known_hosts: its name, with its domain, its address; what is not known is left out."""
    domain = domain_of(definitions, address)
    return tuple(name for name in (node, f"{node}.{domain}" if domain else "", address) if name)


def without(text: str, names: Collection[str]) -> str:
    """The text without the entries that begin with one of these names: plain, with a port, or hashed."""
    gone = frozenset(name.lower() for name in names)
    return "".join(f"{line}\n" for line in lines_of(text) if not _is_of(line, gone))


def _is_of(line: str, names: frozenset[str]) -> bool:
    words = line.split(None, 1)
    if len(words) < 2 or words[0].startswith(("#", "@")):
        return False
    first = words[0].partition(",")[0].lower()
    if words[0].startswith("|1|"):
        return _is_hashed(words[0], names)
    return (first[1:].partition("]:")[0] if first.startswith("[") else first) in names


def _is_hashed(host: str, names: frozenset[str]) -> bool:
    salt, _, digest = host.removeprefix("|1|").partition("|")
    try:
        key, wanted = base64.b64decode(salt), base64.b64decode(digest)
    except ValueError:
        return False
    return any(hmac.digest(key, name.encode(errors="replace"), "sha1") == wanted for name in names)
