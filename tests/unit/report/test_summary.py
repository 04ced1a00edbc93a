from tests.unit.report.events import create, ended, node_ended, run_ended, run_started, started, workflow_ended
from xcatflow.model.event import Event, Noted, StepStarted
from xcatflow.report.summary import Summary

THING = create("thing x")


def feed(summary: Summary, *events: Event) -> list[str]:
    return [line.text for line in summary.feed(events)]


def test_a_step_is_told_when_the_last_node_is_over_it() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1", "n2"], "one", "two"))
    assert feed(summary, ended("n1", "one", "changed", THING), ended("n1", "two", "changed", THING)) == []
    assert feed(summary, ended("n2", "one", "changed", THING)) == ["changed  n[1-2]  one: create thing x"]
    assert feed(summary, ended("n2", "two", "ok")) == ["changed  n1  two: create thing x"]


def test_a_lane_that_is_over_waits_for_no_step() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1", "n2"], "one", "two"), ended("n1", "one", "changed", THING))
    assert feed(summary, node_ended("n2", "skipped", "left out")) == ["changed  n1  one: create thing x"]


def test_a_step_that_is_over_early_is_told_in_its_place() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1"], "one", "two"))
    assert feed(summary, ended("n1", "two", "changed", THING)) == []
    assert feed(summary, ended("n1", "one", "changed", THING)) == [
        "changed  n1  one: create thing x",
        "changed  n1  two: create thing x",
    ]


def test_what_never_completes_is_told_with_the_end_of_the_workflow() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1", "n2"], "one"), ended("n1", "one", "changed", THING))
    assert feed(summary, workflow_ended(changed=1)) == ["changed  n1  one: create thing x"]


def test_a_step_that_was_not_announced_is_told_as_well() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1"], "one"), ended("n1", "other", "changed", THING))
    assert feed(summary, workflow_ended(changed=1)) == ["changed  n1  other: create thing x"]


def test_a_second_end_of_a_step_is_not_lost() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1"], "one"), ended("n1", "one", "ok"))
    assert feed(summary, ended("n1", "one", "changed", THING), workflow_ended(changed=1)) == [
        "changed  n1  one: create thing x"
    ]


def test_events_of_a_workflow_that_was_not_announced() -> None:
    summary = Summary()
    feed(summary, ended("n1", "one", "failed", message="no"), node_ended("n1", "failed"))
    assert feed(summary, workflow_ended(failed=1)) == ["failed  n1  one"]


def test_a_workflow_twice_in_a_chain() -> None:
    summary = Summary()
    first = feed(
        summary, run_started(), started(["n1"], "one"), ended("n1", "one", "failed", message="a"), workflow_ended()
    )
    again = feed(summary, started(["n2"], "one"), ended("n2", "one", "failed", message="b"), workflow_ended())
    assert (first[-1], again[-1]) == ("failed  n1  one", "failed  n2  one")
    assert feed(summary, run_ended(1, failed=2))[:-1] == [
        "",
        "flow: 1 node with failures:",
        "failed  n1  one: a",
        "",
        "flow: 1 node with failures:",
        "failed  n2  one: b",
    ]


def test_a_node_that_failed_without_a_step_is_among_the_failures() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1"], "one"), node_ended("n1", "unreachable", "no route"), workflow_ended())
    assert feed(summary, run_ended(1, unreachable=1)) == [
        "",
        "flow: 1 node with failures:",
        "unreachable  n1: no route",
        "site: 1 node: 0 changed, 1 unreachable in 2.0 s (run 20260101-101112-ab12)",
    ]


def test_notes_are_told_at_once() -> None:
    assert feed(Summary(), Noted(at=0, level="info", text="waiting"), Noted(at=0, level="warning", text="stop")) == [
        "note: waiting",
        "warning: stop",
    ]


def test_news() -> None:
    summary = Summary()
    feed(summary, run_started(), started(["n1"], "one", "two"), ended("n1", "one", "ok"), ended("n1", "two", "skipped"))
    feed(summary, node_ended("n1"), workflow_ended(ok=1), run_ended(0, ok=1))
    assert not summary.news
    feed(summary, run_ended(130))
    assert summary.news
    for outcome in ("changed", "would-change", "deferred", "failed", "unreachable"):
        fresh = Summary()
        feed(fresh, ended("n1", "one", outcome))
        assert fresh.news


def test_a_plan_says_so() -> None:
    summary = Summary()
    feed(summary, run_started(mode="plan", commit="1a2b3c4d5e", dirty=False))
    assert feed(summary, run_ended(would_change=1, ok=2)) == [
        "plan of site: 3 nodes: 1 would change, 2 ok in 2.0 s (run 20260101-101112-ab12, commit 1a2b3c4)"
    ]


def test_cut_short() -> None:
    summary = Summary()
    assert summary.cut_short() == []
    feed(summary, run_started(), started(["n1", "n2"], "one"), ended("n1", "one", "failed", message="no"))
    assert [line.text for line in summary.cut_short()] == [
        "failed  n1  one",
        "",
        "flow: 1 node with failures:",
        "failed  n1  one: no",
        "site: not finished (run 20260101-101112-ab12)",
    ]
    assert summary.cut_short() == []


def test_acts_say_nothing() -> None:
    assert feed(Summary(), StepStarted(at=0, workflow="flow", node="n1", step="one", target="n1")) == []


def test_the_nodes_of_a_workflow_fit_on_two_lines() -> None:
    names = [f"{chr(97 + number % 26)}-{number * 7}" for number in range(1000)]
    (brief,), (whole,) = Summary().feed([started(names, "one")]), Summary(verbosity=1).feed([started(names, "one")])
    assert len(brief.text) < 240 < len(whole.text)
    assert brief.text.startswith("flow: 1000 nodes: a-[0,182,")
    assert brief.text.endswith("],… (+961)")
