"""Which image an archive of `docker save` holds, told without loading it.

Source: Docker image specification v1.2 (`manifest.json`: configurations with their tags; a classic image's id is its configuration's
digest); OCI image layout (`index.json`: with the containerd image store the id is the manifest's digest).
"""

import json
import re
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from xcatflow.model.image import canonical

_KEPT = 64
_LARGEST_BYTES = 1 << 22
_DIGEST = re.compile(r"[0-9a-f]{64}")


def ids_in(archive: Path, reference: str) -> tuple[str, ...]:
    """The ids that the image `reference` of the archive may have on a daemon; empty where that cannot be told (compressed archives are
    not read through for it)."""
    try:
        facts = archive.stat()
        found = _by_name(archive, facts.st_mtime_ns, facts.st_size)
    except (OSError, tarfile.TarError, ValueError, LookupError, TypeError, AttributeError):
        return ()
    return found.get(canonical(reference), ())


@lru_cache(maxsize=_KEPT)
def _by_name(archive: Path, _changed_ns: int, _size_bytes: int) -> dict[str, tuple[str, ...]]:
    """Ids by the spelling that daemons list. The archive is read again when it has changed."""
    with tarfile.open(archive, "r:") as packed:
        images, index = _member(packed, "manifest.json"), _member(packed, "index.json")
    manifests = list(_manifests(index)) if index else []
    found: dict[str, tuple[str, ...]] = {}
    for image in images or ():
        digest = _DIGEST.findall(image["Config"])
        named = [manifest for name, manifest in manifests if len(images) == 1 or name in image["RepoTags"]]
        for tag in image["RepoTags"] or ():
            found[canonical(tag)] = (*(f"sha256:{text}" for text in digest[-1:]), *named)
    return found


def _member(packed: tarfile.TarFile, name: str) -> Any:
    """The JSON in a member; None where there is no such."""
    try:
        member = packed.getmember(name)
    except KeyError:
        return None
    if member.size > _LARGEST_BYTES:
        raise ValueError(f"{name} has {member.size} bytes")
    file = packed.extractfile(member)
    return json.loads(file.read()) if file else None


def _manifests(index: Any) -> Iterator[tuple[str, str]]:
    """(name, digest) of the images of an OCI layout."""
    for manifest in index["manifests"]:
        yield (manifest.get("annotations") or {}).get("io.containerd.image.name", ""), manifest["digest"]
