"""What is in an image: files, directories and links by their paths, and where links lead."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Sort = Literal["file", "directory", "link", "other"]

_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """`path` is relative, with `/` between its parts. `pieces` are where a file's bytes are in the image, as (offset, length) in order;
    `time` is seconds since the epoch, `executable` whether its owner may run it, `target` where a link leads."""

    path: str
    sort: Sort
    pieces: tuple[tuple[int, int], ...] = ()
    time: int = 0
    executable: bool = False
    target: str = ""

    @property
    def size(self) -> int:
        """Bytes of a file."""
        return sum(length for _, length in self.pieces)

    @property
    def offset(self) -> int:
        """Where its first byte is, 0 for an empty file."""
        return self.pieces[0][0] if self.pieces else 0


Entries = Mapping[str, Entry]


class Escapes(ValueError):
    """A link leads out of the image, or in circles."""


def resolved(entries: Entries, path: str) -> str:
    """The path behind all links in `path`, as the kernel finds it with the image's root as `/`; it need not be there.

    Raises Escapes.
    """
    here: list[str] = []
    todo = path.split("/")[::-1]
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                raise Escapes(path)
            here.pop()
            continue
        entry = entries.get("/".join((*here, part)))
        if entry is None or entry.sort != "link":
            here.append(part)
            continue
        links += 1
        if entry.target.startswith("/") or links > _MOST_LINKS:
            raise Escapes(path)
        todo += entry.target.split("/")[::-1]
    return "/".join(here)


def leads_out(entries: Entries, link: Entry) -> bool:
    """Does a link of the image lead out of it?"""
    try:
        resolved(entries, link.path)
    except Escapes:
        return True
    return False
