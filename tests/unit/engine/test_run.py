"""What runs do, on a world in memory."""

import threading
import time
from typing import Any

import pytest

from tests.fakes.memory import STEPS, Value
from tests.fakes.running import Rig, nodes, workflow
from xcatflow.contract import Composite, Desk, Params, Part
from xcatflow.engine.secrets import Redactor
from xcatflow.errors import ExitCode, InvalidInput, Source
from xcatflow.model.change import Change, Verb
from xcatflow.model.event import ActEnded, ActStarted, NodeEnded, Noted, Outcome, RunEnded, StepEnded, WorkflowStarted


def value(step: str, name: str, wanted: str, **more: Any) -> dict[str, Any]:
    given = {"name": name, "value": wanted}
    if "needs" in more:
        given["needs"] = more.pop("needs")
    return {"id": step, "use": more.pop("use", "memory.value"), "with": given, **more}


TWO = workflow([value("one", "a", "1"), value("two", "b", "${node.name}")])


def test_a_run_applies_looks_again_and_a_second_changes_nothing() -> None:
    rig = Rig(nodes("n1", "n2"))
    assert rig(TWO) == ExitCode.OK
    assert set(rig.outcomes().values()) == {Outcome.CHANGED}
    assert rig.world.values == {("n1", "a"): "1", ("n1", "b"): "n1", ("n2", "a"): "1", ("n2", "b"): "n2"}
    rig.world.asked.clear()
    rig.world.acts.clear()
    assert rig(TWO) == ExitCode.OK
    assert set(rig.outcomes().values()) == {Outcome.OK}
    assert rig.world.acts == []
    assert sorted(rig.world.asked) == [(("shell", "n1"), 2), (("shell", "n2"), 2)], "one look per machine for all steps"


def test_after_an_act_the_remaining_looks_are_asked_again_once() -> None:
    rig = Rig(nodes("n1"))
    rig(workflow([value("a", "a", "1"), value("b", "b", "1"), value("c", "c", "1")]))
    assert [count for _, count in rig.world.asked] == [3, 3, 2, 1]


def test_a_plan_defers_what_an_earlier_change_may_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    class Follower(Value):
        kind = "memory.follower"
        follows = ("memory.value",)

    monkeypatch.setitem(STEPS, "memory.follower", Follower())
    rig = Rig(nodes("n1", "n2"))
    rig.world.values = {("n1", "a"): "0", ("n2", "a"): "1", ("n1", "f"): "1", ("n2", "f"): "1"}
    later = workflow([value("f", "f", "1", use="memory.follower")], name="later")
    assert rig(workflow([value("a", "a", "1")]), later, apply=False) == ExitCode.OK
    assert rig.outcomes()["n1", "f"] == Outcome.DEFERRED
    assert rig.outcomes()["n2", "f"] == Outcome.OK
    assert rig(workflow([value("a", "a", "1")]), later) == ExitCode.OK
    assert rig.outcomes()["n1", "f"] == Outcome.OK


def test_a_plan_touches_nothing() -> None:
    rig = Rig(nodes("n1"))
    assert rig(TWO, apply=False) == ExitCode.OK
    assert set(rig.outcomes().values()) == {Outcome.WOULD_CHANGE}
    assert rig.world.acts == []
    assert not [event for event in rig.events if isinstance(event, ActStarted)]


def test_an_act_is_on_record_before_and_after() -> None:
    rig = Rig(nodes("n1"))
    rig(TWO)
    names = [type(event).__name__ for event in rig.events if isinstance(event, ActStarted | ActEnded)]
    assert names == ["ActStarted", "ActEnded"] * 2
    started = next(event for event in rig.events if isinstance(event, ActStarted))
    assert started.key == "run/test/n1/one/0"
    assert str(started.change) == "create value a: 1"


