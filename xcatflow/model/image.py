"""References of images: their form, their parts, and the one spelling that daemons list them by; and what daemons and registries say alike.

Source: distribution reference grammar (github.com/distribution/reference: `ParseNormalizedNamed`, `FamiliarString`), Docker Hub's
`docker.io/library/` as the default.
"""

import re
from collections.abc import Iterable

_HUB = ("docker.io", "index.docker.io")
_ID = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def check_reference(text: str) -> str:
    """The reference as it is. Raises ValueError when it cannot be one."""
    if not _ID.fullmatch(text) and not _REFERENCE.fullmatch(text):
        hint = ": write repositories in lower case" if text != text.lower() else ""
        raise ValueError(
            f'expected an image such as "debian:12" or "registry.lan:5000/app@sha256:...", found "{text}"{hint}'
        )
    return text


def is_id(reference: str) -> bool:
    """Is it an image's id and no name?"""
    return _ID.fullmatch(reference) is not None


def is_pinned(reference: str) -> bool:
    """Does it say the content itself? Archives bring names only, so no archive can satisfy it under a registry's digest."""
    return "@" in reference


def split_reference(reference: str) -> tuple[str, str]:
    """Repository as it is written, and tag or digest: what follows `@`, else a `:` after the last slash, else `latest`."""
    repository, at, digest = reference.partition("@")
    slash, colon = repository.rfind("/"), repository.rfind(":")
    name, tag = (repository[:colon], repository[colon + 1 :]) if colon > slash else (repository, "")
    return (name, digest) if at else (name, tag or "latest")


def canonical(reference: str) -> str:
    """The spelling that daemons list: without Docker Hub's own prefix, with a tag; a digest makes a tag beside it meaningless."""
    if is_id(reference):
        return reference
    joint = "@" if is_pinned(reference) else ":"
    return f"{repository_of(reference)}{joint}{split_reference(reference)[1]}"


def repository_of(reference: str) -> str:
    """The canonical reference without tag and digest."""
    repository, _ = split_reference(reference)
    host = _host(repository)
    if host and host not in _HUB:
        return repository
    path = repository.removeprefix(f"{host}/") if host else repository
    official = path.removeprefix("library/")
    return path if "/" in official else official


def registry_of(reference: str) -> str:
    """`host[:port]` of the registry that a reference names; empty for Docker Hub."""
    return registry_name(_host(split_reference(reference)[0]))


def registry_name(host: str) -> str:
    """A registry's `host[:port]`, as `registry_of` gives it: empty for Docker Hub, whatever it is called."""
    return "" if host in _HUB else host


def short(id: str) -> str:
    """The first twelve digits of an id or digest."""
    return id.removeprefix("sha256:")[:12]


def digest_in(digests: Iterable[str], repository: str, preferred: str = "") -> str:
    """The digest among `repository@digest` that is of this repository, `preferred` if it is there; empty for none."""
    start = f"{repository}@"
    own = [text.removeprefix(start) for text in digests if text.startswith(start)]
    return preferred if preferred in own else next(iter(own), "")


def _host(repository: str) -> str:
    """The first part of a repository where it is a host: with a dot, a port, or `localhost`."""
    host, slash, _ = repository.partition("/")
    return host if slash and ("." in host or ":" in host or host == "localhost") else ""
