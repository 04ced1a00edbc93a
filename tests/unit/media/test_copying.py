"""Copying media: whole and right, or not at all."""

import gzip
import hashlib
import os
import random
import re
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.media import BOTH, damage, image, sums
from xcatflow.errors import InvalidInput, Locked
from xcatflow.media.copying import Copying
from xcatflow.media.iso import Image
from xcatflow.media.manifest import read_manifest
from xcatflow.media.workplace import workplace
from xcatflow.model.medium import Copied, CopyFailed

FILES = {
    ".disk/info": b'Ubuntu-Server 22.04.4 LTS "Jammy Jellyfish" - Release amd64 (20240216.1)\n',
    "pool/main/a/apache2-with-a-long-name_2.4.52-1ubuntu4.7_amd64.deb": b"a" * 5000,
    "pool/main/b/b.deb": b"b" * 300_000,
    "empty": b"",
}
LISTED = {**FILES, "md5sum.txt": sums(FILES)}


def copy(path: Path, to: Path) -> Copied:
    with Image(path) as opened:
        return Copying(opened).to(to)


def files_of(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and not path.is_symlink() and ".xcatflow-media" not in path.parts
    }


def nothing(directory: Path) -> bool:
    return not directory.exists() or not any(directory.iterdir())


# --- what is copied ---


@pytest.mark.parametrize("names", [BOTH, ("rockridge",), ("joliet",)], ids="+".join)
def test_all_of_a_medium_is_copied(names: tuple[str, ...], tmp_path: Path) -> None:
    copied = copy(image(tmp_path / "a.iso", LISTED, names=names), tmp_path / "to" / "it")
    assert files_of(tmp_path / "to" / "it") == LISTED
    assert (copied.copied, copied.kept, copied.verified, copied.lists) == (5, 0, 4, ("md5sum.txt",))
    assert (copied.unverified, copied.warnings) == (("md5sum.txt",), ())
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["it"]


def test_plain_names_are_what_a_mounted_image_shows(tmp_path: Path) -> None:
    files = {"pool/a.deb": b"x", "README": b"y"}
    copy(image(tmp_path / "a.iso", files, names=()), tmp_path / "to")
    assert files_of(tmp_path / "to") == {"pool/a.deb": b"x", "readme": b"y"}


def test_everybody_can_read_a_copy_whatever_the_umask(tmp_path: Path) -> None:
    path = image(tmp_path / "a.iso", LISTED)
    before = os.umask(0o077)
    try:
        copy(path, tmp_path / "install" / "to")
    finally:
        os.umask(before)
    for found in [tmp_path / "install", *(tmp_path / "install").rglob("*")]:
        mode = stat.S_IMODE(found.stat().st_mode)
        assert mode == (0o755 if found.is_dir() else 0o644), found


def test_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    links = {
        "dists/stable": "jammy",
        "debian": ".",
        "pool/up": "../dists/jammy/Release",
        "gone": "pool/nothing",
        "out": "../x",
        "absolute": "/etc/passwd",
        "deep/out": "../../x",
        "through": "debian/..",
        "loop": "loop",
    }
    path = image(tmp_path / "a.iso", {"dists/jammy/Release": b"x", "deep/a": b"y"}, links=links)
    copied = copy(path, tmp_path / "to")
    kept = {str(each.relative_to(tmp_path / "to")) for each in (tmp_path / "to").rglob("*") if each.is_symlink()}
    assert kept == {"dists/stable", "debian", "pool/up", "gone"}
    assert copied.warnings[:2] == (
        'the link "absolute" leads out of the medium, to "/etc/passwd": left out',
        'the link "deep/out" leads out of the medium, to "../../x": left out',
    )
    assert len([warning for warning in copied.warnings if "leads out" in warning]) == 5


def test_a_file_in_several_pieces_is_put_together(tmp_path: Path) -> None:
    # Files over 4 GB are kept so; two small ones become one.
    path = image(tmp_path / "a.iso", {"BIG1": b"1" * 2048, "BIG2": b"2" * 100}, names=("rockridge",))
    data = bytearray(path.read_bytes())
    first = data.index(b"BIG1.;1")
    data[first - 33 + 25] |= 0x80
    second = data.index(b"BIG2.;1")
    data[second : second + 4] = b"BIG1"
    name = data.index(b"NM\x09\x01\x00BIG2")
    data[name : name + 9] = b"NM\x09\x01\x00BIG1"
    path.write_bytes(data)
    copy(path, tmp_path / "to")
    assert files_of(tmp_path / "to") == {"BIG1": b"1" * 2048 + b"2" * 100}


