"""Images as the distributions' own tools write them: boot catalogs, partition tables, deep directories, and what they stamp into files."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.media import sums
from xcatflow.media.copying import Copying
from xcatflow.media.iso import Image

BOOT = "boot/grub/eltorito.img"
DEEP = "a/b/c/d/e/f/g/h/i/j/file"
NAMED = "pool/main/l/linux-signed-amd64/linux-image-6.1.0-18-amd64-unsigned-with-a-rather-long-name_6.1.76-1_amd64.deb"

# What debian-cd, Ubuntu's debian-cd and the RHEL family's lorax call; @efi is the image for EFI.
_DEBIAN = (
    "xorriso -as mkisofs -r -V Debian -J -joliet-long -b {boot} -c boot.cat -boot-load-size 4 -boot-info-table -no-emul-boot"
    " -eltorito-alt-boot -e efi.img -no-emul-boot -isohybrid-gpt-basdat -isohybrid-apm-hfsplus"
)
_UBUNTU = (
    "xorriso -as mkisofs -r -V Ubuntu -J -joliet-long -l -iso-level 3 -partition_offset 16 --mbr-force-bootable"
    " -append_partition 2 28732ac11ff8d211ba4b00a0c93ec93b @efi -appended_part_as_gpt"
    " -iso_mbr_part_type a2a0d0ebe5b9334487c068b6b72699c7 -c boot.catalog -b {boot} -no-emul-boot -boot-load-size 4"
    " -boot-info-table --grub2-boot-info -eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot"
)
_REDHAT = (
    "genisoimage -quiet -U -V RHEL -R -J -joliet-long -T -b {boot} -c boot.cat -no-emul-boot -boot-load-size 4"
    " -boot-info-table -eltorito-alt-boot -e efi.img -no-emul-boot"
)


@pytest.mark.parametrize("command", [_DEBIAN, _UBUNTU, _REDHAT], ids=["debian", "ubuntu", "redhat"])
def test_an_image_of_a_real_tool_is_copied_whole(command: str, tmp_path: Path) -> None:
    words = command.format(boot=BOOT).replace("@efi", str(tmp_path / "efi.img")).split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    files = {DEEP: b"deep", NAMED: b"n" * 70_000, "efi.img": b"e" * 100_000, BOOT: bytes(4096) + b"boot" * 1000}
    tree = tmp_path / "tree"
    for name, content in {**files, "md5sum.txt": sums(files)}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    (tree / "program").write_text("#!/bin/sh\n")
    (tree / "program").chmod(0o755)
    (tree / "stable").symlink_to("pool/main")
    shutil.copyfile(tree / "efi.img", tmp_path / "efi.img")
    subprocess.run([*words, "-o", str(tmp_path / "a.iso"), str(tree)], check=True, capture_output=True)
    with Image(tmp_path / "a.iso") as opened:
        copied = Copying(opened).to(tmp_path / "to")
    assert copied.warnings == ()
    assert copied.verified == len(files) - 1
    assert BOOT in copied.unverified
    for name in files.keys() - {BOOT}:
        assert (tmp_path / "to" / name).read_bytes() == files[name]
    assert (tmp_path / "to" / "program").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "to" / "md5sum.txt").stat().st_mode & 0o777 == 0o644
    assert int((tmp_path / "to" / NAMED).stat().st_mtime) == int((tree / NAMED).stat().st_mtime)
    assert (tmp_path / "to" / "stable").readlink() == Path("pool/main")
    own = {str(path.relative_to(tree)) for path in tree.rglob("*")}
    there = {str(path.relative_to(tmp_path / "to")) for path in (tmp_path / "to").rglob("*")}
    assert {Path(name).name for name in there - own if ".xcatflow-media" not in name} <= {
        "boot.cat",
        "boot.catalog",
        "TRANS.TBL",
    }
