"""`package.directory`: package files of the site are a repository on the machine, which its package manager installs from.

The files travel over SSH and are checked against their digests; that is what they are trusted by, so they need no signature. The index is
made on the machine (apt), or is that of createrepo_c (dnf, zypper). The machine's package manager takes it like any other repository: with
versions, dependencies and upgrades.

Source: sources.list(5) on Trusted, apt-ftparchive(1) on the fields of Packages, dpkg-deb(1), yum.conf(5).
"""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from xcatflow.contract import Desk, Params, Step, Target
from xcatflow.errors import CannotTell, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, File, Question, Shell
from xcatflow.steps.packages.manager import Manager
from xcatflow.steps.packages.repository_params import fetch_only, repository_name
from xcatflow.steps.packages.words import count, cut, size_text
from xcatflow.steps.place import checked, place_file

ROOT = "/var/lib/xcatflow/packages"
_INDEX = "Packages"
_MAKE_INDEX = """\
set -eu; umask 022; cd -- "$d"; rm -f Packages.new
find . -name '*.deb' | sort | while IFS= read -r f; do
  dpkg-deb -f "$f" || { echo "\\"$f\\" is no package" >&2; exit 1; }
  printf 'Filename: %s\\nSize: %s\\nSHA256: %s\\n\\n' "$f" "$(stat -c %s "$f")" "$(sha256sum "$f" | cut -d ' ' -f 1)"
done >Packages.new
mv Packages.new Packages
"""


class DirectoryParams(Params):
    """A directory of the site with package files."""

    name: Annotated[str, AfterValidator(repository_name)] = Field(description="Its name on the machine.")
    path: str = Field(description="The directory of the site with the `.deb` or `.rpm` files, at any depth.")
    family: Literal["apt", "dnf", "zypper"] = Field(description="The package manager it is for.")


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file below the directory: its path there, its size in bytes, its SHA-256 (hexadecimal)."""

    path: str
    size_bytes: int
    sha256: str


class ReadDirectory(DirectoryParams):
    """The same after `prepare`."""

    root: Path = Field(Path("/"), description="Where the directory is.")
    files: tuple[PackageFile, ...] = Field((), description="What is in it.")


@dataclass(frozen=True, slots=True)
class Directory:
    """What differs on the machine: files that are not there or not the same, and files too many; whether index and source are right."""

    differing: tuple[str, ...]
    extra: tuple[str, ...]
    indexed: bool
    source: bool


def packages_in(root: Path, family: str) -> tuple[Path, ...]:
    """The package files below a directory, sorted; none where it is not there."""
    return tuple(sorted(path for path in root.rglob("*.deb" if family == "apt" else "*.rpm") if path.is_file()))


class PackageDirectory(Step[DirectoryParams, Directory]):
    """Files of the site as a repository of the machine's own."""

    kind = "package.directory"
    params: ClassVar[type[Params]] = DirectoryParams

    def prepare(self, want: DirectoryParams, desk: Desk) -> DirectoryParams:
        root = desk.path(want.path)
        files = desk.once(("package files", root, want.family), lambda: _read(want, root))
        return ReadDirectory.model_construct(**{**vars(want), "root": root, "files": files})

    def ask(self, want: DirectoryParams) -> tuple[Question[Any], ...]:
        return (*map(_question(want), _files(want)), _listing(want), _source_question(want))

    def seen(self, answers: Answers, want: DirectoryParams) -> Directory | None:
        listed = answers[_listing(want)]
        if listed.code:
            raise CannotTell(f'cannot tell what is in "{_place(want)}": {listed.complaint}')
        there = {line.removeprefix("./") for line in listed.text.splitlines()}
        question = _question(want)
        differing = []
        for file in _files(want):
            facts = answers[question(file)]
            if facts is None or facts.sha256 != file.sha256:
                differing.append(file.path)
        extra = there - {file.path for file in _files(want)} - {_INDEX}
        source = answers[_source_question(want)]
        right = source is not None and (source.content or b"").decode(errors="replace") == _source(want)
        return Directory(tuple(differing), tuple(sorted(extra)), want.family != "apt" or _INDEX in there, right)

    def plan(self, seen: Directory | None, want: DirectoryParams) -> tuple[Change, ...]:
        seen = seen or Directory(tuple(file.path for file in _files(want)), (), indexed=False, source=False)
        sizes = {file.path: file.size_bytes for file in _files(want)}
        changes: list[Change] = []
        if seen.extra:
            changes.append(Change(Verb.REMOVE, count(seen.extra), f"of directory {want.name}", before=cut(seen.extra)))
        if seen.differing or not (seen.indexed and seen.source):
            size = size_text(sum(sizes[path] for path in seen.differing))
            after = f"{cut(seen.differing)}; {size}" if seen.differing else None
            verb = Verb.UPDATE if seen.source else Verb.CREATE
            changes.append(Change(verb, f"packages of directory {want.name}", after=after))
        return tuple(changes)

    def apply(self, at: Target, want: DirectoryParams, seen: Directory | None, change: Change) -> None:
        seen = seen or Directory(tuple(file.path for file in _files(want)), (), indexed=False, source=False)
        if change.verb is Verb.REMOVE:
            listed = " ".join(quote(f"{_place(want)}/{path}") for path in seen.extra)
            checked(at, f"rm -f -- {listed}", "cannot remove old packages")
            if seen.differing or not seen.indexed:
                return
        for number, path in enumerate(seen.differing, start=1):
            at.tell(f"package file {number} of {len(seen.differing)}: {path}")
            self._send(at, want, path)
        if want.family == "apt":
            checked(at, f"d={quote(_place(want))}\n{_MAKE_INDEX}", "cannot index the packages")
        place_file(at, _source_path(want), _source(want).encode())
        Manager(at=at).fetch(want.family, _fetch_words(want), f'cannot use the packages of directory "{want.name}"')

    def _send(self, at: Target, want: DirectoryParams, path: str) -> None:
        assert isinstance(want, ReadDirectory)
        target = f"{_place(want)}/{path}"
        folder = quote(target.rpartition("/")[0])
        checked(at, f"umask 022; mkdir -p -- {folder}", "cannot make the directory of packages")
        try:
            content = (want.root / path).read_bytes()
        except OSError as error:
            raise InvalidInput(f'cannot read "{path}" in "{want.path}": {error.strerror}') from None
        place_file(at, target, content)

    def undo(self, at: Target, want: DirectoryParams, seen: Directory | None, change: Change) -> None:
        if change.verb is Verb.CREATE:
            paths = f"{quote(_source_path(want))} {quote(_place(want))}"
            checked(at, f"rm -rf -- {paths}", f'cannot remove directory "{want.name}"')
        else:
            super().undo(at, want, seen, change)