def test_what_does_not_converge_fails_loudly() -> None:
    rig = Rig(nodes("n1"))
    rig.world.broken.add("a")
    assert rig(TWO) == ExitCode.FAILED
    failed = rig.steps()["n1", "one"]
    assert failed.outcome == Outcome.FAILED
    assert failed.message == "still to do after the act: create value a: 1"
    assert ("n1", "two") not in rig.steps(), "the lane stops"


def test_a_failing_act_stops_only_its_lane_and_tells_what_the_machine_said() -> None:
    rig = Rig(nodes("n1", "n2"))
    rig.world.values["n2", "a"] = "1"
    rig.world.failing["a"] = 1
    assert rig(TWO) == ExitCode.FAILED
    assert rig.ended() == {"n1": Outcome.FAILED, "n2": Outcome.CHANGED}
    assert (rig.steps()["n1", "one"].message, rig.steps()["n1", "one"].detail) == ("a would not", "line one\nline two")


def test_an_unreachable_machine_is_told_apart() -> None:
    rig = Rig(nodes("n1", "n2"))
    rig.world.off.add("n1")
    assert rig(TWO) == ExitCode.FAILED
    assert rig.ended() == {"n1": Outcome.UNREACHABLE, "n2": Outcome.CHANGED}
    ended = rig.events[-1]
    assert isinstance(ended, RunEnded)
    assert ended.counts == {"unreachable": 1, "changed": 1}


def test_a_bug_in_a_step_is_told_and_takes_no_other_lane_with_it() -> None:
    rig = Rig(nodes("n1"))
    assert rig(workflow([value("x", "a", "1", use="memory.buggy")])) == ExitCode.BUG
    assert "ZeroDivisionError" in rig.steps()["n1", "x"].message


def test_a_witness_that_cannot_be_reached_may_be_left_out() -> None:
    rig = Rig(nodes("n1", "n2"))
    rig.world.off.add("n2")
    witness = {**value("seen", "a", "1"), "at": "n2", "on_unreachable": "skip"}
    assert rig(workflow([{**witness, "only": "n1"}, value("own", "b", "1", only="n1")])) == ExitCode.OK
    assert rig.outcomes()["n1", "seen"] == Outcome.SKIPPED
    assert "n2" in rig.steps()["n1", "seen"].message
    assert rig.ended()["n1"] == Outcome.CHANGED
    assert rig(workflow([value("own", "b", "1", only="n1"), {**witness, "only": "n1"}])) == ExitCode.OK
    assert rig.ended()["n1"] == Outcome.OK


def test_on_failure_continue_and_undo() -> None:
    rig = Rig(nodes("n1"))
    rig.world.failing["a"] = 1
    rig(workflow([value("a", "a", "1", on_failure="continue"), value("b", "b", "1")]))
    assert rig.outcomes() == {("n1", "a"): Outcome.FAILED, ("n1", "b"): Outcome.CHANGED}
    rig = Rig(nodes("n1"))
    rig.world.values["n1", "a"] = "0"
    rig.world.failing["b"] = 1
    rig(workflow([value("a", "a", "1"), value("b", "b", "1", on_failure="undo")]))
    assert rig.world.values["n1", "a"] == "0"
    ended = next(event for event in rig.events if isinstance(event, NodeEnded))
    assert ended.message == "undone: update value a: 0 -> 1"


def test_taking_back_is_on_record_and_a_bug_in_it_takes_no_other_lane_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoWayBack(Value):
        kind = "memory.one-way"

        def undo(self, *_: Any) -> None:
            raise ZeroDivisionError("oh")

    monkeypatch.setitem(STEPS, "memory.one-way", NoWayBack())
    rig = Rig(nodes("n1", "n2"))
    rig.world.failing["b"] = 1
    steps = [value("z", "z", "1"), value("a", "a", "1", use="memory.one-way"), value("b", "b", "1", on_failure="undo")]
    rig.world.values["n2", "b"] = "1"
    assert rig(workflow(steps)) == ExitCode.BUG
    assert rig.ended() == {"n1": Outcome.FAILED, "n2": Outcome.CHANGED}
    told = next(event.message for event in rig.events if isinstance(event, NodeEnded) and event.node == "n1")
    assert told == (
        "not undone, bug in memory.one-way: create value a: 1: ZeroDivisionError('oh'); undone: create value z: 1"
    )
    begun = {event.key: str(event.change) for event in rig.events if isinstance(event, ActStarted)}
    assert begun["run/test/n1/z/undo/1"] == "create value z: 1 -> (none) (taken back)"
    ended = {event.key: event.error for event in rig.events if isinstance(event, ActEnded)}
    assert ended["run/test/n1/a/undo/0"] == "bug: ZeroDivisionError('oh')"
    assert ended.keys() == begun.keys()