def test_a_boot_image_that_mastering_wrote_into_is_no_damage(tmp_path: Path) -> None:
    from pycdlib import PyCdlib

    boot = bytes(2048) + b"isolinux" * 256
    files = {"isolinux/isolinux.bin": boot, "b": b"x" * 100}
    path = image(tmp_path / "plain.iso", {**files, "md5sum.txt": sums(files)})
    iso = PyCdlib()
    iso.open(str(path))
    iso.add_eltorito(
        "/ISOLINUX/ISOLINUX.BIN;1", bootcatfile="/BOOT.CAT;1", rr_bootcatname="boot.cat", boot_info_table=True
    )
    iso.write(str(tmp_path / "a.iso"))
    iso.close()
    copied = copy(tmp_path / "a.iso", tmp_path / "to")
    assert files_of(tmp_path / "to")["isolinux/isolinux.bin"] != boot
    assert copied.unverified == ("boot.cat", "isolinux/isolinux.bin", "md5sum.txt")


# --- the medium's own checksums ---


def treeinfo(path: str, content: bytes) -> bytes:
    return f"[checksums]\n{path} = sha256:{hashlib.sha256(content).hexdigest()}\n".encode()


def repository(base: str, packages: dict[str, bytes], suffix: str = "gz") -> dict[str, bytes]:
    """A repository's files as createrepo makes them."""
    listed = "".join(
        f'<package type="rpm"><checksum type="sha256" pkgid="YES">{hashlib.sha256(content).hexdigest()}</checksum>'
        f'<location href="{name}"/></package>'
        for name, content in packages.items()
    )
    text = f'<metadata xmlns="http://linux.duke.edu/metadata/common">{listed}</metadata>'.encode()
    primary, name = gzip.compress(text), f"repodata/primary.xml.{suffix}"
    repomd = (
        '<repomd xmlns="http://linux.duke.edu/metadata/repo"><data type="primary">'
        f'<checksum type="sha256">{hashlib.sha256(primary).hexdigest()}</checksum><location href="{name}"/></data></repomd>'
    ).encode()
    found = {f"{base}{path}": content for path, content in packages.items()}
    return {**found, f"{base}{name}": primary, f"{base}repodata/repomd.xml": repomd}


def test_packages_of_repositories_are_verified(tmp_path: Path) -> None:
    files = {
        **repository("BaseOS/", {"Packages/b/bash.rpm": b"bash" * 999}),
        **repository("", {"Packages/c/chrony.rpm": b"chrony" * 999}),
        "images/install.img": b"i" * 5000,
    }
    files[".treeinfo"] = treeinfo("images/install.img", files["images/install.img"])
    copied = copy(image(tmp_path / "a.iso", files), tmp_path / "to")
    assert copied.unverified == (".treeinfo", "BaseOS/repodata/repomd.xml", "repodata/repomd.xml")
    assert set(copied.lists) == {
        ".treeinfo",
        "BaseOS/repodata/repomd.xml",
        "BaseOS/repodata/primary.xml.gz",
        "repodata/repomd.xml",
        "repodata/primary.xml.gz",
    }
    assert copied.warnings == ()


@pytest.mark.parametrize(
    ("wrong", "by"),
    [
        ("pool/b.deb", "md5sum.txt"),
        ("casper/vmlinuz", "SHA256SUMS"),
        ("images/install.img", ".treeinfo"),
        ("BaseOS/Packages/b/bash.rpm", "BaseOS/repodata/primary.xml.gz"),
    ],
)
def test_damage_is_found_and_nothing_is_left(wrong: str, by: str, tmp_path: Path) -> None:
    files = {"pool/b.deb": b"b" * 5000}
    files["md5sum.txt"] = sums(files)
    files["casper/vmlinuz"] = b"k" * 7000
    files["SHA256SUMS"] = sums({"casper/vmlinuz": files["casper/vmlinuz"]}, "sha256")
    files["images/install.img"] = b"i" * 6000
    files[".treeinfo"] = treeinfo("images/install.img", files["images/install.img"])
    files |= repository("BaseOS/", {"Packages/b/bash.rpm": b"bash" * 999})
    path = image(tmp_path / "a.iso", files)
    at = damage(path, files[wrong])
    with pytest.raises(CopyFailed) as caught:
        copy(path, tmp_path / "install" / "x" / "to")
    said = str(caught.value)
    start, end = (int(word) for word in said.partition("at bytes ")[2].partition(" is damaged")[0].split(" to "))
    assert start <= at < end
    assert f'a.iso: "{wrong}" at bytes' in said
    assert f"is damaged: {by} expects " in said
    assert said.endswith("get the image again")
    assert not (tmp_path / "install").exists()


