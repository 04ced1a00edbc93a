"""What samples of a daemon mean. The cases are files: two samples, and what they tell. Most are an engine's own answers, cut short."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcatflow.model.usage import NodeUse, Usage, measured, state_text, uptime_of, usage

CASES = sorted((Path(__file__).parent / "data" / "usage").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_sample_tells(path: Path) -> None:
    case = json.loads(path.read_text())
    found = asdict(usage(case["now"], case["before"]))
    assert found == {
        name: pytest.approx(value, abs=0.005) if isinstance(value, float) else value
        for name, value in case["usage"].items()
    }


_NAMES = st.sampled_from(
    (
        *("read", "id", "cpu_stats", "precpu_stats", "memory_stats", "stats", "usage", "networks", "eth0", "rx_bytes"),
        *("cpu_usage", "total_usage", "system_cpu_usage", "online_cpus", "percpu_usage", "inactive_file"),
    )
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=5),
    max_leaves=20,
)


@given(
    now=st.dictionaries(_NAMES, _JSON),
    before=st.none() | st.dictionaries(_NAMES, _JSON),
)
def test_any_answer_tells_something_or_nothing(now: dict[str, object], before: dict[str, object] | None) -> None:
    at = {"read": "2026-11-29T11:22:22Z"}
    found = usage({**now, **at}, before and {**before, **at})
    assert all(value is None or isinstance(value, int | float) for value in asdict(found).values())
    assert usage(now | {"read": "0001-01-01T00:00:00Z"}, before) == Usage()


@pytest.mark.parametrize(
    ("state", "status", "expected"),
    [
        ("running", "Up 5 minutes", "5 minutes"),
        ("running", "Up Less than a second", "Less than a second"),
        ("running", "Up About an hour (healthy)", "About an hour"),
        ("running", "Up 3 seconds (health: starting)", "3 seconds"),
        ("paused", "Up 2 days (Paused)", "2 days"),
        ("exited", "Exited (0) 2 days ago", ""),
        ("restarting", "Restarting (1) 3 seconds ago", ""),
        ("created", "Created", ""),
        ("running", "", ""),
    ],
)
def test_how_long_it_is_up(state: str, status: str, expected: str) -> None:
    assert uptime_of(state, status) == expected


def test_the_state_with_its_health() -> None:
    assert state_text(NodeUse("n1", "h", "running", "unhealthy")) == "running (unhealthy)"
    assert state_text(NodeUse("n1", "h", "exited")) == "exited"


def test_a_sample_without_a_time_was_not_measured() -> None:
    assert not measured({})
    assert not measured({"read": None})
    assert measured({"read": "2026-11-29T11:22:22Z"})
