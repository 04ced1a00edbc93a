"""Package lists as xCAT writes them, for packages of the distribution (`pkglist`) and for others (`otherpkglist`).

A line holds entries with commas between, a comment, or a directive: `#INCLUDE:PATH#`, `#ENV:NAME=VALUE ...#`, and in lists of other
packages `#NEW_INSTALL_LIST#`, after which a list of its own begins. An entry is `name`, `name=version`, `@group`, or `-name` to remove;
in lists of other packages `-name` is removed before and `--name` after what is installed, and a name may have a directory in front.

Source: xCAT's manual, "Install additional packages": files of packages.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from xcatflow.contract import Desk
from xcatflow.errors import InvalidInput, Problem, Source

_ENTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~^-]*(:[a-z0-9-]+)?(=[A-Za-z0-9][A-Za-z0-9+._~:*^-]*)?")
_GROUP = re.compile(r"@\^?([A-Za-z0-9][^@,;&|<>$`\"'\\]*)")
_FOLDER = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9+._~-]*/)+")
_INCLUDE = re.compile(r"#INCLUDE:([^#]+)#")
_ENVIRONMENT = re.compile(r"#ENV:([^#]+)#")
_DIRECTIVE = re.compile(r"#(INCLUDE:|ENV:|NEW_INSTALL_LIST)")
_NEW_LIST = "#NEW_INSTALL_LIST#"
_NEWEST = "latest"
"""A version that is none: the newest."""
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")


@dataclass(frozen=True, slots=True)
class Entry:
    """A package, in a `version` where one is given, or a group of packages (`@name`). `folder` is where it is below the directory of
    other packages; `source` is the line that names it."""

    name: str
    version: str = ""
    folder: str = ""
    source: Source | None = field(default=None, compare=False)

    @property
    def group(self) -> bool:
        return self.name.startswith("@")

    def __str__(self) -> str:
        return f"{self.name}={self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class PackageList:
    """What is done in one go: `before` is removed, then `install` installed, then `after` removed, with the `environment` of the package
    manager."""

    install: tuple[Entry, ...] = ()
    before: tuple[Entry, ...] = ()
    after: tuple[Entry, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def removed(self) -> tuple[Entry, ...]:
        return (*self.before, *self.after)

    def __bool__(self) -> bool:
        return bool(self.install or self.before or self.after)


def parse_entry(text: str, source: Source | None = None, *, other: bool = False) -> tuple[str, Entry]:
    """(sign, entry): the sign is empty, `-`, or `--` (only in lists of `other` packages). Raises ValueError saying what is wrong."""
    sign = "--" if text.startswith("--") else "-" if text.startswith("-") else ""
    rest = text.removeprefix(sign).strip()
    if sign == "--" and not other:
        raise ValueError(f'"{text}" is for lists of other packages only: write "-{rest}"')
    if rest.startswith("@"):
        if other:
            raise ValueError(
                f'groups are for lists of the distribution\'s packages, found "{text}": put it in "pkglist"'
            )
        if not (group := _GROUP.fullmatch(rest)):
            raise ValueError(f'expected the name of a group after "@", found "{text}"')
        return sign, Entry(f"@{group[1].strip()}", source=source)
    folder = match[0] if other and (match := _FOLDER.match(rest)) else ""
    bare = rest.removeprefix(folder)
    if not _ENTRY.fullmatch(bare):
        hint = ": one with a directory is for lists of other packages" if "/" in bare and not other else ""
        raise ValueError(f'expected the name of a package, perhaps with "=version", found "{text}"{hint}')
    name, _, version = bare.partition("=")
    if sign and version:
        raise ValueError(f'a package is removed without naming its version, found "{text}"')
    return sign, Entry(name, "" if version == _NEWEST else version, folder.rstrip("/"), source)


def contradiction(lists: Iterable[PackageList]) -> Problem | None:
    """What is listed twice in ways that exclude each other, in one of these lists or in different ones; None where nothing is."""
    known: dict[str, Entry] = {}
    lists = tuple(lists)
    for entry in (entry for each in lists for entry in each.install):
        first = known.setdefault(entry.name, entry)
        if first.version != entry.version:
            where = f" at {first.source}" if first.source else ""
            return Problem(f'"{entry}" is listed, and "{first}"{where}: keep one of them', entry.source)
    for entry in (entry for each in lists for entry in each.removed):
        if entry.name in known:
            source, other = entry.source or known[entry.name].source, known[entry.name].source
            where = f" (at {other})" if other and other != source else ""
            return Problem(f'"{entry.name}" is listed both to be installed{where} and to be removed', source)
    return None


def read_lists(
    names: Iterable[str], desk: Desk, variables: Mapping[str, str], *, other: bool = False
) -> tuple[PackageList, ...]:
    """Read lists of the site, one after the other; `variables` are for `$VAR` in included paths. Lists of the distribution's packages are
    one list, those of `other` packages as many as they say; empty ones are left out.

    Raises InvalidInput with file and line of everything that cannot be used: unreadable files, circles of inclusion, wrong entries.
    """
    named = tuple(names)
    return desk.once(
        ("package lists", named, tuple(variables.items()), other), lambda: _read(named, desk, variables, other=other)
    )


def _read(names: Iterable[str], desk: Desk, variables: Mapping[str, str], *, other: bool) -> tuple[PackageList, ...]:
    reader = _Reader(desk, dict(variables), other)
    for name in names:
        path = desk.path(name)
        reader.lines(desk.read(name), name, PurePosixPath(name).parent, (path.resolve(),))
    if reader.problems:
        raise InvalidInput(reader.problems)
    lists = tuple(listed for listed in reader.lists if listed)
    if problem := contradiction(lists):
        raise InvalidInput(problem)
    return lists


@dataclass(slots=True)
class _Reader:
    desk: Desk
    variables: dict[str, str]
    other: bool
    lists: list[PackageList] = field(default_factory=lambda: [PackageList()])
    problems: list[Problem] = field(default_factory=list)

    def lines(self, text: str, name: str, top: PurePosixPath, within: tuple[Path, ...]) -> None:
        for number, line in enumerate(text.splitlines(), start=1):
            source = Source(name, number)
            try:
                self._line(line.strip(), source, top, within)
            except ValueError as error:
                self.problems.append(Problem(str(error), source))

    def _line(self, line: str, source: Source, top: PurePosixPath, within: tuple[Path, ...]) -> None:
        if match := _INCLUDE.fullmatch(line):
            self._include(match[1].strip(), PurePosixPath(source.file).parent, top, within)
        elif match := _ENVIRONMENT.fullmatch(line):
            self._assign(match[1])
        elif line == _NEW_LIST:
            if not self.other:
                raise ValueError(f'"{_NEW_LIST}" is for lists of other packages only: use a step for each list')
            self.lists.append(PackageList())
        elif match := _DIRECTIVE.match(line):
            raise ValueError(
                f'expected "#{match[1]}{"...#" if line[-1] != "#" and ":" in match[1] else "#"}", found "{line}"'
            )
        elif line and not line.startswith("#"):
            for part in filter(None, map(str.strip, line.split(","))):
                self._entry(part, source)

    def _entry(self, text: str, source: Source) -> None:
        sign, entry = parse_entry(text, source, other=self.other)
        last = self.lists[-1]
        if not sign:
            last = replace(last, install=tuple(dict.fromkeys((*last.install, entry))))
        elif self.other and sign == "-":
            last = replace(last, before=tuple(dict.fromkeys((*last.before, entry))))
        else:
            last = replace(last, after=tuple(dict.fromkeys((*last.after, entry))))
        self.lists[-1] = last

    def _assign(self, text: str) -> None:
        found: dict[str, str] = {}
        for part in text.split():
            match = _ASSIGNMENT.fullmatch(part)
            if not match:
                raise ValueError(f'expected "NAME=VALUE" in "#ENV:...#", found "{part}"')
            found[match[1]] = match[2]
        self.variables |= found
        self.lists[-1] = replace(
            self.lists[-1], environment=tuple({**dict(self.lists[-1].environment), **found}.items())
        )

    def _include(self, path: str, here: PurePosixPath, top: PurePosixPath, within: tuple[Path, ...]) -> None:
        filled = _VARIABLE.sub(self._value, path)
        for folder in dict.fromkeys((here, top)):
            name = str(folder / filled)
            try:
                found = self.desk.path(name).resolve()
                text = self.desk.read(name) if found.is_file() and found not in within else ""
            except InvalidInput as error:
                raise ValueError(str(error)) from None
            if found in within:
                raise ValueError(f'"{filled}" includes itself: {" -> ".join(step.name for step in (*within, found))}')
            if found.is_file():
                self.lines(text, name, top, (*within, found))
                return
        raise ValueError(f'expected a package list at "{filled}", found nothing to read')

    def _value(self, match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in self.variables:
            raise ValueError(f'"${name}" has no value: give it in "environment" or by "#ENV:{name}=...#"')
        return self.variables[name]
