"""What a node's package lists say, as variables for scripts.

Source: xCAT 2, the variables that its scripts `ospkgs` and `otherpkgs` go by.
"""

from xcatflow.contract import Desk
from xcatflow.model.objects import OsImage
from xcatflow.model.values import split_list
from xcatflow.steps.packages.pkglist import Entry, PackageList, read_lists


def list_variables(desk: Desk) -> dict[str, str]:
    """`OSPKGDIR`, `OSPKGS`, `ENVLIST`, and of other packages `OTHERPKGDIR`, `OTHERPKGS_INDEX` and for each list `OTHERPKGS1`,
    `ENVLIST1` and so on; what the node's osimage does not say is left out. Raises InvalidInput for lists that cannot be read."""
    image = desk.definitions.osimage_of(desk.node)
    return desk.once(("lists of osimage", image.name), lambda: _variables(desk, image)) if image else {}


def _variables(desk: Desk, image: OsImage) -> dict[str, str]:
    named = image.attributes
    given = dict(entry.split("=", 1) for entry in split_list(named.get("environvar", "")) if "=" in entry)
    packages = read_lists(split_list(named.get("pkglist", "")), desk, given)
    others = read_lists(split_list(named.get("otherpkglist", "")), desk, given, other=True)
    found = {"OSPKGDIR": named.get("pkgdir", ""), "OTHERPKGDIR": named.get("otherpkgdir", "")}
    for listed in packages:
        found |= {"OSPKGS": _entries(listed, "-", "-"), "ENVLIST": _environment(listed)}
    if others:
        found["OTHERPKGS_INDEX"] = str(len(others))
    for number, listed in enumerate(others, start=1):
        found |= {f"OTHERPKGS{number}": _entries(listed, "-", "--"), f"ENVLIST{number}": _environment(listed)}
    return {name: text for name, text in found.items() if text}


def _entries(listed: PackageList, before: str, after: str) -> str:
    """The entries as one text, those to be removed with their signs."""
    signed = (("", listed.install), (before, listed.before), (after, listed.after))
    return ",".join(f"{sign}{_whole(entry)}" for sign, entries in signed for entry in entries)


def _whole(entry: Entry) -> str:
    return f"{entry.folder.rstrip('/')}/{entry}" if entry.folder else str(entry)


def _environment(listed: PackageList) -> str:
    return " ".join(f"{name}={value}" for name, value in listed.environment)
