"""SSH client configuration files as one text, the site's first: the first value found for a host counts.

Paramiko reads the text but knows no `Include`; here its files are put in, and the block that the line stands in is opened again after it.

Source: ssh_config(5).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from xcatflow.errors import InvalidInput, reason_of

_DEEPEST = 16
_LINE = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*$")
_ALL = "Host *"


def config_text(files: Iterable[Path]) -> str:
    """The files' lines in order, with what they include; a file that is not there is empty. Raises InvalidInput when one cannot be
    read."""
    lines = (line for path in files if path.is_file() for line in (_ALL, *_lines(path, 0)))
    return "".join(f"{line}\n" for line in lines)


def _lines(path: Path, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise InvalidInput(f'ssh configuration "{path}" is included {_DEEPEST} levels deep: does it include itself?')
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise InvalidInput(f'cannot read ssh configuration "{path}": {reason_of(error)}') from None
    block = _ALL
    for line in text.splitlines():
        match = _LINE.match(line)
        key = match[1].lower() if match else ""
        if match and key == "include":
            for included in _included(path, match[2]):
                yield block
                yield from _lines(included, depth + 1)
            yield block
            continue
        if key in ("host", "match"):
            block = line
        yield line


def _included(path: Path, words: str) -> Iterator[Path]:
    """The files that the words of an `Include` mean: relative ones stand beside the file that includes them."""
    for word in re.findall(r'"([^"]*)"|(\S+)', words):
        pattern = Path("".join(word)).expanduser()
        base = Path(pattern.anchor) if pattern.is_absolute() else path.parent
        relative = pattern.relative_to(base) if pattern.is_absolute() else pattern
        yield from sorted(found for found in base.glob(str(relative)) if found.is_file())
