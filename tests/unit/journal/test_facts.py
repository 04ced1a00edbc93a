"""The kept facts: read when somebody asks, and written by several at a time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from xcatflow.errors import InvalidInput
from xcatflow.journal.facts import KIND, FactStore
from xcatflow.model.event import Outcome, StepEnded
from xcatflow.steps.host_facts import HostFacts

DETAILS = '{"disks": [], "nics": []}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "facts.sqlite"


def put(path: Path, node: str, at: float, **values: str) -> None:
    FactStore(path).put([(node, at, {**values, "details": DETAILS})])


def test_nothing_is_known_and_nothing_is_made(path: Path) -> None:
    store = FactStore(path)
    assert (store.of("n1"), store.all(), store.known(["n1"])) == (None, {}, {})
    store.put([])
    assert not path.parent.exists()


def test_what_was_put_is_there(path: Path) -> None:
    put(path, "n1", 5.0, os="debian12")
    put(path, "n2", 6.0, os="rocky9")
    store = FactStore(path)
    assert store.of("n1") == {"os": "debian12"}
    assert store.all() == {"n1": {"os": "debian12"}, "n2": {"os": "rocky9"}}
    assert store.of("n2") == {"os": "rocky9"}
    assert store.of("n3") is None
    assert {node: (known.at, known.facts.values["os"]) for node, known in store.known(["n2", "n3"]).items()} == {
        "n2": (6.0, "rocky9")
    }


def test_a_run_sees_what_was_known_when_it_began(path: Path) -> None:
    put(path, "n1", 5.0, os="debian12")
    store = FactStore(path)
    assert store.of("n1") == {"os": "debian12"}
    put(path, "n1", 6.0, os="debian13")
    assert store.of("n1") == {"os": "debian12"}
    assert store.known(["n1"])["n1"].facts.values == {"os": "debian13"}


def test_what_was_gathered_last_stays(path: Path) -> None:
    put(path, "n1", 9.0, os="new")
    put(path, "n1", 8.0, os="late")
    assert FactStore(path).of("n1") == {"os": "new"}


def test_many_are_read_at_once(path: Path) -> None:
    FactStore(path).put((f"n{number}", 1.0, {"os": "x", "details": DETAILS}) for number in range(2000))
    store = FactStore(path)
    assert [store.of(f"n{number}") for number in range(40)] == [{"os": "x"}] * 40
    assert len(store.known(f"n{number}" for number in range(2000))) == 2000


def test_it_hears_what_steps_find_out(path: Path) -> None:
    assert HostFacts.kind == KIND

    def ended(node: str, kind: str, outcome: Outcome) -> StepEnded:
        return StepEnded(
            at=3.0,
            workflow="w",
            node=node,
            step="s",
            kind=kind,
            target="host01",
            outcome=outcome,
            outputs={"os": "debian12", "details": DETAILS},
        )

    store = FactStore(path)
    store.hear([ended("c1", KIND, Outcome.FAILED), ended("c1", "ssh.command", Outcome.OK)])
    assert not path.exists()
    store.hear([ended("c1", KIND, Outcome.OK)])
    assert list(FactStore(path).all()) == ["host01"]


def test_several_processes_write(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from xcatflow.journal.facts import FactStore\n"
        "for n in range(20): FactStore(Path(sys.argv[1])).put("
        "[(f'{sys.argv[2]}-{n}', 1.0, {'os': 'x', 'details': '{}'}), ('shared', n, {'os': str(n), 'details': '{}'})])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("a", "b", "c")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = FactStore(path).all()
    assert len(found) == 61
    assert found["shared"] == {"os": "19"}


def test_a_damaged_file_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 400)
    for use in (lambda: FactStore(path).all(), lambda: put(path, "n1", time.time(), os="x")):
        with pytest.raises(InvalidInput, match="remove the file and gather them again") as caught:
            use()
        assert str(caught.value).startswith(str(path))
