"""xCAT's scripts `ospkgs` and `otherpkgs` as steps: the repositories of the node's osimage, and the packages of its lists.

Source: xCAT's ospkgs and otherpkgs. Theirs switch the machine's own repositories off unless `--keeprepo` is given, install what nobody
signed, and upgrade everything; here those stay, only what is signed is installed, and what is listed is upgraded, the engine of a
Docker host left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xcatflow.contract import Desk, Part
from xcatflow.errors import InvalidInput, Problem, Source, did_you_mean
from xcatflow.model.objects import OsImage
from xcatflow.model.values import split_list
from xcatflow.steps.package_directory import packages_in
from xcatflow.steps.packages.otherpkgdir import Family, Places, family_of, parse_otherpkgdir, parse_pkgdir
from xcatflow.steps.packages.pkglist import PackageList, contradiction, read_lists

_COPYCDS_NAMES = "post/otherpkgs/"
"""Below the install directory, where copycds and `mkdef -u` say that an image's other packages would be, may be nothing."""
_METHODS = ("install", "netboot", "statelite")
"""What `provmethod` may say instead of an osimage, as it did before there were any."""

ENGINES = ("docker.io", "docker-ce", "docker-engine", "moby-engine")
ENGINE = (*ENGINES, "docker-ce-cli", "containerd", "containerd.io", "runc")
"""A newer one of these is another engine under containers that run, which is the work of `upgrade-engine`."""


def packages_part(**given: Any) -> Part:
    """The packages of lists: installed and upgraded, but for the Docker engine, which stays as it is once it is there."""
    return Part("packages", "package.present", {**given, "keep": ENGINE})


def default_part(pkglist: str) -> Part:
    """The packages of a list that nobody chose for this host: where another engine is, that is taken."""
    return packages_part(
        pkglist=pkglist, instead={name: [other for other in ENGINES if other != name] for name in ENGINES}
    )


def ospkgs_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """The mirrors of the image's `pkgdir`, then the packages of its `pkglist`; nothing where it has neither. A directory in `pkgdir` is the
    distribution as it was installed from: the machine's own repositories have that. Raises InvalidInput."""
    _no_others(arguments, ("--keeprepo",))
    image = _image(desk)
    if image is None:
        return ()
    found = parse_pkgdir(image.attributes.get("pkgdir", ""), image.source("pkgdir"))
    parts = list(_repositories(found, image, "pkgdir"))
    if lists := split_list(image.attributes.get("pkglist", "")):
        parts.append(packages_part(pkglist=list(lists), **_environment(image)))
    return tuple(parts)


def otherpkgs_parts(arguments: tuple[str, ...], desk: Desk) -> tuple[Part, ...]:
    """The repositories of the image's `otherpkgdir`, the packages of its directory, then those of `otherpkglist`; nothing where no package
    is listed. `--repoonly`: no packages. Raises InvalidInput."""
    only = _no_others(arguments, ("--repoonly",))
    image = _image(desk)
    lists = split_list(image.attributes.get("otherpkglist", "")) if image else ()
    if image is None or not (lists or only):
        return ()
    environment = _environment(image)
    listed = read_lists(lists, desk, environment.get("environment", {}), other=True)
    if not (listed or only):
        return ()
    # What one script installs and the other removes would come and go with every run.
    if problem := contradiction((*_of_distribution(image, desk), *listed)):
        raise InvalidInput(problem)
    found = parse_otherpkgdir(image.attributes.get("otherpkgdir", ""), image.source("otherpkgdir"))
    parts = list(_repositories(found, image, "otherpkgdir"))
    parts += _directory(found, image, desk)
    for entry in (entry for each in listed for entry in each.install if entry.folder):
        _need_file(found, entry.folder, entry.name, entry.source, desk)
    if listed and not only:
        parts.append(packages_part(otherpkglist=list(lists), **environment))
    return tuple(parts)


def _image(desk: Desk) -> OsImage | None:
    """The node's osimage; None where its `provmethod` names none. Raises InvalidInput where it names one that is not defined: the packages
    of something else would be installed."""
    definitions, node = desk.definitions, desk.node
    image = definitions.osimage_of(node)
    named = definitions.value(node, "provmethod") or ""
    if image is None and named not in ("", *_METHODS) and definitions.value(node, "mgt") != "docker":
        hint = did_you_mean(named, definitions.osimages) or ": define it (mkdef -t osimage), or clear provmethod"
        raise InvalidInput(f'provmethod "{named}" of node "{node}" names no osimage{hint}')
    return image


def _of_distribution(image: OsImage, desk: Desk) -> tuple[PackageList, ...]:
    """What `pkglist` says; nothing where it cannot be read, which is for `ospkgs` to complain about."""
    given = _environment(image).get("environment", {})
    try:
        return read_lists(split_list(image.attributes.get("pkglist", "")), desk, given)
    except InvalidInput:
        return ()


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
    if not desk.path(found.directory).is_dir() and _COPYCDS_NAMES not in found.directory:
        raise InvalidInput(
            f'otherpkgdir of osimage "{image.name}": there is no directory "{found.directory}": make it, or correct the name',
            image.source("otherpkgdir"),
        )
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
