"""Holding and writing definitions: locks, whole files, and who comes in between."""

import multiprocessing
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from xcatflow.edit.editing import editing
from xcatflow.errors import InvalidInput, Locked
from xcatflow.load.definitions import load_definitions
from xcatflow.load.shipped import shipped
from xcatflow.model.edit import Edit, Remove, Write

NODES = "c1:\n    objtype=node\n    groups=all\n\nc2:\n    objtype=node\n"
GROUPS = "web:\n    objtype=group\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory/nodes.stanza").write_text(NODES)
    (tmp_path / "inventory/groups.stanza").write_text(GROUPS)
    return tmp_path


BOTH: list[Edit] = [Write("node", "c1", {"ip": "10.0.0.1"}), Write("group", "web", {"usercomment": "x"})]


def write(site: Path, *edits: Edit, file: str = "") -> None:
    with editing(site) as held:
        held.write(edits, file=file)


def names(site: Path) -> list[str]:
    return sorted(path.name for path in (site / "inventory").iterdir())


# --- what is held ---


def test_the_definitions_are_those_of_the_files_and_after_a_write_the_new_ones(site: Path) -> None:
    with editing(site) as held:
        assert held.definitions.members("all") == ("c1",)
        held.write([Write("node", "c2", {"groups": "all"})])
        assert held.definitions.members("all") == ("c1", "c2")
        assert held.definitions.nodes["c2"].source("groups").line == 7
        held.write([Remove("node", "c1"), Write("node", "c3", {"groups": "all"})])
        assert held.definitions.members("all") == ("c2", "c3")
    found = load_definitions(site / "inventory")
    assert {name: node.attributes for name, node in found.nodes.items()} == {
        "c2": {"groups": "all"},
        "c3": {"groups": "all"},
    }


def test_every_problem_of_the_files_is_told_before_anything_is_written(site: Path) -> None:
    (site / "inventory/bad.stanza").write_text("c3:\n    junk\n")
    (site / "inventory/worse.yaml").write_text("nodes: [")
    with editing(site) as held:
        with pytest.raises(InvalidInput) as caught:
            _ = held.definitions
        assert len(caught.value.problems) == 3
        with pytest.raises(InvalidInput):
            held.write(BOTH)
    assert (site / "inventory/nodes.stanza").read_text() == NODES


def test_what_changes_nothing_writes_nothing(site: Path) -> None:
    before = (site / "inventory/nodes.stanza").stat()
    write(site, Write("node", "c1", {"groups": "all", "ip": ""}), Write("node", "c2"))
    after = (site / "inventory/nodes.stanza").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_invalid_result_is_refused_and_nothing_is_written(site: Path) -> None:
    with editing(site) as held:
        with pytest.raises(InvalidInput, match=r'group "web".*"wherevals" needs grouptype=dynamic'):
            held.write([*BOTH, Write("group", "web", {"wherevals": "mgt==docker"})])
        assert held.definitions.value("c1", "ip") is None
        held.write(BOTH)
        assert held.definitions.value("c1", "ip") == "10.0.0.1"


def test_what_all_nodes_scripts_begin_with_can_be_written(site: Path) -> None:
    with editing(site) as held:
        held.write([Write("node", "xcatdefaults", {"postscripts": "ours"})])
        assert held.definitions.xcatdefaults.attributes == {"postscripts": "ours"}
        held.write([Remove("node", "xcatdefaults")])
        assert held.definitions.xcatdefaults.attributes["postscripts"] == "syslog,remoteshell,syncfiles"
    assert (site / "inventory/nodes.stanza").read_text() == NODES


def test_nothing_is_written_after_the_end(site: Path) -> None:
    with editing(site) as held:
        pass
    with pytest.raises(RuntimeError, match="not held any more"):
        held.write(BOTH)


# --- where new objects go ---


@pytest.mark.parametrize("file", ["inventory/racks/r1.stanza", "inventory/r1.yaml", "inventory/nodes.stanza"])
def test_a_new_object_goes_to_the_file_that_is_named(site: Path, file: str) -> None:
    write(
        site,
        Write("node", "c3", {"ip": "10.0.0.3"}),
        Write("network", "n", {"net": "10.0.0.0", "mask": "/8"}),
        file=file,
    )
    found = load_definitions(site / "inventory")
    assert {found.nodes["c3"].source().file, found.networks["n"].source().file} == {file}


