"""What sessions cannot show of the commands that define objects: odd characters, no standard input, somebody else at work."""

import io
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcatflow import __version__
from xcatflow.app import Site
from xcatflow.commands.changes import added, items_of, removed
from xcatflow.commands.command import Context, Editing
from xcatflow.commands.table import find
from xcatflow.commands.talk import Talk
from xcatflow.edit.editing import editing
from xcatflow.errors import Locked
from xcatflow.model.definitions import Definitions
from xcatflow.tasks import words as programs


class Desk:
    """A site whose definitions somebody else holds, or not."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "inventory").mkdir(exist_ok=True)

    @property
    def definitions(self) -> Definitions:
        return Site(self.root).definitions

    def editing(self) -> AbstractContextManager[Editing]:
        return editing(self.root, patience=0)


def never() -> str:
    raise AssertionError("standard input is not to be read")


def said(desk: Desk, words: Sequence[str]) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    code = find(words[0])(words[1:], Context(desk, Talk(out, err), stdin=never, cwd=desk.root))
    return out.getvalue(), err.getvalue(), code


@pytest.mark.parametrize("name", ["mkdef", "chdef", "rmdef"])
def test_versions(tmp_path: Path, name: str) -> None:
    assert said(Desk(tmp_path), [name, "-v"]) == (f"{name} - Version {__version__}\n", "", 0)


@pytest.mark.parametrize("name", ["mkdef", "chdef", "rmdef"])
def test_at_a_terminal_nothing_is_waited_for(tmp_path: Path, name: str) -> None:
    out, err, code = said(Desk(tmp_path), [name])
    assert (out.startswith(f"Usage: {name} "), err, code) == (True, "", 0)
    out, err, code = said(Desk(tmp_path), [name, "-t", "group"])
    assert (out, err.startswith("Error: No object names were provided.\n"), code) == ("", True, 1)


@pytest.mark.parametrize("name", ["mkdef", "chdef"])
def test_line_breaks_are_refused(tmp_path: Path, name: str) -> None:
    _, err, code = said(Desk(tmp_path), [name, "c1", "groups=all", "usercomment=a\nb"])
    assert err.startswith('Error: "usercomment" of node "c1": expected one line, found a line break\n')
    assert code == 1


@pytest.mark.parametrize("value", [" x", "x ", '"', '"x"', "a:", "#", "a=b", "\t", "x\r", "'", "|", "//", "ä €"])
@pytest.mark.parametrize("name", ["mkdef", "chdef"])
def test_any_text_is_kept(tmp_path: Path, name: str, value: str) -> None:
    desk = Desk(tmp_path)
    assert said(desk, [name, "c1", "groups=all", "usercomment=" + value])[2] == 0
    assert desk.definitions.nodes["c1"].attributes.get("usercomment", "") == value.lstrip()


@pytest.mark.parametrize("words", [["mkdef", "c1", "groups=all"], ["chdef", "c1", "groups=all"], ["rmdef", "c1"]])
def test_somebody_else_is_at_work(tmp_path: Path, words: list[str]) -> None:
    desk = Desk(tmp_path)
    with editing(tmp_path):
        out, err, code = said(desk, words)
        with pytest.raises(Locked) as locked, desk.editing():
            pass
    assert (out, err, code) == ("", f"Error: {locked.value}\n", 1)


def test_a_pipe_or_file_is_read_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "listing").write_text("Object name: c1\n")
    end, other = os.pipe()
    os.close(other)
    piped: list[bool] = []
    monkeypatch.setattr(programs, "find", lambda _name: lambda _words, context: piped.append(context.piped))
    with os.fdopen(end) as pipe, (tmp_path / "listing").open() as file, Path(os.devnull).open() as device:
        for stream in (pipe, file, device, io.StringIO("x")):
            monkeypatch.setattr("sys.stdin", stream)
            programs.run("mkdef", [])
    assert piped == [True, True, False, False]


lists = st.lists(st.sampled_from("abcd"), max_size=5).map(",".join)


@given(lists, lists)
def test_what_is_added_is_there_and_what_is_removed_is_not(old: str, items: str) -> None:
    longer = added(old, items)
    assert items_of(longer)[: len(items_of(old))] == items_of(old)
    assert set(items_of(longer)) == {*items_of(old), *items_of(items)}
    assert added(longer, items) == longer
    left, absent = removed(old, items)
    assert not set(items_of(left)) & set(items_of(items))
    assert set(absent) == set(items_of(items)) - set(items_of(old))
    assert removed(left, items)[0] == left
