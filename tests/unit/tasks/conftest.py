"""The small site as working directory, and the program in it."""

from pathlib import Path

import pytest

from tests.unit.tasks.site import Cli, make


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small site; it is the working directory, and the home directory is elsewhere."""
    root = make(tmp_path / "site")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("HOME", str(home))
    return root


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, the working directory."""
    root = tmp_path / "new"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The program in this process. What it does to the environment is taken back."""
    monkeypatch.setenv("XCATFLOW_SITE", "")
    monkeypatch.setenv("COLUMNS", "100")
    return Cli(capsys, monkeypatch)
