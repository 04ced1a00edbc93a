"""A step's target with a Docker daemon, in memory or real, and no shell; questions are answered as the engine has them answered."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.docker import FakeDocker
from tests.fakes.target import LocalTarget
from xcatflow.contract import Params, Step
from xcatflow.model.change import Change
from xcatflow.model.question import Answers, Question, Reply
from xcatflow.transport.image_copy import digest_of, pull, put_back
from xcatflow.transport.machine import DockerFace
from xcatflow.transport.protocols import Docker, ImageWanted


@dataclass
class DockerTarget(LocalTarget):
    """Implements contract.Target on a daemon."""

    daemon: Docker = field(default_factory=FakeDocker)

    def __post_init__(self) -> None:
        self.face = DockerFace(lambda: self.daemon)

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        raise AssertionError("this step must not use the shell")

    def fetch_image(self, wanted: ImageWanted, *, spread: bool = False) -> str:
        pull(self.daemon, wanted, self.tell)
        self.face.pulled[wanted.reference] = digest_of(self.daemon.inspect_image(wanted.reference), wanted.reference)
        return ""

    def put_image_back(self, reference: str, id: str) -> None:
        put_back(self.daemon, reference, id)

    @property
    def docker(self) -> Docker:
        return self.daemon

    def answer(self, questions: Iterable[Question[Any]]) -> Answers:
        return Answers(self.face.ask(questions))

    def plan(self, step: Step[Any, Any], want: Params) -> tuple[Change, ...]:
        """Look and compare."""
        return step.plan(self.look(step, want), want)

    def undo(self, step: Step[Any, Any], want: Params, seen: Any, changes: Iterable[Change]) -> None:
        """Take changes back, the last one first."""
        for change in reversed(tuple(changes)):
            step.undo(self, want, seen, change)
