"""The compiled inventory: whatever it holds and whatever becomes of it, what comes out is what reading all files gives."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from tests.unit.cache.said import cached, cold, told
from xcatflow.cache import file as cache_file
from xcatflow.cache.database import digests_of
from xcatflow.cache.file import CacheFile
from xcatflow.cache.inventory import load_inventory
from xcatflow.edit import editing
from xcatflow.errors import InvalidInput
from xcatflow.load import inventory_file
from xcatflow.load.files import digest
from xcatflow.model.definitions import Definitions
from xcatflow.model.edit import Remove, Rename, Write
from xcatflow.model.site import STATE
from xcatflow.selection import select

ONE = "n1:\n  objtype=node\n  groups=web\n  ip=10.0.0.1\n\nn2:\n  objtype=node\n  groups=web,all\n"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site that has been read once."""
    inventory = tmp_path / "inventory"
    inventory.mkdir()
    (inventory / "nodes.stanza").write_text(ONE)
    (inventory / "groups.stanza").write_text("web:\n  objtype=group\n  mgt=kvm\n")
    (inventory / "lan.yaml").write_text("networks: {lan: {net: 10.0.0.0, mask: /8}}\n")
    assert cached(tmp_path) == cold(tmp_path)
    return tmp_path


def kept(site: Path) -> Path:
    return site / ".xcatflow/cache/inventory.sqlite"


