"""An image made of a busybox: which programs will do, and what the archive holds."""

import hashlib
import io
import json
import struct
import tarfile
from pathlib import Path

import pytest

from xcatflow.errors import ActFailed
from xcatflow.lab import busybox


def elf(*headers: int, wide: bool = True, little: bool = True) -> bytes:
    """An ELF program's beginning with program headers of these types."""
    order = "<" if little else ">"
    start, size = (64, 56) if wide else (52, 32)
    data = bytearray(start + size * len(headers))
    data[:6] = b"\x7fELF" + bytes([2 if wide else 1, 1 if little else 2])
    struct.pack_into(order + ("Q" if wide else "I"), data, 0x20 if wide else 0x1C, start)
    struct.pack_into(order + "HH", data, 0x36 if wide else 0x2A, size, len(headers))
    for number, sort in enumerate(headers):
        struct.pack_into(order + "I", data, start + number * size, sort)
    return bytes(data)


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("little", [True, False])
def test_a_program_that_names_an_interpreter_needs_libraries(tmp_path: Path, wide: bool, little: bool) -> None:
    dynamic, static = tmp_path / "dynamic", tmp_path / "static"
    dynamic.write_bytes(elf(6, 3, 1, 1, wide=wide, little=little))
    static.write_bytes(elf(1, 1, 4, wide=wide, little=little))
    assert busybox.find([tmp_path / "none", tmp_path, dynamic, static]) == static
    assert busybox.find([dynamic]) is None


def test_what_is_no_program(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n")
    assert busybox.find([tmp_path / "script"]) is None


@pytest.fixture
def image(tmp_path: Path) -> bytes:
    program = tmp_path / "busybox"
    program.write_text("#!/bin/sh\nprintf '%s\\n' busybox ls sh\n")
    program.chmod(0o755)
    return busybox.archive(program)


def test_the_archive_holds_together(image: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(image)) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}  # type: ignore[union-attr]
    (entry,) = json.loads(files["manifest.json"])
    assert entry["RepoTags"] == ["busybox:latest"]
    config, (layer,) = files[entry["Config"]], entry["Layers"]
    assert entry["Config"] == f"{hashlib.sha256(config).hexdigest()}.json"
    digest = hashlib.sha256(files[layer]).hexdigest()
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    with tarfile.open(fileobj=io.BytesIO(files[layer])) as tree:
        assert tree.getmember("bin/busybox").mode == 0o755
        assert {name: tree.getmember(f"bin/{name}").linkname for name in ("ls", "sh")} == {
            "ls": "busybox",
            "sh": "busybox",
        }
        assert tree.getmember("bin/busybox").isreg()


def test_the_same_program_gives_the_same_bytes(image: bytes, tmp_path: Path) -> None:
    assert busybox.archive(tmp_path / "busybox") == image


def test_none_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busybox, "find", lambda: None)
    with pytest.raises(ActFailed, match="this machine has none: apt-get install busybox-static"):
        busybox.archive()
