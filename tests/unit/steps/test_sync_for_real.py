"""`file.sync` on the machine the tests run on."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fakes.desk import FolderDesk
from tests.fakes.target import LocalTarget
from xcatflow.errors import ActFailed, CannotTell, CannotUndo, InvalidInput
from xcatflow.model.change import Change, Verb
from xcatflow.model.definitions import Definitions
from xcatflow.model.objects import Node, Record
from xcatflow.steps.file_sync import FileSync
from xcatflow.steps.syncing import scripts as sync_scripts
from xcatflow.steps.syncing import send as sync_send
from xcatflow.steps.syncing.params import SyncParams

SHELLS = {"sh": ("sh",), "bash": ("bash",), "busybox": ("busybox", "sh")}
STEP = FileSync()


@pytest.fixture(params=[name for name, command in SHELLS.items() if shutil.which(command[0])])
def at(request: pytest.FixtureRequest) -> LocalTarget:
    return LocalTarget(shell=SHELLS[request.param])


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    return tmp_path / "site"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "host").mkdir()
    return tmp_path / "host"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scripts are kept and marked, of the test's own."""
    monkeypatch.setattr(sync_scripts, "DIRECTORY", str(tmp_path / "state"))
    return tmp_path / "state"


def wanted(site: Path, **params: Any) -> SyncParams:
    return STEP.prepare(SyncParams.model_validate(params), FolderDesk(site))


def listed(site: Path, text: str, **definitions: Any) -> SyncParams:
    (site / "list").write_text(text)
    nodes = definitions.get("nodes", ())
    known = Definitions(
        [
            *(Node(name) for name in nodes),
            Record("clustersite", {"nodesyncfiledir": str(site.parent / "kept")}, kind="site"),
        ]
    )
    return STEP.prepare(SyncParams(synclist=("list",)), FolderDesk(site, known))


def told(changes: tuple[Change, ...]) -> list[str]:
    return [str(change) for change in changes]


def test_a_tree(at: LocalTarget, site: Path, host: Path) -> None:
    tree = site / "tree"
    (tree / "it's a dir").mkdir(parents=True)
    (tree / "empty").mkdir(mode=0o750)
    (tree / "it's a dir" / ".hidden $x").write_text("hidden\n")
    (tree / "-dash").write_text("dash\n")
    (tree / "run").write_text("#!/bin/sh\n")
    (tree / "run").chmod(0o750)
    (tree / "link").symlink_to("run")
    os.utime(tree / "run", ns=(10**18, 10**18 + 123_456_789))
    want = wanted(site, src="tree", dest=str(host / "a" / "b"))
    changes = at.converge(STEP, want)
    assert {change.verb for change in changes} == {Verb.CREATE}
    assert {change.what.removeprefix(f"file {host}/a/b") for change in changes if change.what.startswith("file")} == {
        "/-dash",
        "/it's a dir/.hidden $x",
        "/link",
        "/run",
    }
    there = host / "a" / "b"
    assert subprocess.run(["diff", "-r", tree, there], check=False).returncode == 0
    assert not (there / "link").is_symlink()
    assert (there / "run").stat().st_mode & 0o7777 == 0o750
    assert (there / "run").stat().st_mtime_ns // 10**9 == 10**9
    assert (there / "empty").stat().st_mode & 0o7777 == 0o750
    assert at.converge(STEP, want) == ()
    assert not list(host.rglob(".xcatflow*"))


def test_only_what_differs_travels(site: Path, host: Path) -> None:
    at = LocalTarget()
    (site / "tree").mkdir()
    for name in ("one", "two", "three"):
        (site / "tree" / name).write_text(f"{name}\n")
    at.converge(STEP, wanted(site, src="tree", dest=str(host)))
    inode = (host / "one").stat().st_ino
    (host / "two").write_text("TWO\n")
    (host / "three").chmod(0o600)
    changes = at.converge(STEP, wanted(site, src="tree", dest=str(host)))
    assert told(changes) == [f"update file {host}/three mode: 0600 -> 0644", f"update file {host}/two"]
    assert changes[1].diff.endswith("-TWO\n+two\n")
    assert (host / "one").stat().st_ino == inode


