"""The site that comes with xcatflow: what `init` starts a new one from."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from xcatflow.errors import InvalidInput

_PARTS = ("tasks.py", "workflows", "inventory")
_IGNORED = """\
# the journal, locks and the private key of the site's CA
/.xcatflow/
# private keys and secrets belong in no repository
/ssh/id_*
!/ssh/*.pub
/secrets/
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
            yield str(relative), _copy(path, directory / relative)
    (directory / "inventory").mkdir(exist_ok=True)
    ignored = directory / ".gitignore"
    written = not ignored.exists()
    if written:
        ignored.write_text(_IGNORED)
    yield ".gitignore", written


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    else:
        yield from (found for found in path.rglob("*") if found.is_file() and "__pycache__" not in found.parts)


def _copy(source: Path, target: Path) -> bool:
    if target.exists():
        return False
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise InvalidInput(f'cannot write "{target}": {error.strerror}') from None
    return True