def test_a_lane_that_is_stopped_tells_what_it_had_done_and_failed_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopping(Value):
        kind = "memory.stopping"

        def plan(self, seen: str | None, want: Any) -> tuple[Any, ...]:
            return super().plan(seen, want) * 2

        def apply(self, at: Any, want: Any, seen: str | None, change: Any) -> None:
            rig.stopping.set()
            super().apply(at, want, seen, change)

    monkeypatch.setitem(STEPS, "memory.stopping", Stopping())
    rig = Rig(nodes("n1"))
    rig(workflow([value("a", "a", "1", use="memory.stopping")]))
    step = rig.steps()["n1", "a"]
    assert (step.outcome, step.message) == (Outcome.FAILED, "stopped half-way, after: create value a: 1")
    rig.world.failing["a"] = 1
    rig.world.values.clear()
    rig(workflow([value("a", "a", "1", use="memory.stopping", on_failure="continue"), value("b", "b", "1")]))
    assert rig.ended() == {"n1": Outcome.FAILED}


def test_retry() -> None:
    rig = Rig(nodes("n1"))
    rig.world.failing["a"] = 2
    assert rig(workflow([value("a", "a", "1", retry={"attempts": 3, "wait": 0})])) == ExitCode.OK
    assert len(rig.world.acts) == 3
    rig = Rig(nodes("n1"))
    rig.world.failing["a"] = 3
    assert rig(workflow([value("a", "a", "1", retry={"attempts": 3, "wait": 0})])) == ExitCode.FAILED


def test_after_runs_only_when_something_changed() -> None:
    steps = [value("a", "a", "1"), value("always", "restart", "1", use="memory.command", after="a")]
    rig = Rig(nodes("n1"))
    rig(workflow(steps))
    assert rig.outcomes()["n1", "always"] == Outcome.CHANGED
    rig(workflow(steps))
    assert rig.outcomes()["n1", "always"] == Outcome.SKIPPED


def test_only_narrows_a_step() -> None:
    rig = Rig(nodes("n1", "n2"))
    rig(workflow([value("a", "a", "1", only="n2")]))
    assert rig.outcomes() == {("n1", "a"): Outcome.SKIPPED, ("n2", "a"): Outcome.CHANGED}


def test_an_output_is_known_to_later_steps() -> None:
    steps = [value("a", "a", "1"), value("b", "b", "${step.a.value}-x")]
    rig = Rig(nodes("n1"))
    assert rig(workflow(steps), apply=False) == ExitCode.OK
    assert rig.outcomes()["n1", "b"] == Outcome.DEFERRED
    rig(workflow(steps))
    assert rig.world.values["n1", "b"] == "1-x"
    rig(workflow(steps), apply=False)
    assert rig.outcomes()["n1", "b"] == Outcome.OK, "known in a plan as soon as nothing before it would change"


def test_what_an_earlier_change_would_bring_is_deferred_not_guessed() -> None:
    steps = [value("a", "a", "1"), value("b", "b", "1", needs="a")]
    rig = Rig(nodes("n1"))
    assert rig(workflow(steps), apply=False) == ExitCode.OK
    assert rig.outcomes() == {("n1", "a"): Outcome.WOULD_CHANGE, ("n1", "b"): Outcome.DEFERRED}
    alone = workflow([value("b", "b", "1", needs="a")])
    assert rig(alone, apply=False) == ExitCode.FAILED, "nothing would bring it: cannot tell is an error"
    later = workflow([value("c", "c", "1", needs="a")], name="later")
    rig(workflow([value("a", "a", "1")]), later, apply=False)
    assert rig.outcomes()["n1", "c"] == Outcome.DEFERRED, "across the workflows of a chain as well"


