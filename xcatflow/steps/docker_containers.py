"""`docker.containers`: what a daemon says about one container, or about all of its own. Changes nothing.

Source: Engine API, `GET /containers/json`.
"""

import json
from typing import Any, ClassVar

from pydantic import Field

from xcatflow.contract import Params, Step, Target
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change
from xcatflow.model.container_states import STANDING
from xcatflow.model.question import Answers, Container, ContainerFacts, Containers, Question
from xcatflow.steps.given import LenientParams


class ContainersParams(LenientParams):
    """Which containers."""

    container: str = Field("", description="The container; all of the daemon when left out.")
    stopped: bool = Field(False, description="Of all, also those that do not run.")


class DockerContainers(Step[ContainersParams, tuple[ContainerFacts, ...]]):
    """One listing answers for all nodes of a daemon."""

    kind = "docker.containers"
    params: ClassVar[type[Params]] = ContainersParams

    def ask(self, want: ContainersParams) -> tuple[Question[Any], ...]:
        return (Container(want.container),) if want.container else (Containers(),)

    def seen(self, answers: Answers, want: ContainersParams) -> tuple[ContainerFacts, ...] | None:
        if want.container:
            found = answers[Container(want.container)]
            return (found,) if found else None
        return tuple(each for each in answers[Containers()] if want.stopped or each.state not in STANDING)

    def plan(self, seen: tuple[ContainerFacts, ...] | None, want: ContainersParams) -> tuple[Change, ...]:
        if seen is None:
            raise ActFailed(f"No such container: {want.container}")
        return ()

    def apply(
        self, at: Target, want: ContainersParams, seen: tuple[ContainerFacts, ...] | None, change: Change
    ) -> None:
        raise AssertionError("there is nothing to do")

    def outputs(self, seen: tuple[ContainerFacts, ...] | None, want: ContainersParams) -> dict[str, str]:
        """`containers` is a JSON array, by name."""
        rows = [
            {
                "id": each.id,
                "name": each.name,
                "image": each.image,
                "command": each.command,
                "created_s": each.created_s,
                "state": each.state,
                "status": each.status,
                "addresses": dict(each.addresses),
            }
            for each in sorted(seen or (), key=lambda facts: facts.name)
        ]
        return {"containers": json.dumps(rows, separators=(",", ":"))}
