"""The record of a disc's files: what was copied to its end, with digests. Lines are `ALGORITHM DIGEST SIZE PATH`.

While a disc is copied it grows line by line and says what needs no copying again; nothing is believed by it alone, every file is held
against its digest. In a finished directory one per disc, named by the disc's fingerprint, says which discs it holds.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xcatflow.media.entry import Entries

DIRECTORY = ".xcatflow-media"
"""Where a finished directory keeps them."""


@dataclass(frozen=True, slots=True)
class Done:
    """A file that was copied."""

    algorithm: str
    digest: str
    size: int

    def line(self, path: str) -> str:
        return f"{self.algorithm} {self.digest} {self.size} {path}\n"


def read_manifest(path: Path) -> dict[str, Done]:
    """The files by their paths; none where there is no record. A last line that was not finished is left out."""
    try:
        text = path.read_text(errors="surrogateescape")
    except OSError:
        return {}
    found: dict[str, Done] = {}
    for line in text[: text.rfind("\n") + 1].splitlines():
        words = line.split(" ", 3)
        if len(words) == 4 and words[2].isdigit() and words[0] in hashlib.algorithms_available:
            found[words[3]] = Done(words[0], words[1], int(words[2]))
    return found


def manifest(files: Mapping[str, Done]) -> str:
    """The record as a text."""
    return "".join(done.line(path) for path, done in sorted(files.items()))


def fingerprint(seal: bytes, entries: Entries) -> str:
    """What tells one disc from another: its volume descriptor, which has the time it was made, and the list of its files."""
    digest = hashlib.sha256(seal)
    for path, entry in sorted(entries.items()):
        digest.update(f"{path}\0{entry.sort}\0{entry.size}\0{entry.target}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def discs_in(directory: Path) -> Iterable[str]:
    """Fingerprints of the discs that a directory holds."""
    try:
        return tuple(path.name for path in (directory / DIRECTORY).iterdir())
    except OSError:
        return ()