def test_proofs_wait_change_nothing_and_fail_in_a_plan() -> None:
    proof = workflow([value("p", "a", "1", use="memory.proof")])
    rig = Rig(nodes("n1"))
    assert rig(proof, apply=False) == ExitCode.FAILED
    assert rig.steps()["n1", "p"].message == "value a: not there"
    assert rig(proof) == ExitCode.OK
    assert rig.outcomes() == {("n1", "p"): Outcome.OK}
    both = workflow([value("b", "b", "1"), value("p", "c", "1", use="memory.proof")])
    rig(both, apply=False)
    assert rig.outcomes()["n1", "p"] == Outcome.DEFERRED


def test_equal_jobs_are_one_job() -> None:
    shared = workflow([value("net", "net", "1", at="hub"), value("own", "${node.name}", "1", at="hub")])
    rig = Rig(nodes("hub", "n1", "n2", "n3"))
    rig(shared)
    assert sorted(act[1] for act in rig.world.acts) == ["hub", "n1", "n2", "n3", "net"]
    steps = [event for (_, step), event in rig.steps().items() if step == "net"]
    assert sorted(event.outcome for event in steps) == ["changed", "ok", "ok", "ok"]
    owner = next(event.node for event in steps if event.outcome == Outcome.CHANGED)
    assert {event.shared_with for event in steps} == {"", owner}
    rig = Rig(nodes("hub", "n1"))
    rig.world.failing["net"] = 9
    rig(shared)
    assert sorted(rig.ended().values()) == ["failed", "failed"]
    assert len(rig.world.acts) == 1, "a failure is shared as well"


def test_a_lane_that_wants_something_twice_does_it_twice() -> None:
    twice = [value("one", "restart", "1", use="memory.command"), value("two", "restart", "1", use="memory.command")]
    rig = Rig(nodes("n1", "n2"))
    assert rig(workflow(twice)) == ExitCode.OK
    assert sorted(rig.world.acts) == [("n1", "restart", "1")] * 2 + [("n2", "restart", "1")] * 2


def test_a_failed_node_is_left_out_of_later_workflows() -> None:
    later = workflow([value("c", "c", "1")], name="later")
    rig = Rig(nodes("n1", "n2"))
    rig.world.values["n2", "a"] = "1"
    rig.world.failing["a"] = 1
    rig(TWO, later)
    started = [event for event in rig.events if isinstance(event, WorkflowStarted)]
    assert [event.nodes for event in started] == [("n1", "n2"), ("n2",)]
    assert rig.run is not None
    assert rig.run.outcomes == {"n1": Outcome.FAILED, "n2": Outcome.CHANGED}
    rig.world.failing["a"] = 1
    rig.world.values.clear()
    rig(TWO, later, stops=True)
    assert len([event for event in rig.events if isinstance(event, WorkflowStarted)]) == 1


def test_stop_after_begins_no_further_node() -> None:
    names = [f"n{number:02}" for number in range(20)]
    rig = Rig(nodes(*names))
    rig.world.off.update(names)
    limits = {"fanout": 1, "batch": 5, "stop_after": {"unreachable": 3}}
    assert rig(workflow([value("a", "a", "1")], limits=limits)) == ExitCode.FAILED
    assert list(rig.ended().values()).count(Outcome.UNREACHABLE) == 3
    assert list(rig.ended().values()).count(Outcome.SKIPPED) == 17
    assert [event.text for event in rig.events if isinstance(event, Noted)] == [
        "stop_after: 3 unreachable, no further node was begun"
    ]
    assert len(rig.world.asked) == 5, "later batches were not even looked at"
    rig(workflow([value("a", "a", "1")], limits=limits), apply=False)
    assert list(rig.ended().values()).count(Outcome.UNREACHABLE) == 20, "a plan begins nothing, and names everything"


