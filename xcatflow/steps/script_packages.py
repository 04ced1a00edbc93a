"""xCAT's scripts `ospkgs` and `otherpkgs` as steps: the repositories of the node's osimage, and the packages of its lists.

Source: xCAT's ospkgs and otherpkgs. Theirs switch the machine's own repositories off unless `--keeprepo` is given, install what nobody
signed, and upgrade everything; here those stay, only what is signed is installed, and what is listed is upgraded.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xcatflow.contract import Desk, Part
from xcatflow.errors import InvalidInput, Problem, Source
from xcatflow.model.objects import OsImage
from xcatflow.model.values import split_list
from xcatflow.steps.otherpkgdir import Family, Places, family_of, parse_otherpkgdir, parse_pkgdir
from xcatflow.steps.package_directory import packages_in
from xcatflow.steps.pkglist import read_lists


def ospkgs_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """The mirrors of the image's `pkgdir`, then the packages of its `pkglist`; nothing where it has neither. A directory in `pkgdir` is the
    distribution as it was installed from: the machine's own repositories have that. Raises InvalidInput."""
    _no_others(arguments, ("--keeprepo",))
    image = desk.definitions.osimage_of(desk.node)
    if image is None:
        return ()
    found = parse_pkgdir(image.attributes.get("pkgdir", ""), image.source("pkgdir"))
    parts = list(_repositories(found, image, "pkgdir"))
    if lists := split_list(image.attributes.get("pkglist", "")):
        parts.append(Part("packages", "package.present", {"pkglist": list(lists), **_environment(image)}))
    return tuple(parts)


def otherpkgs_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """The repositories of the image's `otherpkgdir`, the packages of its directory, then those of `otherpkglist`; nothing where no package
    is listed. `--repoonly`: no packages. Raises InvalidInput."""
    only = _no_others(arguments, ("--repoonly",))
    image = desk.definitions.osimage_of(desk.node)
    lists = split_list(image.attributes.get("otherpkglist", "")) if image else ()
    if image is None or not (lists or only):
        return ()
    environment = _environment(image)
    listed = read_lists(lists, desk, environment.get("environment", {}), other=True)
    if not (listed or only):
        return ()
    found = parse_otherpkgdir(image.attributes.get("otherpkgdir", ""), image.source("otherpkgdir"))
    parts = list(_repositories(found, image, "otherpkgdir"))
    parts += _directory(found, image, desk)
    for entry in (entry for each in listed for entry in each.install if entry.folder):
        _need_file(found, entry.folder, entry.name, entry.source, desk)
    if listed and not only:
        parts.append(Part("packages", "package.present", {"otherpkglist": list(lists), **environment}))
    return tuple(parts)


def _no_others(arguments: tuple[str, ...], known: tuple[str, ...]) -> bool:
    """Is the script's option given? Raises InvalidInput for others."""
    for argument in arguments:
        if argument not in known:
            raise InvalidInput(f'expected {" or ".join(known)}, or nothing, found "{argument}"')
    return bool(arguments)


def _environment(image: OsImage) -> dict[str, Any]:
    given = dict(pair.split("=", 1) for pair in split_list(image.attributes.get("environvar", "")) if "=" in pair)
    return {"environment": given} if given else {}


def _family(image: OsImage, attribute: str) -> Family:
    osvers = image.attributes.get("osvers", "")
    if family := family_of(osvers):
        return family
    found = f'osvers "{osvers}"' if osvers else "no osvers"
    raise InvalidInput(
        f'osimage "{image.name}" has {found}, from which its package manager cannot be told: give one such as debian12, '
        f"rocky9.4 or sles15.6, since it has {attribute}",
        image.source(attribute),
    )


def _repositories(found: Places, image: OsImage, attribute: str) -> Iterator[Part]:
    for repository in found.repositories:
        try:
            params = repository.params(_family(image, attribute))
        except InvalidInput as error:
            raise InvalidInput(
                Problem(p.message, p.source or image.source(attribute)) for p in error.problems
            ) from None
        yield Part(f"repository-{repository.name}", "package.repository", params)


def _directory(found: Places, image: OsImage, desk: Desk) -> Iterator[Part]:
    """The directory, where there are packages in it: images come with the name of one that may never be filled."""
    if not found.directory:
        return
    family = _family(image, "otherpkgdir")
    if packages_in(desk.path(found.directory), family):
        params = {"name": "otherpkgs", "path": found.directory, "family": family}
        yield Part("directory", "package.directory", params)


def _need_file(found: Places, folder: str, name: str, source: Source | None, desk: Desk) -> None:
    """A name with a directory has its file there."""
    whole = f"{folder}/{name}"
    if not found.directory:
        raise InvalidInput(f'"{whole}" is below a directory, and otherpkgdir names none: write "{name}"', source)
    place: Path = desk.path(found.directory) / folder
    if not any(
        file.name.startswith((f"{name}_", f"{name}-")) for file in place.glob("*") if file.suffix in (".deb", ".rpm")
    ):
        raise InvalidInput(
            f'"{whole}" is not in "{found.directory}": expected a file {name}_*.deb or {name}-*.rpm there', source
        )