def test_the_content_of_what_others_cannot_read_is_not_shown(site: Path, host: Path) -> None:
    at = LocalTarget()
    (site / "key").write_text("new secret\n")
    (host / "key").write_text("old secret of before\n")
    for private in (site / "key", host / "key"):
        for path in (site / "key", host / "key"):
            path.chmod(0o600 if path == private else 0o644)
        seen = at.look(STEP, want := wanted(site, src="key", dest=f"{host}/key"))
        (change,) = STEP.plan(seen, want)
        assert change.diff == f"21 bytes -> 11 bytes of {site}/key\n"
    at.converge(STEP, want)
    STEP.undo(at, want, seen, change)
    assert (host / "key").read_text() == "old secret of before\n"


def test_time_alone_is_no_difference(site: Path, host: Path) -> None:
    at = LocalTarget()
    (site / "file").write_text("text\n")
    (host / "file").write_text("text\n")
    os.utime(host / "file", (1, 1))
    assert at.converge(STEP, wanted(site, src="file", dest=f"{host}/file")) == ()


def test_the_same_size_and_time_are_believed_unless_contents_are_to_be_compared(site: Path, host: Path) -> None:
    at = LocalTarget()
    for path, text in ((site / "file", "new\n"), (host / "file", "old\n")):
        path.write_text(text)
        os.utime(path, (10**9, 10**9))
    assert at.converge(STEP, wanted(site, src="file", dest=f"{host}/file")) == ()
    (change,) = at.converge(STEP, wanted(site, src="file", dest=f"{host}/file", checksum=True))
    assert (change.verb, (host / "file").read_text()) == (Verb.UPDATE, "new\n")


def test_what_is_in_the_way(at: LocalTarget, site: Path, host: Path) -> None:
    (site / "file").write_text("text\n")
    (host / "target").mkdir()
    (host / "link").symlink_to("target")
    (change,) = at.converge(STEP, wanted(site, src="file", dest=f"{host}/link"))
    assert str(change) == f"replace file {host}/link (a symbolic link is in its place)"
    assert (host / "link").read_text() == "text\n"
    assert list((host / "target").iterdir()) == []
    with pytest.raises(ActFailed, match=f'expected a file or nothing at "{host}/target", found a directory: move it'):
        at.converge(STEP, wanted(site, src="file", dest=f"{host}/target"))


def test_delete_and_exclude(at: LocalTarget, site: Path, host: Path) -> None:
    tree, there = site / "tree", host / "www"
    (tree / "kept").mkdir(parents=True)
    (tree / "kept" / "a").write_text("a")
    (tree / "kept" / "a.swp").write_text("left out")
    (there / "old" / "deep").mkdir(parents=True)
    (there / "old" / "deep" / "file\nof two lines").write_text("x")
    (there / "cache").mkdir()
    (there / "cache" / "b.swp").write_text("spared")
    (there / "kept").mkdir()
    (there / "kept" / "more").write_text("x")
    want = wanted(site, src="tree/", dest=str(there), delete=True, exclude=["*.swp"])
    removed = at.converge(STEP, want)[-1]
    assert str(removed) == f"remove files below {there}: 4 files and directories -> (none)"
    assert sorted(str(path.relative_to(there)) for path in there.rglob("*")) == [
        "cache", "cache/b.swp", "kept", "kept/a",
    ]  # fmt: skip
    assert at.converge(STEP, want) == ()


def test_many_files_are_told_together_and_travel_together(at: LocalTarget, site: Path, host: Path) -> None:
    for number in range(1050):
        path = site / "tree" / f"d{number % 7}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    want = wanted(site, src="tree", dest=str(host / "x"))
    (change,) = at.converge(STEP, want)
    assert str(change) == f"create files below {host}/x: 1050 files, 4.14 kB"
    assert change.diff.endswith("... 858 more\n")
    assert len(at.scripts) == 2
    assert subprocess.run(["diff", "-r", site / "tree", host / "x"], check=False).returncode == 0
    for number in range(0, 1050, 25):
        (host / "x" / f"d{number % 7}" / f"f{number}").chmod(0o600)
    (change,) = at.converge(STEP, want)
    assert str(change) == f"update files below {host}/x mode: of 42 files"