@contextmanager
def parsing(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files that are parsed meanwhile."""
    names: list[str] = []
    real = inventory_file.parse_inventory

    def parse(text: str, path: Path, name: str) -> object:
        names.append(path.name)
        return real(text, path, name)

    with patch.context() as patched:
        for module in (inventory_file, editing):
            patched.setattr(module, "parse_inventory", parse)
        yield names


def parsed(site: Path, patch: pytest.MonkeyPatch) -> list[str]:
    """The files that are parsed while the site is read once more."""
    with parsing(patch) as names:
        found = cached(site)
    assert found == cold(site)
    return names


def test_a_file_that_has_not_changed_is_not_parsed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parsed(site, monkeypatch) == []
    (site / "inventory/nodes.stanza").write_text(ONE.replace("n2", "n3"))
    assert parsed(site, monkeypatch) == ["nodes.stanza"]
    (site / "inventory/more.stanza").write_text("n4:\n  objtype=node\n")
    assert parsed(site, monkeypatch) == ["more.stanza"]
    (site / "inventory/groups.stanza").unlink()
    assert parsed(site, monkeypatch) == []
    database = CacheFile(site / STATE).read()
    assert database is not None
    assert sorted(digests_of(database)) == ["inventory/lan.yaml", "inventory/more.stanza", "inventory/nodes.stanza"]
    (site / "inventory/more.stanza").write_text("n1:\n  objtype=node\n")
    assert len(parsed(site, monkeypatch)) == 1 + 3, "defined twice: everything is read"
    (site / "inventory/more.stanza").write_text("n4:\n  objtype=node\n  ip=x\n")
    assert parsed(site, monkeypatch) == ["more.stanza"]


def test_who_changes_an_object_reads_its_file_and_leaves_the_cache_current(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with parsing(monkeypatch) as names, editing.editing(site) as held:
        held.write([Write("node", "n1", {"ip": "10.0.0.9"}), Write("node", "n3", {"groups": "web"})])
        assert held.definitions.members("web") == ("n1", "n2", "n3")
    assert set(names) == {"nodes.stanza"}
    assert parsed(site, monkeypatch) == []
    with editing.editing(site) as held, pytest.raises(InvalidInput, match="expected an address"):
        held.write([Write("node", "n1", {"ip": "nonsense"})])
    assert parsed(site, monkeypatch) == []
    with editing.editing(site) as held:
        held.write([Write("group", "web", {"members": "n1,n2"}), Remove("node", "n3")])
        held.write([Rename("node", "n2", "n4"), Write("group", "web", {"members": "n1,n4"})])
        held.write([Remove("node", "n4")])
    assert parsed(site, monkeypatch) == []
    assert load_inventory(site / "inventory").definitions.members("web") == ("n1",)


def test_content_decides_and_not_times(site: Path) -> None:
    path = site / "inventory/nodes.stanza"
    before = path.stat()
    path.write_text(ONE.replace("10.0.0.1", "10.0.0.2"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert load_inventory(site / "inventory").definitions.value("n1", "ip") == "10.0.0.2"


def test_the_cache_is_private_and_kept_out_of_git(site: Path) -> None:
    assert stat.S_IMODE(kept(site).stat().st_mode) == 0o600
    assert stat.S_IMODE(kept(site).parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(kept(site).parent.parent.stat().st_mode) == 0o700
    assert (kept(site).parent / ".gitignore").read_text() == "*\n"
    assert sorted(path.name for path in kept(site).parent.iterdir()) == [".gitignore", "inventory.sqlite"]


def _directory_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _file_instead_of_directory(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text("")


HARM: dict[str, Callable[[Path], object]] = {
    "removed": lambda path: path.unlink(),
    "directory removed": lambda path: shutil.rmtree(path.parent.parent),
    "empty": lambda path: path.write_bytes(b""),
    "short": lambda path: path.write_bytes(b"x"),
    "other": lambda path: path.write_bytes(b"SQLite format 3\0" * 1000),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-4096]),
    "seal only": lambda path: path.write_bytes(path.read_bytes()[:32]),
    "sealed nonsense": lambda path: path.write_bytes(digest(b"nonsense" * 999) + b"nonsense" * 999),
    "sealed nothing": lambda path: path.write_bytes(digest(b"")),
    "a directory": _directory_instead,
    "no directory": _file_instead_of_directory,
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_cache_that_is_not_whole_is_none(site: Path, harm: Callable[[Path], object]) -> None:
    harm(kept(site))
    assert cached(site) == cold(site)
    (site / "inventory/nodes.stanza").write_text(ONE.replace("10.0.0.1", "10.0.0.7"))
    assert cached(site) == cold(site)


def test_no_byte_of_it_can_change_unseen(site: Path) -> None:
    whole, expected, random = kept(site).read_bytes(), cold(site), Random(7)
    for _ in range(60):
        spoilt = bytearray(whole)
        spoilt[random.randrange(len(spoilt))] ^= 1 << random.randrange(8)
        kept(site).write_bytes(spoilt)
        assert CacheFile(site / STATE).read() is None
    assert cached(site) == expected
    assert CacheFile(site / STATE).read() is not None


def test_other_rules_make_another_cache(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cache_file, "about", lambda: {"rules": "of tomorrow"})
        assert CacheFile(site / STATE).read() is None
    assert CacheFile(site / STATE).read() is not None
    assert any("cross_checks.py" in rule for rule in cache_file.about()["rules"].split("\n"))


def test_an_invalid_inventory_is_not_kept(site: Path) -> None:
    before = kept(site).read_bytes()
    (site / "inventory/nodes.stanza").write_text(ONE + "n3:\n  objtype=node\n  ip=x\n")
    for _ in range(2):
        with pytest.raises(InvalidInput, match="expected an address"):
            load_inventory(site / "inventory")
    assert kept(site).read_bytes() == before


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A site of somebody else, who has read it, while we are not the superuser."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    (root / "inventory").mkdir()
    (root / "inventory/nodes.stanza").write_text(ONE)
    load_inventory(root / "inventory")
    (root / "inventory/nodes.stanza").write_text(ONE.replace("10.0.0.1", "10.0.0.7"))
    superuser = os.geteuid() == 0
    (root / ".xcatflow").chmod(0o755 if superuser else 0o500)
    if superuser:
        os.seteuid(65534)
    yield root
    if superuser:
        os.seteuid(0)
    (root / ".xcatflow").chmod(0o700)
    (root / ".xcatflow/cache").chmod(0o700)
    shutil.rmtree(root)


@pytest.mark.parametrize("mode", [0o755, 0o500, 0o000])
def test_a_directory_that_cannot_be_written_or_read_is_no_obstacle(nobody: Path, mode: int) -> None:
    us = os.geteuid()
    os.seteuid(os.getuid())
    (nobody / ".xcatflow/cache").chmod(mode)
    os.seteuid(us)
    for _ in range(2):
        assert load_inventory(nobody / "inventory").definitions.value("n1", "ip") == "10.0.0.7"
    assert cached(nobody) == cold(nobody)


def test_what_ended_processes_left_goes_after_an_hour(site: Path) -> None:
    old, fresh = kept(site).with_name("x.new"), kept(site).with_name("y.new")
    for path in (old, fresh):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    kept(site).unlink()
    assert cached(site) == cold(site)
    assert not old.exists()
    assert fresh.exists()


def test_names_of_files_need_not_be_texts(site: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(site / "inventory") + b"/gr\xfcn.stanza"))
    path.write_text("n7:\n  objtype=node\n")
    for text in ("n7:\n  objtype=node\n", "n8:\n  objtype=node\n"):
        path.write_text(text)
        assert cached(site) == cached(site) == cold(site)
    assert CacheFile(site / STATE).read() is not None


# --- who reads while others write ---

READER = """
import sys, time
from pathlib import Path
from xcatflow.cache.inventory import load_inventory

inventory, until = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2])
rounds = 0
while time.monotonic() < until or rounds < 3:
    found = load_inventory(inventory).definitions
    said = {found.value(node, "ip") for node in found.nodes} | {ip for _, ip in found.values("ip")}
    assert len(said) == 1, said
    assert len(found.nodes) == len(found.members("all")) == 40
    rounds += 1