@pytest.mark.parametrize(
    "file", ["nodes.txt", "../x.stanza", "workflows/x.yaml", "inventory/.x.yaml", "inventory/../x.yaml"]
)
def test_only_files_of_the_inventory_may_be_named(site: Path, file: str) -> None:
    with pytest.raises(InvalidInput, match=r"expected a file of definitions such as inventory/nodes\.stanza"):
        write(site, Write("node", "c3"), file=file)


def test_a_directory_that_is_a_symbolic_link_is_not_read_and_not_written(site: Path) -> None:
    (site / "elsewhere").mkdir()
    (site / "inventory/linked").symlink_to("../elsewhere")
    with pytest.raises(InvalidInput, match="expected a file of definitions"):
        write(site, Write("node", "c3"), file="inventory/linked/a.stanza")


def test_a_yaml_file_does_not_hold_every_type(site: Path) -> None:
    with pytest.raises(InvalidInput, match=r'inventory/x\.yaml: a YAML file holds no objects of type "auditlog"'):
        write(site, Write("auditlog", "1", {"a": "b"}), file="inventory/x.yaml")


def test_a_new_container_of_the_shipped_site_stands_with_the_others(tmp_path: Path) -> None:
    shutil.copytree(shipped() / "inventory", tmp_path / "inventory")
    values = {"groups": "docker,all", "dockerhost": "host01"}
    write(tmp_path, Write("node", "c21", values), Write("node", "c22", {"groups": "rack7"}))
    found = load_definitions(tmp_path / "inventory")
    assert found.nodes["c21"].source().file == "inventory/containers.stanza"
    assert found.nodes["c22"].source().file == "inventory/hosts.stanza"


def test_an_inventory_without_files_gets_its_first(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    write(tmp_path, Write("node", "c1", {"groups": "all"}), Write("osdistro", "u", {"arch": "x86_64"}))
    assert names(tmp_path) == ["nodes.stanza", "osdistros.stanza"]
    text = "# <xCAT data object stanza file>\n\nc1:\n    objtype=node\n    groups=all\n"
    assert (tmp_path / "inventory/nodes.stanza").read_text() == text


# --- who comes in between ---


@pytest.mark.parametrize("become", [NODES + "# more\n", None], ids=["changed", "deleted"])
def test_a_file_that_changed_meanwhile_is_left_alone(site: Path, become: str | None) -> None:
    path = site / "inventory/nodes.stanza"
    with editing(site) as held:
        path.write_text(become) if become else path.unlink()
        with pytest.raises(InvalidInput) as caught:
            held.write(BOTH)
    assert str(caught.value) == (
        "inventory/nodes.stanza: was changed by somebody else in the meantime, nothing was written: try again"
    )
    assert (path.read_text() if path.exists() else None) == become
    assert (site / "inventory/groups.stanza").read_text() == GROUPS
    assert names(site) == ["groups.stanza", *(["nodes.stanza"] if become else [])]


def test_a_file_that_appeared_meanwhile_is_left_alone(site: Path) -> None:
    with editing(site) as held:
        (site / "inventory/networks.stanza").write_text("# mine\n")
        with pytest.raises(InvalidInput, match=r"inventory/networks\.stanza: was changed by somebody else"):
            held.write([Write("network", "n", {"net": "10.0.0.0", "mask": "/8"})])
    assert (site / "inventory/networks.stanza").read_text() == "# mine\n"


def test_who_waits_too_long_is_told_who_holds_it(site: Path) -> None:
    with editing(site), pytest.raises(Locked) as caught, editing(site, patience=0.05):
        pytest.fail("two at once")
    assert f"(process {os.getpid()}, since " in str(caught.value)
    assert str(caught.value).startswith("the definitions are being changed by ")
    assert stat.S_IMODE((site / ".xcatflow").stat().st_mode) == 0o700
    with editing(site, patience=0):
        pass


def _work(site: Path, number: int) -> None:
    for turn in range(2):
        with editing(site) as held:
            groups = held.definitions.nodes["shared"].attributes.get("groups", "")
            held.write(
                [
                    Write("node", f"own{number}", {"usercomment": f"turn {turn}", "nicips.eth0": f"10.0.{turn}.1"}),
                    Write("node", "shared", {"groups": f"{groups},g{number}x{turn}"}),
                    Write("group", f"g{number}x{turn}", {"usercomment": "made"}),
                ]
            )


def test_sixteen_writers_lose_nothing(site: Path) -> None:
    (site / "inventory/shared.stanza").write_text("# of all\nshared:\n    objtype=node\n    groups=all\n")
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_work, args=(site, number)) for number in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * 16
    found = load_definitions(site / "inventory")
    wanted = {f"g{number}x{turn}" for number in range(16) for turn in range(2)}
    assert set(found.nodes["shared"].groups) == {"all", *wanted}
    assert found.groups.keys() == {"web", *wanted}
    for number in range(16):
        assert found.nodes[f"own{number}"].attributes == {"usercomment": "turn 1", "nicips": "eth0!10.0.1.1"}
    assert (site / "inventory/shared.stanza").read_text().startswith("# of all\nshared:\n    objtype=node\n")