def test_a_large_file_travels_in_pieces(
    at: LocalTarget, site: Path, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_send, "PIECE_BYTES", 1000)
    monkeypatch.setattr(sync_send, "MOST_BYTES", 1000)
    (site / "big").write_bytes(os.urandom(3500))
    (site / "big").chmod(0o640)
    os.utime(site / "big", (10**9, 10**9))
    (host / "big").write_text("former")
    at.converge(STEP, wanted(site, src="big", dest=f"{host}/"))
    assert (host / "big").read_bytes() == (site / "big").read_bytes()
    assert ((host / "big").stat().st_mode & 0o7777, (host / "big").stat().st_mtime) == (0o640, 10**9)
    assert len(at.scripts) == 4
    assert at.told == ["1 kB of 3.5 kB", "2 kB of 3.5 kB", "3 kB of 3.5 kB", "3.5 kB of 3.5 kB"]
    assert [path.name for path in host.iterdir()] == ["big"]


@pytest.mark.parametrize(("fast", "packed"), [(0, 1), (10**12, 3)])
def test_nothing_is_compressed_where_the_way_is_fast(
    site: Path, host: Path, monkeypatch: pytest.MonkeyPatch, fast: int, packed: int
) -> None:
    at = LocalTarget()
    monkeypatch.setattr(sync_send, "PIECE_BYTES", 1000)
    monkeypatch.setattr(sync_send, "MOST_BYTES", 1000)
    monkeypatch.setattr(sync_send, "_FAST_BYTES_S", fast)
    (site / "big").write_bytes(b"x" * 3000)
    at.converge(STEP, wanted(site, src="big", dest=f"{host}/"))
    assert (host / "big").read_bytes() == b"x" * 3000
    assert sum(" z=1 " in script for script in at.scripts) == packed


