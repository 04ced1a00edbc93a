"""`host.facts`: what answers of machines of several distributions say, and the script on the machine the tests run on."""

import json
from pathlib import Path

import pytest

from tests.fakes.target import LocalTarget
from xcatflow.errors import CannotTell
from xcatflow.model.fact_names import FACTS, NUMBERS
from xcatflow.model.facts import MachineFacts, age
from xcatflow.model.question import Answers, Reply
from xcatflow.steps.facts.look import QUESTION
from xcatflow.steps.facts.read import facts
from xcatflow.steps.host_facts import HostFacts, HostFactsParams

DATA = Path(__file__).parent / "data" / "facts"
STEP, WANT = HostFacts(), HostFactsParams()


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.stem)
def test_an_answer_is_read(path: Path) -> None:
    """The facts that are there are those in the file beside, no more and no fewer."""
    found = facts(Reply(0, path.read_bytes()))
    expected = json.loads(path.with_suffix(".json").read_text())
    assert {**found.values, **json.loads(found.details)} == expected
    for name in ("disks", "nics"):
        assert found.values.get(name, "") == ",".join(each["name"] for each in expected[name])


def test_what_is_no_answer_is_told() -> None:
    with pytest.raises(CannotTell, match="cannot gather facts: sh: not found"):
        facts(Reply(127, b"", b"sh: not found\nmore"))
    with pytest.raises(CannotTell, match="it gave no kernel release"):
        facts(Reply(0, b"#files\n/etc/os-release:ID=debian\n"))


def test_an_engine_that_talks_nonsense_is_told() -> None:
    text = (DATA / "ubuntu-engine.txt").read_text().replace('{"ID"', '{"ID')
    with pytest.raises(CannotTell, match="docker gave no JSON"):
        facts(Reply(0, text.encode()))


@pytest.mark.parametrize("shell", [("dash",), ("bash", "--posix"), ("busybox", "sh")], ids=" ".join)
def test_every_shell_tells_the_same_of_this_machine(shell: tuple[str, ...]) -> None:
    """What moves all the time is left out."""
    answers = [LocalTarget(shell=each).reply(QUESTION.script) for each in (("sh",), shell)]
    first, found = (facts(answer) for answer in answers)
    moving = ("root_free_mb", "nics")
    assert {name: value for name, value in found.values.items() if name not in moving} == {
        name: value for name, value in first.values.items() if name not in moving
    }
    assert found.values["kernel"] == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert int(found.values["memory_mb"]) > 0
    assert found.values.keys() <= FACTS.keys()


def test_nothing_but_a_shell_and_grep_is_needed(tmp_path: Path) -> None:
    """No program else is on this machine's PATH."""
    for name in ("grep", "sh"):
        (tmp_path / name).symlink_to(f"/bin/{name}")
    reply = LocalTarget(path=str(tmp_path)).reply(QUESTION.script)
    found = facts(reply)
    assert found.values["kernel"]
    assert found.values["engine"] == "none"
    assert "package_manager" not in found.values
    assert all(nic.addresses is None for nic in found.nics)


def test_the_step_looks_and_hands_on() -> None:
    reply = Reply(0, (DATA / "ubuntu-engine.txt").read_bytes())
    assert STEP.ask(WANT) == (QUESTION,)
    seen = STEP.seen(Answers({QUESTION: reply}), WANT)
    assert STEP.plan(seen, WANT) == ()
    outputs = STEP.outputs(seen, WANT)
    assert outputs["engine_version"] == "25.0.3"
    values = {name: value for name, value in outputs.items() if name != "details"}
    assert MachineFacts.of(values, outputs["details"]) == seen


def test_plain_data_names_every_fact() -> None:
    plain = facts(Reply(0, (DATA / "rocky.txt").read_bytes())).plain()
    assert plain.keys() == FACTS.keys()
    assert plain["engine_api"] is None
    assert all(isinstance(plain[name], int | None) for name in NUMBERS)


def test_a_route_of_a_machine_of_the_other_byte_order() -> None:
    text = (DATA / "debian-bare.txt").read_text().replace("0100140A", "0A140001").replace("x86_64\n", "s390x\n")
    assert facts(Reply(0, text.encode())).values["gateway"] == "10.20.0.1"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3.0, "0 s"), (59.9, "59 s"), (60.0, "1 min"), (3599.0, "59 min"), (90000.0, "25 h"), (172800.0, "2 days")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text
