"""Files brought to a machine, so that each path has its old content or its new one, never a part.

They travel as archives of a few size_text over the shell that is open already, are unpacked beside their places, and take them by
renaming, a command per directory. A file larger than an archive travels in pieces and takes its place after the last one. Where anything
fails (a full disk, a lost connection), what is beside the places is removed.

Source: tar(1), gzip(1) of GNU and of busybox; POSIX.1-2017 pax (times with parts of seconds) and rename().
"""

import gzip
import io
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from shlex import quote
from zlib import compress as deflated

from xcatflow.contract import Target
from xcatflow.errors import ActFailed
from xcatflow.model.question import Reply
from xcatflow.steps.packages.words import size_text
from xcatflow.steps.syncing.items import Item

PIECE_BYTES = 4 * 2**20
"""About as much travels at once: an act on a slow line ends within its time."""
MOST_BYTES = 16 * 2**20
"""And so much where that went fast, since each piece costs the machine some processes. Each of many hosts holds this much here."""
_FAST_S = 1.0
_FAST_BYTES_S = 30 * 2**20
"""Where so much travels in a second, compressing it takes longer than it saves."""
_PIECE_FILES = 1000
_SAMPLE_BYTES = 65536
_PAYS = 0.9
_STAGE = ".xcatflow-"
_FULL = ("No space left on device", "Wrote only ")
"""What is said of a full disk: by the system, and by tar."""

_UNPACKED = 'unpacked() { if [ "$z" ]; then gzip -dc; else cat; fi; }\n'

_UNPACK = """\
set -eu; umask 022
away() {
  n=$#
  for d do set -- "$@" "$d/$t"; done
  shift "$n"
  rm -rf -- "$@"
}
place() {
  cd -- "$1/$t" || return 1
  set --
  for f in * .[!.]* ..?*; do
    if [ -e "$f" ] || [ -L "$f" ]; then
      if [ -L "../$f" ] && [ -d "../$f" ]; then rm -f -- "../$f"; fi
      set -- "$@" "$f"
    fi
  done
  mv -f -- "$@" .. || return 1
  if command -v restorecon >/dev/null; then ( cd ..; restorecon -- "$@" ) || echo "restorecon failed" >&2; fi
}
trap 'away "$@"' EXIT
trap 'exit 1' HUP INT TERM
unpacked | tar -xpf - -C /
[ -e "/$last" ] || { echo "not all of it arrived" >&2; exit 1; }
for d do if [ -d "$d/$t" ]; then place "$d" || exit 1; fi; done
if [ "$end" ]; then sync -f -- "$1/" 2>/dev/null || sync; fi
"""

_APPEND_PIECE = """\
set -eu; umask 077
if [ "$begin" ]; then
  ( umask 022; mkdir -p -- "$d" )
  rm -rf -- "$d/$t"
  mkdir -- "$d/$t"
fi
trap '[ "${done-}" ] || rm -rf -- "$d/$t"' EXIT
trap 'exit 1' HUP INT TERM
cd -- "$d/$t"
case $(pwd -P) in
  */"$t") [ "$(stat -c '%u %a' .)" = "$(id -u) 700" ];;
  *) false;;
esac || { echo "\"$d/$t\" is not the directory that was made there" >&2; exit 1; }
[ "$begin" ] || [ "$(wc -c <"$f")" -eq "$at" ] || { echo "a piece of it is missing" >&2; exit 1; }
unpacked >>"$f"
[ "$(wc -c <"$f")" -eq "$end" ] || { echo "a piece of it did not arrive whole" >&2; exit 1; }
if [ "$last" ]; then
  chown -- "$owner" "$f"
  chmod -- "$mode" "$f"
  touch -d "@$seconds.$fraction" -- "$f" 2>/dev/null || touch -d "@$seconds" -- "$f"
  sync "$f" 2>/dev/null || sync
  if [ -L "../$f" ] && [ -d "../$f" ]; then rm -f -- "../$f"; fi
  mv -f -- "$f" ..
  cd ..
  if command -v restorecon >/dev/null; then restorecon -- "$f" || echo "restorecon failed" >&2; fi
  rmdir -- "$t"
fi
done=1
"""


@dataclass(slots=True)
class _Pace:
    """How fast the way is, from what travelled last: how large the next piece may be, and whether compressing it pays."""

    most: int = PIECE_BYTES
    compress: bool = True

    def took(self, size: int, seconds: float) -> None:
        self.most = min(2 * self.most, MOST_BYTES) if seconds * PIECE_BYTES < _FAST_S * size else PIECE_BYTES
        if size >= PIECE_BYTES // 2:
            self.compress = size < _FAST_BYTES_S * seconds


def send(at: Target, items: Iterable[Item], owner: Callable[[Item], tuple[str, str]]) -> None:
    """Copy files and make directories. `owner` gives the user and group that an item gets there. Raises ActFailed; what was copied
    until then is whole."""
    wanted = tuple(items)
    total, sent = sum(item.size for item in wanted), 0
    stage = f"{_STAGE}{token_hex(4)}"
    pace, left = _Pace(PIECE_BYTES), len(wanted)
    for batch in _batches(wanted, pace):
        left -= len(batch)
        at.pause(0)  # a run that is to stop ends here
        if len(batch) == 1 and batch[0].size > PIECE_BYTES:
            for size in _send_pieces(at, batch[0], owner(batch[0]), pace):
                sent += size
                at.tell(f"{size_text(sent)} of {size_text(total)}")
            continue
        since, size = time.monotonic(), sum(item.size for item in batch)
        _send_archive(at, batch, owner, stage, compress=pace.compress, end=not left)
        pace.took(size, time.monotonic() - since)
        sent += size
        at.tell(f"{size_text(sent)} of {size_text(total)}")


