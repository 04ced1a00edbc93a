"""References of images: their form, the one spelling that daemons list them by, and the archives of a site that may hold them.

Source: distribution reference grammar (github.com/distribution/reference), Docker Hub's `docker.io/library/` as the default.
"""

import re

_HUB = ("docker.io/library/", "index.docker.io/library/", "docker.io/", "index.docker.io/")
_ID = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?"
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


def canonical(reference: str) -> str:
    """The spelling that daemons list: without Docker Hub's own prefix, with a tag; a digest makes a tag beside it meaningless."""
    if is_id(reference):
        return reference
    for prefix in _HUB:
        reference = reference.removeprefix(prefix)
    name, at, digest = reference.partition("@")
    slash, colon = name.rfind("/"), name.rfind(":")
    repository = name[:colon] if colon > slash else name
    if at:
        return f"{repository}@{digest}"
    return name if colon > slash else f"{name}:latest"


def is_id(reference: str) -> bool:
    """Is it an image's id and no name?"""
    return _ID.fullmatch(reference) is not None


def is_pinned(reference: str) -> bool:
    """Does it say the content itself? Archives bring names only, so no archive can satisfy it under a registry's digest."""
    return "@" in reference


def repository_of(reference: str) -> str:
    """The canonical reference without tag and digest."""
    name = canonical(reference).partition("@")[0]
    return name[: name.rfind(":")] if name.rfind(":") > name.rfind("/") else name


def registry_of(reference: str) -> str:
    """`host[:port]` of the registry that a reference names; empty for Docker Hub."""
    host, slash, _ = canonical(reference).partition("/")
    return host if slash and ("." in host or ":" in host or host == "localhost") else ""


def archive_names(reference: str) -> tuple[str, ...]:
    """Where a site may keep the image, best first: `images/REFERENCE.tar` with `/` and `:` as `_`, for `latest` also without the tag."""
    if is_pinned(reference) or is_id(reference):
        return ()
    names = [reference, canonical(reference)]
    names += [name.removesuffix(":latest") for name in names]
    return tuple(dict.fromkeys(f"images/{name.replace('/', '_').replace(':', '_')}.tar" for name in names))
