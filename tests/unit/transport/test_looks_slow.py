"""Looks that wait for something: however many there are, they take no longer than a few."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes.target import LocalTarget
from tests.unit.transport.test_looks import SHELLS, ask, machine
from xcatflow.errors import CannotTell
from xcatflow.model.question import Question, Reply, Shell
from xcatflow.transport.looks import sections

__all__ = ["SHELLS", "machine"]


def test_slow_looks_run_at_the_same_time_and_keep_their_answers_apart(machine: LocalTarget) -> None:
    questions = [
        Shell(f"sleep 0.5; echo it is {number}; echo err >&2; exit {number % 3}", slow=True) for number in range(100)
    ]
    started = time.monotonic()
    answers = ask(machine, *questions, Shell("echo plain"))
    assert time.monotonic() - started < 25, "one after the other they take 50 s"
    assert [answers[q] for q in questions] == [Reply(n % 3, b"it is %d\n" % n) for n in range(100)]
    assert answers[Shell("echo plain")].text == "plain"


def test_odd_slow_looks(machine: LocalTarget) -> None:
    odd = {
        "true": b"",
        "echo; echo ' =3'": b"\n =3\n",
        "echo 'a  b'\necho \"it's\\\\\"": b"a  b\nit's\\\n",
        "printf x": b"x",
    }
    broken = Shell("( ", slow=True)
    answers = ask(machine, broken, *(Shell(script, slow=True) for script in odd))
    assert answers[broken].code != 0, "a script that does not parse fails alone"
    assert {script: answers[Shell(script, slow=True)] for script in odd} == {s: Reply(0, out) for s, out in odd.items()}


def test_a_slow_look_without_its_end_cannot_tell() -> None:
    one, two = Shell("one", slow=True), Shell("two", slow=True)
    (section,) = sections([one, two])
    answers: Mapping[Question[Any], Any] = section.parse(Reply(0, b"1 well\n0 cut\n1 \n1 =0\n"), lambda _pem: None)
    assert isinstance(answers[one], CannotTell)
    assert answers[two] == Reply(0, b"well\n")


@pytest.mark.parametrize("count", [1, 64, 65, 200])
def test_all_are_waited_for(count: int) -> None:
    (section,) = sections(Shell(f"{number}", slow=True) for number in range(count))
    lines = section.script.splitlines()
    assert lines[-1] == "wait"
    assert sum(line.startswith("n ") for line in lines) == count
