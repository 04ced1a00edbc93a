"""The site's own scripts as a tree of files: what is in it, and how it comes to a machine.

On the machine a manifest, in the form of sha256sum(1), says what was copied; what it does not name is left alone.
"""

import io
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from shlex import quote

from xcatflow.contract import Desk, Target
from xcatflow.errors import ActFailed, InvalidInput, reason_of
from xcatflow.model.question import Reply, Shell
from xcatflow.steps.place import checked

PLACE = "/xcatpost"
"""Where the tree is on a machine, and where scripts run."""

FOLDER = "postscripts"
_INSTALLDIR = "/install"
_MOST_BYTES = 16 * 2**20
_KEPT = 16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+:@%=~,-]*")
_MANIFEST = ".xcatflow"

LOOK = Shell(
    f"cd {PLACE} 2>/dev/null && sha256sum <{_MANIFEST} 2>/dev/null && sha256sum -c {_MANIFEST} >/dev/null 2>&1"
)
"""Prints the digest of the manifest on the machine; fails where the files are not as it says."""


@dataclass(frozen=True, slots=True)
class Tree:
    """`files` maps names relative to `root` to the digests of their contents, in order of names."""

    root: Path
    files: tuple[tuple[str, str], ...]

    @property
    def manifest(self) -> str:
        return "".join(f"{digest}  {name}\n" for name, digest in self.files)

    @property
    def digest(self) -> str:
        """What LOOK prints where the machine has the tree."""
        return sha256(self.manifest.encode()).hexdigest()

    def is_there(self, reply: Reply) -> bool:
        """Does the machine have it, by what LOOK gave?"""
        return reply.code == 0 and reply.text.split()[:1] == [self.digest]


def scripts_folder(desk: Desk) -> Path:
    """The directory of the site's own scripts: `postscripts/` of the site, else the one below its `installdir`; that of the site where
    there is neither. Raises InvalidInput."""
    own = desk.path(FOLDER)
    installdir = desk.definitions.site.get("installdir", "") or _INSTALLDIR
    old = desk.path(f"{installdir.rstrip('/')}/{FOLDER}")
    return old if not own.is_dir() and old.is_dir() else own


def read_tree(root: Path) -> Tree:
    """The tree as it is now; hidden files and directories are left out. Raises InvalidInput for what cannot be copied."""
    found = tuple(_walk(root, ""))
    if (size := sum(one.size for one in found)) > _MOST_BYTES:
        raise InvalidInput(
            f'"{root}" holds {size // 2**20} MB, expected at most {_MOST_BYTES // 2**20}: keep large files elsewhere'
        )
    return _digested(root, found)


def put_tree(at: Target, tree: Tree) -> None:
    """Copy the tree; files that were copied before and are not in it any more are removed. Raises ActFailed."""
    if read_tree(tree.root) != tree:
        raise ActFailed(f'"{tree.root}" has changed since the run began: run it again')
    script = f"d={quote(PLACE)} m={quote(_MANIFEST)}\n{_PUT}"
    checked(at, script, f'cannot copy the scripts to "{PLACE}"', stdin=_packed(tree))


_PUT = """\
set -eu; umask 022
mkdir -p "$d"
t=$(mktemp -d "$d.XXXXXX")
trap 'rm -rf -- "$t"' EXIT
trap 'exit 1' HUP INT TERM
command -v tar >/dev/null || { echo "tar is not installed" >&2; exit 1; }
tar -xf - -C "$t"
(cd "$t" && sha256sum -c "$m" >/dev/null) || { echo "the files did not arrive whole" >&2; exit 1; }
if [ -f "$d/$m" ]; then
  cut -c67- <"$d/$m" | while IFS= read -r f; do
    rm -f -- "$d/$f"
    # What was a directory may be a script now.
    while case $f in */*) ;; *) false;; esac; do f=${f%/*}; rmdir -- "$d/$f" 2>/dev/null || break; done
  done
  rm -f -- "$d/$m"
fi
mv -- "$t/$m" "$t.m"
trap 'rm -rf -- "$t" "$t.m"' EXIT
cp -R -- "$t/." "$d/"
mv -f -- "$t.m" "$d/$m"
"""


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    size: int
    changed_ns: int


def _walk(root: Path, below: str) -> Iterator[_Found]:
    try:
        entries = sorted(os.scandir(root / below), key=lambda entry: entry.name)
    except OSError as error:
        raise InvalidInput(f'cannot read "{root / below}": {reason_of(error)}') from None
    for entry in entries:
        name = f"{below}{entry.name}"
        if entry.name.startswith("."):
            continue
        if not _NAME.fullmatch(entry.name):
            raise InvalidInput(
                f'"{root / name}": expected a name of letters, digits and the like, found "{entry.name}": rename it'
            )
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, f"{name}/")
        elif entry.is_file():
            facts = entry.stat()
            yield _Found(name, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=_KEPT)
def _digested(root: Path, found: tuple[_Found, ...]) -> Tree:
    """The files are read again when one of them has changed."""
    try:
        return Tree(root, tuple((one.name, sha256((root / one.name).read_bytes()).hexdigest()) for one in found))
    except OSError as error:
        raise InvalidInput(f'cannot read "{error.filename}": {reason_of(error)}') from None


@lru_cache(maxsize=1)
def _packed(tree: Tree) -> bytes:
    """An archive of the tree, everything executable, with its manifest. Many machines get the same."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as packed:
        contents = [(name, (tree.root / name).read_bytes(), _mode(tree.root / name)) for name, _ in tree.files]
        for name, content, mode in [*contents, (_MANIFEST, tree.manifest.encode(), 0o644)]:
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            packed.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _mode(path: Path) -> int:
    """What not everybody may read here, not everybody may read there."""
    return 0o755 if path.stat().st_mode & 0o004 else 0o700
