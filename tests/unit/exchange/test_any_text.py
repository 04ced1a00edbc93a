"""Whatever is brought in, what comes of it is definitions or a complaint, never a bug."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xcatflow.errors import InvalidInput
from xcatflow.exchange.ansible import hosts_of
from xcatflow.exchange.importing import Request, bring
from xcatflow.load.stanza_text import stanza_text
from xcatflow.model.definitions import Definitions

DATA = Path(__file__).parent / "data"
SOURCES = [path.read_text() for path in sorted(DATA.rglob("in.*")) if path.suffix in (".txt", ".ini", ".yaml")]
LINES = sorted({line for text in SOURCES for line in text.splitlines()})
CONTAINERS = json.loads((DATA / "docker" / "engine-20.10" / "in.json").read_text())
SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def outcome(request: Request) -> None:
    """Bring it; what is written must be valid, and fit into a stanza file."""
    try:
        result = bring(request, Definitions())
    except InvalidInput as error:
        assert error.problems
        return
    stanza_text((write.objtype, write.name, write.values) for write in result.writes)
    assert all(str(problem) for problem in (*result.notes, *result.left, *result.refused))


@given(
    st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=14),
    st.sampled_from(["", "lsdef", "ansible", "compose"]),
)
@example(["[a:children]", "a"], "ansible")
@example(["a={[]:1}"], "ansible")
@SETTINGS
def test_lines_in_any_order(lines: list[str], form: str) -> None:
    outcome(Request("\n".join(lines), "x", form, skip_unknown=True, inherit=True))


def kept_or_told(text: str) -> None:
    result = bring(Request(text, "x", "lsdef", skip_unknown=True), Definitions())
    said = "\n".join((*result.brought.aside, *(f"{k}={v}" for write in result.writes for k, v in write.values.items())))
    values = [
        line.partition("=")[2].strip(' \t"')
        for line in text.splitlines()
        if re.match(r"[ \t]+(?!objtype|members)\w+=", line)
    ]
    assert not [value for value in values if value and value not in said]


def test_no_value_of_a_dump_is_lost_without_a_word() -> None:
    checked = 0
    for path in sorted((DATA / "lsdef").rglob("in.txt")):
        text = path.read_text()
        if "Object name" not in text and "=" in text:
            kept_or_told(text)
            checked += 1
    assert checked > 5


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += paths(below, (*path, key))
    return found


@given(st.data())
@SETTINGS
def test_containers_of_another_form(data: st.DataObject) -> None:
    listed = json.loads(json.dumps(CONTAINERS))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from([path for path in paths(listed) if path]))
        place = listed
        for key in way:
            place = place[key]
        place[last] = data.draw(st.sampled_from([None, "", "x", 7, -1, [], {}, ["x"], {"x": 1}, True]))
    outcome(Request(json.dumps(listed), "x", "docker", "dh01"))


@pytest.mark.parametrize("pattern", ["a[1:99999][1:99999]", "a[1:999999999]", "a[0:9][0:9][0:9][0:9][0:9][0:9]"])
def test_patterns_that_mean_too_many_hosts_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="more than 100000 hosts"):
        hosts_of(pattern)
