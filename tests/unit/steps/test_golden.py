"""Golden cases: what was seen and what is wanted, and the exact changes (or the exact complaint) that follow. Planning is pure."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from xcatflow.errors import CannotTell, XcatflowError
from xcatflow.model.change import Change, Verb
from xcatflow.model.question import Answers, FileFacts, UnitFacts
from xcatflow.steps.package_present import Packages
from xcatflow.steps.package_repository import RepositoryFiles
from xcatflow.steps.ping import Answering
from xcatflow.steps.registry import find

DATA = Path(__file__).parent / "data"


def facts(data: Mapping[str, Any]) -> FileFacts:
    content = data.get("content")
    return FileFacts(**{**data, "content": None if content is None else content.encode()})


SEEN: Mapping[str, Callable[[Any], Any]] = {
    "file.present": facts,
    "directory.present": facts,
    "service.state": lambda data: UnitFacts(**data),
    "ssh.command": bool,
    "wait.port": bool,
    "ping": lambda data: Answering(tuple(data["silent"]), data.get("obstacle", "")),
    "package.present": lambda data: Packages(**data),
    "package.repository": lambda data: RepositoryFiles(*(facts(data[name]) for name in ("source", "key"))),
}
CASES = [
    pytest.param(kind, case, id=f"{kind}: {case['name']}")
    for kind in SEEN
    for case in json.loads((DATA / kind / "cases.json").read_text())
]


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_plan(kind: str, case: Mapping[str, Any]) -> None:
    step = find(kind)
    want = step.params.model_validate(case["params"])
    seen = None if case["seen"] is None else SEEN[kind](case["seen"])
    before = copy.deepcopy((seen, want))
    if "error" in case:
        with pytest.raises(XcatflowError) as caught:
            step.plan(seen, want)
        assert str(caught.value) == case["error"]
    else:
        changes = step.plan(seen, want)
        assert changes == tuple(Change(**{**change, "verb": Verb(change["verb"])}) for change in case["changes"])
        assert step.plan(seen, want) == changes
    assert (seen, want) == before


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_machine_that_cannot_tell_is_never_taken_for_an_empty_one(kind: str, case: Mapping[str, Any]) -> None:
    step = find(kind)
    want = step.params.model_validate(case["params"])
    questions = step.ask(want)
    assert questions == step.ask(want)
    if questions:
        with pytest.raises(CannotTell, match="no answer"):
            step.seen(Answers(dict.fromkeys(questions, CannotTell("no answer"))), want)
