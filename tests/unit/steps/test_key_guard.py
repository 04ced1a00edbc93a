"""Keys that go, on the machine the tests run on, in a home of the test's own."""

import time
from pathlib import Path

import pytest

from tests.fakes.target import SYSTEM_PATH, LocalTarget
from xcatflow.errors import ActFailed, Unreachable
from xcatflow.steps import key_guard
from xcatflow.steps.authorized_key import AuthorizedKey

KEYS = tuple(f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 43} {letter}" for letter in ("A", "B"))
STEP = AuthorizedKey()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    file = tmp_path / "home" / ".ssh" / "authorized_keys"
    file.write_text("".join(f"{key}\n" for key in KEYS))
    file.chmod(0o600)
    return file


@pytest.fixture
def at(tmp_path: Path, keys: Path) -> LocalTarget:
    (tmp_path / "bin").mkdir()
    getent = tmp_path / "bin" / "getent"
    getent.write_text(f"#!/bin/sh\necho root:x:0:0::{tmp_path}/home:/bin/sh\n")
    getent.chmod(0o755)
    return LocalTarget(path=f"{tmp_path}/bin:{SYSTEM_PATH}")


def test_who_comes_in_anew_makes_it_stay(at: LocalTarget, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_guard, "CONFIRM_S", 2)
    at.converge(STEP, STEP.params(key=KEYS[0], exclusive=True))
    assert at.connections == 2
    time.sleep(3.5)
    assert keys.read_text() == f"{KEYS[0]}\n"


def test_adding_a_key_needs_no_guard(at: LocalTarget, keys: Path) -> None:
    keys.write_text(f"{KEYS[0]}\n")
    at.converge(STEP, STEP.params(key=KEYS[1]))
    assert at.connections == 1


@pytest.mark.parametrize("wanted", [{"exclusive": True}, {"options": 'command="/bin/false"'}])
def test_who_is_shut_out_finds_the_former_keys(
    at: LocalTarget, keys: Path, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, object]
) -> None:
    monkeypatch.setattr(key_guard, "CONFIRM_S", 1)
    before = keys.read_text()

    def refused() -> None:
        raise Unreachable("permission denied")

    monkeypatch.setattr(at, "reconnect", refused)
    with pytest.raises(ActFailed, match=r"cannot be reached any more \(permission denied\): the former ones are back"):
        at.converge(STEP, STEP.params(key=KEYS[0], **wanted))
    assert keys.read_text() != before
    deadline = time.monotonic() + 15
    while keys.read_text() != before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert keys.read_text() == before
    assert keys.stat().st_mode & 0o7777 == 0o600
