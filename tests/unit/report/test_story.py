from datetime import UTC

from tests.unit.report.events import AT, RUN, create, ended, golden, record, run_ended, run_started, started
from xcatflow.model.event import ActEnded, ActStarted, Event, StepStarted
from xcatflow.model.run import RunRecord
from xcatflow.report.story import table, tell


def told(*events: Event, verbosity: int = 0) -> list[str]:
    return tell(record(list(events)), events, verbosity=verbosity, zone=UTC)


def act(key: str, node: str = "n1") -> ActStarted:
    return ActStarted(at=AT, key=key, workflow="flow", node=node, step="one", target=node, change=create("thing x"))


def test_the_header_without_git_and_user() -> None:
    assert told(run_started(noderange=""), run_ended())[:4] == [
        f"run {RUN}: apply site",
        "  started  2026-01-01 10:11:12 UTC",
        "  ended    2026-01-01 10:11:14 UTC after 2.0 s, exit 0 (well)",
        "  commit   none: not in git",
    ]


def test_an_unknown_exit_status_is_only_a_number() -> None:
    assert "exit 77 (exit 77)" in told(run_started(), run_ended(77))[2]


def test_a_repeated_act_is_told_twice() -> None:
    lines = told(
        run_started(), started(["n1"], "one"), act("k"), ActEnded(at=AT + 1, key="k", error="refused"), act("k"),
        ActEnded(at=AT + 3, key="k"), ended("n1", "one", "changed", create("thing x")),
    )  # fmt: skip
    assert [line.strip() for line in lines if "10:11:12  n1" in line] == [
        "10:11:12  n1  create thing x  1.0 s  failed: refused",
        "10:11:12  n1  create thing x  3.0 s",
    ]


def test_keys_and_idle_steps_with_verbosity() -> None:
    lines = told(run_started(), started(["n1"], "one", "two"), act("the/key"), ended("n1", "two", "ok"), verbosity=1)
    assert "  ok  n1  two" in lines
    assert any(line.endswith("no end is recorded  [the/key]") for line in lines)


def test_events_out_of_place_do_not_hurt() -> None:
    lines = told(
        run_started(), ActEnded(at=AT, key="unknown"), StepStarted(at=AT, workflow="w", node="n", step="s", target="n"),
        ended("n1", "one", "changed", create("thing x")),
    )  # fmt: skip
    assert "  changed  n1  one: create thing x" in lines


def test_arguments_can_be_pasted() -> None:
    lines = told(run_started(arguments=("xcatflow", "apply", "a b", "it's")), run_ended())
    assert lines[4] == "  command  xcatflow apply 'a b' 'it'\"'\"'s'"


def test_no_runs() -> None:
    assert table([]) == ["no runs are recorded"]


def test_table() -> None:
    killed = RunRecord("20260102-000000-zzzz", AT + 60, "plan", "site", "")
    assert table([killed, record(golden("failures"))], zone=UTC) == [
        "run                   started              took    mode   what  nodes  commit         user  result",
        "20260102-000000-zzzz  2026-01-01 10:12:12  -       plan   site  -      -              -     not finished",
        "20260101-101112-ab12  2026-01-01 10:11:12  31.5 s  apply  site  all    1a2b3c4 dirty  root  "
        "interrupted: 1 changed, 2 skipped, 1 unreachable, 4 failed",
    ]
