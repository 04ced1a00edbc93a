import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xcatflow.load.git import Revision, revision

GIT = ("git", "-c", "user.name=n", "-c", "user.email=n@example.invalid", "-c", "init.defaultBranch=main")


def git(at: Path, *words: str) -> str:
    done = subprocess.run([*GIT, *words], cwd=at, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the account's configuration nor a hook that runs the tests has a say."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "tree" / "site"
    (site / "workflows").mkdir(parents=True)
    (site / "workflows" / "a.yaml").write_text("a")
    (site / ".gitignore").write_text("state/\n")
    git(site.parent, "init", "-q")
    git(site.parent, "add", ".")
    git(site.parent, "commit", "-q", "-m", "first")
    return site


def test_a_clean_tree(site: Path) -> None:
    assert revision(site) == Revision(git(site, "rev-parse", "HEAD"))
    assert revision(site.parent) == revision(site)


def test_files_outside_the_site_do_not_count(site: Path) -> None:
    (site.parent / "elsewhere").write_text("x")
    assert not revision(site).dirty
    assert revision(site.parent).dirty


def test_ignored_files_do_not_count(site: Path) -> None:
    (site / "state").mkdir()
    (site / "state" / "journal.db").write_text("x")
    assert revision(site) == Revision(git(site, "rev-parse", "HEAD"))


@pytest.mark.parametrize("how", ["changed", "staged", "untracked", "removed", "renamed"])
def test_what_makes_it_dirty(site: Path, how: str) -> None:
    file = site / "workflows" / "a.yaml"
    match how:
        case "changed":
            file.write_text("b")
        case "staged":
            file.write_text("b")
            git(site, "add", ".")
        case "untracked":
            (site / "workflows" / "ünï b.yaml").write_text("b")
        case "removed":
            file.unlink()
        case "renamed":
            git(site, "mv", "workflows/a.yaml", "workflows/! b.yaml")
    assert revision(site) == Revision(git(site, "rev-parse", "HEAD"), dirty=True)


def test_no_commit_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert revision(tmp_path) == Revision()
    (tmp_path / "a").write_text("a")
    assert revision(tmp_path) == Revision("", dirty=True)


def test_outside_git(tmp_path: Path) -> None:
    assert revision(tmp_path) == Revision()
    assert revision(tmp_path / "missing") == Revision()


def test_a_site_that_its_tree_ignores_is_not_in_git(site: Path) -> None:
    inner = site / "state" / "lab site"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    assert revision(inner) == Revision()
    assert revision(inner.parent) == Revision()


def test_a_work_tree_and_a_link_to_it(site: Path, tmp_path: Path) -> None:
    git(site, "worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    (tmp_path / "link").symlink_to(tmp_path / "other" / "site")
    assert revision(tmp_path / "link").commit == git(site, "rev-parse", "HEAD")


def test_a_hook_that_starts_us_does_not_point_elsewhere(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert not revision(site).dirty
    assert revision(site).commit


def test_it_writes_nothing(site: Path) -> None:
    os.utime(site / "workflows" / "a.yaml", (1, 1))  # git would like to refresh its index now
    index = site.parent / ".git" / "index"
    before = (index.read_bytes(), index.stat().st_mtime_ns, sorted(index.parent.iterdir()))
    assert not revision(site).dirty
    assert (index.read_bytes(), index.stat().st_mtime_ns, sorted(index.parent.iterdir())) == before


def test_another_users_tree(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    found = revision(site)
    assert (found.commit, found.dirty) == ("", False)
    assert found.note == (
        f'git refuses "{site.parent}", which belongs to another user: the commit is not recorded; '
        f"to trust it: git config --global --add safe.directory {site.parent}"
    )


def test_a_broken_tree(site: Path) -> None:
    (site.parent / ".git" / "HEAD").unlink()
    assert revision(site).note.startswith("git cannot tell the commit: not a git repository")


def _instead_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def _lives(pid: int) -> bool:
    """Is the process at work? One that ended counts as gone, even where nobody has taken note of its end."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_git_that_never_answers(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "silence")
    body = f"cat {tmp_path}/silence & echo $! $$ > {tmp_path}/pids; cat {tmp_path}/silence"
    _instead_of_git(tmp_path, monkeypatch, body)
    assert revision(site, timeout_s=0.5).note == "git gave no answer within 0.5 s: the commit is not recorded"
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    patience = time.monotonic() + 20
    while any(_lives(pid) for pid in pids):
        assert time.monotonic() < patience
        time.sleep(0.01)


def test_git_that_fails_without_a_word(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _instead_of_git(tmp_path, monkeypatch, "exit 3")
    assert revision(site) == Revision(note="git cannot tell the commit: no reason given")


def test_git_that_cannot_be_started(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _instead_of_git(tmp_path, monkeypatch, "exit 0")
    (tmp_path / "bin" / "git").write_text("no program")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert revision(site).note.startswith("git cannot be asked: ")


def test_no_git(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(site) == Revision(note="git is not installed: the commit is not recorded")


def test_a_site_whose_parents_cannot_be_looked_at(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert revision(loop).commit == ""


def test_it_is_quick_to_import() -> None:
    code = "import sys, xcatflow.load.git; print('sqlite3' in sys.modules, 'pydantic' in sys.modules)"
    root = Path(__file__).parents[3]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True, env=plain)
    assert done.stdout == "False False\n"