def _read(want: DirectoryParams, root: Path) -> tuple[PackageFile, ...]:
    """What is in the directory. Raises InvalidInput."""
    found = packages_in(root, want.family)
    if not found:
        sort = "*.deb" if want.family == "apt" else "*.rpm"
        raise InvalidInput(f'expected packages ({sort}) in "{want.path}", found none')
    if want.family != "apt":
        if not (root / "repodata" / "repomd.xml").is_file():
            raise InvalidInput(f'"{want.path}" has no index: run createrepo_c "{want.path}" first')
        found += tuple(sorted(path for path in (root / "repodata").iterdir() if path.is_file()))
    return tuple(_described(root, path) for path in found)


def _described(root: Path, path: Path) -> PackageFile:
    relative = str(path.relative_to(root))
    if any(char in relative for char in "\n\\"):
        raise InvalidInput(f'expected no line breaks and no "\\" in names of files, found "{relative!r}"')
    try:
        with path.open("rb") as file:
            return PackageFile(relative, path.stat().st_size, file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise InvalidInput(f'cannot read "{path}": {error.strerror}') from None


def _files(want: DirectoryParams) -> tuple[PackageFile, ...]:
    return want.files if isinstance(want, ReadDirectory) else ()


def _place(want: DirectoryParams) -> str:
    return f"{ROOT}/{want.name}"


def _question(want: DirectoryParams) -> Any:
    """What asks for a file of the directory."""
    return lambda file: File(f"{_place(want)}/{file.path}")


def _listing(want: DirectoryParams) -> Shell:
    place = quote(_place(want))
    return Shell(f"[ ! -d {place} ] || {{ cd {place} && find . -type f; }}")


def _source_question(want: DirectoryParams) -> File:
    return File(_source_path(want), "")


def _source_path(want: DirectoryParams) -> str:
    return {
        "apt": f"/etc/apt/sources.list.d/xcatflow-directory-{want.name}.sources",
        "dnf": f"/etc/yum.repos.d/xcatflow-directory-{want.name}.repo",
        "zypper": f"/etc/zypp/repos.d/xcatflow-directory-{want.name}.repo",
    }[want.family]


def _source(want: DirectoryParams) -> str:
    if want.family == "apt":
        return f"Types: deb\nURIs: file:{_place(want)}\nSuites: ./\nTrusted: yes\n"
    return (
        f"[xcatflow-directory-{want.name}]\nname={want.name}\nbaseurl=file://{_place(want)}\nenabled=1\ngpgcheck=0\n"
        "metadata_expire=0\n"
    )


def _fetch_words(want: DirectoryParams) -> tuple[str, ...]:
    return fetch_only(want.family, f"xcatflow-directory-{want.name}", _source_path(want))