print(rounds)
"""


def generation(inventory: Path, number: int) -> None:
    """All nodes in another state, at once."""
    text = "".join(f"n{node}:\n  objtype=node\n  groups=all,g{number}\n  ip=10.0.0.{number}\n" for node in range(40))
    new = inventory / "nodes.new"
    new.write_text(text)
    new.replace(inventory / "nodes.stanza")


def test_processes_that_build_and_read_at_once_see_whole_states(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    generation(tmp_path / "inventory", 0)
    command = [sys.executable, "-c", READER, str(tmp_path / "inventory"), "1.5"]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(5)]
    number = 0
    while any(reader.poll() is None for reader in readers):
        number = (number + 1) % 250
        generation(tmp_path / "inventory", number)
        if number % 10 == 3:
            shutil.rmtree(kept(tmp_path).parent, ignore_errors=True)
    for reader in readers:
        out, err = reader.communicate(timeout=60)
        assert (reader.returncode, err) == (0, "")
        assert int(out) >= 3
    assert cached(tmp_path) == cached(tmp_path) == cold(tmp_path)


def test_what_was_read_stays_as_it_was(site: Path) -> None:
    before = load_inventory(site / "inventory").definitions
    expected = cold(site)
    shutil.rmtree(site / "inventory")
    (site / "inventory").mkdir()
    assert not load_inventory(site / "inventory").definitions.nodes
    assert told(lambda: before) == expected


def test_threads_may_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    generation(tmp_path / "inventory", 1)
    load_inventory(tmp_path / "inventory")
    found = load_inventory(tmp_path / "inventory").definitions
    wrong: list[object] = []

    def read(seed: int) -> None:
        names = [f"n{number}" for number in range(40)] * 10
        Random(seed).shuffle(names)
        for name in names:
            if found.value(name, "ip") != "10.0.0.1" or f"x{name}" in found.nodes or name not in found.nodes:
                wrong.append(name)
        wrong.extend(pair for pair in found.values("ip") if pair[1] != "10.0.0.1")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- what it is for ---


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3000 nodes that have been read."""
    site = tmp_path_factory.mktemp("large")
    (site / "inventory").mkdir()
    for file in range(3):
        nodes = (f"n{number:04}" for number in range(1000 * file, 1000 * file + 1000))
        text = "".join(f"{node}:\n  objtype=node\n  groups=all,web\n  ip=|n(\\d+)|10.0.0.($1)|\n" for node in nodes)
        (site / f"inventory/{file}.stanza").write_text(text)
    (site / "inventory/g.stanza").write_text("web:\n  objtype=group\n  mgt=kvm\n")
    load_inventory(site / "inventory")
    return site


def asked(site: Path, work: Callable[[Definitions], object]) -> int:
    """How many rows are asked for."""
    inventory = load_inventory(site / "inventory")
    assert inventory.database is not None
    questions: list[str] = []
    inventory.database.set_trace_callback(questions.append)
    work(inventory.definitions)
    return len(questions)


def test_a_range_asks_for_its_own_nodes(large: Path) -> None:
    assert asked(large, lambda found: select("n0100-n0150", found)) <= 60
    assert asked(large, lambda found: [found.value("n0100", name) for name in ("mgt", "ip", "os", "groups")]) <= 8
    assert asked(large, lambda found: select("web,-n0001", found)) <= 10


def test_very_many_are_read_in_few_steps(large: Path) -> None:
    assert asked(large, lambda found: select("mgt==kvm", found)) <= 20
    assert asked(large, lambda found: select("n0000-n2999", found)) <= 600
    assert asked(large, lambda found: [found.value(node, "ip") for node in found.nodes]) <= 40
    found = load_inventory(large / "inventory").definitions
    assert len(found.nodes) == len(list(found.nodes.items())) == len(select("mgt==kvm", found)) == 3000
    assert list(found.values("ip"))[2345] == ("n2345", "10.0.0.2345")
    assert found.nodes.get("n3000") is None


def test_a_warm_start_loads_no_library(large: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from xcatflow.app import Site; from xcatflow.selection import select; "
    )
    code += (
        "s = Site.load(Path(sys.argv[1])); print(len(s.select('n0000-n0009')), s.definitions.value('n0001', 'mgt')); "
    )
    code += "print(sorted({'pydantic', 'ruamel', 'fabric', 'docker', 'rich', 'jinja2', 'invoke'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code, str(large)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["10 kvm", "[]"]
