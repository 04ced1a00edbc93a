"""Putting a copied Debian or Ubuntu medium in order, so that installers and apt can use it.

Source: xCAT's copycds for Debian media.
"""

import gzip
import os
import shutil
import zlib
from pathlib import Path

from xcatflow.model.medium import CopyFailed, Medium

_UNWANTED = ("unstable", "testing")
_KERNELS = ("vmlinuz", "linux")


def tidy(medium: Medium, tree: Path) -> None:
    """Put a copy in order. Raises OSError, CopyFailed where a package index cannot be unpacked."""
    if medium.family != "debian":
        return
    for name in _UNWANTED:
        link = tree / "dists" / name
        if link.is_symlink():
            link.unlink()
    for release in _releases(medium, tree):
        _unpack_index(release / "restricted" / f"binary-{medium.own_arch}")
    if medium.netinst:
        _netboot(tree)


def _releases(medium: Medium, tree: Path) -> list[Path]:
    """The directory of the release: by its codename, else the one there is."""
    dists = tree / "dists"
    if not dists.is_dir():
        return []
    found = sorted(path for path in dists.iterdir() if path.is_dir() and not path.is_symlink())
    return [path for path in found if path.name == medium.codename] or found[:1]


def _unpack_index(directory: Path) -> None:
    """Unpack the list of packages, or make an empty one: installers ask for it."""
    directory.mkdir(parents=True, exist_ok=True)
    packed, new = directory / "Packages.gz", directory / ".Packages.new"
    if (directory / "Packages").exists() and not packed.is_file():
        return
    with new.open("wb") as target:
        if packed.is_file():
            try:
                with gzip.open(packed) as source:
                    shutil.copyfileobj(source, target, 1 << 20)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise CopyFailed(f'cannot unpack "{packed}": {error}') from None
    new.chmod(0o644)
    new.replace(directory / "Packages")


def _netboot(tree: Path) -> None:
    """Put kernel and initial file system of a netinst medium where those of a network installation are."""
    for directory in sorted(tree.glob("install*")):
        kernel = next((directory / name for name in _KERNELS if (directory / name).is_file()), None)
        initrd = directory / "initrd.gz"
        if kernel is None or not initrd.is_file():
            continue
        target = tree / "install" / "netboot"
        target.mkdir(parents=True, exist_ok=True)
        for path in (kernel, initrd):
            (target / path.name).unlink(missing_ok=True)
            shutil.copyfile(path, target / path.name)
            os.utime(target / path.name, (path.stat().st_mtime, path.stat().st_mtime))
        return
