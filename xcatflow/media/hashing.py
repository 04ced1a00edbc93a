"""Digests of what is copied, computed while it is written."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

_AT_ONCE = 1 << 20


def written(chunks: Iterable[memoryview], write: Callable[[memoryview], object], algorithm: str) -> str:
    """Hand each chunk to `write`; the digest of all."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
        write(chunk)
    return digest.hexdigest()


def digest_of(path: Path, algorithm: str, told: Callable[[int], object] = lambda _bytes: None) -> str:
    """The digest of a file; `told` hears of each piece read. Raises OSError."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_AT_ONCE):
            digest.update(chunk)
            told(len(chunk))
    return digest.hexdigest()
