"""An image without a registry: the machine's own busybox, as `docker save` would have archived it.

Source: the image archive format of `docker save` (manifest.json, a JSON configuration named by its digest, one tar file per layer).
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from xcatflow.errors import ActFailed
from xcatflow.lab.commands import hint, run

PLACES = (Path("/bin/busybox"), Path("/usr/bin/busybox"))
REFERENCE = "busybox:latest"
ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i686": "386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}
EPOCH = "1970-01-01T00:00:00Z"


def find(places: Iterable[Path] = PLACES) -> Path | None:
    """The machine's busybox, if it has one that needs no libraries."""
    return next((path for path in places if path.is_file() and _static(path)), None)


def archive(binary: Path | None = None) -> bytes:
    """The archive of an image of that busybox, or the machine's. The same binary gives the same bytes. Raises ActFailed when there is
    no static busybox."""
    binary = binary or find()
    if binary is None:
        raise ActFailed(f"the busybox image is made of a static busybox, and this machine has none: {hint('busybox')}")
    layer = _layer(binary.read_bytes(), run([str(binary), "--list"]).split())
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "created": EPOCH,
            "config": {"Cmd": ["sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": EPOCH, "created_by": "xcatflow lab"}],
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [REFERENCE], "Layers": [f"{digest}/layer.tar"]}]).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as image:
        for path, content in ((f"{digest}/layer.tar", layer), (name, config), ("manifest.json", manifest)):
            _file(image, path, content, 0o644)
    return packed.getvalue()


def _layer(binary: bytes, applets: list[str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tree:
        for path, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("var", 0o755)):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tree.addfile(entry)
        _file(tree, "bin/busybox", binary, 0o755)
        for applet in applets:
            if applet != "busybox":
                entry = tarfile.TarInfo(f"bin/{applet}")
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, "busybox", 0o777
                tree.addfile(entry)
        _file(tree, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
        _file(tree, "etc/group", b"root:x:0:\n", 0o644)
    return packed.getvalue()


def _file(tree: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.mode, entry.size = mode, len(content)
    tree.addfile(entry, io.BytesIO(content))


def _static(path: Path) -> bool:
    """Is it an ELF program that names no interpreter (program header type 3)?"""
    data = path.read_bytes()
    if data[:4] != b"\x7fELF":
        return False
    order: Literal["little", "big"] = "little" if data[5] == 1 else "big"
    wide = data[4] == 2

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], order)

    table = number(0x20, 8) if wide else number(0x1C, 4)
    size, count = (number(0x36, 2), number(0x38, 2)) if wide else (number(0x2A, 2), number(0x2C, 2))
    return all(number(table + index * size, 4) != 3 for index in range(count))
