"""What a medium says its files must be: its own lists of checksums, read from the image.

Debian and Ubuntu: `md5sum.txt`, `sha256sum.txt`, `SHA256SUMS`, `SHA512SUMS`. RHEL family: `[checksums]` of `.treeinfo` (boot images, and
`repomd.xml` of some), every `repodata/repomd.xml` (the repository's own files), and the primary file it names (every package).

Source: md5sum(1); productmd's `.treeinfo`; the repodata format of createrepo.
"""

import bz2
import configparser
import gzip
import io
import lzma
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, Protocol
from xml.etree import ElementTree

from xcatflow.media.entry import Entries, Entry, Escapes, resolved

_LISTS = ("md5sum.txt", "MD5SUMS", "sha256sum.txt", "SHA256SUMS", "SHA512SUMS")
_BY_LENGTH: Mapping[int, str] = MappingProxyType({32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"})
_STRENGTH = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_LINE = re.compile(r"([0-9A-Fa-f]{32,128}) [ *](.+)")
_REPOMD = "repodata/repomd.xml"
_MOST = 64 << 20
"""Bytes of a list that are read: those of a whole distribution have some five."""

_OPENERS: Mapping[str, Callable[[BinaryIO], "_Readable"]] = MappingProxyType(
    {
        ".gz": lambda file: gzip.GzipFile(fileobj=file),
        ".xz": lzma.LZMAFile,
        ".bz2": bz2.BZ2File,
        ".xml": lambda file: file,
    }
)
"""How primary files are packed, by their suffix. Zstandard, which Fedora uses, is not among them: Python 3.11 cannot read it."""


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Checksum:
    """`algorithm` as hashlib names it, `digest` in lower case, `source` the list it is from."""

    algorithm: str
    digest: str
    source: str


@dataclass(frozen=True, slots=True)
class Listed:
    """Checksums by path; files that lists name and the medium does not have; lists that could not be read, with the reason."""

    checksums: Mapping[str, Checksum]
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def listed(entries: Entries, chunks: Callable[[Entry], Iterator[bytes]]) -> Listed:
    """What the medium's lists say; `chunks` reads a file of it. Raises OSError."""
    reader = _Reader(entries, chunks)
    for name in _LISTS:
        reader.sums(name)
    reader.treeinfo()
    for path in [path for path in entries if path == _REPOMD or path.endswith(f"/{_REPOMD}")]:
        reader.repository(path)
    return Listed(reader.found, tuple(dict.fromkeys(reader.missing)), tuple(reader.unread))


class _Reader:
    def __init__(self, entries: Entries, chunks: Callable[[Entry], Iterator[bytes]]) -> None:
        self._entries = entries
        self._chunks = chunks
        self.found: dict[str, Checksum] = {}
        self.missing: list[str] = []
        self.unread: list[str] = []

    def sums(self, name: str) -> None:
        """A list as md5sum and its like print it."""
        for line in self._text(name).splitlines():
            if found := _LINE.fullmatch(line.rstrip()):
                self._add(found[2], _BY_LENGTH.get(len(found[1]), ""), found[1], name)

    def treeinfo(self) -> None:
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            parser.read_string(self._text(".treeinfo"))
        except configparser.Error as error:
            self.unread.append(f".treeinfo: {str(error).splitlines()[0]}")
            return
        for path, value in parser["checksums"].items() if parser.has_section("checksums") else ():
            algorithm, _, digest = value.partition(":")
            self._add(path, algorithm, digest, ".treeinfo")

    def repository(self, path: str) -> None:
        base = path.removesuffix(_REPOMD)
        try:
            root = ElementTree.fromstring(self._text(path))
            for data in root.iter():
                if _tag(data) != "data":
                    continue
                location, algorithm, digest = _located(data)
                self._add(f"{base}{location}", algorithm, digest, path)
                if data.get("type") == "primary":
                    self._primary(f"{base}{location}", base)
        except (ElementTree.ParseError, ValueError) as error:
            self.unread.append(f"{path}: {error}")

    def _primary(self, path: str, base: str) -> None:
        opener = _OPENERS.get(path[path.rfind(".") :])
        entry = self._entries.get(path)
        if entry is None:
            return
        if opener is None:
            self.unread.append(f"{path}: this packing is not known")
            return
        try:
            packed = io.BytesIO(b"".join(self._chunks(entry)))
            for _, element in ElementTree.iterparse(opener(packed)):
                if _tag(element) == "package":
                    location, algorithm, digest = _located(element)
                    self._add(f"{base}{location}", algorithm, digest, path)
                    element.clear()
        except (ElementTree.ParseError, EOFError, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
            self.unread.append(f"{path}: {error}")

    def _text(self, path: str) -> str:
        entry = self._entries.get(path)
        if entry is None or entry.sort != "file" or entry.size > _MOST:
            return ""
        return b"".join(self._chunks(entry)).decode(errors="surrogateescape")

    def _add(self, path: str, algorithm: str, digest: str, source: str) -> None:
        algorithm = {"sha": "sha1"}.get(algorithm.lower(), algorithm.lower())
        if algorithm not in _STRENGTH or not digest:
            return
        try:
            real = resolved(self._entries, path)
        except Escapes:
            return
        entry = self._entries.get(real)
        if entry is None:
            self.missing.append(path.removeprefix("./"))
        elif entry.sort == "file":
            before = self.found.get(real)
            if before is None or _STRENGTH.index(before.algorithm) < _STRENGTH.index(algorithm):
                self.found[real] = Checksum(algorithm, digest.lower(), source)


def _tag(element: ElementTree.Element) -> str:
    """The tag without its namespace."""
    return element.tag.rpartition("}")[2]


def _located(element: ElementTree.Element) -> tuple[str, str, str]:
    """Location, algorithm and digest that an element tells of; empty ones where it does not."""
    location = algorithm = digest = ""
    for child in element:
        match _tag(child):
            case "location":
                location = child.get("href", "")
            case "checksum":
                algorithm, digest = child.get("type", ""), (child.text or "").strip()
    return location, algorithm, digest
