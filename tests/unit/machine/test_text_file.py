"""Files of the machine: replaced as a whole, with a copy of before."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xcatflow.errors import InvalidInput
from xcatflow.machine.text_file import TextFile


def test_a_file_keeps_its_mode_and_leaves_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "hosts"
    path.write_text("old\n")
    path.chmod(0o640)
    with TextFile(path, backup=tmp_path / "hosts.xcatbak") as file:
        assert file.text == "old\n"
        file.write("new\n")
    assert path.read_text() == "new\n"
    assert (tmp_path / "hosts.xcatbak").read_text() == "old\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["hosts", "hosts.xcatbak"]


def test_a_new_file_gets_its_mode(tmp_path: Path) -> None:
    with TextFile(tmp_path / "known", backup=tmp_path / "b", mode=0o600) as file:
        file.write("x\n")
    assert (tmp_path / "known").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "b").exists()


def test_a_file_that_is_mounted_by_itself_is_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts"
    path.write_text("old\n")

    def busy(_self: Path, _target: Path) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(Path, "replace", busy)
    with TextFile(path, backup=tmp_path / "b") as file:
        file.write("new\n")
    assert path.read_text() == "new\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b", "hosts"]


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"), TextFile(tmp_path / "no" / "hosts", backup=tmp_path / "b"):
        pass
    (tmp_path / "hosts").mkdir()
    with pytest.raises(InvalidInput, match="is a directory"), TextFile(tmp_path / "hosts", backup=tmp_path / "b"):
        pass


def test_a_directory_is_made_where_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "home" / ".ssh" / "known_hosts"
    with TextFile(path, backup=path.with_name("b"), mode=0o600, directory_mode=0o700) as file:
        file.write("x\n")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").write_text("")
    inside = tmp_path / "file" / "known"
    with (
        pytest.raises(InvalidInput, match="cannot read"),
        TextFile(inside, backup=tmp_path / "b", directory_mode=0o700),
    ):
        pass


def test_a_link_stays_and_odd_bytes_too(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"\xff old\n")
    link = tmp_path / "hosts"
    link.symlink_to("real")
    with TextFile(link, backup=tmp_path / "hosts.xcatbak") as file:
        file.write(file.text + "new\n")
    assert link.is_symlink()
    assert (tmp_path / "real").read_bytes() == b"\xff old\nnew\n"
    assert (tmp_path / "hosts.xcatbak").read_bytes() == b"\xff old\n"


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    path, backup = tmp_path / "hosts", tmp_path / "b"
    path.write_text("")

    def add(number: int) -> None:
        with TextFile(path, backup=backup) as file:
            file.write(f"{file.text}{number}\n")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert sorted(map(int, path.read_text().split())) == list(range(40))