def test_stop_after_says_nothing_when_it_held_nobody_up() -> None:
    rig = Rig(nodes("n1", "n2"))
    rig.world.off.update(("n1", "n2"))
    assert rig(workflow([value("a", "a", "1")], limits={"stop_after": {"unreachable": 2}})) == ExitCode.FAILED
    assert [event.text for event in rig.events if isinstance(event, Noted)] == []


def test_an_interrupt_finishes_running_acts_and_begins_nothing_more() -> None:
    rig = Rig(nodes("n1"))
    rig.world.hold = threading.Event()
    codes: list[ExitCode] = []
    thread = threading.Thread(target=lambda: codes.append(rig(TWO)))
    thread.start()
    deadline = time.monotonic() + 10
    while not any(isinstance(event, ActStarted) for event in rig.events) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert rig.run is not None
    rig.run.stop()
    rig.world.hold.set()
    thread.join(10)
    assert codes == [ExitCode.INTERRUPTED]
    assert rig.world.values == {("n1", "a"): "1"}
    assert rig.outcomes() == {("n1", "one"): Outcome.CHANGED}


def test_secrets_are_used_and_never_told() -> None:
    rig = Rig(nodes("n1"))
    rig.secrets["key"] = "s3cret"
    rig.world.broken.add("a")
    rig(workflow([value("a", "a", "x${secret.key}x")]))
    assert rig.world.acts == [("n1", "a", "xs3cretx")]
    told = "".join(str(event.to_json()) for event in rig.events)
    assert "s3cret" not in told
    assert "x(secret)x" in told


def test_no_diff_is_shown_where_a_secret_is_wanted_for_the_old_one_is_in_it() -> None:
    rig = Rig(nodes("n1"))
    rig.secrets["key"] = "n3w"
    rig.world.values["n1", "a"] = "0ld"
    rig(workflow([value("a", "a", "${secret.key}", use="memory.showing")]), apply=False)
    (change,) = rig.steps()["n1", "a"].changes
    assert change.diff == "(not shown: a secret is in it)\n"
    rig(workflow([value("a", "a", "plain", use="memory.showing")]), apply=False)
    assert rig.steps()["n1", "a"].changes[0].diff == "-0ld\n+plain\n"


@pytest.mark.parametrize("apply", [False, True])
def test_no_old_value_is_shown_where_a_secret_is_wanted(apply: bool) -> None:
    rig = Rig(nodes("n1"))
    rig.secrets["key"] = "n3w-secret"
    rig.world.values["n1", "a"] = "0ld-secret"
    rig.world.failing["b"] = 1
    rig(workflow([value("a", "a", "${secret.key}"), value("b", "b", "1", on_failure="undo")]), apply=apply)
    assert rig.world.values["n1", "a"] == "0ld-secret", "the step itself knows it, and gives it back"
    told = "".join(str(event.to_json()) for event in rig.events)
    assert "0ld" not in told
    assert "n3w" not in told
    assert str(rig.steps()["n1", "a"].changes[0]) == "update value a: (not shown) -> (secret)"
    if apply:
        ended = next(event for event in rig.events if isinstance(event, NodeEnded))
        assert ended.message == "undone: update value a: (not shown) -> (secret)"
        begun = {event.key: str(event.change) for event in rig.events if isinstance(event, ActStarted)}
        assert begun["run/test/n1/a/undo/0"] == "update value a: (secret) -> (not shown) (taken back)"


def test_an_old_value_that_does_not_go_is_not_told_either() -> None:
    rig = Rig(nodes("n1"))
    rig.secrets["key"] = "n3w-secret"
    rig.world.values["n1", "a"] = "0ld-secret"
    rig.world.broken.add("a")
    rig(workflow([value("a", "a", "${secret.key}")]))
    message = rig.steps()["n1", "a"].message
    assert message == "still to do after the act: update value a: (not shown) -> (secret)"


