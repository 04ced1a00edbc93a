"""Copying a medium: every file hashed while it is written and held against the medium's own checksums, nothing to be seen before all of
it is there."""

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from xcatflow.errors import reason_of
from xcatflow.media.checksums import Checksum, Listed, listed
from xcatflow.media.entry import Entry, leads_out
from xcatflow.media.hashing import digest_of, written
from xcatflow.media.iso import Image
from xcatflow.media.manifest import DIRECTORY, Done, discs_in, fingerprint, manifest, read_manifest
from xcatflow.media.space import check_space
from xcatflow.media.tree import check_ours, is_real, make_directories, make_directory, make_links
from xcatflow.media.workplace import Record, Workplace, workplace
from xcatflow.model.medium import Copied, CopyFailed

Told = Callable[[int, int], None]

_AT_ONCE = 2
"""Files that are copied at once: more only make the drive seek."""

_OURS = "sha256"
"""For files that the medium has no checksum of."""


@dataclass(slots=True)
class Copying:
    """One copy of an image. `tidy` gets the tree when all is in it, to put it in order, before anybody sees it."""

    image: Image
    tidy: Callable[[Path], None] = lambda _tree: None
    told: Told = lambda _done, _all: None
    _listed: Listed = field(default_factory=lambda: Listed({}))
    _stamped: list[str] = field(default_factory=list)
    _warnings: list[str] = field(default_factory=list)
    _resumed: bool = False
    _stopping: threading.Event = field(default_factory=threading.Event)
    _telling: threading.Lock = field(default_factory=threading.Lock)
    _bytes: int = 0
    _whole: int = 0

    @property
    def disc(self) -> str:
        """The fingerprint of the disc."""
        return fingerprint(self.image.seal, self.image.entries)

    def to(self, directory: Path) -> Copied:
        """Copy into a directory. Raises CopyFailed, Locked."""
        directory = directory.resolve()
        check_ours(directory)
        files, others = self._sorted()
        try:
            self._listed = listed(self.image.entries, self.image.chunks)
        except OSError as error:
            raise CopyFailed(f"{self.image.path}: cannot read it: {reason_of(error)}", error.errno or 1) from None
        self._whole = sum(entry.size for entry in files)
        with workplace(directory) as place:
            try:
                return self._copied(place, files, others)
            except CopyFailed as error:
                if error.status != errno.ENOSPC or not self._resumed:
                    place.discard()
                raise
            except OSError as error:
                # Our side's fault: what was copied stays, to be gone on with.
                raise CopyFailed(
                    f'cannot write below "{place.place}": {reason_of(error)}; what was copied so far stays there:'
                    " mend it and run this again",
                    error.errno or 1,
                ) from None

    def _sorted(self) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
        """Files in the order in which they lie in the image; directories and those links that stay inside."""
        entries = self.image.entries
        others: list[Entry] = []
        for entry in entries.values():
            if entry.sort == "other":
                self._warnings.append(f'"{entry.path}" is no file, directory or link: left out')
            elif entry.sort == "link" and leads_out(entries, entry):
                self._warnings.append(f'the link "{entry.path}" leads out of the medium, to "{entry.target}": left out')
            elif entry.sort != "file":
                others.append(entry)
        files = sorted((entry for entry in entries.values() if entry.sort == "file"), key=lambda each: each.offset)
        self._stamped = [entry.path for entry in files if entry.pieces and entry.offset in self.image.stamped]
        return tuple(files), tuple(others)

    def _copied(self, place: Workplace, files: tuple[Entry, ...], others: tuple[Entry, ...]) -> Copied:
        done = self._right(place.tree, files, place.begun(self.disc))
        self._resumed = bool(done)
        there = self._there(place.to, files)
        todo = [entry for entry in files if entry.path not in done and entry.path not in there]
        kept = len(files) - len(todo)
        if kept == len(files) and self.disc in discs_in(place.to):
            place.discard(whole=True)
            return self._outcome(0, kept, {**there, **done})
        check_space(place.place, [entry.size for entry in todo])
        self._take_over(place, done)
        make_directories(place.tree, others, files)
        with place.recording() as record:
            done = {**there, **done, **self._all(place, todo, record)}
        make_links(place.tree, others)
        self.tidy(place.tree)
        self._sign(place.tree, done)
        place.finish()
        return self._outcome(len(todo), kept, done)

    # --- what is there already ---

    def _right(self, tree: Path, files: Iterable[Entry], claimed: Mapping[str, Done]) -> dict[str, Done]:
        """Those files below a directory that are what they were claimed to be, and what the medium says they must be."""
        found: dict[str, Done] = {}
        real = {Path()}
        for entry in files:
            done = claimed.get(entry.path)
            # A claim is no proof: every file is read.
            if done is None or done.size != entry.size or self._wrong(entry, done):
                continue
            path = tree / entry.path
            before = self._bytes
            try:
                if is_real(tree, path, real) and path.stat().st_size == entry.size:
                    digest = digest_of(path, done.algorithm, self._tell)
                    if digest == done.digest:
                        found[entry.path] = done
            except OSError:
                pass
            if entry.path not in found:
                self._bytes = before
        return found

    def _there(self, directory: Path, files: Iterable[Entry]) -> dict[str, Done]:
        """Those files of a finished directory that need no copying again."""
        claimed: dict[str, Done] = {}
        for disc in discs_in(directory):
            claimed |= read_manifest(directory / DIRECTORY / disc)
        for entry in files:
            if checksum := self._checksum(entry):
                claimed[entry.path] = Done(checksum.algorithm, checksum.digest, entry.size)
            elif entry.path in claimed and self.disc not in discs_in(directory):
                # Another disc's file of this name: only the medium could tell whether this one's is the same.
                del claimed[entry.path]
        return self._right(directory, files, claimed)

    def _take_over(self, place: Workplace, done: Mapping[str, Done]) -> None:
        """Let the tree have what the directory has that it becomes, without copying: more discs, and what others put there."""
        if not place.to.is_dir():
            return
        for directory, directories, names in os.walk(place.to):
            below = place.tree / Path(directory).relative_to(place.to)
            make_directory(below)
            for name in (*names, *(each for each in directories if (Path(directory) / each).is_symlink())):
                source, target = Path(directory) / name, below / name
                if str(target.relative_to(place.tree)) in done or target.is_dir():
                    continue
                target.unlink(missing_ok=True)
                try:
                    os.link(source, target, follow_symlinks=False)
                except OSError as error:
                    if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV):
                        raise
                    shutil.copy2(source, target, follow_symlinks=False)

    # --- file by file ---

    def _all(self, place: Workplace, todo: Iterable[Entry], record: Record) -> Mapping[str, Done]:
        """Copy files, some at once: hashing one goes on while another is written. What goes wrong with one ends all."""
        with ThreadPoolExecutor(_AT_ONCE, "xcatflow-copy") as pool:
            copied = {pool.submit(self._one, place, entry, record): entry.path for entry in todo}
            try:
                return {copied[future]: future.result() for future in as_completed(copied)}
            except BaseException:
                self._stopping.set()
                pool.shutdown(cancel_futures=True)
                raise

    def _one(self, place: Workplace, entry: Entry, record: Record) -> Done:
        """Copy a file. Raises CopyFailed where it is not what the medium says it is, OSError where it cannot be written."""
        checksum = self._checksum(entry)
        algorithm = checksum.algorithm if checksum else _OURS
        part, target = place.place / f"part-{threading.get_ident()}", place.tree / entry.path

        def write(chunk: memoryview) -> None:
            file.write(chunk)
            self._tell(len(chunk))
            if self._stopping.is_set():
                raise CopyFailed(f'"{entry.path}" was left off: another file went wrong')

        with part.open("wb", buffering=0) as file:
            digest = written(self._read(entry), write, algorithm)
        done = Done(algorithm, digest, entry.size)
        if self._wrong(entry, done):
            assert checksum is not None
            end = entry.pieces[-1][0] + entry.pieces[-1][1] if entry.pieces else 0
            raise CopyFailed(
                f'{self.image.path}: "{entry.path}" at bytes {entry.offset} to {end} is damaged: {checksum.source} expects'
                f" {checksum.algorithm} {checksum.digest}, found {digest}: get the image again"
            )
        part.chmod(0o755 if entry.executable else 0o644)
        if entry.time:
            os.utime(part, (entry.time, entry.time))
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        part.replace(target)
        record.add(entry.path, done)
        return done

    def _read(self, entry: Entry) -> Iterable[memoryview]:
        try:
            yield from self.image.views(entry)
        except OSError as error:
            raise CopyFailed(
                f'{self.image.path}: cannot read "{entry.path}" at bytes {entry.offset} to {entry.offset + entry.size}:'
                f" {reason_of(error)}: check the medium, or get the image again",
                error.errno or 1,
            ) from None

    def _checksum(self, entry: Entry) -> Checksum | None:
        return None if entry.path in self._stamped else self._listed.checksums.get(entry.path)

    def _wrong(self, entry: Entry, done: Done) -> bool:
        """Is a file something else than the medium says?"""
        checksum = self._checksum(entry)
        return checksum is not None and (checksum.algorithm, checksum.digest) != (done.algorithm, done.digest)

    # --- the end ---

    def _sign(self, tree: Path, done: Mapping[str, Done]) -> None:
        record = tree / DIRECTORY
        make_directory(record)
        path = record / self.disc
        # A name of its own: the one that is there may be the finished directory's as well.
        path.unlink(missing_ok=True)
        path.write_text(manifest(done), errors="surrogateescape")
        path.chmod(0o644)
        tree.chmod(0o755)

    def _tell(self, count: int) -> None:
        with self._telling:
            self._bytes += count
            self.told(self._bytes, self._whole)

    def _outcome(self, copied: int, kept: int, done: Mapping[str, Done]) -> Copied:
        vouched = [path for path in done if path in self._listed.checksums and path not in self._stamped]
        lists = dict.fromkeys(self._listed.checksums[path].source for path in vouched)
        return Copied(
            copied=copied,
            kept=kept,
            verified=len(vouched),
            lists=tuple(lists),
            unverified=tuple(sorted(done.keys() - set(vouched))),
            warnings=(*self._warnings, *self._said_of_lists(len(vouched))),
        )

    def _said_of_lists(self, vouched: int) -> Iterable[str]:
        if not vouched:
            yield "the medium has no checksums of its own: nothing of it was verified"
        for unread in self._listed.unread:
            yield f"cannot use the checksums of {unread}: the files they are for were not verified"
        if missing := self._listed.missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            yield f'the medium does not have all that its lists of checksums name: "{missing[0]}"{more}'
