"""Lines of `authorized_keys`.

Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT; RFC 4253, 6.6: a key's data begins with its type.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from hashlib import sha256

TYPE = r"ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-[a-z0-9-]+|sk-[a-z0-9-]+@openssh\.com"
_ENTRY = re.compile(
    rf"(?:(?P<options>\S.*?)\s+)?(?P<type>{TYPE})\s+(?P<key>AAAA[A-Za-z0-9+/]+=*)(?:\s+(?P<comment>.*))?"
)


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of the file."""

    type: str
    data: str
    comment: str = ""
    options: str = ""

    @property
    def fingerprint(self) -> str:
        """As OpenSSH prints it."""
        digest = sha256(b64decode(self.data)).digest()
        return "SHA256:" + b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        return " ".join(text for text in (self.options, self.type, self.data, self.comment) if text)

    @property
    def shown(self) -> str:
        return f"{self.fingerprint}{f' ({self.comment})' if self.comment else ''}"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A user's file: its content, None where there is none, whether it and its directory have the rights that sshd insists on, and what is
    known of the keys that connections came in with (their fingerprints or data)."""

    content: bytes | None = None
    rights: str = ""
    ways_in: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple((self.content or b"").decode(errors="surrogateescape").splitlines())

    @property
    def keys(self) -> tuple[Key, ...]:
        return tuple(key for line in self.lines if (key := entry_of(line)))


def wanted_key(text: str) -> Key:
    """A key as in a .pub file. Raises ValueError."""
    key = entry_of(text)
    if key is None or key.options or "\n" in text.strip():
        shown = text.strip()[:40]
        raise ValueError(f'expected one public key such as "ssh-ed25519 AAAA... alice", found "{shown}"')
    try:
        blob = b64decode(key.data, validate=True)
    except BadBase64:
        blob = b""
    name = key.type.encode()
    if blob[4 : 4 + len(name)] != name:
        raise ValueError(f'"{text.strip()[:40]}..." is no whole public key: was it cut off?')
    return key


def entry_of(line: str) -> Key | None:
    """The entry of a line; None for comments and what is none."""
    match = None if line.strip().startswith("#") else _ENTRY.fullmatch(line.strip())
    return Key(match["type"], match["key"], (match["comment"] or "").strip(), match["options"] or "") if match else None
