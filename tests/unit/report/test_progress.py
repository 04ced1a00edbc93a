"""How far acts are, in the live report's rows and in the others' silence."""

import io
import json

from tests.unit.report.events import AT, ended, started
from xcatflow.model.event import ActProgressed, StepStarted
from xcatflow.report.jsonlines import JsonLines
from xcatflow.report.plain import Plain
from xcatflow.report.progress import Progress


def begun(node: str) -> StepStarted:
    return StepStarted(at=AT, workflow="flow", node=node, step="one", target=node)


def told(node: str, text: str, step: str = "one") -> ActProgressed:
    return ActProgressed(at=AT, workflow="flow", node=node, step=step, target=node, text=text)


def doing(*events: object) -> str:
    snapshot = Progress().feed([started(["n1", "n2", "n3"], "one"), *events], 0.0)  # type: ignore[list-item]
    assert snapshot
    return snapshot.rows[0].doing


def test_one_node_at_work_says_how_far_it_is() -> None:
    assert doing(begun("n1")) == "n1"
    assert doing(begun("n1"), told("n1", "1 of 3 layers")) == "n1: 1 of 3 layers"
    assert doing(begun("n1"), told("n1", "1 of 3 layers"), told("n1", "\x1b[31m2 of\n3 layers")) == "n1: 2 of 3 layers"


def test_of_several_the_one_that_told_last() -> None:
    events = [begun("n1"), begun("n2"), told("n1", "first"), told("n2", "second")]
    assert doing(*events) == "n[1-2]  n2: second"
    assert doing(*events, told("n1", "again")) == "n[1-2]  n1: again"
    assert doing(*events, ended("n2")) == "n1: first"


def test_who_is_not_at_work_is_not_shown() -> None:
    assert doing(begun("n1"), told("n2", "x"), told("n1", "x", step="other")) == "n1"
    assert Progress().feed([told("n1", "x")], 0.0) is None


def test_plain_lines_leave_it_out_and_programs_get_it() -> None:
    plain, lines = io.StringIO(), io.StringIO()
    events = [started(["n1"], "one"), begun("n1"), told("n1", "half")]
    Plain(plain, verbosity=1)(events)
    JsonLines(lines)(events)
    assert "half" not in plain.getvalue()
    assert json.loads(lines.getvalue().splitlines()[-1])["text"] == "half"
