"""Makes image archives as `docker save` writes them, without a daemon: busybox from this machine, and links for its applets.

Source: Docker image specification v1.2 (manifest.json, one configuration, one layer).
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

_APPLETS = ("sh", "sleep", "ip", "ping", "cat", "true")


def busybox() -> Path | None:
    """The machine's static busybox; None where there is none."""
    return next((path for path in (Path("/bin/busybox"), Path("/usr/bin/busybox")) if path.is_file()), None)


def write_archive(path: Path, *references: str, command: Sequence[str] = ("/bin/sleep", "3600")) -> None:
    """An archive at `path` with one image under all references; it sleeps when run, unless another command is given."""
    layer = _layer()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": list(command), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created": "2024-01-01T00:00:00Z"}],
    }
    config_text = json.dumps(config).encode()
    name = f"{hashlib.sha256(config_text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": list(references), "Layers": ["layer.tar"]}]
    with tarfile.open(path, "w") as tar:
        for member, data in (
            (name, config_text),
            ("layer.tar", layer),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            _add(tar, member, data, 0o644)


def _layer() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        binary = busybox()
        _add(tar, "bin/busybox", binary.read_bytes() if binary else b"", 0o755)
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))