# --- whole files ---


class Killed(BaseException):
    """The process ends here."""


def killed_at(patch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    """Let the renaming of this number in the inventory fail."""
    left = [number]
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        left[0] -= self.parent.name == "inventory"
        if left[0] == 0:
            raise error
        return real(self, target)

    patch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("number", [1, 2])
def test_a_killed_writer_leaves_whole_files(site: Path, number: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, number, Killed())
        # What a killed process does not do.
        patch.setattr(Path, "unlink", lambda _self, missing_ok=False: missing_ok)
        with pytest.raises(Killed):
            write(site, *BOTH)
    left = [name for name in names(site) if name.startswith(".")]
    assert left
    load_definitions(site / "inventory")
    old = {"nodes.stanza": NODES, "groups.stanza": GROUPS}
    whole = [(site / "inventory" / name).read_text() == text for name, text in old.items()]
    assert whole.count(True) == 3 - number
    write(site, *BOTH)
    assert names(site) == ["groups.stanza", "nodes.stanza"]
    assert load_definitions(site / "inventory").value("c1", "ip") == "10.0.0.1"


@pytest.mark.parametrize("number", [1, 2])
def test_if_one_file_cannot_be_replaced_all_stay_as_they_were(site: Path, number: int) -> None:
    edits = [*BOTH, Write("network", "n", {"net": "10.0.0.0", "mask": "/8"})]
    with pytest.MonkeyPatch.context() as patch:
        killed_at(patch, number, OSError(28, "No space left on device"))
        with pytest.raises(InvalidInput, match="cannot be written, nothing was changed: no space left on device"):
            write(site, *edits)
    assert (site / "inventory/nodes.stanza").read_text() == NODES
    assert (site / "inventory/groups.stanza").read_text() == GROUPS
    assert names(site) == ["groups.stanza", "nodes.stanza"]


def test_leftovers_are_not_read(site: Path) -> None:
    (site / "inventory/.nodes.stanza.xcatflow-new").write_text("junk")
    (site / "inventory/.mine.stanza").write_text("junk")
    write(site, *BOTH)
    assert names(site) == [".mine.stanza", "groups.stanza", "nodes.stanza"]


def test_mode_and_owner_stay(site: Path) -> None:
    path = site / "inventory/nodes.stanza"
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 12, 34)
    before = path.stat()
    write(site, *BOTH)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_symbolic_link_stays_one(site: Path) -> None:
    real = site / "shared" / "nodes.txt"
    real.parent.mkdir()
    (site / "inventory/nodes.stanza").rename(real)
    (site / "inventory/nodes.stanza").symlink_to("../shared/nodes.txt")
    (real.parent / ".nodes.txt.xcatflow-new").write_text("left by a killed one")
    write(site, *BOTH)
    assert (site / "inventory/nodes.stanza").is_symlink()
    assert "ip=10.0.0.1" in real.read_text()
    assert [path.name for path in real.parent.iterdir()] == ["nodes.txt"]


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A site whose state is ours and whose inventory is not, while we are not the superuser."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    (root / "inventory").mkdir()
    (root / "inventory/nodes.stanza").write_text(NODES)
    (root / ".xcatflow").mkdir()
    superuser = os.geteuid() == 0
    if superuser:
        os.chown(root / ".xcatflow", 65534, 65534)
    (root / "inventory").chmod(0o555)
    if superuser:
        os.seteuid(65534)
    yield root
    if superuser:
        os.seteuid(0)
    (root / "inventory").chmod(0o755)
    shutil.rmtree(root)


def test_a_directory_that_cannot_be_written(nobody: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        write(nobody, Write("node", "c1", {"ip": "10.0.0.1"}))
    assert str(caught.value) == "inventory/nodes.stanza: cannot be written, nothing was changed: permission denied"


def test_a_state_directory_that_cannot_be_written(nobody: Path) -> None:
    (nobody / ".xcatflow").chmod(0o500)
    with pytest.raises(InvalidInput, match=r"cannot lock the definitions: .* cannot be written: Permission denied"):
        write(nobody, Write("node", "c1", {"ip": "10.0.0.1"}))
