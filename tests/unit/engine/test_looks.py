"""Looks in two turns: what a step asks beside, once it knows the first answers, is gathered like all the rest."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.fakes.memory import STEPS, Value, ValueParams
from tests.fakes.running import Rig, nodes, workflow
from xcatflow.engine.context import lanes_that_meet
from xcatflow.errors import CannotTell, ExitCode
from xcatflow.model.event import Outcome
from xcatflow.model.question import Answers, Question, Shell
from xcatflow.model.target import TargetRef

HUB = ("shell", "hub")


class Deep(Value):
    """A value whose details are asked for only where there is one: `value` is wanted, and `details` of it."""

    kind = "memory.deep"

    def ask_more(self, answers: Answers, want: ValueParams) -> tuple[Question[Any], ...]:
        return (Shell(f"{want.name}.details"),) if answers[Shell(want.name)].text else ()

    def seen(self, answers: Answers, want: ValueParams) -> str | None:
        details = Shell(f"{want.name}.details")
        return super().seen(answers, want) if details not in answers else answers[details].text or None


@pytest.fixture(autouse=True)
def deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "memory.deep", Deep())


def steps(*names: str) -> Any:
    return workflow(
        [
            {"id": name, "use": "memory.deep", "at": "hub", "with": {"name": f"${{node.name}}-{name}", "value": "1"}}
            for name in names
        ]
    )


def test_further_questions_of_all_lanes_are_asked_once() -> None:
    rig = Rig(nodes("hub", "n1", "n2"))
    for node in ("hub", "n1", "n2"):
        for name in ("a", "b"):
            rig.world.values["hub", f"{node}-{name}"] = "1"
            rig.world.values["hub", f"{node}-{name}.details"] = "1"
    assert rig(steps("a", "b"), apply=False) == ExitCode.OK
    assert rig.world.asked == [(HUB, 6), (HUB, 6)]
    assert set(rig.outcomes().values()) == {Outcome.OK}


def test_nothing_more_is_asked_where_nobody_wants_to_know() -> None:
    rig = Rig(nodes("hub", "n1"))
    assert rig(steps("a"), apply=False) == ExitCode.OK
    assert rig.world.asked == [(HUB, 2)]


def test_after_an_act_both_turns_are_asked_again_for_all_that_is_left() -> None:
    rig = Rig(nodes("hub"))
    rig.world.values["hub", "hub-a"] = "0"
    rig.world.values["hub", "hub-b"] = rig.world.values["hub", "hub-b.details"] = "1"
    rig.world.values["hub", "hub-a.details"] = ""
    rig.world.broken.add("hub-a")
    assert rig(steps("a", "b")) == ExitCode.FAILED
    assert [count for _, count in rig.world.asked] == [2, 2, 2, 2]
    assert rig.steps()["hub", "a"].message == "still to do after the act: create value hub-a: 1"


def test_answers_that_cannot_be_had_and_bugs_become_the_steps_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(nodes("hub", "n1"))
    rig.world.off.add("hub")
    assert rig(steps("a")) == ExitCode.FAILED
    assert set(rig.ended().values()) == {Outcome.UNREACHABLE}

    def wrong(*_: object) -> tuple[Question[Any], ...]:
        raise CannotTell("no telling")

    monkeypatch.setattr(Deep, "ask_more", wrong)
    monkeypatch.setattr(Deep, "seen", wrong)
    rig = Rig(nodes("hub"))
    assert rig(steps("a")) == ExitCode.FAILED
    assert rig.steps()["hub", "a"].message == "no telling"


def test_a_machine_that_does_not_answer_holds_up_only_its_own_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(nodes("n1", "n2", "n3"))
    acted, ask, target = threading.Event(), rig.world.ask, rig.world.target

    def slow(face: tuple[str, str], questions: tuple[Question[Any], ...]) -> Mapping[Question[Any], object]:
        assert face[1] != "n1" or acted.wait(20), "the others waited for it"
        return ask(face, questions)

    def at(ref: TargetRef, timeout_s: float, progress: Callable[[str], None]) -> Any:
        if ref.name == "n3":
            acted.set()
        return target(ref, timeout_s, progress)

    monkeypatch.setattr(rig.world, "ask", slow)
    monkeypatch.setattr(rig.world, "target", at)
    own = workflow([{"id": "a", "use": "memory.value", "with": {"name": "x", "value": "1"}}])
    assert rig(own, apply=True) == ExitCode.OK
    assert set(rig.outcomes().values()) == {Outcome.CHANGED}


def test_lanes_meet_over_others() -> None:
    rig = Rig(nodes("hub1", "hub2", "n1", "n2", "n3", "n4"))
    placed = workflow(
        [
            {"id": name, "use": "memory.value", "at": at, "only": only, "with": {"name": "x", "value": "1"}}
            for name, at, only in (("a", "hub1", "n1,n2"), ("b", "hub2", "n2,n3"), ("c", "", "n4"))
        ]
    )
    lanes = rig.preparer().lanes(placed, sorted(rig.definitions.nodes), {})
    together = {frozenset(lane.node for lane in group) for group in lanes_that_meet(lanes)}
    assert frozenset({"n1", "n2", "n3"}) in together
    assert frozenset({"n4"}) in together


def test_lanes_whose_steps_meet_look_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Value, "meets", lambda self, want: want.value)
    rig = Rig(nodes("n1", "n2", "n3"))
    placed = workflow(
        [
            {"id": name, "use": "memory.value", "only": only, "with": {"name": "x", "value": value}}
            for name, only, value in (("a", "n1,n3", "same"), ("b", "n2", "another"))
        ]
    )
    lanes = rig.preparer().lanes(placed, sorted(rig.definitions.nodes), {})
    assert [[lane.node for lane in group] for group in lanes_that_meet(lanes)] == [["n1", "n3"], ["n2"]]
