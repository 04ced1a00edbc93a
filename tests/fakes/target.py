"""The machine the tests run on, as a step's target: scripts run for real, with a PATH of the test's own."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xcatflow.contract import Params, Step
from xcatflow.errors import ActFailed
from xcatflow.model.change import Change
from xcatflow.model.question import Answers, Port, Question, Reply
from xcatflow.transport.looks import sections
from xcatflow.transport.protocols import ImageWanted

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class LocalTarget:
    """Implements contract.Target. `ports` are the answers to `port_open` to come (the last one stays)."""

    name: str = "host01"
    shell: tuple[str, ...] = ("sh",)
    path: str = SYSTEM_PATH
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: list[bool] = field(default_factory=lambda: [True])
    scripts: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    connections: int = 1

    def run(self, script: str, *, stdin: bytes = b"", timeout_s: float | None = None, check: bool = True) -> Reply:
        self.scripts.append(script)
        reply = self.reply(script, stdin)
        if check and reply.code:
            raise ActFailed(f"{self.name}: exit status {reply.code}", reply.complaint)
        return reply

    def reply(self, script: str, stdin: bytes = b"") -> Reply:
        done = subprocess.run(
            [shutil.which(self.shell[0], path=SYSTEM_PATH) or "", *self.shell[1:], "-c", f"( {script}\n)"],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            env={"PATH": self.path, "LC_ALL": "C", "HOME": "/", **self.environment},
        )
        return Reply(done.returncode, done.stdout, done.stderr)

    def reconnect(self) -> None:
        self.connections += 1

    def port_open(self, host: str, port: int) -> bool:
        return self.ports.pop(0) if len(self.ports) > 1 else self.ports[0]

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def tell(self, text: str) -> None:
        self.told.append(text)

    def fetch_image(self, wanted: ImageWanted, *, spread: bool = False) -> str:
        raise AssertionError("this step must not use Docker")

    def put_image_back(self, reference: str, id: str) -> None:
        raise AssertionError("this step must not use Docker")

    @property
    def docker(self) -> Any:
        raise AssertionError("this step must not use Docker")

    @property
    def authority(self) -> Any:
        raise AssertionError("this step must not use the authority")

    # --- what the engine does ---

    def answer(self, questions: Iterable[Question[Any]]) -> Answers:
        asked = tuple(questions)
        given: dict[Question[Any], object] = {
            question: self.port_open(question.host, question.port) for question in asked if isinstance(question, Port)
        }
        for section in sections(question for question in asked if question.face == "shell"):
            given.update(section.parse(self.reply(section.script), lambda pem: None))
        return Answers(given)

    def look(self, step: Step[Any, Any], want: Params) -> Any:
        questions = step.ask(want)
        answers = self.answer(questions)
        if more := step.ask_more(answers, want):
            given = self.answer(more)
            answers = Answers({**{q: _kept(answers, q) for q in questions}, **{q: _kept(given, q) for q in more}})
        return step.seen(answers, want)

    def converge(self, step: Step[Any, Any], want: Params) -> tuple[Change, ...]:
        """Look, act, look again: the changes that were made. Fails when something is left to do."""
        seen = self.look(step, want)
        changes: tuple[Change, ...] = step.plan(seen, want)
        for change in changes:
            step.apply(self, want, seen, change)
        if step.verifies(want):
            left = step.plan(self.look(step, want), want)
            assert left == (), f"not converged: {left}"
        return changes


def _kept(answers: Answers, question: Question[Any]) -> object:
    """An answer as it was given: an error as a value."""
    try:
        return answers[question]
    except Exception as error:
        return error


def tools(folder: Path, names: Iterable[str] = (), **scripts: str) -> str:
    """A folder with links to the system's programs of these names and with programs made of these scripts; to be used as a PATH.

    In names of scripts `_` stands for `-`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        real = shutil.which(name, path=SYSTEM_PATH)
        if real and not (folder / name).exists():
            (folder / name).symlink_to(real)
    for name, script in scripts.items():
        program = folder / name.replace("_", "-")
        program.unlink(missing_ok=True)  # never write through a link into the system
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return os.fspath(folder)
