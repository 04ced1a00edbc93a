import io
from datetime import UTC

import pytest

from tests.unit.report.events import GOLDEN, golden, record
from xcatflow.report.plain import Plain
from xcatflow.report.story import tell

RUNS = sorted(path.stem for path in GOLDEN.glob("*.jsonl"))
FORMS = {"plain": {}, "verbose": {"verbosity": 1}, "quiet": {"quiet": True}}


@pytest.mark.parametrize("batch", [1, 7, 1000])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", RUNS)
def test_plain_report(name: str, form: str, batch: int) -> None:
    out = io.StringIO()
    report = Plain(out, **FORMS[form])
    events = golden(name)
    for start in range(0, len(events), batch):
        report(events[start : start + batch])
    report.close()
    assert out.getvalue() == (GOLDEN / f"{name}.{form}.txt").read_text()


@pytest.mark.parametrize("name", RUNS)
def test_story(name: str) -> None:
    events = golden(name)
    told = "".join(f"{line}\n" for line in tell(record(events), events, zone=UTC))
    assert told == (GOLDEN / f"{name}.story.txt").read_text()


def test_there_are_golden_runs() -> None:
    assert {"apply", "nothing", "failures", "plan", "killed"} <= set(RUNS)