def test_states_are_shown_where_a_secret_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Starting(Value):
        kind = "memory.starting"

        def plan(self, seen: str | None, want: Any) -> tuple[Change, ...]:
            return (Change(Verb.START, "value a", "", "exited", "running"),)

    monkeypatch.setitem(STEPS, "memory.starting", Starting())
    rig = Rig(nodes("n1"))
    rig.secrets["key"] = "n3w-secret"
    rig(workflow([value("a", "a", "${secret.key}", use="memory.starting")]), apply=False)
    assert str(rig.steps()["n1", "a"].changes[0]) == "start value a: exited -> running"


@pytest.mark.parametrize("apply", [False, True])
def test_what_is_no_plan_is_a_bug_of_the_kind(apply: bool) -> None:
    rig = Rig(nodes("n1"))
    assert rig(workflow([value("x", "a", "1", use="memory.careless")]), apply=apply) == ExitCode.BUG
    assert "expected a tuple of changes" in rig.steps()["n1", "x"].message


def test_what_a_step_puts_out_is_used_whole_and_told_without_secrets() -> None:
    rig = Rig(nodes("n1"))
    rig.secrets["key"] = "s3cret"
    rig(workflow([value("a", "a", "x${secret.key}x"), value("b", "b", "${step.a.value}")]))
    assert rig.world.values["n1", "b"] == "xs3cretx"
    assert rig.steps()["n1", "a"].outputs == {"value": "x(secret)x"}


def test_parts_of_secrets_are_masked_too() -> None:
    redactor = Redactor()
    for secret in ("token-0123456789", "token-01", "-- KEY --\nfirst  line\n}\nsecond line\n", ""):
        redactor.learn(secret)
    assert redactor.text("it is token-0123456789, token-01") == "it is (secret), (secret)"
    assert redactor.text("run curl -H token-0123...") == "run curl -H (secret)..."
    assert redactor.text("a tok... and toke… stay or go") == "a tok... and (secret)… stay or go"
    assert redactor.text("+first  line\n+}\n+second line\n") == "+(secret)\n+}\n+(secret)\n"
    assert redactor.text("-- KEY -- first line }") == "(secret) (secret) }"
    with pytest.raises(InvalidInput, match=r'"mode": found "\(secret\)"') as caught, redactor.hiding():
        raise InvalidInput('"mode": found "token-01"', Source("a.yaml", 3))
    assert str(caught.value).startswith("a.yaml:3: ")


def test_for_each_repeats_for_texts_lists_and_nodes() -> None:
    rig = Rig(nodes("n1", "n2", usercomment="p,q"))
    rig(
        workflow(
            [
                value("text", "${each}", "1", for_each="${node.usercomment}"),
                value("nodes", "${each}", "1", for_each={"nodes": "n2"}, at="${each}"),
                value("none", "${each}", "1", for_each="${node.ip}"),
            ]
        )
    )
    assert sorted({step for _, step in rig.outcomes()}) == ["nodes[n2]", "text[p]", "text[q]"]


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        (
            value("a", "${node.ip}", "1"),
            'test.yaml:1: step "a" needs "${node.ip}", but "ip" is not set on nodes "n[1-2]": set it there or on one of the groups',
        ),
        (
            value("a", "${input.x}", "1"),
            'test.yaml:1: step "a" needs "${input.x}", but nothing was given: add -i x=VALUE',
        ),
        (value("a", "${secret.x}", "1"), 'test.yaml:1: step "a" needs "${secret.x}", but there is no secret "x"'),
        (value("a", "a", "1", at="n9"), 'test.yaml:1: step "a" is to act at "n9", but there is no node "n9"'),
        (value("a", "a", "1", only="n9"), "test.yaml:1: unknown n9"),
        ({"id": "a", "use": "memory.value", "with": {"name": "a", "value": ["x"]}}, 'test.yaml:1: "value": '),
        (
            {"id": "a", "use": "memory.value", "with": {"name": "${node.name}", "value": ["x"]}},
            'test.yaml:1: "value": expected a text, found a list, on nodes "n[1-2]"',
        ),
    ],
)
def test_all_that_can_be_known_is_refused_before_anything_is_asked(step: dict[str, Any], complaint: str) -> None:
    rig = Rig(nodes("n1", "n2"))
    with pytest.raises(InvalidInput) as caught:
        rig(workflow([step]))
    assert [str(problem)[: len(complaint)] for problem in caught.value.problems] == [complaint]
    assert rig.world.asked == []


