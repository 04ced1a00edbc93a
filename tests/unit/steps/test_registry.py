"""Kinds of other packages, found by their entry points."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from xcatflow.contract import Params, Step
from xcatflow.errors import InvalidInput
from xcatflow.steps import registry


class Given(Step[Params, str]):
    """A kind of somebody else."""

    kind = "other.kind"
    params = Params


class NoStep:
    """Not a step."""


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    points: list[EntryPoint] = []

    def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if point.group == group and name in (None, point.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    return points


def point(kind: str, name: str, module: str = __name__) -> EntryPoint:
    return EntryPoint(kind, f"{module}:{name}", registry.GROUP)


def test_a_kind_of_another_package_is_found(offered: list[EntryPoint]) -> None:
    offered.append(point("other.kind", "Given"))
    assert isinstance(registry.find("other.kind"), Given)
    assert "other.kind" in registry.kinds()


def test_a_built_in_kind_stays_ours(offered: list[EntryPoint]) -> None:
    offered.append(point("ping", "Given"))
    assert type(registry.find("ping")).__name__ == "Ping"


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([point("other.kind", "Given"), point("other.kind", "NoStep")], "is offered more than once"),
        (
            [point("other.kind", "Given", "no.such.module")],
            r'the step "other.kind" \(no.such.module:Given\) cannot be loaded',
        ),
        ([point("other.kind", "NoStep")], "is no step: expected a class derived from"),
        ([point("wrong.kind", "Given")], 'is a step of kind "other.kind", expected "wrong.kind"'),
    ],
)
def test_what_cannot_be_used(offered: list[EntryPoint], points: list[Any], message: str) -> None:
    offered.extend(points)
    with pytest.raises(InvalidInput, match=message):
        registry.find(points[0].name)
