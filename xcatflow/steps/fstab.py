"""Lines of /etc/fstab. Pure.

Source: fstab(5): six fields, blanks in the first four written as \\040, tabs as \\011, backslashes as \\134.
"""

from dataclasses import dataclass

from xcatflow.errors import ActFailed

PATH = "/etc/fstab"
_ESCAPES = {"\\": "\\134", " ": "\\040", "\t": "\\011", "\n": "\\012"}


@dataclass(frozen=True, slots=True)
class FstabEntry:
    """What is mounted where and how; `path` may have blanks."""

    src: str
    path: str
    fstype: str
    options: str = "defaults"
    dump: int = 0
    check: int = 0

    @property
    def line(self) -> str:
        fields = (escaped(self.src), escaped(self.path), self.fstype, escaped(self.options))
        return " ".join((*fields, str(self.dump), str(self.check)))


def escaped(text: str) -> str:
    """A field as the file has it."""
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def unescaped(text: str) -> str:
    for letter, code in _ESCAPES.items():
        if letter != "\\":
            text = text.replace(code, letter)
    return text.replace("\\134", "\\")


def entry_of(line: str) -> FstabEntry | None:
    """The entry of a line; None for comments and what is none."""
    words = line.split()
    if len(words) < 3 or words[0].startswith("#"):
        return None
    src, path, fstype, *rest = words
    numbers = [int(word) if word.isdigit() else 0 for word in (*rest[1:3], "0", "0")]
    return FstabEntry(unescaped(src), unescaped(path), fstype, unescaped(rest[0]) if rest else "defaults", *numbers[:2])


def entry_at(text: str, path: str) -> FstabEntry | None:
    """The entry for a mount point. Raises ActFailed where there are several."""
    found = [entry for line in text.splitlines() if (entry := entry_of(line)) and entry.path.rstrip("/") == path]
    if len(found) > 1:
        raise ActFailed(f'"{PATH}" has {len(found)} lines for "{path}": leave one of them')
    return found[0] if found else None


def with_entry(text: str, path: str, entry: FstabEntry | None) -> str:
    """The text with this entry for the mount point, none where it is None; all other lines stay as they are."""
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if (old := entry_of(line)) and old.path.rstrip("/") == path), None)
    new = [entry.line] if entry else []
    if at is None:
        lines += new
    else:
        lines[at : at + 1] = new
    return "".join(f"{line}\n" for line in lines)
