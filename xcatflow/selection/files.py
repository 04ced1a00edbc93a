"""Files of noderanges (`^PATH`): one per line, with comments."""

import re
from collections.abc import Iterator
from pathlib import Path

from xcatflow.errors import InvalidInput

_END = re.compile(r"[:\t ]")


def lines_of(path: Path, name: str) -> Iterator[tuple[int, str]]:
    """The noderanges of a file with their line numbers. Lines that begin with `#` or `^` are skipped; what follows a colon, tab or
    blank is a remark. Raises InvalidInput, naming the file as `name`, when it cannot be read."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _unreadable(name, error.strerror or str(error)) from None
    except ValueError as error:
        raise _unreadable(name, f"not a text file ({error})") from None
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.startswith(("#", "^")) and (text := _END.split(line, maxsplit=1)[0].strip()):
            yield number, text


def _unreadable(name: str, reason: str) -> InvalidInput:
    return InvalidInput(f"Cannot open noderange file '{name}': {reason}")
