"""The host image's name says what it is made from."""

from dataclasses import replace
from pathlib import Path

import pytest

from xcatflow.errors import ActFailed
from xcatflow.lab import image
from xcatflow.lab.apt import Archive

RECIPE = image.Recipe((Archive("http://mirror.example.org/debian", "bookworm"),), "", "0", "x86_64")


def test_the_same_recipe_has_the_same_name() -> None:
    assert RECIPE.reference == replace(RECIPE).reference
    assert RECIPE.reference.startswith("xcatflow-lab-host:")


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, archives=(Archive("http://mirror.example.org/debian", "trixie"),)),
        replace(RECIPE, settings='Acquire::Retries "3";\n'),
        replace(RECIPE, certificates="1"),
        replace(RECIPE, machine="aarch64"),
    ],
)
def test_another_recipe_has_another_name(other: image.Recipe) -> None:
    assert other.reference != RECIPE.reference


def test_a_full_disk_is_found_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(image, "NEEDED_BYTES", 10**18)
    with pytest.raises(ActFailed, match=r"takes 1e\+09 GB in .*: make room, or set XDG_CACHE_HOME"):
        image.build(RECIPE, tmp_path / "x.tar")
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_fails_leaves_its_log_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(image, "CONFINED", ("sh", "-c", 'mkdir "$5"; echo "E: no such suite"; exit 1', "sh"))
    (tmp_path / "build-of-a-killed-one").mkdir()
    with pytest.raises(ActFailed, match='"sh" failed with status 1, see ') as caught:
        image.build(RECIPE, tmp_path / "x.tar")
    assert caught.value.detail == "E: no such suite"
    assert [path.name for path in tmp_path.iterdir()] == ["build.log"]


def test_it_takes_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ActFailed, match=r"needs root: run lab\.up as root the first time"):
        image.build(RECIPE, tmp_path / "x.tar")
