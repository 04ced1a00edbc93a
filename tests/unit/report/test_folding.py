import pytest

from tests.unit.report.events import create, ended
from xcatflow.model.change import Change, Verb
from xcatflow.model.event import StepEnded
from xcatflow.report.folding import change_text, failure_lines, step_lines

NODES = [f"node{number:03}" for number in range(1, 41)]


def texts(events: list[StepEnded], *, verbosity: int = 0) -> list[str]:
    return [line.text for line in step_lines(events, verbosity=verbosity)]


def test_a_thousand_nodes_that_did_the_same_are_one_line() -> None:
    nodes = [f"node{number:04}" for number in range(1, 1001)]
    events = [ended(node, "one", "changed", create(f"container {node}")) for node in nodes]
    assert texts(events) == ["changed  node[0001-1000]  one: create container <node>"]


def test_one_node_keeps_its_name() -> None:
    assert texts([ended("node01", "one", "changed", create("container node01"))]) == [
        "changed  node01  one: create container node01"
    ]


def test_a_few_differences_are_told_apart() -> None:
    events = [ended(node, "one", "changed", create(f"address 10.0.0.{i}")) for i, node in enumerate(NODES[:6])]
    assert texts(events)[0] == "changed  node001  one: create address 10.0.0.0"
    assert len(texts(events)) == 6


def test_many_differences_are_told_by_what_is_common() -> None:
    events = [ended(node, "one", "changed", create(f"address 10.0.0.{i}")) for i, node in enumerate(NODES)]
    assert texts(events) == ["changed  node[001-040]  one: create address (40 different ones)"]
    assert len(texts(events, verbosity=1)) == 40


def test_many_values_of_one_field_name_the_field() -> None:
    events = [
        ended(node, "one", "changed", create("interface eth0", field="address", after=f"10.0.0.{i}"))
        for i, node in enumerate(NODES)
    ]
    assert texts(events) == ["changed  node[001-040]  one: create interface eth0 address (40 different ones)"]


def test_nothing_in_common_still_is_one_line() -> None:
    events = [ended(node, "one", "changed", create(f"thing{i} x")) for i, node in enumerate(NODES)]
    assert texts(events) == ["changed  node[001-040]  one: (40 different ones)"]


def test_the_name_of_a_shared_target_stays() -> None:
    events = [ended(node, "one", "changed", create("network on host01"), target="host01") for node in NODES[:2]]
    assert texts(events) == ["changed  node[001-002]  one: create network on host01"]


def test_targets_that_differ_are_left_out() -> None:
    events = [ended(f"n{i}", "one", "changed", create(f"network on host{i}"), target=f"host{i}") for i in (1, 2)]
    assert texts(events) == ["changed  n[1-2]  one: create network on <target>"]


@pytest.mark.parametrize("longer", ["node0010", "xnode001", "node001-a", "b_node001"])
def test_a_name_inside_a_longer_one_is_no_name(longer: str) -> None:
    events = [ended(node, "one", "changed", create(f"file {longer}")) for node in NODES[:2]]
    assert texts(events) == [f"changed  node[001-002]  one: create file {longer}"]


def test_what_a_machine_said_is_not_taken_for_a_placeholder() -> None:
    line = failure_lines([ended("node01", "one", "failed", message="bad tag <node> on node01")])[0]
    assert line.text == "failed  node01  one: bad tag <node> on node01"


def test_a_name_a_thousand_times_in_a_text() -> None:
    line = failure_lines([ended("n1", "one", "failed", message="m", detail="n1 " * 5000)])[1]
    assert line.text.count("n1") == 5000


def test_failures_in_a_step_are_one_line_until_the_end() -> None:
    events = [ended(node, "one", "failed", message=f"why {node}") for node in NODES]
    assert texts(events) == ["failed  node[001-040]  one"]


def test_failures_that_differ_are_all_told() -> None:
    events = [ended(node, "one", "failed", message=f"why {i}") for i, node in enumerate(NODES)]
    assert [line.text for line in failure_lines(events)] == [
        f"failed  {node}  one: why {i}" for i, node in enumerate(NODES)
    ]


def test_the_owner_of_a_shared_failure_tells_its_detail_alone() -> None:
    events = [
        ended("n1", "one", "failed", message="no", detail="daemon says no"),
        ended("n2", "one", "failed", message="as n1: no", detail="daemon says no", shared_with="n1"),
    ]
    assert [line.text for line in failure_lines(events)] == [
        "failed  n1  one: no",
        "    daemon says no",
        "failed  n2  one: as n1: no",
    ]


def test_plain_changes_of_a_sort_are_told_together() -> None:
    changes = [Change(Verb.INSTALL, f"package p{i}") for i in range(5)]
    assert change_text(changes) == "install package p0, p1, p2, p3, p4"
    assert change_text(changes, most=2) == "install package p0, p1 and 3 more"
    assert change_text(changes, most=4) == "install package p0, p1, p2, p3, p4"


def test_a_change_with_more_to_say_is_told_whole() -> None:
    mode = Change(Verb.UPDATE, "file /a", "mode", "0600", "0644", why="asked for")
    assert change_text([create("file /a"), mode]) == "create file /a; update file /a mode: 0600 -> 0644 (asked for)"


def test_a_very_long_change_is_clipped_unless_all_is_wanted() -> None:
    event = ended("n1", "one", "changed", create("file /a", after="x" * 1000))
    assert len(texts([event])[0]) < 340
    assert texts([event])[0].endswith("…")
    assert "x" * 1000 in texts([event], verbosity=1)[0]


def test_deferred_says_what_it_waits_for() -> None:
    assert texts([ended("n1", "one", "deferred")]) == ["deferred  n1  one: (known after apply)"]
    assert texts([ended("n1", "one", "deferred", message="needs the bridge")]) == [
        "deferred  n1  one: (known after apply: needs the bridge)"
    ]


def test_equal_texts_with_different_diffs_stay_apart() -> None:
    events = [ended(f"n{i}", "one", "would-change", create("file /a", diff=f"+{i}x")) for i in (1, 2)]
    assert texts(events, verbosity=1) == [
        "would-change  n1  one: create file /a",
        "    +1x",
        "would-change  n2  one: create file /a",
        "    +2x",
    ]
