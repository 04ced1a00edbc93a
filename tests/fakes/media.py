"""Small installation media: real ISO 9660 images, with the layout and the files that those of the distributions have.

    image(path, {"pool/a.deb": b"..."}, links={"dists/stable": "bookworm"})

`described` makes one of a text, as sessions hold it:

    names: rockridge joliet          (which names it has; both where it is not said)
    sums: md5sum.txt                 (a list of the checksums of all that stands above)
    dists/stable -> bookworm
    .disk/info: Debian GNU/Linux ...
    pool/a.deb: 3000 bytes
    .treeinfo:
      [general]                      (lines that are indented by two blanks)
    damaged: pool/a.deb              (its bytes are changed after all is written)
    cut: 120000                      (what is behind this byte is missing)
"""

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pycdlib import PyCdlib

BOTH = ("rockridge", "joliet")
_BYTES = re.compile(r"([0-9]+) bytes(?: of (.))?")


@dataclass
class Content:
    """What goes into an image: files and links by path, in this order."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    names: Sequence[str] = BOTH
    damaged: list[str] = field(default_factory=list)
    cut: int | None = None


def image(
    path: Path, files: Mapping[str, bytes], *, links: Mapping[str, str] | None = None, names: Sequence[str] = BOTH
) -> Path:
    """Write an image; its plain names are made up."""
    iso = PyCdlib()
    rock = "rockridge" in names
    joliet = 3 if "joliet" in names else None
    iso.new(interchange_level=3, rock_ridge="1.09" if rock else None, joliet=joliet, vol_ident="MEDIUM")
    plain = _Plain()
    kept = [io.BytesIO(content) for content in files.values()]
    wanted = sorted({str(parent) for name in (*files, *(links or {})) for parent in Path(name).parents} - {"."})
    for directory in wanted:
        iso.add_directory(plain.directory(directory), **_more(directory, rock=rock, joliet=joliet is not None))
    for (name, content), file in zip(files.items(), kept, strict=True):
        more = _more(name, rock=rock, joliet=joliet is not None)
        iso.add_fp(file, len(content), plain.file(name), **more)
    for name, target in (links or {}).items() if rock else ():
        iso.add_symlink(plain.file(name), Path(name).name, target)
    iso.write(str(path))
    iso.close()
    return path


def described(path: Path, text: str) -> Path:
    """Write the image that a text describes."""
    content = read_description(text)
    image(path, content.files, links=content.links, names=content.names)
    for name in content.damaged:
        damage(path, content.files[name])
    if content.cut is not None:
        path.write_bytes(path.read_bytes()[: content.cut])
    return path


def read_description(text: str) -> Content:
    """What a text describes."""
    found = Content()
    lines = text.splitlines()
    while lines:
        line = lines.pop(0)
        if " -> " in line and ": " not in line:
            name, target = line.split(" -> ")
            found.links[name] = target
            continue
        name, colon, value = line.partition(":")
        assert colon, f"no file: {line}"
        value = value.strip()
        match name:
            case "names":
                found.names = value.split()
            case "sums":
                found.files[value] = sums(found.files, "sha256" if "256" in value else "md5")
            case "damaged":
                found.damaged.append(value)
            case "cut":
                found.cut = int(value)
            case _:
                found.files[name] = _content(value, lines)
    return found


def sums(files: Mapping[str, bytes], algorithm: str = "md5") -> bytes:
    """A list of checksums as md5sum and its like print it."""
    lines = [f"{hashlib.new(algorithm, content).hexdigest()}  ./{name}\n" for name, content in files.items()]
    return "".join(lines).encode()


def damage(path: Path, content: bytes) -> int:
    """Change a byte in the middle of what an image holds of a file; where."""
    data = bytearray(path.read_bytes())
    at = data.find(content)
    assert at > 0, "the image does not hold it"
    at += len(content) // 2
    data[at] ^= 0xFF
    path.write_bytes(data)
    return at


def _content(value: str, lines: list[str]) -> bytes:
    if not value:
        block = []
        while lines and lines[0].startswith("  "):
            block.append(f"{lines.pop(0)[2:]}\n")
        return "".join(block).encode()
    if found := _BYTES.fullmatch(value):
        return (found[2] or "x").encode() * int(found[1])
    return f"{value}\n".encode()


def _more(name: str, *, rock: bool, joliet: bool) -> dict[str, str]:
    more = {"rr_name": Path(name).name} if rock else {}
    return more | ({"joliet_path": f"/{name}"} if joliet else {})


class _Plain:
    """Plain names: a number for each, or the name itself where that is short enough."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {".": ""}

    def directory(self, path: str) -> str:
        if path not in self._known:
            above = self.directory(str(Path(path).parent))
            self._known[path] = f"{above}/{self._short(path) or f'D{len(self._known)}'}"
        return self._known[path]

    def file(self, path: str) -> str:
        above = self.directory(str(Path(path).parent))
        if path not in self._known:
            self._known[path] = f"{above}/{self._short(path, dot='.') or f'F{len(self._known)}.'};1"
        return self._known[path]

    def _short(self, path: str, dot: str = "") -> str:
        stem, found, suffix = Path(path).name.upper().partition(".")
        fits = re.fullmatch(r"[A-Z0-9_]{1,8}", stem) and re.fullmatch(r"[A-Z0-9_]{0,3}", suffix)
        return f"{stem}{dot}{suffix}" if fits and (dot or not found) else ""
