"""Host keys that are known: files in OpenSSH's form, looked up by name and address, and one of them added to when that is asked for.

Names may be plain, with a port, hashed, or patterns; `@revoked` keys are refused; `@cert-authority` keys are those whose certificates of
hosts are good.

Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
"""

import base64
import fcntl
import hashlib
import hmac
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from xcatflow.errors import InvalidInput, Source, reason_of

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A host key: its type (`ssh-ed25519`), the key in base64, where it is written, and whether it must not be used any more."""

    sort: str
    key: str
    source: Source
    revoked: bool = False

    @property
    def fingerprint(self) -> str:
        return fingerprint(base64.b64decode(self.key))


def fingerprint(key: bytes) -> str:
    """`SHA256:…`, as ssh-keygen prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def written(host: str, port: int) -> str:
    """A host as known_hosts files name it: in brackets with its port where that is not 22."""
    return host.lower() if port == SSH_PORT else f"[{host.lower()}]:{port}"


@dataclass(slots=True)
class KnownHosts:
    """The keys of several files, read on first use; files that are not there count as empty. New keys go to the first file.

    May be used from several threads. Raises InvalidInput when a file cannot be read or written.
    """

    files: tuple[Path, ...]
    _plain: dict[str, list[KnownKey]] = field(default_factory=dict)
    _hashed: list[tuple[bytes, bytes, KnownKey]] = field(default_factory=list)
    _patterns: list[tuple[tuple[str, ...], KnownKey]] = field(default_factory=list)
    _authorities: list[tuple[tuple[str, ...], KnownKey]] = field(default_factory=list)
    _matched: dict[str, tuple[KnownKey, ...]] = field(default_factory=dict)
    _read: bool = False
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def find(self, names: Iterable[str]) -> tuple[KnownKey, ...]:
        """All keys of a host that has any of these names (as `written` gives them)."""
        with self._guard:
            self._load_all()
            found: dict[KnownKey, None] = {}
            for name in names:
                found |= dict.fromkeys(self._plain.get(name, ()))
                found |= dict.fromkeys(self._by_hash(name))
                found |= {key: None for patterns, key in self._patterns if _matches(patterns, name)}
            return tuple(found)

    def authorities(self, names: Iterable[str]) -> tuple[KnownKey, ...]:
        """The keys that may sign certificates of a host that has any of these names."""
        with self._guard:
            self._load_all()
            found = {key: None for name in names for patterns, key in self._authorities if _matches(patterns, name)}
            return tuple(found)

    def _load_all(self) -> None:
        if not self._read:
            for path in self.files:
                self._load(path)
            self._read = True

    def _by_hash(self, name: str) -> tuple[KnownKey, ...]:
        """Keys under a hashed name. Found out once for each name: thousands of lines take their time."""
        if name not in self._matched:
            self._matched[name] = tuple(key for salt, digest, key in self._hashed if _digest(salt, name) == digest)
        return self._matched[name]

    def add(self, names: Iterable[str], sort: str, key: str) -> None:
        """Put a key at the end of the first file, under a lock."""
        path = self.files[0]
        line = f"{','.join(dict.fromkeys(names))} {sort} {key}\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._guard, path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                end = file.seek(0, 2)
                file.seek(max(0, end - 1))
                whole = not end or file.read(1) == b"\n"
                file.write((line if whole else f"\n{line}").encode())
                self._take(line, Source(str(path)))
        except OSError as error:
            raise InvalidInput(f'cannot add a host key to "{path}": {reason_of(error)}') from None

    def _load(self, path: Path) -> None:
        try:
            lines = path.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InvalidInput(f'cannot read known hosts "{path}": {reason_of(error)}') from None
        for number, line in enumerate(lines, 1):
            self._take(line, Source(str(path), number))

    def _take(self, line: str, source: Source) -> None:
        """One line; those that are no keys of hosts are passed over, as OpenSSH does."""
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker not in ("", "@revoked", "@cert-authority"):
            return
        names, sort, key = words[:3]
        known = KnownKey(sort, key, source, revoked=marker == "@revoked")
        salt, _, digest = names[3:].partition("|")
        try:
            base64.b64decode(key, validate=True)
            if names.startswith("|1|"):
                self._hashed.append((base64.b64decode(salt), base64.b64decode(digest), known))
        except ValueError:
            return
        if names.startswith("|1|"):
            return
        patterns = tuple(names.lower().split(","))
        if marker == "@cert-authority":
            self._authorities.append((patterns, known))
            return
        if any(mark in name for name in patterns for mark in "*?!"):
            self._patterns.append((patterns, known))
            return
        for name in patterns:
            self._plain.setdefault(name, []).append(known)


def _digest(salt: bytes, name: str) -> bytes:
    return hmac.digest(salt, name.encode(), "sha1")


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    """Does a name match one of the patterns, and none of those with `!`? Brackets are plain characters here."""
    plain = [(pattern.removeprefix("!").replace("[", "[[]"), pattern.startswith("!")) for pattern in patterns]
    hits = [negated for pattern, negated in plain if fnmatchcase(name, pattern)]
    return bool(hits) and not any(hits)
