import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xcatflow.journal.rows import event_of, row_of, text
from xcatflow.model import event as events
from xcatflow.model.change import Change, Verb
from xcatflow.model.event import ActStarted, Event, Noted, Outcome, RunStarted, StepEnded, StepStarted, WorkflowStarted

CHANGE = Change(Verb.UPDATE, "file /etc/motd", "mode", "0600", "0644", "asked for", "-a\n+b\n")


def test_a_converged_step_is_small() -> None:
    row = row_of(
        StepEnded(at=1.5, workflow="w", node="n1", step="s", kind="k", target="n1", outcome=Outcome.OK, duration_s=0.1)
    )
    assert row[:4] == (1.5, "step-ended", "n1", "s")
    assert json.loads(row[4]) == {"workflow": "w", "kind": "k", "target": None, "outcome": "ok", "duration_s": 0.1}


def test_a_change_keeps_only_what_it_says() -> None:
    row = row_of(
        ActStarted(at=1, key="k", workflow="w", node="n", step="s", target="t", change=Change(Verb.CREATE, "thing x"))
    )
    assert json.loads(row[4])["change"] == {"verb": "create", "what": "thing x"}


def test_events_without_node_and_step_have_none() -> None:
    assert row_of(Noted(at=1, level="info", text="t"))[2:4] == (None, None)


def test_empty_names_come_back() -> None:
    event = StepStarted(at=1, workflow="", node="", step="", target="")
    assert event_of(row_of(event)) == event


TEXT = st.text(max_size=20)
ANY = st.text(st.characters(), max_size=20) | st.just("bytes \udcff of no text")
CHANGES = st.just(CHANGE) | st.builds(Change, st.sampled_from(list(Verb)), ANY, ANY, st.none() | ANY)
AT = st.floats(0, 1e10)
STEPS = st.builds(
    StepEnded, at=AT, workflow=ANY, node=TEXT, step=TEXT, kind=ANY, target=TEXT | st.just("."),
    outcome=st.sampled_from(list(Outcome)), changes=st.lists(CHANGES, max_size=3).map(tuple), message=ANY, detail=ANY,
    shared_with=ANY, duration_s=st.floats(0, 1e6), outputs=st.dictionaries(TEXT, ANY, max_size=3),
)  # fmt: skip
RUNS = st.builds(
    RunStarted, at=AT, run=ANY, mode=ANY, what=ANY, noderange=ANY, commit=ANY, dirty=st.booleans(),
    arguments=st.lists(ANY, max_size=3).map(tuple), user=ANY, version=ANY,
)  # fmt: skip
FLOWS = st.builds(
    WorkflowStarted, at=AT, workflow=ANY, summary=ANY, nodes=st.lists(TEXT, max_size=4).map(tuple),
    steps=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
)  # fmt: skip
ENDS = st.builds(
    events.RunEnded, at=AT, run=ANY, exit_code=st.integers(0, 255), counts=st.dictionaries(TEXT, st.integers()),
    traffic=st.dictionaries(TEXT, st.integers() | st.dictionaries(TEXT, st.integers())), duration_s=AT,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(STEPS | RUNS | FLOWS | ENDS)
def test_rows_come_back_as_the_same_events(event: Event) -> None:
    assert event_of(row_of(event)) == event


def test_a_target_named_like_the_mark_is_no_node() -> None:
    event = StepStarted(at=1, workflow="w", node="n", step="s", target=".")
    assert event_of(row_of(event)) == event


@pytest.mark.parametrize("row", [(1.0, "unheard-of", None, None, ""), (1.0, "noted", None, None, '{"more": 1}')])
def test_what_is_no_event_is_said(row: Any) -> None:
    with pytest.raises((KeyError, TypeError)):
        event_of(row)


def test_text() -> None:
    assert text("ünï") == "ünï"
    assert text("a\udcffb") == "a\\udcffb"


def test_facts_are_not_kept_twice() -> None:
    ended = StepEnded(
        at=1.0, workflow="w", node="n1", step="facts", kind="host.facts", target="n1", outcome=Outcome.OK,
        changes=(), message="", detail="", shared_with="", duration_s=0.1, outputs={"os": "debian12"},
    )  # fmt: skip
    back = event_of(row_of(ended))
    assert isinstance(back, StepEnded)
    assert (back.kind, back.outputs) == ("host.facts", {})
    assert event_of(row_of(replace(ended, kind="host.script"))) == replace(ended, kind="host.script")
