"""Parts of a composite step in groups: a failing group ends itself, not the others."""

from typing import Any

import pytest
from pydantic import Field

from tests.fakes.memory import STEPS
from tests.fakes.running import Rig, nodes, workflow
from xcatflow.contract import Composite, Desk, Params, Part
from xcatflow.errors import ExitCode
from xcatflow.model.event import NodeEnded, Outcome


class GroupsParams(Params):
    names: str = Field(description="`GROUP/PART` with blanks between")


class Groups(Composite[GroupsParams]):
    """A value for each name."""

    kind = "memory.groups"
    params = GroupsParams

    def parts(self, want: GroupsParams, desk: Desk) -> tuple[Part, ...]:
        made = ((name, *name.partition("/")) for name in want.names.split())
        return tuple(
            Part(name, "memory.value", {"name": part or group, "value": "1"}, group if slash else "")
            for name, group, slash, part in made
        )


def run(names: str, *, failing: str = "", off: str = "", on_failure: str = "stop") -> tuple[Rig, dict[str, Outcome]]:
    """The outcomes of all steps by id, of a list in groups between two steps."""
    rig = Rig(nodes("n1"))
    rig.world.failing = {failing: 9}
    rig.world.off = {off}
    given: dict[str, Any] = {"id": "list", "use": "memory.groups", "with": {"names": names}, "on_failure": on_failure}
    steps = [{"id": one, "use": "memory.value", "with": {"name": one, "value": "1"}} for one in ("first", "last")]
    code = rig(workflow([steps[0], given, steps[1]]))
    assert code == (ExitCode.FAILED if failing or off else ExitCode.OK)
    return rig, {step: outcome for (_, step), outcome in rig.outcomes().items()}


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "memory.groups", Groups())


def test_the_rest_of_its_group_is_left_out_the_other_groups_go_on_and_then_the_step_has_failed() -> None:
    rig, outcomes = run("a/a1 a/a2 b/b1", failing="a1")
    assert outcomes == {
        "first": Outcome.CHANGED,
        "list/a/a1": Outcome.FAILED,
        "list/a/a2": Outcome.SKIPPED,
        "list/b/b1": Outcome.CHANGED,
    }
    assert [event.outcome for event in rig.events if isinstance(event, NodeEnded)] == [Outcome.FAILED]


def test_without_groups_a_failure_ends_the_step() -> None:
    assert set(run("a1 a2", failing="a1")[1]) == {"first", "list/a1"}


def test_the_steps_after_it_go_on_where_it_says_continue() -> None:
    outcomes = run("a/a1 b/b1", failing="a1", on_failure="continue")[1]
    assert outcomes["last"] == outcomes["list/b/b1"] == Outcome.CHANGED


def test_undo_takes_all_back_when_the_list_is_through() -> None:
    rig, outcomes = run("a/a1 b/b1", failing="a1", on_failure="undo")
    assert outcomes["list/b/b1"] == Outcome.CHANGED
    assert "last" not in outcomes
    message = next(event.message for event in rig.events if isinstance(event, NodeEnded))
    assert message.startswith("undone: create value b1: 1")


def test_a_machine_that_is_off_is_not_asked_for_every_group() -> None:
    outcomes = run("a/a1 b/b1", off="n1")[1]
    assert outcomes == {"first": Outcome.UNREACHABLE}


def test_a_list_that_is_well_is_followed_by_what_comes_after() -> None:
    assert set(run("a/a1 b/b1")[1].values()) == {Outcome.CHANGED}
