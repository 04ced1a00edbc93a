"""A machine's disks from what /sys/block and the table of mounts say: what they are, and what is mounted from them. Pure.

A mount names its device by number; where that is none of a block device (btrfs), by path. Volumes and arrays stand on disks or their
partitions, which `slaves` names.

Source: proc(5) on mountinfo and swaps; the kernel's Documentation/ABI/testing/sysfs-block; lsblk(8), which this stands in for.
"""

import re
from collections.abc import Iterator, Mapping

from xcatflow.model.facts import Disk

_BLOCK = "/sys/block/"
_SECTOR_BYTES = 512
_ESCAPE = re.compile(r"\\([0-7]{3})")


def disks(files: Mapping[str, tuple[str, ...]], mounts: str, below: str) -> tuple[Disk, ...]:
    """The disks, by name. `files` are lines by path, `mounts` lines of mountinfo, `below` paths of what a block device has or stands
    on."""
    blocks = _Blocks(files, below.splitlines())
    mounted: dict[str, dict[str, None]] = {}
    for device, where in (*_mounts(mounts), *_swaps(files.get("/proc/swaps", ()))):
        for disk in blocks.disks_of(device):
            mounted.setdefault(disk, {})[where] = None
    found = []
    for name in sorted(blocks.physical):
        size = _first(files, f"{_BLOCK}{name}/size")
        if not size.isdigit() or size == "0" or _first(files, f"{_BLOCK}{name}/hidden") == "1":
            continue
        rotational = {"0": False, "1": True}.get(_first(files, f"{_BLOCK}{name}/queue/rotational"))
        model = _first(files, f"{_BLOCK}{name}/device/model")
        found.append(Disk(name, int(size) * _SECTOR_BYTES, model, rotational, tuple(mounted.get(name, ()))))
    return tuple(found)


class _Blocks:
    """Which disks a device is on."""

    def __init__(self, files: Mapping[str, tuple[str, ...]], below: list[str]) -> None:
        self._whole: dict[str, str] = {}
        """Block devices and partitions: the block device each belongs to."""
        self._numbers: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._slaves: dict[str, list[str]] = {}
        self.physical = {path.split("/")[3] for path in below if path.endswith("/device")}
        for path, lines in files.items():
            if not path.startswith(_BLOCK):
                continue
            block, *rest = path.removeprefix(_BLOCK).split("/")
            if rest[-1:] == ["dev"]:
                name = block if len(rest) == 1 else rest[0]
                self._whole[name] = block
                self._numbers[lines[0]] = name
            elif rest == ["dm", "name"]:
                self._labels[f"/dev/mapper/{lines[0]}"] = block
        for path in below:
            _, _, _, block, *rest = path.split("/")
            if rest[:1] == ["slaves"]:
                self._slaves.setdefault(block, []).append(rest[1])

    def disks_of(self, device: tuple[str, str]) -> Iterator[str]:
        """The disks that a device (number, path) is on, each perhaps more than once."""
        number, path = device
        name = self._numbers.get(number) or self._labels.get(path) or path.removeprefix("/dev/")
        yield from self._below(self._whole.get(name, ""))

    def _below(self, block: str) -> Iterator[str]:
        if block in self.physical:
            yield block
        for slave in self._slaves.get(block, ()):
            yield from self._below(self._whole.get(slave, ""))


def _mounts(text: str) -> Iterator[tuple[tuple[str, str], str]]:
    """(device, mount point) of whole file systems: what is mounted again elsewhere in part says nothing more."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        words, kind = before.split(), after.split()
        if len(words) > 4 and len(kind) > 1 and (words[3] == "/" or kind[0] == "btrfs"):
            yield (words[2], kind[1]), _plain(words[4])


def _swaps(lines: tuple[str, ...]) -> Iterator[tuple[tuple[str, str], str]]:
    for line in lines[1:]:
        words = line.split()
        if len(words) > 1 and words[1] == "partition":
            yield ("", _plain(words[0])), "[SWAP]"


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)


def _first(files: Mapping[str, tuple[str, ...]], path: str) -> str:
    return files.get(path, ("",))[0].strip()
