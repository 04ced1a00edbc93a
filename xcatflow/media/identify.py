"""What a medium is, by what its own files say. Pure.

Source: `.disk/info` and `README.diskdefines` as debian-cd and Ubuntu's live-build write them; `.treeinfo` (productmd, versions 0.x and 1.x)
and `.discinfo` (anaconda) of the RHEL family.
"""

import configparser
import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from xcatflow.model.medium import Family, Medium

ARCHITECTURES: Mapping[str, str] = MappingProxyType(
    {
        "amd64": "x86_64",
        "i386": "x86",
        "i486": "x86",
        "i586": "x86",
        "i686": "x86",
        "powerpc": "ppc64",
        "arm64": "aarch64",
    }
    | {
        name: name
        for name in ("x86_64", "x86", "aarch64", "ppc64", "ppc64el", "ppc64le", "s390x", "riscv64", "armhf", "armhfp")
    }
)
"""Architectures as media and people name them, and as osimages do."""

_DEBIAN: Mapping[str, str] = MappingProxyType({"Ubuntu": "ubuntu", "Ubuntu-Server": "ubuntu", "Debian": "debian"})
"""Products by the first word of `.disk/info`."""

_REDHAT = (
    (r"red hat enterprise linux", "rhels"),
    (r"centos[ -]stream", "centos-stream"),
    (r"centos", "centos"),
    (r"rocky", "rocky"),
    (r"alma", "alma"),
    (r"fedora", "fedora"),
    (r"oracle linux", "ol"),
)
"""Products by what their family's name begins with."""

_NAMES: Mapping[Family, tuple[str, ...]] = MappingProxyType(
    {
        "debian": ("ubuntu", "debian"),
        "redhat": ("rhel", "centos", "rocky", "alma", "fedora", "ol"),
    }
)
"""What the name of a distribution may begin with."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._+-]*")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_CODENAME = re.compile(r"""["_]([A-Za-z]+)[ A-Za-z]*["_]""")
_BINARY = re.compile(r"Binary-([0-9]+)")
_DISKNUM = re.compile(r"^#define\s+DISKNUM\s+([0-9]+)", re.MULTILINE)


def canonical(arch: str) -> str:
    """An architecture as osimages name it; an unknown one as it is."""
    return ARCHITECTURES.get(arch.lower(), arch)


def is_name(text: str) -> bool:
    """Can a distribution be called this? It becomes the name of a directory."""
    return _NAME.fullmatch(text) is not None


def identify(read: Callable[[str], str], paths: Collection[str], name: str = "") -> Medium | None:
    """What a medium is, by its files (`read` gives an empty text for one that is not there) and all its paths; None where they do not say
    it. `name` is the distribution's where it is known better."""
    found = _debian(read, paths, name) if ".disk/info" in paths else None
    return found or _redhat(read, name)


def _fits(name: str, family: Family) -> bool:
    return not name or (is_name(name) and name.startswith(_NAMES[family]))


def _debian(read: Callable[[str], str], paths: Collection[str], name: str) -> Medium | None:
    line = read(".disk/info").strip().partition("\n")[0]
    words = re.split(r"[\s,]+", line)
    product = _DEBIAN.get(words[0], "")
    version = next((word for word in words if _DOTTED.fullmatch(word)), "")
    own = next((word for word in words if word.lower() in ARCHITECTURES), "")
    if not own or not (name or (product and version)) or not _fits(name, "debian"):
        return None
    codename = _CODENAME.search(line)
    disc = _BINARY.search(line) or _DISKNUM.search(read("README.diskdefines"))
    return Medium(
        family="debian",
        name=name or f"{product}{version}",
        arch=canonical(own),
        own_arch=own.lower(),
        disc=disc[1] if disc else "",
        codename=codename[1].lower() if codename else "",
        netinst="NETINST" in words,
        live="dists" not in paths and "casper" not in paths,
    )


def _redhat(read: Callable[[str], str], name: str) -> Medium | None:
    tree, disc = read(".treeinfo"), read(".discinfo").splitlines()
    if (not tree and not disc) or not _fits(name, "redhat"):
        return None
    described = disc[1].strip() if len(disc) > 1 else ""
    general = _general(tree)
    family = general.get("family", "") or described
    prefix = next((prefix for pattern, prefix in _REDHAT if re.match(pattern, family, re.IGNORECASE)), "")
    version = _VERSION.search(general.get("version", "")) or _VERSION.search(described)
    own = general.get("arch", "") or (disc[2].strip() if len(disc) > 2 else "")
    if own.lower() not in ARCHITECTURES or not (name or (prefix and version)):
        return None
    return Medium(
        family="redhat",
        name=name or f"{prefix}{version[0] if version else ''}",
        arch=canonical(own),
        own_arch=own,
        disc=disc[3].strip() if len(disc) > 3 else "",
    )


def _general(text: str) -> Mapping[str, str]:
    """Section `[general]` of `.treeinfo`; where it lacks a value, what newer sections say."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    found = dict(parser["general"]) if parser.has_section("general") else {}
    for key, section, option in (
        ("family", "release", "name"),
        ("version", "release", "version"),
        ("arch", "tree", "arch"),
    ):
        if not found.get(key):
            found[key] = parser.get(section, option, fallback="")
    return found
