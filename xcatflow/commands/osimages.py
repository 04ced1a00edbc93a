"""Completing the definition of an osimage by what its profile and system say: flag `-u`."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from xcatflow.commands.remarks import Remarks
from xcatflow.load.image_files import SHARE, find_image_file, system_here

_METHODS: Mapping[str, str] = MappingProxyType({"install": "install", "netboot": "netboot", "statelite": "netboot"})
"""Where the files of an image are, by its `provmethod`."""

_FILES = (
    ("template", "tmpl"),
    ("pkglist", "pkglist"),
    ("otherpkglist", "otherpkgs.pkglist"),
    ("synclists", "synclist"),
)
_DISKLESS_FILES = (("exlist", "exlist"), ("postinstall", "postinstall"))


def installdir_of(site: Mapping[str, str]) -> str:
    """The directory of media and of all that goes with them."""
    return (site.get("installdir") or "/install").rstrip("/")


def places(site: Mapping[str, str]) -> tuple[str, ...]:
    """Where files of images are looked for, in order."""
    return (f"{installdir_of(site)}/custom", *SHARE)


def completion(
    values: Mapping[str, str], remarks: Remarks, *, site: Mapping[str, str], root: Path
) -> Mapping[str, str] | None:
    """What an image with these values gets besides; None where they do not say enough, told."""
    profile, provmethod = values.get("profile", ""), values.get("provmethod", "")
    if not profile or not provmethod:
        remarks.refuse("The profile and provmethod are all need to be specified.")
        return None
    if provmethod not in _METHODS:
        remarks.refuse(f"The provmethod: {provmethod} is incorrect.")
        return None
    here = system_here()
    osvers, osarch = values.get("osvers") or here[0], values.get("osarch") or here[1]
    installdir = installdir_of(site)
    found = {
        "imagetype": "linux",
        "osname": "Linux",
        "osvers": osvers,
        "osarch": osarch,
        "pkgdir": f"{installdir}/{osvers}/{osarch}",
        "otherpkgdir": f"{installdir}/post/otherpkgs/{osvers}/{osarch}",
    }
    files: tuple[tuple[str, str], ...] = _FILES
    if provmethod != "install":
        found["rootimgdir"] = f"{installdir}/netboot/{osvers}/{osarch}/{profile}"
        files = (*_FILES, *_DISKLESS_FILES)
    for attribute, suffix in files:
        found[attribute] = find_image_file(
            suffix,
            profile,
            osvers,
            osarch,
            method=_METHODS[provmethod],
            places=places(site),
            root=root,
        )
    missing = {name: value for name, value in found.items() if value and not values.get(name)}
    return missing | {"osdistroname": f"{osvers}-{osarch}"}
