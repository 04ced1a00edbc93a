"""The site that comes with xcatflow: what `init` starts a new one from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from xcatflow.errors import InvalidInput, reason_of

_PARTS = ("tasks.py", "workflows", "inventory", "share")
_IGNORED = """\
# the journal, locks and the private key of the site's CA
/.xcatflow/
# private keys and secrets belong in no repository
/ssh/id_*
!/ssh/*.pub
/secrets/
# media, where installdir is in the site
/install/
"""


def shipped() -> Path:
    """Where the shipped site is: in the installed package, or beside it in a source tree."""
    package = Path(__file__).parents[1]
    return package / "shipped" if (package / "shipped").is_dir() else package.parent


def make_site(directory: Path, *, inventory: bool = True) -> Iterator[tuple[str, bool]]:
    """Write the shipped site into `directory`, keeping every file that is there; yields (file, written) for each.

    Without `inventory` the example definitions are left out. Raises InvalidInput when the directory cannot be written.
    """
    source = shipped()
    for name in _PARTS:
        for path in sorted(_files(source / name)):
            relative = path.relative_to(source)
            if relative.parts[0] == "inventory" and not inventory:
                continue
            yield str(relative), _write(directory / relative, path)
    try:
        (directory / "inventory").mkdir(exist_ok=True)
    except OSError as error:
        raise _cannot(directory / "inventory", error) from None
    yield ".gitignore", _write(directory / ".gitignore", _IGNORED)


def not_ignored(directory: Path) -> tuple[str, ...]:
    """Lines that `directory`'s .gitignore should have and has not: what they name holds keys and secrets."""
    lines = (directory / ".gitignore").read_text(errors="replace").splitlines()
    wanted = [line for line in _IGNORED.splitlines() if line.startswith("/") and line != "/install/"]
    return tuple(line for line in wanted if line.strip("/") not in [there.strip().strip("/") for there in lines])


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from (found for found in path.rglob("*") if found.is_file() and "__pycache__" not in found.parts)


def _write(target: Path, content: Path | str) -> bool:
    """The file's content, or a copy of another file, where there is none yet."""
    if target.exists() or target.is_symlink():
        return False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        match content:
            case str():
                target.write_text(content)
            case _:
                shutil.copyfile(content, target)
    except OSError as error:
        raise _cannot(target, error) from None
    return True


def _cannot(target: Path, error: OSError) -> InvalidInput:
    return InvalidInput(f'cannot write "{target}": {reason_of(error)}')