def _batches(items: Iterable[Item], pace: _Pace) -> Iterator[list[Item]]:
    """Items that travel together, in their order, as many as the pace allows when they are asked for; one that is too large for that goes
    alone."""
    batch: list[Item] = []
    size = 0
    for item in items:
        if item.size > PIECE_BYTES:
            yield [item]
            continue
        if batch and (size + item.size > pace.most or len(batch) >= _PIECE_FILES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.size
    if batch:
        yield batch


def _send_archive(
    at: Target, batch: list[Item], owner: Callable[[Item], tuple[str, str]], stage: str, *, compress: bool, end: bool
) -> None:
    """The last archive waits until all of it is on the disk: once for all, since each time is slow."""
    folders = tuple(dict.fromkeys(_folder(item.dest) for item in batch if not item.directory))
    last = quote(_member(batch[-1], stage))
    packed, z = _packed(_archive(batch, owner, stage), compress=compress)
    words = f"t={stage} z={quote(z)} end={'1' if end else ''} last={last}"
    script = f"{words}; set -- {' '.join(map(quote, folders or ('/',)))}\n{_UNPACKED}{_UNPACK}"
    reply = at.run(script, stdin=packed, check=False)
    if reply.code:
        what = f'"{batch[0].dest}"' if len(batch) == 1 else f'"{batch[0].dest}" and {len(batch) - 1} more files'
        raise _failed(at, what, reply, stage)


def _packed(data: bytes, *, compress: bool) -> tuple[bytes, str]:
    """What travels, and a word that is not empty where it was compressed: where that is wanted, and pays, told by a part of it."""
    middle = len(data) // 2
    sample = data[middle : middle + _SAMPLE_BYTES]
    if not compress or len(deflated(sample, 1)) > len(sample) * _PAYS:
        return data, ""
    return gzip.compress(data, 1, mtime=0), "1"


def _archive(batch: list[Item], owner: Callable[[Item], tuple[str, str]], stage: str) -> bytes:
    """Directories at their places, files in a directory beside theirs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in batch:
            member = tarfile.TarInfo(_member(item, stage))
            member.mode = item.mode
            _set_owner(member, *owner(item))
            if item.directory:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
                continue
            member.size = item.size
            member.mtime = item.mtime_ns // 10**9
            member.pax_headers = {"mtime": f"{item.mtime_ns // 10**9}.{item.mtime_ns % 10**9:09}"}
            archive.addfile(member, io.BytesIO(item.read()))
    return packed.getvalue()


def _member(item: Item, stage: str) -> str:
    """Where an item is unpacked, from the root on."""
    folder, name = _folder(item.dest), item.dest.rpartition("/")[2]
    return (item.dest if item.directory else f"{folder}/{stage}/{name}").lstrip("/") or "."


def _set_owner(member: tarfile.TarInfo, user: str, group: str) -> None:
    """Names count before numbers where they are unpacked; root's number is the one that is the same everywhere."""
    member.uname, member.uid = ("", int(user)) if user.isdigit() else (user, 0)
    member.gname, member.gid = ("", int(group)) if group.isdigit() else (group, 0)


def _send_pieces(at: Target, item: Item, owner: tuple[str, str], pace: _Pace) -> Iterator[int]:
    """One large file; gives the sizes of its pieces as they have arrived. Its place to wait in is the same each time, so that what a
    controller left there that died is removed by the next. It is root's own: whoever else may write beside it can neither have it follow
    a link nor put another directory there."""
    stage = piece_stage(item.dest)
    folder, name = _folder(item.dest) or "/", item.dest.rpartition("/")[2]
    values = {
        "d": folder, "f": name, "t": stage, "mode": f"{item.mode:04o}", "owner": ":".join(owner),
        "seconds": str(item.mtime_ns // 10**9), "fraction": f"{item.mtime_ns % 10**9:09}",
    }  # fmt: skip
    begun = 0
    while begun < item.size:
        at.pause(0)
        data, since = item.read(begun, pace.most), time.monotonic()
        end = begun + len(data)
        packed, z = _packed(data, compress=pace.compress)
        place = {
            "z": z,
            "at": str(begun),
            "end": str(end),
            "begin": "" if begun else "1",
            "last": "1" if end == item.size else "",
        }
        words = " ".join(f"{key}={quote(value)}" for key, value in {**values, **place}.items())
        try:
            reply = at.run(f"{words}\n{_UNPACKED}{_APPEND_PIECE}", stdin=packed, check=False)
        except ActFailed as error:
            raise ActFailed(f'cannot copy "{item.dest}" to {at.name}: {error}', error.detail) from None
        if reply.code:
            raise _failed(at, f'"{item.dest}"', reply, stage)
        begun = end
        pace.took(len(data), time.monotonic() - since)
        yield len(data)


def piece_stage(dest: str) -> str:
    """The directory in which the pieces of a file wait."""
    return f"{_STAGE}{sha256(dest.encode(errors='surrogateescape')).hexdigest()[:8]}"


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _failed(at: Target, what: str, reply: Reply, stage: str) -> ActFailed:
    words = reply.complaint.replace(f"/{stage}/", "/")
    lines = words.splitlines() or [f"exit status {reply.code}"]
    full = any(sign in words for sign in _FULL)
    why = f"{_FULL[0]}; what was there is as it was: make room" if full else lines[0]
    return ActFailed(f"cannot copy {what} to {at.name}: {why}", words)