def test_the_strongest_checksum_counts(tmp_path: Path) -> None:
    files = {"a": b"a" * 100}
    listed = {**files, "md5sum.txt": sums({"a": b"wrong"}), "SHA256SUMS": sums(files, "sha256")}
    assert copy(image(tmp_path / "a.iso", listed), tmp_path / "to").verified == 1


def test_lists_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    files = {
        "md5sum.txt": sums({"not/there": b"", "nor/this": b""}),
        ".treeinfo": b"[checksums\nx",
        **repository("", {"a.rpm": b"x"}, "zst"),
        "other/repodata/repomd.xml": b"<repomd><data",
    }
    warnings = copy(image(tmp_path / "a.iso", files), tmp_path / "to").warnings
    assert [warning.split(": ")[0] for warning in warnings] == [
        "cannot use the checksums of .treeinfo",
        "cannot use the checksums of other/repodata/repomd.xml",
        "cannot use the checksums of repodata/primary.xml.zst",
        "the medium does not have all that its lists of checksums name",
    ]
    assert warnings[-1].endswith(': "not/there" and 1 more')


def test_a_medium_without_checksums_is_told(tmp_path: Path) -> None:
    copied = copy(image(tmp_path / "a.iso", FILES), tmp_path / "to")
    assert copied.warnings == ("the medium has no checksums of its own: nothing of it was verified",)


# --- images that are not whole ---


@pytest.mark.parametrize("cut", [0, 1, 32768, 32770, 40_000, 60_000, 100_000, 300_000, -1])
def test_a_truncated_image_is_refused_before_anything_is_made(cut: int, tmp_path: Path) -> None:
    path = image(tmp_path / "a.iso", LISTED)
    data = path.read_bytes()
    path.write_bytes(data[:cut])
    with pytest.raises(InvalidInput) as caught:
        copy(path, tmp_path / "install" / "to")
    assert f"at byte {len(data[:cut])}" in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert not (tmp_path / "install").exists()


def test_the_file_that_is_not_whole_is_named(tmp_path: Path) -> None:
    path = image(tmp_path / "a.iso", LISTED)
    data = path.read_bytes()
    at = data.index(FILES["pool/main/b/b.deb"])
    path.write_bytes(data[: at + 1000])
    with pytest.raises(
        InvalidInput, match=f'"pool/main/b/b.deb" lies at bytes {at} to {at + 300_000}: get the image again'
    ):
        copy(path, tmp_path / "to")


@pytest.mark.parametrize("name", [b"..", b"a/", b"\x01\x02", b"\xff\xff"])
def test_names_that_are_none_are_refused(name: bytes, tmp_path: Path) -> None:
    path = image(tmp_path / "a.iso", {"zz": b"evil"}, names=("rockridge",))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"NM\x07\x01\x00zz", b"NM\x07\x01\x00" + name))
    with pytest.raises(InvalidInput, match=r'a name in "/", of what is at byte \d+, cannot be used'):
        copy(path, tmp_path / "to")
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_wrong_with_an_image_is_an_error_with_its_name(seed: int, tmp_path: Path) -> None:
    path = image(tmp_path / "a.iso", LISTED, links={"dists/stable": "jammy"})
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 3, 30))):
        data[chance.randrange(32768, 90_000)] = chance.choice((0, 255, chance.randrange(256)))
    path.write_bytes(data)
    try:
        copy(path, tmp_path / "install" / "to")
    except (InvalidInput, CopyFailed) as error:
        assert str(error).startswith(f"{path}: ")
        assert not (tmp_path / "install").exists()
    else:
        assert [each.name for each in tmp_path.iterdir() if each.name != "install"] == ["a.iso"]