def test_a_container_is_no_machine_to_act_on() -> None:
    rig = Rig(nodes("c1", mgt="docker"))
    with pytest.raises(
        InvalidInput, match=r'node "c1" cannot be acted on, being a container: add "at: \$\{node.dockerhost\}"'
    ):
        rig(workflow([value("a", "a", "1")]))


def test_inputs_come_from_outside_with_defaults() -> None:
    rig = Rig(nodes("n1"))
    inputs = {"x": {"default": "d"}, "y": {"default": "e"}}
    rig(workflow([value("a", "${input.x}", "${input.y}")], inputs=inputs), inputs={"x": "given"})
    assert rig.world.values == {("n1", "given"): "e"}


def test_a_composite_step_is_several_steps_by_the_nodes_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "memory.pair", Pair())
    rig = Rig(nodes("n1", "n2"))
    pair = {"id": "both", "use": "memory.pair", "with": {"names": "a,${node.name}"}}
    assert rig(workflow([pair, {**value("then", "t", "1"), "after": "both"}])) == ExitCode.OK
    assert rig.world.values == {("n1", "a"): "1", ("n1", "n1"): "${1}", ("n2", "a"): "1", ("n2", "n2"): "${1}"} | {
        ("n1", "t"): "1",
        ("n2", "t"): "1",
    }
    assert [step for node, step in rig.steps() if node == "n1"] == ["both/a", "both/n1", "then"]
    started = next(event for event in rig.events if isinstance(event, WorkflowStarted))
    assert [step for step, _ in started.steps] == ["both/a", "both/n1", "both/n2", "then"]
    rig.world.acts.clear()
    assert rig(workflow([pair, {**value("then", "t", "1"), "after": "both"}])) == ExitCode.OK
    assert rig.world.acts == []
    assert rig.outcomes()["n1", "then"] == Outcome.SKIPPED


def test_what_is_wrong_in_a_part_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "memory.pair", Pair())
    rig = Rig(nodes("n1", "n2"))
    for names, message in (("odd", 'odd: unknown key "nme"'), ("no,x", 'no such name, on nodes "n[1-2]"')):
        with pytest.raises(InvalidInput) as caught:
            rig(workflow([{"id": "both", "use": "memory.pair", "with": {"names": names}}]))
        assert message in str(caught.value)
        assert str(caught.value).count('on nodes "n[1-2]"') == len(caught.value.problems)


def test_a_part_may_have_a_target_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "memory.pair", Pair())
    rig = Rig(nodes("n1", "other"))
    rig(workflow([{"id": "both", "use": "memory.pair", "with": {"names": "a,other"}}], nodes="n1"))
    targets = [
        (event.step, event.target) for event in rig.events if isinstance(event, StepEnded) and event.node == "n1"
    ]
    assert targets == [("both/a", "n1"), ("both/other", "other")]


class PairParams(Params):
    names: str


class Pair(Composite[PairParams]):
    kind = "memory.pair"
    params = PairParams

    def parts(self, want: PairParams, desk: Desk) -> tuple[Part, ...]:
        if "no" in want.names.split(","):
            raise InvalidInput("no such name, on {nodes}")
        first, _, second = want.names.partition(",")
        if first == "odd":
            return (Part("odd", "memory.value", {"nme": "a"}),)
        at = f"{second}:1" if second.startswith("other") else ""
        return (
            Part(first, "memory.value", {"name": first, "value": "1"}),
            Part(second, "memory.value", {"name": second, "value": "${1}"}, at=at),
        )
