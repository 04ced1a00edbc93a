"""The program in this process."""

import pytest

from tests.unit.tasks.site import Cli


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """What it does to the environment is taken back."""
    monkeypatch.setenv("XCATFLOW_SITE", "")
    monkeypatch.setenv("COLUMNS", "100")
    return Cli(capsys, monkeypatch)
