"""Reading an ISO 9660 image: what is in it, by the names of Rock Ridge, else of Joliet, else its plain ones.

The library reads the directories; bytes of files are read by offset, so that nothing big is ever in memory.

Source: ECMA-119 (volume descriptors), Rock Ridge (names, links, modes), El Torito and mkisofs' `-boot-info-table`.
"""

import calendar
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self

from xcatflow.errors import InvalidInput, reason_of
from xcatflow.media.entry import Entry

if TYPE_CHECKING:
    from pycdlib import PyCdlib
    from pycdlib.dr import DirectoryRecord

_DESCRIPTOR = 16 * 2048
"""Where the first volume descriptor is, in bytes."""

_FAR = 1 << 43
"""More than any image holds: its sectors have numbers of 32 bits."""

_TABLE = 12
"""Where in a boot image with a boot information table its own block is said."""

_AT_ONCE = 1 << 17
"""Bytes that stay in a core's cache while they are hashed and written: eight times as many cost twice the system time."""

_MOVED = ("rr_moved", ".rr_moved")


class _Unending:
    """The image, which seems to have no end: the library shortens files that reach over it, and says nothing. What is asked for at once is
    never more than there is."""

    mode = "rb"

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: _FAR}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        self._file.seek(self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data


class Image:
    """An image or a drive with a disc, opened. `entries` are in the order of their paths; `seal` is its volume descriptor, `stamped` the
    offsets of those files that are written into when an image is made, after a medium's lists of checksums."""

    def __init__(self, path: Path) -> None:
        """Raises InvalidInput: it cannot be read, is no image, or is not whole."""
        self.path = path
        try:
            if not (stat.S_ISREG(mode := path.stat().st_mode) or stat.S_ISBLK(mode)):
                raise OSError
            self._file = path.open("rb")
        except OSError:
            raise InvalidInput(
                f"The management server was unable to find/read {path}."
                " Ensure that file exists on the server at the specified location."
            ) from None
        try:
            self._open()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def fd(self) -> int:
        """The descriptor to read bytes from."""
        return self._file.fileno()

    def chunks(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of a file. Raises OSError."""
        return (bytes(view) for view in self.views(entry))

    def views(self, entry: Entry) -> Iterator[memoryview]:
        """The same without a copy of each: a view is good until the next one. Raises OSError."""
        buffer = memoryview(bytearray(min(_AT_ONCE, entry.size)))
        for offset, length in entry.pieces:
            end = offset + length
            while offset < end:
                view = buffer[: end - offset]
                count = os.preadv(self.fd, [view], offset)
                if not count:
                    raise OSError(f"the image ends at byte {offset}")
                yield view[:count]
                offset += count

    def text(self, path: str, *, most: int = 1 << 20) -> str:
        """A text file, as far as `most` bytes; empty where there is none. Raises InvalidInput."""
        entry = self.entries.get(path)
        if entry is None or entry.sort != "file":
            return ""
        found = bytearray()
        try:
            for data in self.chunks(entry):
                found += data
                if len(found) >= most:
                    break
        except OSError as error:
            raise self._unreadable(entry, error) from None
        return bytes(found[:most]).decode(errors="replace").removeprefix("\ufeff")

    def _unreadable(self, entry: Entry, error: OSError) -> InvalidInput:
        return InvalidInput(f'{self.path}: cannot read "{entry.path}" at byte {entry.offset}: {reason_of(error)}')

    def _open(self) -> None:
        try:
            self.size = self._file.seek(0, os.SEEK_END)
            self.seal = os.pread(self.fd, 2048, _DESCRIPTOR)
        except OSError as error:
            raise InvalidInput(f"{self.path}: cannot read it: {reason_of(error)}") from None
        if self.seal[1:6] != b"CD001":
            raise InvalidInput(
                f'{self.path}: expected an ISO 9660 image with "CD001" at byte {_DESCRIPTOR + 1},'
                f" found {self._found()}: check the file, or get it again"
            )
        self.entries: dict[str, Entry] = {}
        for entry in sorted(self._read(), key=lambda each: each.path):
            if entry.path in self.entries:
                raise InvalidInput(f'{self.path}: "{entry.path}" is there twice, at byte {entry.offset} as well')
            self.entries[entry.path] = entry
        self._check_whole()

    def _found(self) -> str:
        if len(self.seal) < 6:
            return f"the end of the file at byte {self.size}"
        return repr(self.seal[1:6].decode("latin-1")).replace("'", '"')

    def _check_whole(self) -> None:
        """Raise InvalidInput where bytes are missing at the end."""
        for entry in sorted(self.entries.values(), key=lambda each: each.offset):
            for offset, length in entry.pieces:
                if offset + length > self.size:
                    raise InvalidInput(
                        f'{self.path}: truncated at byte {self.size}: "{entry.path}" lies at bytes {offset} to'
                        f" {offset + length}: get the image again"
                    )
        if (whole := self._volume_size()) > self.size:
            raise self._truncated(whole)

    def _volume_size(self) -> int:
        blocks = int.from_bytes(self.seal[80:84], "little")
        return blocks * (int.from_bytes(self.seal[128:130], "little") or 2048)

    def _truncated(self, whole: int) -> InvalidInput:
        return InvalidInput(
            f"{self.path}: truncated at byte {self.size}: its volume has {whole} bytes: get the image again"
        )

    # --- the library ---

    def _read(self) -> list[Entry]:
        from pycdlib import PyCdlib

        library = PyCdlib()
        try:
            library.open_fp(_Unending(self._file, self.size))  # type: ignore[arg-type]
            self.stamped = frozenset(self._stamped(library))
            return list(_entries(library))
        except InvalidInput as error:
            raise InvalidInput(f"{self.path}: {error}") from None
        except Exception as error:
            # Whatever damaged directories make of the library, as many sorts of errors as it has functions.
            if (whole := self._volume_size()) > self.size:
                raise self._truncated(whole) from None
            raise InvalidInput(
                f"{self.path}: cannot read its directories: {error or type(error).__name__}: get the image again"
            ) from None

    def _stamped(self, library: "PyCdlib") -> Iterator[int]:
        """The boot catalog, and the boot images with a table of where they are."""
        catalog = library.eltorito_boot_catalog
        if catalog is None:
            return
        yield catalog.extent_location() * library.logical_block_size
        sections = (entry for section in catalog.sections for entry in section.section_entries)
        for entry in (catalog.initial_entry, *sections):
            block = int(entry.get_rba())
            offset = block * library.logical_block_size
            if os.pread(self.fd, 4, offset + _TABLE) == block.to_bytes(4, "little"):
                yield offset


def _entries(library: "PyCdlib") -> Iterator[Entry]:
    """Everything below the root. Raises InvalidInput for names that are none, and whatever the library raises."""
    if library.has_rock_ridge():
        how = "rr_path"
    else:
        how = "joliet_path" if library.has_joliet() else "iso_path"
    block = library.logical_block_size
    # The library knows directories by their names as they are on the disc.
    todo = [("", "/")]
    while todo:
        directory, known = todo.pop()
        for record in library.list_children(**{how: known}):
            if record.is_dot() or record.is_dotdot():
                continue
            path = f"{directory}/{_name(record, how, directory)}".lstrip("/")
            if how == "rr_path" and path in _MOVED:
                # Where deep directories are kept, which are listed where they belong.
                continue
            entry = _entry(record, path, block, named=how == "rr_path")
            if entry.sort == "directory":
                name = record.file_identifier().decode("ascii") if how == "iso_path" else Path(path).name
                todo.append((path, f"{known.rstrip('/')}/{name}"))
            yield entry


def _name(record: "DirectoryRecord", how: str, directory: str) -> str:
    try:
        if how == "rr_path" and record.rock_ridge is not None:
            name = record.rock_ridge.name().decode()
        elif how == "joliet_path":
            name = record.file_identifier().decode("utf-16_be").partition(";")[0]
        else:
            name = record.file_identifier().decode("ascii").partition(";")[0].removesuffix(".").lower()
    except UnicodeDecodeError:
        name = ""
    if name in ("", ".", "..") or "/" in name or not name.isprintable():
        place = record.extent_location() * 2048
        raise InvalidInput(f'a name in "/{directory}", of what is at byte {place}, cannot be used: {name!r}')
    return name


def _entry(record: "DirectoryRecord", path: str, block: int, *, named: bool) -> Entry:
    """What a record says, with `named` by Rock Ridge."""
    ridge = record.rock_ridge if named else None
    mode = ridge.get_file_mode() if ridge is not None else 0
    if record.is_dir():
        return Entry(path, "directory")
    if ridge is not None and ridge.is_symlink():
        return Entry(path, "link", target=os.fsdecode(ridge.symlink_path()))
    if mode and not stat.S_ISREG(mode):
        return Entry(path, "other")
    pieces: list[tuple[int, int]] = []
    piece: DirectoryRecord | None = record
    while piece is not None:
        if piece.data_length:
            pieces.append(((piece.extent_location() + piece.data_extent_offset) * block, piece.data_length))
        piece = piece.data_continuation
    return Entry(path, "file", tuple(pieces), _time(record), bool(mode & 0o100))


def _time(record: "DirectoryRecord") -> int:
    date = record.date
    try:
        there = (1900 + date.years_since_1900, date.month, date.day_of_month, date.hour, date.minute, date.second)
        return max(0, calendar.timegm(there) - int(date.gmtoffset) * 15 * 60)
    except (ValueError, OverflowError):
        return 0
