"""`file.present` and `directory.present` on the machine the tests run on."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.desk import FolderDesk
from tests.fakes.target import LocalTarget, tools
from xcatflow.errors import ActFailed, CannotUndo, InvalidInput
from xcatflow.model.change import Verb
from xcatflow.steps.directory_present import DirectoryParams, DirectoryPresent
from xcatflow.steps.file_present import FileParams, FilePresent
from xcatflow.steps.place import diff_of

SHELLS = {"sh": ("sh",), "bash": ("bash",), "busybox": ("busybox", "sh")}
STEP, DIRECTORY = FilePresent(), DirectoryPresent()


@pytest.fixture(params=[name for name, command in SHELLS.items() if shutil.which(command[0])])
def at(request: pytest.FixtureRequest) -> LocalTarget:
    return LocalTarget(shell=SHELLS[request.param])


def want(path: Path, **params: Any) -> FileParams:
    return FileParams.model_validate({"path": str(path), **params})


def undo_all(at: LocalTarget, step: Any, wanted: Any) -> None:
    """Converge, then take every change back, last first."""
    seen = at.look(step, wanted)
    changes = at.converge(step, wanted)
    for change in reversed(changes):
        step.undo(at, wanted, seen, change)


def test_a_new_file(at: LocalTarget, tmp_path: Path) -> None:
    path = tmp_path / "it's $new"
    (change,) = at.converge(STEP, want(path, content="ü one\n", mode="0640"))
    assert change.verb is Verb.CREATE
    assert path.read_text() == "ü one\n"
    assert path.stat().st_mode & 0o7777 == 0o640
    assert list(tmp_path.iterdir()) == [path]
    assert at.converge(STEP, want(path, content="ü one\n", mode="0640")) == ()


def test_content_does_not_travel_in_the_script(at: LocalTarget, tmp_path: Path) -> None:
    at.converge(STEP, want(tmp_path / "key", content="open sesame", mode="0600"))
    assert not any("sesame" in script for script in at.scripts)


def test_a_changed_file_keeps_what_nobody_asked_for(at: LocalTarget, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o604)
    (change,) = at.converge(STEP, want(path, content="new", backup=True))
    assert (change.field, path.read_text(), path.stat().st_mode & 0o7777) == ("content", "new", 0o604)
    assert (tmp_path / "file~").read_text() == "old"


def test_rights_alone(at: LocalTarget, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("text")
    inode = path.stat().st_ino
    user, group = str(os.getuid()), path.group()
    changes = at.converge(STEP, want(path, content="text", mode="4711", owner=user, group=group))
    assert [change.field for change in changes] == ["mode"]
    assert path.stat().st_mode & 0o7777 == 0o4711
    assert path.stat().st_ino == inode


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_owner_and_group(at: LocalTarget, tmp_path: Path) -> None:
    path = tmp_path / "file"
    changes = at.converge(STEP, want(path, content="text", owner="daemon", group="54321"))
    assert [change.verb for change in changes] == [Verb.CREATE]
    assert (path.owner(), path.stat().st_gid) == ("daemon", 54321)
    changes = at.converge(STEP, want(path, content="text 2", owner="root"))
    assert [change.field for change in changes] == ["content", "owner"]
    assert (path.owner(), path.stat().st_gid) == ("root", 54321)


def test_a_link_is_replaced_and_its_target_left_alone(at: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "target").write_text("target")
    for name in ("dir", "target"):
        link = tmp_path / f"link to {name}"
        link.symlink_to(name)
        at.converge(STEP, want(link, content="mine"))
        assert not link.is_symlink()
        assert link.read_text() == "mine"
    assert (tmp_path / "target").read_text() == "target"
    assert list((tmp_path / "dir").iterdir()) == []


def test_the_parent_is_missing(at: LocalTarget, tmp_path: Path) -> None:
    with pytest.raises(ActFailed) as caught:
        at.converge(STEP, want(tmp_path / "no" / "file", content="x"))
    assert str(caught.value) == (
        f'cannot write "{tmp_path}/no/file" on host01: its directory "{tmp_path}/no" is not there: '
        "make it with directory.present first"
    )


def test_a_directory_that_came_meanwhile(at: LocalTarget, tmp_path: Path) -> None:
    wanted = want(tmp_path / "file", content="x")
    (change,) = STEP.plan(None, wanted)
    (tmp_path / "file").mkdir()
    with pytest.raises(ActFailed, match="a directory is in its place"):
        STEP.apply(at, wanted, None, change)
    assert list((tmp_path / "file").iterdir()) == []


def test_content_that_did_not_arrive_whole_is_thrown_away(at: LocalTarget, tmp_path: Path) -> None:
    wanted = want(tmp_path / "file", content="all of it")
    (change,) = STEP.plan(None, wanted)
    whole = at.reply
    at.reply = lambda script, stdin=b"": whole(script, stdin[:3])  # type: ignore[method-assign]
    with pytest.raises(ActFailed, match="the content did not arrive whole"):
        STEP.apply(at, wanted, None, change)
    assert list(tmp_path.iterdir()) == []


def test_restorecon_where_there_is_one(tmp_path: Path) -> None:
    path = tools(tmp_path / "bin", restorecon=f'echo "$@" >{tmp_path}/restored')
    at = LocalTarget(path=f"{path}:{LocalTarget.path}")
    at.converge(STEP, want(tmp_path / "file", content="x"))
    assert (tmp_path / "restored").read_text() == f"-- {tmp_path}/file\n"


def test_binary_and_large(at: LocalTarget, tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(bytes(range(256)) * 2000)
    step_want = STEP.prepare(want(tmp_path / "copy", source="blob"), FolderDesk(tmp_path))
    at.converge(STEP, step_want)
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "blob").read_bytes()
    assert at.converge(STEP, step_want) == ()


def test_prepare_fills_in_templates_and_sources(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text("hello {{ who }}\n")
    desk = FolderDesk(tmp_path)
    plain = want(Path("/x"), content="as it is")
    assert STEP.prepare(plain, desk) == plain
    rendered = STEP.prepare(want(Path("/x"), template="t.j2", vars={"who": "you"}), desk)
    assert rendered == want(Path("/x"), content="hello you\n")
    assert STEP.prepare(want(Path("/x"), source="t.j2"), desk) == want(Path("/x"), content="hello {{ who }}\n")
    with pytest.raises(InvalidInput, match='cannot read "no": No such file or directory'):
        STEP.prepare(want(Path("/x"), source="no"), desk)
    with pytest.raises(InvalidInput, match="was not prepared"):
        STEP.ask(want(Path("/x"), source="t.j2"))
    assert STEP.outputs(None, plain) == {"path": "/x"}


def test_undo(at: LocalTarget, tmp_path: Path) -> None:
    new, old, link = (tmp_path / name for name in ("new", "old", "link"))
    old.write_text("old")
    old.chmod(0o640)
    link.symlink_to("old")
    undo_all(at, STEP, want(new, content="x"))
    assert not new.exists()
    undo_all(at, STEP, want(old, content="x", mode="0600"))
    assert (old.read_text(), old.stat().st_mode & 0o7777) == ("old", 0o640)
    undo_all(at, STEP, want(link, content="x"))
    assert link.readlink() == Path("old")


def test_undo_of_what_was_not_fetched(at: LocalTarget, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("old")
    undo_all(at, STEP, want(path, content="new", sensitive=True, backup=True))
    assert path.read_text() == "old"
    with pytest.raises(CannotUndo, match=r"the old content of .* is not known"):
        undo_all(at, STEP, want(path, content="new", sensitive=True))


def test_long_diffs_are_cut(tmp_path: Path) -> None:
    (change,) = STEP.plan(None, want(tmp_path / "x", content="line\n" * 1000))
    assert change.diff.count("\n") == 201
    assert change.diff.endswith("... 803 more lines\n")
    (change,) = STEP.plan(None, want(tmp_path / "x", content="l" * 50_000 + "\n"))
    assert len(change.diff) < 16_000


def test_a_diff_takes_no_longer_than_it_is_worth() -> None:
    lines = [f"192.0.2.{number % 250} host{number}\n" for number in range(10_000)]
    old = "".join(lines).encode()
    other = "".join(line if number % 2 else f"#{line}" for number, line in enumerate(lines)).encode()
    assert diff_of("/etc/hosts", old, other) == "too much differs for a diff: 10000 lines -> 10000 lines\n"
    assert diff_of("/etc/hosts", old, old + b"one\n").endswith("+one\n"), "long files that hardly differ are compared"
    assert diff_of("/etc/hosts", old, b"one\n" + old).count("\n+") == 2
    assert diff_of("/etc/hosts", old, old.replace(b"192.0.2.0 host5000\n", b"")).count("\n-") == 1
    assert "more lines" in diff_of("/etc/hosts", b"", old)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"path": "/x"}, 'expected exactly one of "content", "content_base64", "template", "source", found none'),
        ({"path": "/x", "content": "", "source": "a"}, 'found "content" and "source"'),
        ({"path": "x", "content": ""}, 'expected an absolute path, found "x"'),
        ({"path": "/", "content": ""}, 'expected an absolute path without "..", found "/"'),
        ({"path": "/a/../b", "content": ""}, 'expected an absolute path without ".."'),
        ({"path": "/a\nb", "content": ""}, "expected an absolute path"),
        ({"path": "/x", "content": "", "mode": 644}, 'expected an octal mode in quotes such as "0644", found 644'),
        ({"path": "/x", "content": "", "mode": "9"}, "expected an octal mode"),
        ({"path": "/x", "content": "", "owner": "a b"}, 'expected the name or number of a user or group, found "a b"'),
        ({"path": "/x", "content_base64": "?"}, '"content_base64" is no base64'),
        ({"path": "/x", "content": "", "vars": {"a": 1}}, '"vars" are for a "template"'),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message.replace("?", r"\?")):
        FileParams.model_validate(params)


def directory(path: Path, **params: Any) -> DirectoryParams:
    return DirectoryParams.model_validate({"path": str(path), **params})


def test_a_new_directory(at: LocalTarget, tmp_path: Path) -> None:
    at.converge(DIRECTORY, directory(tmp_path / "one"))
    assert (tmp_path / "one").stat().st_mode & 0o7777 == 0o755
    owners = {"owner": str(os.getuid()), "group": str(os.getgid())}
    wanted = directory(tmp_path / "a b" / "c", mode="2710", parents=True, **owners)
    at.converge(DIRECTORY, wanted)
    assert (tmp_path / "a b" / "c").stat().st_mode & 0o7777 == 0o2710
    assert (tmp_path / "a b").stat().st_mode & 0o7777 == 0o755
    assert at.converge(DIRECTORY, wanted) == ()
    assert DIRECTORY.outputs(None, wanted) == {"path": str(tmp_path / "a b" / "c")}


def test_rights_of_a_directory_and_back(at: LocalTarget, tmp_path: Path) -> None:
    path = tmp_path / "d"
    path.mkdir(mode=0o700)
    wanted = directory(path, mode="1777")
    (change,) = at.converge(DIRECTORY, wanted)
    DIRECTORY.undo(at, wanted, None, change)
    assert path.stat().st_mode & 0o7777 == 0o700


def test_a_directory_without_parent(at: LocalTarget, tmp_path: Path) -> None:
    with pytest.raises(ActFailed, match=r"cannot make the directory .* No such file or directory"):
        at.converge(DIRECTORY, directory(tmp_path / "a" / "b"))


def test_a_directory_is_taken_back_only_when_it_is_empty(at: LocalTarget, tmp_path: Path) -> None:
    wanted = directory(tmp_path / "d")
    (change,) = at.converge(DIRECTORY, wanted)
    (tmp_path / "d" / "file").touch()
    with pytest.raises(CannotUndo, match="stays"):
        DIRECTORY.undo(at, wanted, None, change)
    (tmp_path / "d" / "file").unlink()
    DIRECTORY.undo(at, wanted, None, change)
    assert not (tmp_path / "d").exists()
