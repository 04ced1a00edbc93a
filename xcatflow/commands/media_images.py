"""What copying a medium defines: its distribution, and the osimages that can be installed from it.

Source: xCAT's manual page of copycds, and its description of the tables osdistro and osimage.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xcatflow.commands.changes import added
from xcatflow.commands.osimages import completion, places
from xcatflow.commands.remarks import Remarks
from xcatflow.errors import InvalidInput
from xcatflow.load.image_files import filled_in, find_image_file, image_profiles
from xcatflow.load.shipped import shipped
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Write
from xcatflow.model.medium import Medium

DOCKERHOST = "dockerhost"
_PROFILES = ("compute", "service", DOCKERHOST)
"""The profiles that every distribution has."""

_DISKLESS = ("netboot", "statelite")
_SPLIT = re.compile(r"([^0-9]*)([0-9]*)(?:\.([0-9.]*[0-9]))?")
_KEPT = ("pkglist", "otherpkglist", "otherpkgdir")
"""What a Docker host's image keeps, once it has it: these files and this repository are ours only to begin with."""


@dataclass(frozen=True, slots=True)
class MediumImages:
    """What is defined for a medium in a directory; `root` is the site's. `remarks` hears what is odd."""

    medium: Medium
    directory: str
    definitions: Definitions
    root: Path
    remarks: Remarks

    @property
    def distro(self) -> str:
        """The name of the osdistro."""
        return f"{self.medium.name}-{self.medium.arch}"

    def osdistro(self) -> Write:
        """The distribution, with the directory among those it has."""
        base, major, minor = self._split()
        old = self.definitions.objects("osdistro").get(self.distro)
        paths = old.attributes.get("dirpaths", "") if old else ""
        values = {
            "basename": base,
            "majorversion": major,
            "minorversion": minor,
            "arch": self.medium.arch,
            "type": "Linux",
            "dirpaths": added(paths, self.directory),
        }
        return Write("osdistro", self.distro, values)

    def images(self, *, missing_only: bool = False) -> Iterator[Write]:
        """The osimages; with `missing_only` none that is there."""
        for method, profile in self._wanted():
            name = f"{self.distro}-{method}-{profile}"
            old = self.definitions.objects("osimage").get(name)
            if old is None or not missing_only:
                yield Write("osimage", name, self._values(method, profile, old.attributes if old else None))

    def _wanted(self) -> Iterator[tuple[str, str]]:
        """Method and profile of each image."""
        yield from (("install", profile) for profile in dict.fromkeys((*_PROFILES, *self._with("tmpl", "install"))))
        diskless = self._with("pkglist", "netboot")
        for method in _DISKLESS if self.medium.family == "redhat" else _DISKLESS[:1]:
            yield from ((method, profile) for profile in diskless)

    def _with(self, suffix: str, method: str) -> tuple[str, ...]:
        site = self.definitions.site
        return image_profiles(
            suffix, self.medium.name, self.medium.arch, method=method, places=places(site), root=self.root
        )

    def _values(self, method: str, profile: str, old: Mapping[str, str] | None) -> Mapping[str, str]:
        """The values of an image that has `old` ones, None for a new one."""
        site = self.definitions.site
        values = {
            "osvers": self.medium.name,
            "osarch": self.medium.arch,
            "profile": profile,
            "provmethod": method,
            "pkgdir": self.directory,
        }
        values |= completion(values, self.remarks, site=site, root=self.root) or {}
        if profile == "service":
            values["postscripts"] = "servicenode"
        if profile == DOCKERHOST and method == "install":
            values |= self._of_dockerhost(values)
            values = {name: value for name, value in values.items() if name not in _KEPT or not (old or {}).get(name)}
        if old is None:
            values["addkcmdline"] = "quiet"
        return values

    def _of_dockerhost(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """What a Docker host's image has besides: the repository of the engine, and the installer's template of an ordinary node."""
        found: dict[str, str] = {}
        if not values.get("template") and (template := self._file("tmpl", "compute")):
            found["template"] = template
        for attribute, suffix in (("pkglist", "pkglist"), ("otherpkglist", "otherpkgs.pkglist")):
            if not values.get(attribute) and (file := self._file(suffix, DOCKERHOST)):
                found[attribute] = file
        if file := self._file("otherpkgdir", DOCKERHOST):
            try:
                found["otherpkgdir"] = filled_in(file, self._words(), root=self.root)
            except InvalidInput as error:
                self.remarks.warn(f"{self.distro}-install-{DOCKERHOST} gets no otherpkgdir: {error}")
        return found

    def _file(self, suffix: str, profile: str) -> str:
        return find_image_file(
            suffix,
            profile,
            self.medium.name,
            self.medium.arch,
            method="install",
            # A site that was made before has no files of ours.
            places=(*places(self.definitions.site), str(shipped() / "share")),
            root=self.root,
        )

    def _words(self) -> Mapping[str, str]:
        """What the file of the repository may name."""
        words = {"codename": self.medium.codename, "major": self._split()[1], "arch": self.medium.arch}
        return {word: value for word, value in words.items() if value}

    def _split(self) -> tuple[str, str, str]:
        """The parts of the distribution's name: `ubuntu22.04.4` is `ubuntu`, `22`, `04.4`."""
        found = _SPLIT.match(self.medium.name)
        base, major, minor = found.groups("") if found else (self.medium.name, "", "")
        return base, major, minor