# --- going on, and copying again ---

KILLED = """
    import os, signal, sys
    from pathlib import Path
    from xcatflow.media.copying import Copying
    from xcatflow.media.iso import Image

    def told(done, whole):
        if done >= int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)

    with Image(Path(sys.argv[1])) as opened:
        Copying(opened, told=told).to(Path(sys.argv[2]))
"""


def killed(path: Path, to: Path, at: int) -> None:
    """Copy in a process that is killed when so many bytes are in place."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(to), str(at)], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL


def in_place(to: Path) -> set[str]:
    """The files that a copy which was killed had finished."""
    return set(read_manifest(to.with_name(f".{to.name}.copying") / "done"))


MANY = {f"pool/{number:02}.deb": bytes([number]) * 100_000 for number in range(20)}


def test_a_killed_copy_is_gone_on_with(tmp_path: Path) -> None:
    path, to = image(tmp_path / "a.iso", {**MANY, "md5sum.txt": sums(MANY)}), tmp_path / "install" / "to"
    killed(path, to, 950_000)
    assert not to.exists()
    first = in_place(to)
    killed(path, to, 1_450_000)
    assert not to.exists()
    second = in_place(to)
    assert 0 < len(first) < len(second) < len(MANY)
    assert first < second
    copied = copy(path, to)
    assert (copied.copied, copied.kept) == (len(MANY) + 1 - len(second), len(second))
    assert files_of(to).keys() == {*MANY, "md5sum.txt"}
    assert all(files_of(to)[name] == content for name, content in MANY.items())
    assert [each.name for each in (tmp_path / "install").iterdir()] == ["to"]


def test_what_a_killed_copy_left_is_not_believed(tmp_path: Path) -> None:
    path, to = image(tmp_path / "a.iso", MANY), tmp_path / "install" / "to"
    killed(path, to, 1_050_000)
    before = in_place(to)
    tree = tmp_path / "install" / ".to.copying" / "tree"
    changed, gone, empty = (tree / name for name in sorted(before)[:3])
    changed.write_bytes(b"\xff" * 100_000)
    gone.unlink()
    empty.write_bytes(b"")
    with (tree.parent / "done").open("a") as record:
        record.write("sha256 00")
    copied = copy(path, to)
    assert (copied.copied, copied.kept) == (len(MANY) - len(before) + 3, len(before) - 3)
    assert files_of(to) == MANY


def test_a_killed_copy_of_another_disc_is_thrown_away(tmp_path: Path) -> None:
    to = tmp_path / "install" / "to"
    killed(image(tmp_path / "a.iso", MANY), to, 1_050_000)
    assert copy(image(tmp_path / "b.iso", FILES), to).kept == 0
    assert files_of(to) == FILES


def test_damage_after_a_kill_leaves_nothing_either(tmp_path: Path) -> None:
    path, to = image(tmp_path / "a.iso", {**MANY, "md5sum.txt": sums(MANY)}), tmp_path / "install" / "x" / "to"
    killed(path, to, 950_000)
    damage(path, MANY["pool/15.deb"])
    with pytest.raises(CopyFailed, match="is damaged"):
        copy(path, to)
    assert not (tmp_path / "install").exists()


def test_copying_again_mends_what_is_wrong_and_keeps_the_rest(tmp_path: Path) -> None:
    path, to = image(tmp_path / "a.iso", LISTED), tmp_path / "to"
    copy(path, to)
    inode = (to / "pool/main/b/b.deb").stat().st_ino
    assert copy(path, to).copied == 0
    assert (to / "pool/main/b/b.deb").stat().st_ino == inode
    (to / ".disk/info").write_text("broken")
    (to / "pool" / "own.deb").write_bytes(b"own")
    copied = copy(path, to)
    assert (copied.copied, copied.kept) == (1, 4)
    assert files_of(to) == {**LISTED, "pool/own.deb": b"own"}
    assert (to / "pool/main/b/b.deb").stat().st_ino == inode


def test_a_second_disc_joins_the_first(tmp_path: Path) -> None:
    to = tmp_path / "install" / "to"
    first, second = {"pool/a": b"a", "info": b"1"}, {"pool/b": b"b", "info": b"2"}
    paths = [image(tmp_path / f"{number}.iso", files) for number, files in enumerate((first, second))]
    for path in paths:
        copy(path, to)
    assert files_of(to) == {"pool/a": b"a", "pool/b": b"b", "info": b"2"}
    assert len(list((to / ".xcatflow-media").iterdir())) == 2
    assert [each.name for each in (tmp_path / "install").iterdir()] == ["to"]


def test_a_damaged_second_disc_leaves_the_first_as_it_was(tmp_path: Path) -> None:
    to = tmp_path / "to"
    copy(image(tmp_path / "a.iso", FILES), to)
    files = {"pool/c": b"c" * 5000, ".disk/info": b"2" * 3000}
    path = image(tmp_path / "b.iso", {**files, "md5sum.txt": sums(files)})
    damage(path, files["pool/c"])
    with pytest.raises(CopyFailed):
        copy(path, to)
    assert files_of(to) == FILES


def test_a_directory_that_was_moved_away_behind_a_link_is_copied_into_place(tmp_path: Path) -> None:
    path, to = image(tmp_path / "a.iso", LISTED), tmp_path / "to"
    copy(path, to)
    (to / "pool").rename(tmp_path / "moved")
    (to / "pool").symlink_to(tmp_path / "moved")
    (tmp_path / "moved" / "main" / "b" / "b.deb").write_bytes(b"not to be touched")
    copy(path, to)
    assert files_of(to) == LISTED
    assert not (to / "pool").is_symlink()
    assert (tmp_path / "moved" / "main" / "b" / "b.deb").read_bytes() == b"not to be touched"


def test_a_link_in_the_place_of_the_copy_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "to").symlink_to(tmp_path / "big" / "copy")
    copy(image(tmp_path / "a.iso", FILES), tmp_path / "to")
    assert (tmp_path / "to").is_symlink()
    assert files_of(tmp_path / "big" / "copy") == FILES


# --- others at work, and no room ---


def test_only_one_copies_to_a_place(tmp_path: Path) -> None:
    path, to = image(tmp_path / "a.iso", FILES), tmp_path / "install" / "to"
    with (
        workplace(to),
        pytest.raises(
            Locked, match=rf"/to is being copied to by process {os.getpid()}, since .*: wait for its end, then"
        ),
    ):
        copy(path, to)
    assert copy(path, to).copied == len(FILES)


def test_of_several_at_once_one_copies_and_all_are_right(tmp_path: Path) -> None:
    path, to = image(tmp_path / "a.iso", MANY), tmp_path / "install" / "to"
    script = textwrap.dedent(KILLED)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path), str(to), "99999999"], stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    ended = [(process.communicate(timeout=60)[1], process.returncode) for process in running]
    assert any(code == 0 for _, code in ended)
    # Who has just ended has taken its name away.
    assert all(re.search("is being copied to by (another )?process", said) for said, code in ended if code), ended
    assert files_of(to) == MANY
    assert [each.name for each in (tmp_path / "install").iterdir()] == ["to"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    where = tmp_path / "small"
    where.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(where)], check=False, capture_output=True
    ).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


def test_room_is_looked_for_before_anything_is_written(small: Path, tmp_path: Path) -> None:
    with pytest.raises(
        CopyFailed, match=r'no room in ".*/x": 2\.0 MB are needed, 1\.\d MB are free: make room'
    ) as caught:
        copy(image(tmp_path / "a.iso", MANY), small / "x" / "to")
    assert caught.value.status == 28
    assert nothing(small)


def test_a_disk_that_gets_full_loses_nothing(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = image(tmp_path / "a.iso", MANY)
    with monkeypatch.context() as patched:
        patched.setattr("xcatflow.media.copying.check_space", lambda *_: None)
        with pytest.raises(CopyFailed, match="no space left on device; what was copied so far stays there") as caught:
            copy(path, small / "to")
    assert caught.value.status == 28
    assert not (small / "to").exists()
    # Still no room: what is there is not thrown away for that.
    with pytest.raises(CopyFailed, match="no room in"):
        copy(path, small / "to")
    subprocess.run(["mount", "-o", "remount,size=4m", str(small)], check=True)
    copied = copy(path, small / "to")
    assert copied.kept >= 9
    assert files_of(small / "to") == MANY