@pytest.mark.parametrize("size", [500, 5000])
def test_what_does_not_arrive_whole_leaves_the_former_file(
    at: LocalTarget, site: Path, host: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(sync_send, "PIECE_BYTES", 2000)
    (site / "file").write_bytes(os.urandom(size))
    (host / "file").write_text("former")
    whole = at.reply
    at.reply = lambda script, stdin=b"": whole(script, stdin[: len(stdin) // 10])  # type: ignore[method-assign]
    with pytest.raises(ActFailed, match=f'cannot copy "{host}/file" to host01: '):
        at.converge(STEP, wanted(site, src="file", dest=f"{host}/file"))
    assert (host / "file").read_text() == "former"
    assert [path.name for path in host.iterdir()] == ["file"]


def test_what_cannot_take_its_place_leaves_nothing_behind(
    at: LocalTarget, site: Path, host: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mv").write_text("#!/bin/sh\necho 'mv: read-only' >&2\nexit 1\n")
    (tmp_path / "bin" / "mv").chmod(0o755)
    monkeypatch.setattr(at, "path", f"{tmp_path}/bin:{at.path}")
    if at.shell[0] == "busybox":
        pytest.skip("its mv is its own")
    (site / "tree" / "deep").mkdir(parents=True)
    for name in ("one", "deep/two"):
        (site / "tree" / name).write_text("new")
    with pytest.raises(ActFailed, match="mv: read-only"):
        at.converge(STEP, wanted(site, src="tree", dest=str(host)))
    assert [path for path in host.rglob("*") if path.is_file() or path.name.startswith(".x")] == []


def test_a_source_that_changes_meanwhile(site: Path, host: Path) -> None:
    (site / "file").write_text("one")
    want = wanted(site, src="file", dest=f"{host}/file")
    (site / "file").write_text("other")
    with pytest.raises(ActFailed, match=f'"{site}/file" was changed while it was being copied: run again'):
        LocalTarget().converge(STEP, want)
    assert list(host.iterdir()) == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_owners(at: LocalTarget, site: Path, host: Path) -> None:
    (site / "file").write_text("text")
    os.chown(site / "file", 1, 0)
    at.converge(STEP, wanted(site, src="file", dest=f"{host}/daemons"))
    assert (host / "daemons").owner() == "daemon"
    os.chown(site / "file", 54321, 0)
    at.converge(STEP, wanted(site, src="file", dest=f"{host}/nobodys"))
    assert (host / "nobodys").owner() == "root"
    changes = at.converge(STEP, wanted(site, src="file", dest=f"{host}/nobodys", owner="daemon", group="54321"))
    assert [change.field for change in changes] == ["owner", "group"]
    assert ((host / "nobodys").owner(), (host / "nobodys").stat().st_gid) == ("daemon", 54321)


def test_undo(at: LocalTarget, site: Path, host: Path) -> None:
    for name in ("new", "changed", "rights"):
        (site / name).write_text(f"{name}\n")
    (host / "changed").write_text("before\n")
    (host / "rights").write_text("rights\n")
    (host / "rights").chmod(0o600)
    (site / "blob").write_bytes(b"x" * 100_000)
    (host / "blob").write_bytes(b"y")
    want = wanted(site, src="[cnr]*", dest=f"{host}/")
    seen = at.look(STEP, want)
    for change in reversed(at.converge(STEP, want)):
        STEP.undo(at, want, seen, change)
    assert sorted(path.name for path in host.iterdir()) == ["blob", "changed", "rights"]
    assert (host / "changed").read_text() == "before\n"
    assert (host / "rights").stat().st_mode & 0o7777 == 0o600
    want = wanted(site, src="blob", dest=f"{host}/blob")
    seen = at.look(STEP, want)
    (change,) = at.converge(STEP, want)
    with pytest.raises(CannotUndo, match=f'the old content of "{host}/blob" is not known'):
        STEP.undo(at, want, seen, change)


def test_a_machine_that_cannot_tell(site: Path, host: Path) -> None:
    (site / "file").write_text("text")
    at = LocalTarget(path="/nowhere")
    with pytest.raises(CannotTell, match="cannot look at the files: "):
        at.look(STEP, wanted(site, src="file", dest=f"{host}/file"))


# --- synclists ---


def test_a_list(at: LocalTarget, site: Path, host: Path) -> None:
    (site / "d" / "sub").mkdir(parents=True)
    for name in ("motd", "issue", "d/one", "d/sub/two", "x1.conf", "x2.conf"):
        (site / name).write_text(f"{name}\n")
    at.converge(
        STEP,
        listed(
            site,
            f"# files\n\nmotd issue -> {host}/etc\n{site}/motd -> {host}/other-name\n"
            f"d -> {host}/as-it-is\nd -> {host}/into/\nd/ -> {host}/contents/\nx*.conf -> {host}/conf.d\n",
        ),
    )
    assert sorted(str(path.relative_to(host)) for path in host.rglob("*") if path.is_file()) == [
        "as-it-is/one", "as-it-is/sub/two", "conf.d/x1.conf", "conf.d/x2.conf", "contents/one", "contents/sub/two",
        "etc/issue", "etc/motd", "into/d/one", "into/d/sub/two", "other-name",
    ]  # fmt: skip


def test_lines_for_some_nodes(site: Path, host: Path) -> None:
    (site / "motd").write_text("x")
    text = f"motd -> (dh01,dh02) {host}/mine\nmotd -> (dh02-dh03) {host}/theirs\nmotd -> (all,-dh01) {host}/others\n"
    want = listed(site, text.replace("(all,-dh01)", "(dh01-dh03,-dh01)"), nodes=("dh01", "dh02", "dh03"))
    assert [item.dest for item in want.work.items] == [f"{host}/mine"]
    with pytest.raises(InvalidInput, match=r"^list:1: Invalid nodes and/or groups in noderange: nobody"):
        listed(site, f"motd -> (nobody) {host}/mine\n", nodes=("dh01",))


def test_a_script_runs_where_its_file_is_updated(at: LocalTarget, site: Path, host: Path, state: Path) -> None:
    (site / "conf").write_text("one\n")
    (site / "conf.post").write_text(f'#!/bin/sh\necho "ran $0" | sed s,.*/,,; echo x >>{host}/runs\n')
    text = f"conf -> {host}/settings\nEXECUTE:\nconf.post\n"
    assert told(at.converge(STEP, listed(site, text))) == [
        f"create file {host}/settings",
        f"run script {site}/conf.post ({host}/settings is updated)",
    ]
    assert at.converge(STEP, listed(site, text)) == ()
    (site / "conf").write_text("two\n")
    want = listed(site, text)
    seen = at.look(STEP, want)
    first, second = STEP.plan(seen, want)
    STEP.apply(at, want, seen, first)
    assert STEP.apply(at, want, seen, second) == {"stdout": "conf.post"}
    assert (host / "runs").read_text() == "x\nx\n"
    assert list(state.iterdir()) == []


def test_a_script_that_failed_runs_again(site: Path, host: Path) -> None:
    at = LocalTarget()
    (site / "conf").write_text("one\n")
    (site / "conf.post").write_text(f"#!/bin/sh\n[ -e {host}/well ] || {{ echo no >&2; exit 3; }}\n")
    text = f"conf -> {host}/settings\nEXECUTE:\nconf.post\n"
    with pytest.raises(ActFailed, match=r'conf.post" ended with status 3 on host01: no'):
        at.converge(STEP, listed(site, text))
    assert (host / "settings").exists()
    (host / "well").touch()
    assert told(at.converge(STEP, listed(site, text))) == [
        f"run script {site}/conf.post (it did not end well last time)"
    ]
    assert at.converge(STEP, listed(site, text)) == ()


def test_a_script_that_runs_each_time(site: Path, host: Path) -> None:
    at = LocalTarget()
    (site / "always").write_text(f"#!/bin/sh\necho x >>{host}/runs\n")
    text = f"always -> {host}/copy\nEXECUTEALWAYS:\nalways\n"
    at.converge(STEP, listed(site, text))
    assert told(at.converge(STEP, listed(site, text))) == [f"run script {site}/always (each time)"]
    assert (host / "runs").read_text() == "x\nx\n"


def test_scripts_are_for_the_nodes_of_their_file(site: Path, host: Path) -> None:
    for name in ("conf", "conf.post"):
        (site / name).write_text("#!/bin/sh\n")
    text = f"conf -> (dh02) {host}/settings\nEXECUTE:\nconf.post\n"
    assert listed(site, text, nodes=("dh01", "dh02")).work.scripts == ()


def test_append(at: LocalTarget, site: Path, host: Path) -> None:
    (site / "more").write_text("192.0.2.1 more\n")
    (host / "hosts").write_text("127.0.0.1 localhost")
    (host / "hosts").chmod(0o640)
    text = f"APPEND:\nmore -> {host}/hosts\n"
    want = listed(site, text)
    seen = at.look(STEP, want)
    (change,) = at.converge(STEP, want)
    assert str(change) == f"update file {host}/hosts append: {site}/more appended"
    assert (host / "hosts").read_text() == "127.0.0.1 localhost\n192.0.2.1 more\n"
    assert (host / "hosts").stat().st_mode & 0o7777 == 0o640
    assert at.converge(STEP, want) == ()
    (site / "more").write_text("192.0.2.2 other\n")
    at.converge(STEP, listed(site, text))
    assert (host / "hosts").read_text() == "127.0.0.1 localhost\n192.0.2.2 other\n"
    saved = site.parent / "kept" / "org" / str(host / "hosts").lstrip("/")
    assert saved.read_text() == "127.0.0.1 localhost"
    STEP.undo(at, want, seen, change)
    assert (host / "hosts").read_text() == "127.0.0.1 localhost"
    with pytest.raises(CannotTell, match=f'there is no file "{host}/none" on this machine'):
        at.look(STEP, listed(site, f"APPEND:\nmore -> {host}/none\n"))


def test_merge(at: LocalTarget, site: Path, host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xcatflow.steps.syncing.synclist.MERGEABLE", (f"{host}/passwd",))
    (site / "users").write_text("ops:x:2000:2000::/:/bin/sh\n\nroot:x:0:0:new:/root:/bin/sh\n")
    (host / "passwd").write_text("root:x:0:0:old:/root:/bin/sh\ndaemon:x:1:1::/:\n")
    text = f"MERGE:\nusers -> {host}/passwd\n"
    (change,) = at.converge(STEP, listed(site, text))
    assert str(change) == f"update file {host}/passwd merge: {site}/users merged (2 entries)"
    assert (
        host / "passwd"
    ).read_text() == "root:x:0:0:new:/root:/bin/sh\ndaemon:x:1:1::/:\nops:x:2000:2000::/:/bin/sh\n"
    assert at.converge(STEP, listed(site, text)) == ()
    assert (
        site.parent / "kept" / "org" / str(host / "passwd").lstrip("/")
    ).read_text() == "root:x:0:0:old:/root:/bin/sh\ndaemon:x:1:1::/:\n"


def test_merging_waits_for_who_else_changes_the_file(
    at: LocalTarget, site: Path, host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xcatflow.steps.syncing.synclist.MERGEABLE", (f"{host}/group",))
    (site / "groups").write_text("ops:x:2000:\n")
    (host / "group").write_text("root:x:0:\n")
    holder = subprocess.Popen(["sh", "-c", f"sleep 1; echo ops:x:1: >>{host}/group; rm {host}/group.lock"])
    (host / "group.lock").write_text(f"{holder.pid}\0")
    at.converge(STEP, listed(site, f"MERGE:\ngroups -> {host}/group\n"))
    assert holder.wait(5) == 0
    assert (host / "group").read_text() == "root:x:0:\nops:x:2000:\n"
    # The lock of who died holds up nobody.
    (host / "group.lock").write_text(str(holder.pid))
    (site / "groups").write_text("ops:x:2001:\n")
    at.converge(STEP, listed(site, f"MERGE:\ngroups -> {host}/group\n"))
    assert (host / "group").read_text() == "root:x:0:\nops:x:2001:\n"
    assert [path.name for path in host.iterdir()] == ["group"]


@pytest.mark.parametrize("line", ["root:x:0:0:root:/root", "root", "root:x:zero:0::/root:/bin/sh", ":x:1:1::/:"])
def test_an_entry_that_would_let_nobody_in_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    (site / "users").write_text(f"ops:x:2000:2000::/:/bin/sh\n{line}\n")
    with pytest.raises(InvalidInput, match='list:2: expected 7 fields with ":" between them in each line of'):
        listed(site, "MERGE:\nusers -> /etc/passwd\n")


def test_a_tree_is_walked_once_for_all_nodes(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "tree").mkdir()
    (site / "tree" / "file").write_text("x")
    looked: list[str] = []
    scan = os.scandir

    def counted(path: str) -> Any:
        looked.append(path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", counted)
    kept: dict[Any, Any] = {}
    for number in range(3):
        desk = FolderDesk(site, node=f"n{number}", kept=kept)
        want = STEP.prepare(SyncParams(src="tree", dest="/srv/tree"), desk)
        assert [item.dest for item in want.work.items] == ["/srv/tree", "/srv/tree/file"]
    assert looked == [str(site / "tree")]


def test_links_laid_where_others_may_write_are_not_followed(
    at: LocalTarget, site: Path, host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_send, "PIECE_BYTES", 1000)
    monkeypatch.setattr(sync_send, "MOST_BYTES", 1000)
    (site / "big").write_bytes(os.urandom(3500))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "big").write_text("precious")
    want = wanted(site, src="big", dest=f"{host}/big")
    stage = sync_send.piece_stage(f"{host}/big")
    (host / stage).symlink_to(tmp_path / "mine")
    at.converge(STEP, want)
    assert (tmp_path / "mine" / "big").read_text() == "precious"
    assert (host / "big").read_bytes() == (site / "big").read_bytes()
    # Laid there between two pieces.
    (host / "big").unlink()

    def swapped(_text: str) -> None:
        shutil.rmtree(host / stage)
        (host / stage).symlink_to(tmp_path / "mine")

    monkeypatch.setattr(at, "tell", swapped)
    with pytest.raises(ActFailed, match="is not the directory that was made there"):
        at.converge(STEP, want)
    assert (tmp_path / "mine" / "big").read_text() == "precious"


def test_no_content_that_is_merged_stands_in_a_script(site: Path, host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xcatflow.steps.syncing.synclist.MERGEABLE", (f"{host}/shadow",))
    at = LocalTarget()
    (site / "shadow").write_text("ops:$6$secret:1:0:99999:7:::\n")
    (host / "shadow").write_text("root:*:1:\n")
    want = listed(site, f"MERGE:\nshadow -> {host}/shadow\n")
    at.converge(STEP, want)
    assert not any("secret" in script for script in (*at.scripts, *(str(question) for question in STEP.ask(want))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Found no lines to process in list."),
        ("# nothing\nEXECUTE:\n", "Found no lines to process in list."),
        ("none -> /etc/none\n", "list:1: The file none which is specified to be sync'd to the node does NOT exist."),
        ("n*e -> /etc/\n", "list:1: The file n*e which is specified to be sync'd to the node does NOT exist."),
        ("f /etc/f\n", 'list:1: expected "SOURCE ... -> [(noderange)] /DESTINATION", found "f /etc/f"'),
        ("f -> etc/f\n", 'list:1: expected "SOURCE ... -> [(noderange)] /DESTINATION", found "f -> etc/f"'),
        ("f -> ( ) /etc/f\n", 'list:1: expected a noderange between "(" and ")", found none'),
        ("f -> /a/../b\n", 'list:1: expected an absolute path without "..", found "/a/../b"'),
        ("f -> /x\ng -> /x\n", 'are to be "/x": leave one out'),
        ("EXECUT:\nf\n", 'found "EXECUT:", did you mean "EXECUTE:"?'),
        ("f -> /x\nEXECUTE:\ng -> /y\n", 'list:3: expected the path of one script in "EXECUTE:", found "g -> /y"'),
        ("f -> /x\nEXECUTE:\nf\n", 'list:3: expected the path of a "FILE.post" in "EXECUTE:", found "f"'),
        ("f -> /x\nEXECUTE:\ng.post\n", 'list:3: "g.post" belongs to "g", which the list does not copy'),
        ("f -> /x\nEXECUTE:\nf.post\n", "list:3: The file f.post which is specified to be sync'd"),
        ("f -> /x\nEXECUTEALWAYS:\ng\n", 'list:3: "g" belongs to "g", which the list does not copy'),
        (
            "MERGE:\nf -> /etc/hosts\n",
            'list:2: "MERGE:" is for /etc/passwd, /etc/shadow, /etc/group, found "/etc/hosts"',
        ),
        ("APPEND:\nf g -> /etc/hosts\n", 'list:2: expected "FILE -> /FILE" in "APPEND:", found "f g -> /etc/hosts"'),
        ("f -> /x\nAPPEND:\nf -> /x\n", 'list:3: cannot append to "/x": it is copied by another line already'),
        ("APPEND:\nf -> /x\ng -> /x\n", 'list:3: "/x" is named by line 2 already'),
    ],
)
def test_lists_that_make_no_sense(site: Path, text: str, message: str) -> None:
    for name in ("f", "g"):
        (site / name).write_text(name)
    with pytest.raises(InvalidInput) as caught:
        listed(site, text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, 'expected either "synclist", or "src" and "dest"'),
        ({"src": "a"}, 'expected either "synclist", or "src" and "dest"'),
        ({"src": "a", "dest": "/b", "synclist": "c"}, 'expected either "synclist", or "src" and "dest"'),
        ({"src": "a", "dest": "b"}, 'expected an absolute path without "..", found "b"'),
        ({"src": "a", "dest": "/srv", "delete": True}, '"dest" two levels deep at least'),
        ({"synclist": "a", "delete": True}, '"delete" needs a "src"'),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SyncParams.model_validate(params)
    assert message in str(caught.value)


def test_sources_that_cannot_be_copied(site: Path) -> None:
    (site / "tree").mkdir()
    (site / "tree" / "dangling").symlink_to("nothing")
    with pytest.raises(InvalidInput, match="points to nothing: remove it, or exclude it"):
        wanted(site, src="tree", dest="/srv/x")
    (site / "tree" / "dangling").unlink()
    (site / "tree" / "loop").symlink_to(".")
    with pytest.raises(InvalidInput, match=r"tree/loop\" points to a directory above it: exclude it"):
        wanted(site, src="tree", dest="/srv/x")
    os.mkfifo(site / "pipe")
    with pytest.raises(InvalidInput, match="found a device, pipe or socket"):
        wanted(site, src="pipe", dest="/srv/x")
