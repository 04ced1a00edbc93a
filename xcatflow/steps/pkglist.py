"""Package lists as xCAT writes them: an entry per line or between commas, `-name` to remove, `#INCLUDE:...#` and `#ENV:...#`.

Not supported, and refused with the place: package groups (`@group`), `--name` and `#NEW_INSTALL_LIST#`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from xcatflow.contract import Desk
from xcatflow.errors import InvalidInput, Problem, Source

_ENTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~^-]*(:[a-z0-9-]+)?(=[A-Za-z0-9][A-Za-z0-9+._~:*^-]*)?")
_INCLUDE = re.compile(r"#INCLUDE:([^#]+)#")
_ENVIRONMENT = re.compile(r"#ENV:([^#]+)#")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


@dataclass(frozen=True, slots=True)
class PackageList:
    """What lists ask for, in their order: entries to install (`name` or `name=version`), names to remove, the package manager's
    environment."""

    install: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


def split_entry(entry: str) -> tuple[str, str]:
    """(name, version) of `name=version`; the version is empty where there is none."""
    name, _, version = entry.partition("=")
    return name, version


def entry_problem(entry: str) -> str:
    """What is wrong with an entry; empty when nothing is."""
    if entry.startswith("@"):
        return f'package groups are not supported, found "{entry}": list its packages'
    if entry.startswith("--"):
        return f'"{entry}" is for lists of other packages only: write "{entry[1:]}"'
    if not _ENTRY.fullmatch(entry.removeprefix("-")):
        return f'expected the name of a package, perhaps with "=version", found "{entry}"'
    if entry.startswith("-") and "=" in entry:
        return f'a package is removed without naming its version, found "{entry}"'
    return ""


def read_lists(names: Iterable[str], desk: Desk, variables: Mapping[str, str]) -> PackageList:
    """Read lists of the site, one after the other; `variables` are for `$VAR` in included paths.

    Raises InvalidInput with file and line of everything that cannot be used: unreadable files, circles of inclusion, unsupported entries.
    """
    reader = _Reader(desk, dict(variables))
    for name in names:
        reader.read(name, PurePosixPath(name).parent, ())
    if reader.problems:
        raise InvalidInput(reader.problems)
    return PackageList(tuple(reader.install), tuple(reader.remove), tuple(reader.environment.items()))


@dataclass(slots=True)
class _Reader:
    desk: Desk
    variables: dict[str, str]
    install: dict[str, None] = field(default_factory=dict)
    remove: dict[str, None] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self, name: str, top: PurePosixPath, within: tuple[Path, ...]) -> None:
        path = self.desk.path(name)
        for number, line in enumerate(self.desk.read(name).splitlines(), start=1):
            try:
                self._line(line.strip(), PurePosixPath(name).parent, top, (*within, path))
            except ValueError as error:
                self.problems.append(Problem(str(error), Source(name, number)))

    def _line(self, line: str, here: PurePosixPath, top: PurePosixPath, within: tuple[Path, ...]) -> None:
        if match := _INCLUDE.fullmatch(line):
            self._include(match[1].strip(), here, top, within)
        elif match := _ENVIRONMENT.fullmatch(line):
            self._assign(match[1])
        elif line == "#NEW_INSTALL_LIST#":
            raise ValueError('"#NEW_INSTALL_LIST#" is for lists of other packages only: use a step for each list')
        elif line and not line.startswith("#"):
            self._entries(line)

    def _entries(self, line: str) -> None:
        for entry in filter(None, map(str.strip, line.split(","))):
            if problem := entry_problem(entry):
                raise ValueError(problem)
            wanted, other = (self.remove, self.install) if entry.startswith("-") else (self.install, self.remove)
            name = entry.removeprefix("-")
            if split_entry(name)[0] in {split_entry(known)[0] for known in other}:
                raise ValueError(f'"{split_entry(name)[0]}" is listed both to be installed and to be removed')
            wanted[name] = None

    def _assign(self, text: str) -> None:
        for part in text.split():
            match = _ASSIGNMENT.fullmatch(part)
            if not match:
                raise ValueError(f'expected "NAME=VALUE" in "#ENV:...#", found "{part}"')
            self.environment[match[1]] = self.variables[match[1]] = match[2]

    def _include(self, path: str, here: PurePosixPath, top: PurePosixPath, within: tuple[Path, ...]) -> None:
        filled = _VARIABLE.sub(self._value, path)
        for folder in (here, top):
            name = str(folder / filled)
            found = self.desk.path(name)
            if found in within:
                raise ValueError(f'"{filled}" includes itself: {" -> ".join(step.name for step in (*within, found))}')
            if found.is_file():
                self.read(name, top, within)
                return
        raise ValueError(f'expected a package list at "{filled}", found nothing to read')

    def _value(self, match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in self.variables:
            raise ValueError(f'"${name}" has no value: give it in "environment" or by "#ENV:{name}=...#"')
        return self.variables[name]
